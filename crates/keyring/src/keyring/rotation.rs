//! Another key-encryption key.
//!
//! 1. The header gets the index key a second time, wrapped by the new one. From here on the change is completed by
//!    whoever opens the keyring, and it takes both to open it.
//! 2. Every key is read and wrapped by the new one; what is made meanwhile is wrapped by it at once.
//! 3. The header loses what the old one had wrapped.
//!
//! Each line is durable before the next begins, and the second can be repeated: a key that the new one opens is
//! passed over. The keyring serves on meanwhile.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use super::{KEY_HEAD, Keyring};
use crate::error::Result;
use crate::header::{Header, State};
use crate::kek::Kek;
use crate::slip::Slip;
use crate::wrap::Wrapper;

/// Some read and write while another one waits for the disk.
const THREADS: usize = if cfg!(test) { 1 } else { 4 };

/// Where a keyring stands that was opened with two key-encryption keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// The change was not begun: the first is the keyring's, and the second opens nothing.
    Before,
    /// It is halfway; [`Keyring::finish_rotation`] goes on.
    Between,
    /// It is complete: the second is the keyring's, and the first opens nothing any more.
    After,
}

impl Keyring {
    /// Changes the key-encryption key: every key is wrapped by `new`, and a copy of the keyring from before can
    /// only be opened with the old one. Gives the number of keys. Keep `new` durably, beside the old one, before this
    /// is called: a crash on the way needs both.
    ///
    /// ```
    /// use sealtrail_keyring::{Kek, Keyring};
    ///
    /// # let place = tempfile::tempdir().unwrap();
    /// # let dir = place.path().join("keyring");
    /// # let (old, new) = (Kek::generate()?, Kek::generate()?);
    /// # let copy = Kek::parse(&old.to_text())?;
    /// # Keyring::create(&dir, &old)?;
    /// let keyring = Keyring::open(&dir, old)?;
    /// keyring.subject_key("customer/3")?;
    /// assert_eq!(keyring.rotate(&new)?, 1);
    /// # drop(keyring);
    /// # let old = copy;
    /// assert!(Keyring::open(&dir, old).is_err_and(|error| error.is_wrong_kek()));
    /// assert!(Keyring::open(&dir, new)?.existing_subject_key("customer/3")?.is_some());
    /// # Ok::<(), sealtrail_keyring::Error>(())
    /// ```
    pub fn rotate(&self, new: &Kek) -> Result<u64> {
        let _one = self.hold(&self.rotation)?;
        if self.wrappers().next.is_none() {
            let new = Wrapper::new(new);
            let wrappers = self.wrappers();
            let (current, generation) = (&wrappers.current, wrappers.generation);
            let header = Header::of(current, &self.index_key, generation, Some(&new))?;
            self.write_header(&header)?;
            drop(wrappers);
            // Waits for those who are wrapping by the old one: their files are there when the others are looked for.
            self.wrappers.write().expect("nothing panics under this lock").next = Some(new);
        }
        self.finish()
    }

    /// Completes a change that was interrupted; nothing, where there is none. Gives the number of keys.
    pub fn finish_rotation(&self) -> Result<u64> {
        let _one = self.hold(&self.rotation)?;
        if self.wrappers().next.is_some() { self.finish() } else { Ok(0) }
    }

    /// Which of two key-encryption keys is the keyring's now.
    pub fn stands(&self) -> Stands {
        let wrappers = self.wrappers();
        match (wrappers.opened, &wrappers.next) {
            (_, Some(_)) => Stands::Between,
            (State::First, None) => Stands::Before,
            (State::Second | State::Between, None) => Stands::After,
        }
    }

    /// How often the key-encryption key was changed.
    pub fn generation(&self) -> u64 {
        self.wrappers().generation
    }

    fn finish(&self) -> Result<u64> {
        let keys = self.wrap_anew()?;
        let mut wrappers = self.wrappers.write().expect("nothing panics under this lock");
        let Some(next) = wrappers.next.take() else { return Ok(keys) };
        let generation = wrappers.generation + 1;
        let header = Header::of(&next, &self.index_key, generation, None);
        if let Err(error) = header.and_then(|header| self.write_header(&header)) {
            wrappers.next = Some(next);
            return Err(error);
        }
        (wrappers.current, wrappers.generation, wrappers.opened) =
            (next, generation, State::Second);
        Ok(keys)
    }

    fn wrap_anew(&self) -> Result<u64> {
        let (next, keys, failed) = (AtomicU16::new(0), AtomicU64::new(0), Mutex::new(None));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while let Ok(shard) = u8::try_from(next.fetch_add(1, Ordering::Relaxed)) {
                        match self.wrap_shard(shard) {
                            Ok(count) => drop(keys.fetch_add(count, Ordering::Relaxed)),
                            Err(error) => {
                                next.store(256, Ordering::Relaxed);
                                *failed.lock().expect("nothing panics under this lock") =
                                    Some(error);
                            }
                        }
                    }
                });
            }
        });
        match failed.into_inner().expect("nothing panics under this lock") {
            Some(error) => Err(error),
            None => Ok(keys.into_inner()),
        }
    }

    fn wrap_shard(&self, shard: u8) -> Result<u64> {
        let [keys, gone] = self.layout.kids(shard, "")?;
        // Whoever destroys a key of this shard waits: one that was read before must not be written after.
        let _alone = self.alone(shard)?;
        let wrappers = self.wrappers();
        let (mut files, mut count) = (Vec::new(), 0);
        // One that has a marker is being destroyed, and by nobody but its journal.
        for kid in keys.iter().filter(|kid| gone.binary_search(kid).is_err()) {
            if self.journal().read_marker(kid)?.is_some() {
                continue;
            }
            let Some((key, is_newest)) = self.read_slip(kid, &wrappers)? else { continue };
            count += 1;
            if !is_newest {
                let bytes = wrappers.newest().wrap(kid.as_str(), &key);
                let text = Slip { kid: kid.clone(), bytes }.to_text(KEY_HEAD);
                files.push((self.layout.key(kid), text.into_bytes()));
            }
        }
        // The time of a file is when its key was made, so it stays.
        self.disk.replace_all(&self.layout.temporaries(), &files)?;
        if files.is_empty() && !keys.is_empty() {
            // A process before this one may have wrapped them and not synced.
            self.disk.sync_folder(&self.layout.key_shard(shard))?;
        }
        Ok(count)
    }

    fn write_header(&self, header: &str) -> Result<()> {
        self.disk.write(&self.layout.temporaries(), &self.layout.header(), header.as_bytes())
    }
}
