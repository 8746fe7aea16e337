use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard};

use crate::cache::Cache;
use crate::durable::{self, Disk, new_folder};
use crate::error::{Error, Kind, Result};
use crate::header::{Header, Opened, State};
use crate::id::KeyId;
use crate::journal::{Entry, Journal, Phase};
use crate::kek::Kek;
use crate::key::{Key, random};
use crate::layout::{Layout, shard_of};
use crate::list::{Count, Listed, list};
use crate::settled::Settled;
use crate::shred::{Erased, Marker, Why};
use crate::slip::{self, Slip};
use crate::subject::SubjectName;
use crate::wrap::{Refused, WRAPPED, Wrapper};

mod warm;

/// The head of a file in `keys/`.
const KEY_HEAD: &str = "sealtrail key v1";

/// Keys held in clear, of each kind, before the ones not in use go.
const CACHED: usize = 32 * 1024;

/// An open keyring. One process at a time has it open; any number of threads may use it.
pub struct Keyring {
    layout: Layout,
    disk: Disk,
    /// Held for reading while a key file is read or written, so that no file is of a key-encryption key that is gone.
    wrappers: RwLock<Wrappers>,
    /// Keys the hashes that stand for subject names, and the proofs in the files about them.
    index_key: Key,
    /// By subject.
    subjects: Cache,
    /// By key id.
    periods: Cache,
    /// Whoever looks for, makes or shreds the key of one name does it in turn: the first use of a subject by
    /// many threads makes one key. By shard, so that different subjects rarely wait for each other.
    turns: [Mutex<()>; 256],
    /// By the shard of the key: whoever destroys a key, or wraps it anew, does it alone. A key that was read
    /// before it was destroyed must not be written after.
    files: [Mutex<()>; 256],
    /// One change of the key-encryption key at a time.
    rotation: Mutex<()>,
    /// The folders below `subjects/` whose entries are known to be durable.
    settled_subjects: Settled,
    /// The same of the folders below `keys/`.
    settled_keys: Settled,
    _lock: File,
}

/// The key-encryption key, and the one that is to take its place.
struct Wrappers {
    current: Wrapper,
    next: Option<Wrapper>,
    /// How many there were before the current one.
    generation: u64,
    /// What the header said when it was opened.
    opened: State,
}

impl Wrappers {
    fn newest(&self) -> &Wrapper {
        self.next.as_ref().unwrap_or(&self.current)
    }
}

/// What the keyring knows about a key id.
pub enum Found {
    /// The key.
    Key(Key),
    /// It was destroyed.
    Shredded(Marker),
    /// This keyring never had it.
    Unknown,
}

impl Keyring {
    /// Makes an empty keyring in a new or empty folder (mode 0700). Keep `kek` elsewhere: whoever has both
    /// has every key, and a keyring without it is worthless.
    ///
    /// The folder counts as a keyring from the moment its header is durable, which is the last step; a call
    /// that was interrupted can be repeated.
    ///
    /// ```
    /// use sealtrail_keyring::{Kek, Keyring};
    ///
    /// # let place = tempfile::tempdir().unwrap();
    /// # let dir = place.path().join("keyring");
    /// Keyring::create(&dir, &Kek::generate()?)?;
    /// let again = Keyring::create(&dir, &Kek::generate()?).unwrap_err();
    /// assert!(again.to_string().contains("already exists and is never overwritten"));
    /// # Ok::<(), sealtrail_keyring::Error>(())
    /// ```
    pub fn create(dir: &Path, kek: &Kek) -> Result<()> {
        let layout = Layout::new(dir);
        let disk = Disk::new(dir);
        new_folder(dir)?;
        disk.sync_folder(durable::folder_of(dir))?;
        if disk.read(&layout.header(), 0).map_or(true, |header| header.is_some()) {
            return Err(Error::new(Kind::Exists { what: "keyring", path: layout.header() }));
        }
        layout.expect_unused()?;
        durable::close_to_others(dir)?;
        let _lock = layout.lock()?;
        layout.lay_out(&disk)?;
        let header = Header::write(&Wrapper::new(kek))?;
        disk.write(&layout.temporaries(), &layout.header(), header.as_bytes())
    }

    /// Opens a keyring, takes its lock, and completes every shred that was interrupted.
    ///
    /// Nothing is scanned: opening takes as long with a million subjects as with none.
    ///
    /// ```
    /// use sealtrail_keyring::{Kek, Keyring};
    ///
    /// # let place = tempfile::tempdir().unwrap();
    /// # let dir = place.path().join("keyring");
    /// # Keyring::create(&dir, &Kek::generate()?)?;
    /// let error = Keyring::open(&dir, Kek::generate()?).unwrap_err();
    /// assert!(error.is_wrong_kek());
    /// assert!(error.to_string().contains(&dir.display().to_string()));
    /// # Ok::<(), sealtrail_keyring::Error>(())
    /// ```
    pub fn open(dir: &Path, kek: Kek) -> Result<Self> {
        Self::open_on(Disk::new(dir), dir, &kek, None)
    }

    /// The same where the key-encryption key may have been about to change to `next`: opens a keyring whose change
    /// was not begun, is halfway, or is complete. What to do is said by [`stands`](Self::stands).
    pub fn open_between(dir: &Path, kek: &Kek, next: &Kek) -> Result<Self> {
        Self::open_on(Disk::new(dir), dir, kek, Some(next))
    }

    #[cfg(test)]
    pub(crate) fn open_faulty(
        faults: &std::sync::Arc<crate::durable::faults::Faults>,
        dir: &Path,
        kek: &Kek,
        next: Option<&Kek>,
    ) -> Result<Self> {
        let mut disk = Disk::new(dir);
        disk.faults = Some(std::sync::Arc::clone(faults));
        Self::open_on(disk, dir, kek, next)
    }

    fn open_on(disk: Disk, dir: &Path, kek: &Kek, next: Option<&Kek>) -> Result<Self> {
        let layout = Layout::new(dir);
        // The header is read before the lock: a path that is no keyring must not get a lock file.
        let header = disk
            .read(&layout.header(), 4096)?
            .ok_or_else(|| Error::new(Kind::Missing { what: "keyring", path: layout.header() }))?;
        let lock = layout.lock()?;
        let (first, second) = (Wrapper::new(kek), next.map(Wrapper::new));
        let Opened { index_key, generation, state } =
            Header::open(&header, &first, second.as_ref(), &layout)?;
        let (current, next) = match (state, second) {
            (State::Second, Some(second)) => (second, None),
            (State::Between, second) => (first, second),
            _ => (first, None),
        };
        layout.sweep()?;
        let keyring = Self {
            layout,
            disk,
            wrappers: RwLock::new(Wrappers { current, next, generation, opened: state }),
            index_key,
            subjects: Cache::new(CACHED),
            periods: Cache::new(CACHED),
            turns: [const { Mutex::new(()) }; 256],
            files: [const { Mutex::new(()) }; 256],
            rotation: Mutex::new(()),
            settled_subjects: Settled::new(),
            settled_keys: Settled::new(),
            _lock: lock,
        };
        let journal = keyring.journal();
        for intent in journal.entries(Phase::Intent)? {
            journal.carry_out(intent)?;
        }
        Ok(keyring)
    }

    /// The key of a data subject, made on first use. It is on disk, durably, before this returns.
    ///
    /// The subject is a text like `customer/3`, of at most 2048 bytes.
    pub fn subject_key(&self, subject: &str) -> Result<(KeyId, Key)> {
        self.disk.refuse_if_stopped()?;
        if let Some(found) = self.subjects.get(subject) {
            return Ok(found);
        }
        let name = SubjectName::new(&self.index_key, subject)?;
        let _turn = self.turn(name.shard())?;
        if let Some(found) = self.stored_subject_key(subject, &name)? {
            return Ok(found);
        }
        let mut id = [0; 16];
        random(&mut id)?;
        let kid = KeyId::of_subject(&id);
        let key = Key::random()?;
        // The key before the entry that names it. A crash between the two leaves a key that nobody ever got.
        self.write_key(&kid, &key)?;
        let entry = name.entry(&self.index_key, &kid);
        self.disk.write(
            &self.layout.temporaries(),
            &self.layout.subject(&name),
            entry.as_bytes(),
        )?;
        self.subjects.put(subject, &kid, &key);
        Ok((kid, key))
    }

    /// The key of a data subject, if it has one.
    pub fn existing_subject_key(&self, subject: &str) -> Result<Option<(KeyId, Key)>> {
        self.disk.refuse_if_stopped()?;
        if let Some(found) = self.subjects.get(subject) {
            return Ok(Some(found));
        }
        let name = SubjectName::new(&self.index_key, subject)?;
        let _turn = self.turn(name.shard())?;
        self.stored_subject_key(subject, &name)
    }

    /// The key of a retention class in one period (`2026-11`), made on first use and durable before this
    /// returns. Asking for one that was destroyed is an error: what its retention ended for must not begin again.
    pub fn period_key(&self, class: &str, period: &str) -> Result<(KeyId, Key)> {
        self.disk.refuse_if_stopped()?;
        let kid = KeyId::of_period(class, period)?;
        if let Some(found) = self.periods.get(kid.as_str()) {
            return Ok(found);
        }
        let shard = shard_of(&kid);
        let _turn = self.turn(shard)?;
        if let Some(found) = self.periods.get(kid.as_str()) {
            return Ok(found);
        }
        self.settled_keys.settle(shard, || self.disk.sync_folder(&self.layout.key_shard(shard)))?;
        if self.journal().read_marker(&kid)?.is_some() {
            return Err(Error::new(Kind::Shredded { kid: kid.to_string() }));
        }
        let key = match self.read_key(&kid)? {
            Some(key) => key,
            None => {
                let key = Key::random()?;
                self.write_key(&kid, &key)?;
                key
            }
        };
        self.periods.put(kid.as_str(), &kid, &key);
        Ok((kid, key))
    }

    /// Looks up a key by the id that a record names.
    pub fn key(&self, kid: &KeyId) -> Result<Found> {
        self.disk.refuse_if_stopped()?;
        let journal = self.journal();
        if let Some(marker) = journal.read_marker(kid)? {
            return Ok(Found::Shredded(marker));
        }
        // No lock: a shred on another thread writes the marker before it touches the key, so whatever is not
        // a whole key here is explained by a marker now.
        match self.read_key(kid) {
            Ok(Some(key)) => Ok(Found::Key(key)),
            Ok(None) => Ok(journal.read_marker(kid)?.map_or(Found::Unknown, Found::Shredded)),
            Err(error) => journal.read_marker(kid)?.map(Found::Shredded).ok_or(error),
        }
    }

    /// Destroys the key of a data subject. Everything that was ever sealed with it is unreadable from now on,
    /// and when this returns, that is durable.
    ///
    /// A crash at any moment leaves either no shred or one that the next [`open`](Self::open) completes. An
    /// error after the decision is durable makes the keyring refuse further work for the same reason.
    ///
    /// The caller appends a record of the erasure to the log and then calls [`recorded`](Self::recorded). If
    /// the subject turns up again it gets a new key.
    ///
    /// ```
    /// # use sealtrail_keyring::{Kek, Keyring, Why};
    /// # let place = tempfile::tempdir().unwrap();
    /// # let dir = place.path().join("keyring");
    /// # let kek = Kek::generate()?;
    /// # Keyring::create(&dir, &kek)?;
    /// # let keyring = Keyring::open(&dir, kek)?;
    /// let why = Why { when: "2026-11-21T19:45:00Z", who: "dpo@example.com", reason: "Art. 17" };
    /// let error = keyring.shred_subject("customer/404", &why).unwrap_err();
    /// assert!(error.is_unknown_subject());
    /// # Ok::<(), sealtrail_keyring::Error>(())
    /// ```
    pub fn shred_subject(&self, subject: &str, why: &Why<'_>) -> Result<Erased> {
        self.shred(subject, why, None)
    }

    /// The same, for somebody who changes the key-encryption key next, so that a copy of the keyring from before is of
    /// no use either. What comes back says of which [generation](Self::generation) the key was: the shredding is
    /// whole when the keyring is of a later one, also for whoever finds it [unrecorded](Self::unrecorded).
    pub fn shred_subject_before_rotation(&self, subject: &str, why: &Why<'_>) -> Result<Erased> {
        self.shred(subject, why, Some(self.generation()))
    }

    fn shred(&self, subject: &str, why: &Why<'_>, generation: Option<u64>) -> Result<Erased> {
        self.disk.refuse_if_stopped()?;
        let marker = why.to_marker()?;
        let name = SubjectName::new(&self.index_key, subject)?;
        let _turn = self.turn(name.shard())?;
        let kid = self.subject_kid(&name)?.ok_or_else(|| Error::new(Kind::UnknownSubject))?;
        let journal = self.journal();
        let _alone = self.alone(shard_of(&kid))?;
        let intent = Entry { kids: vec![kid], subject: Some(name), marker, generation };
        journal.write(Phase::Intent, &intent)?;
        self.subjects.evict(subject);
        // The decision is on disk. Whatever fails from here on, this process must not use the key again.
        journal.destroy(&intent).inspect_err(|_| self.disk.stop())?;
        Ok(intent.into_erased())
    }

    /// Destroys the key of a retention period whose time is over, like [`shred_subject`](Self::shred_subject)
    /// that of a subject: completed by the next [`open`](Self::open) if it was interrupted, and told with
    /// [`recorded`](Self::recorded) when the log has the record of it.
    ///
    /// The period never gets another key: [`period_key`](Self::period_key) refuses from the moment when the
    /// decision is durable.
    ///
    /// ```
    /// # use sealtrail_keyring::{Kek, Keyring, Why};
    /// # let place = tempfile::tempdir().unwrap();
    /// # let dir = place.path().join("keyring");
    /// # let kek = Kek::generate()?;
    /// # Keyring::create(&dir, &kek)?;
    /// # let keyring = Keyring::open(&dir, kek)?;
    /// let (kid, _) = keyring.period_key("standard-7y", "2019-11")?;
    /// let why = Why { when: "2026-12-01T00:00:00Z", who: "ops", reason: "seven years are over" };
    /// assert_eq!(keyring.expire_period(&kid, &why)?.kids, [kid]);
    /// assert!(keyring.period_key("standard-7y", "2019-11").is_err_and(|error| error.is_shredded()));
    /// # Ok::<(), sealtrail_keyring::Error>(())
    /// ```
    pub fn expire_period(&self, kid: &KeyId, why: &Why<'_>) -> Result<Erased> {
        self.disk.refuse_if_stopped()?;
        let marker = why.to_marker()?;
        if kid.period().is_none() {
            return Err(Error::new(Kind::BadArgument {
                what: "key to expire",
                expected: "the key of a period, `t_<class>.<period>`".into(),
                got: format!("`{kid}`"),
            }));
        }
        let shard = shard_of(kid);
        let _turn = self.turn(shard)?;
        self.settled_keys.settle(shard, || self.disk.sync_folder(&self.layout.key_shard(shard)))?;
        let journal = self.journal();
        if journal.read_marker(kid)?.is_some() {
            return Err(Error::new(Kind::Shredded { kid: kid.to_string() }));
        }
        // One that cannot be read is not destroyed unseen: that would hide that the file was edited.
        if self.read_key(kid)?.is_none() {
            return Err(Error::new(Kind::Missing { what: "key file", path: self.layout.key(kid) }));
        }
        let _alone = self.alone(shard)?;
        let intent = Entry { kids: vec![kid.clone()], subject: None, marker, generation: None };
        journal.write(Phase::Intent, &intent)?;
        self.periods.evict(kid.as_str());
        // As of a subject: the decision is on disk, and whoever is refused from here on asks a new process.
        journal.destroy(&intent).inspect_err(|_| self.disk.stop())?;
        Ok(intent.into_erased())
    }

    /// The keys of periods that exist in a keyring, sorted, without its lock and without its key-encryption
    /// key: it can be asked beside the process that has it open. Reads the names of all keys.
    pub fn period_keys(dir: &Path) -> Result<Vec<KeyId>> {
        let layout = Layout::new(dir);
        if !layout.header().exists() {
            return Err(Error::new(Kind::Missing { what: "keyring", path: layout.header() }));
        }
        layout.period_keys()
    }

    /// Notes, durably, until when somebody else may hold what was derived from keys of this keyring. A later
    /// process asks with [`lent_until`](Self::lent_until).
    pub fn lend_until(&self, time: &str) -> Result<()> {
        self.disk.refuse_if_stopped()?;
        let place = self.layout.lent();
        self.disk.write(&self.layout.temporaries(), &place, format!("{time}\n").as_bytes())
    }

    /// The last time that [`lend_until`](Self::lend_until) noted.
    pub fn lent_until(&self) -> Result<Option<String>> {
        let text = self.disk.read(&self.layout.lent(), slip::LIMIT)?;
        Ok(text.map(|text| String::from_utf8_lossy(&text).trim_end().to_owned()))
    }

    /// What a keyring holds, without its lock and without its key-encryption key: it can be asked beside the process
    /// that has it open. `see` gets every key, shard by shard; no byte of a key is read.
    pub fn list(dir: &Path, see: impl FnMut(Listed)) -> Result<Count> {
        let layout = Layout::new(dir);
        if !layout.header().exists() {
            return Err(Error::new(Kind::Missing { what: "keyring", path: layout.header() }));
        }
        list(&Disk::new(dir), &layout, see)
    }

    /// Why the keyring refuses all work, if a write has failed such that nobody knows what is on disk.
    pub fn stopped(&self) -> Option<Error> {
        self.disk.refuse_if_stopped().err()
    }

    /// Whether there is no room for new keys. Known once a key found none; from then on each call tries anew, so
    /// that it ends by itself.
    pub fn disk_full(&self) -> bool {
        self.disk.is_full(&self.layout.temporaries())
    }

    /// The complete shreds that [`recorded`](Self::recorded) was not called for. Ask after opening: one that a
    /// crash interrupted has no record in the log yet.
    pub fn unrecorded(&self) -> Result<Vec<Erased>> {
        self.disk.refuse_if_stopped()?;
        // A shred of this process is complete while its intent is there.
        let [mut entries, shredded] =
            [self.journal().entries(Phase::Erased)?, self.journal().entries(Phase::Intent)?];
        entries.extend(shredded);
        Ok(entries.into_iter().map(Entry::into_erased).collect())
    }

    /// Tells the keyring that the record of this erasure is durable in the log. Telling it twice is fine.
    pub fn recorded(&self, erased: &Erased) -> Result<()> {
        self.disk.refuse_if_stopped()?;
        self.journal().forget(&erased.kids)
    }

    /// The subject's key from the cache or the disk. The caller has the turn.
    fn stored_subject_key(
        &self,
        subject: &str,
        name: &SubjectName,
    ) -> Result<Option<(KeyId, Key)>> {
        if let Some(found) = self.subjects.get(subject) {
            return Ok(Some(found));
        }
        let Some(kid) = self.subject_kid(name)? else {
            return Ok(None);
        };
        // A subject whose key is gone without a shred gets an error, not a fresh key: that would hide the loss.
        let key = self.read_key(&kid)?.ok_or_else(|| {
            Error::new(Kind::Missing { what: "key file", path: self.layout.key(&kid) })
        })?;
        self.subjects.put(subject, &kid, &key);
        Ok(Some((kid, key)))
    }

    /// The key id in the subject's map entry. The caller has the turn.
    fn subject_kid(&self, name: &SubjectName) -> Result<Option<KeyId>> {
        let shard = name.shard();
        self.settled_subjects
            .settle(shard, || self.disk.sync_folder(&self.layout.subject_shard(shard)))?;
        let path = self.layout.subject(name);
        match self.disk.read(&path, slip::LIMIT)? {
            Some(text) => name.parse_entry(&self.index_key, &text, &path).map(Some),
            None => Ok(None),
        }
    }

    fn write_key(&self, kid: &KeyId, key: &Key) -> Result<()> {
        let wrappers = self.wrappers();
        let bytes = wrappers.newest().wrap(kid.as_str(), key);
        let slip = Slip { kid: kid.clone(), bytes };
        self.disk.write(
            &self.layout.temporaries(),
            &self.layout.key(kid),
            slip.to_text(KEY_HEAD).as_bytes(),
        )
    }

    fn read_key(&self, kid: &KeyId) -> Result<Option<Key>> {
        let wrappers = self.wrappers();
        Ok(self.read_slip(kid, &wrappers)?.map(|(key, _)| key))
    }

    /// A key, and whether it is wrapped by the newest key-encryption key.
    fn read_slip(&self, kid: &KeyId, wrappers: &Wrappers) -> Result<Option<(Key, bool)>> {
        let path = self.layout.key(kid);
        let Some(text) = self.disk.read(&path, slip::LIMIT)? else {
            return Ok(None);
        };
        let slip = Slip::<WRAPPED>::parse(&text, KEY_HEAD, &path)?;
        if slip.kid != *kid {
            return Err(Error::edited(&path, format!("key `{kid}`, got `{}`", slip.kid)));
        }
        let unwrap = |wrapper: &Wrapper| wrapper.unwrap(kid.as_str(), &slip.bytes);
        let unwrapped = match (unwrap(wrappers.newest()), &wrappers.next) {
            (Err(Refused::Integrity), Some(_)) => unwrap(&wrappers.current).map(|key| (key, false)),
            (unwrapped, _) => unwrapped.map(|key| (key, true)),
        };
        unwrapped.map(Some).map_err(|refused| {
            Error::edited(
                &path,
                match refused {
                    Refused::Integrity => {
                        "a key that passes the integrity check of its wrapping (RFC 3394)"
                            .to_owned()
                    }
                    Refused::OtherName => format!("key `{kid}`, got another key of this keyring"),
                },
            )
        })
    }

    fn wrappers(&self) -> RwLockReadGuard<'_, Wrappers> {
        self.wrappers.read().expect("nothing panics under this lock")
    }

    /// The turn of whoever destroys a key of this shard, or wraps it anew.
    fn alone(&self, shard: u8) -> Result<MutexGuard<'_, ()>> {
        self.hold(&self.files[usize::from(shard)])
    }

    fn turn(&self, shard: u8) -> Result<MutexGuard<'_, ()>> {
        self.hold(&self.turns[usize::from(shard)])
    }

    fn hold<'m>(&self, mutex: &'m Mutex<()>) -> Result<MutexGuard<'m, ()>> {
        let turn = mutex.lock();
        if turn.is_err() {
            // Somebody panicked between two steps. What the disk holds is for the next open to find out.
            self.disk.stop();
        }
        self.disk.refuse_if_stopped()?;
        Ok(turn.expect("an error was returned above"))
    }

    fn journal(&self) -> Journal<'_> {
        Journal { layout: &self.layout, disk: &self.disk, index_key: &self.index_key }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("dir", &self.layout.root()).finish_non_exhaustive()
    }
}

mod rotation;
#[cfg(test)]
pub(crate) mod tests;

pub use rotation::Stands;
