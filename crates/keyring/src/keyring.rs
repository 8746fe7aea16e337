use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard};

use crate::cache::Cache;
use crate::durable::{self, Disk, new_folder};
use crate::error::{Error, Kind, Result};
use crate::header::{Header, Opened, State};
use crate::id::KeyId;
use crate::journal::{Journal, Phase};
use crate::kek::Kek;
use crate::key::Key;
use crate::layout::{Layout, shard_of};
use crate::settled::Settled;
use crate::shred::Marker;
use crate::wrap::Wrapper;

mod erasure;
mod files;
mod lent;
mod rotation;
mod subjects;
#[cfg(test)]
pub(crate) mod tests;
mod unlocked;
mod warm;

pub use erasure::Part;
pub use rotation::Stands;

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
    /// By period and subject.
    subjects_in_periods: Cache,
    /// By key id.
    periods: Cache,
    /// Those for which subjects have keys of their own.
    begun: RwLock<BTreeSet<KeyId>>,
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
        let header = layout.read_header(&disk)?;
        let lock = layout.lock()?;
        let (first, second) = (Wrapper::new(kek), next.map(Wrapper::new));
        let Opened { index_key, generation, state } =
            Header::open(&header, &first, second.as_ref(), &layout)?;
        let (current, next) = match (state, second) {
            (State::Second, Some(second)) => (second, None),
            (State::Between, second) => (first, second),
            _ => (first, None),
        };
        layout.sweep(&disk)?;
        let begun = match layout.begun_periods() {
            // Of nearly all keyrings.
            Err(error) if error.is_missing() => BTreeSet::new(),
            begun => {
                // A process before this one may have written one and not synced it.
                disk.sync_folder(&layout.periods())?;
                begun?
            }
        };
        let keyring = Self {
            layout,
            disk,
            wrappers: RwLock::new(Wrappers { current, next, generation, opened: state }),
            index_key,
            subjects: Cache::new(CACHED),
            subjects_in_periods: Cache::new(CACHED),
            periods: Cache::new(CACHED),
            begun: RwLock::new(begun),
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

    /// Whether there is a file of a key, whatever is in it: without one [`key`](Self::key) gives none. This asks less of
    /// the disk, for who has to look for many.
    pub fn has_file(&self, kid: &KeyId) -> bool {
        // What cannot be looked at may be there.
        self.layout.key(kid).try_exists().unwrap_or(true)
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
