use std::path::{Path, PathBuf};
use std::sync::Arc;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::custody::{Custody, Refusal};
use crate::durable::{self, Disk};
use crate::error::{Error, Kind, Result};
use crate::kek::{self, Kek};
use crate::keyring::{Keyring, Stands};

/// The file of a key-encryption key, and how another one takes its place.
///
/// ```text
/// <path>          the key-encryption key
/// <path>.next     the one that is about to take its place, while the keyring changes to it
/// <path>.old      the one before, until it is overwritten
/// <path>.new      one that is not whole yet
/// ```
///
/// 1. `<path>.next` is written.
/// 2. The keyring changes to it ([`Keyring::rotate`]).
/// 3. `<path>` is renamed to `<path>.old`, then `<path>.next` to `<path>`.
/// 4. `<path>.old` is overwritten, synced and unlinked.
///
/// Each line is durable before the next begins, and from the end of the first on whoever
/// [opens the keyring](Self::open_keyring) completes it, unless who began it [withdraws](Self::withdraw) it before the second.
pub struct KekFile {
    path: PathBuf,
    disk: Disk,
    custody: Option<Arc<dyn Custody>>,
}

/// What a file may hold of one that somebody wraps.
const LIMIT: usize = 16 << 10;

impl KekFile {
    /// The file, which need not be there at this moment: a change may have been interrupted.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), disk: Disk::new(durable::folder_of(path)), custody: None }
    }

    /// The same where the file holds what somebody wraps and unwraps. From the next [`rotate`](Self::rotate) on it is
    /// as he has it, whatever it was before.
    #[must_use]
    pub fn kept_by(self, custody: Arc<dyn Custody>) -> Self {
        Self { custody: Some(custody), ..self }
    }

    /// Writes a first key-encryption key for a keyring that is still to be made. An existing file is an error.
    pub fn create(&self) -> Result<Kek> {
        let (kek, held) = self.generate()?;
        kek::write_new(&self.path, &held)?;
        Ok(kek)
    }

    /// The one that is there, for a keyring that is still to be made.
    pub fn existing(&self) -> Result<Kek> {
        self.read(&self.path)
    }

    /// Opens the keyring, and completes a change of its key-encryption key that was interrupted.
    ///
    /// A key of the keyring that cannot be read, or a disk without room, stops the change, and not what the keyring is
    /// there for: it stays where it is, says so with [`Keyring::stands`], and the next open tries again.
    pub fn open_keyring(&self, dir: &Path) -> Result<Keyring> {
        self.forget_unfinished()?;
        let [has, has_next, has_old] =
            [&self.path, &self.beside("next"), &self.beside("old")].map(|path| path.exists());
        if has_next && !has {
            // The keyring has changed already, or the first would be there.
            self.disk.rename(&self.beside("next"), &self.path)?;
        }
        if has_next && has {
            let kek = self.read(&self.path)?;
            let next = match self.read(&self.beside("next")) {
                Err(refused) if refused.refusal().is_some() => {
                    return without_next(self.open_one(dir, kek), refused);
                }
                next => next?,
            };
            let keyring = self.open_between(dir, &kek, &next)?;
            match self.complete(&keyring, &next) {
                Err(error) if error.is_edited() || error.is_disk_full() => {}
                completed => completed?,
            }
            return Ok(keyring);
        }
        let keyring = self.open_one(dir, self.read(&self.path)?)?;
        if has_old {
            self.disk.erase(&self.beside("old"))?;
        }
        Ok(keyring)
    }

    /// Whether the file opens the keyring; a change that was interrupted stays as it is, and so does everything else.
    pub fn check(&self, dir: &Path) -> Result<()> {
        let next = self.beside("next");
        match (self.path.exists(), next.exists()) {
            (_, false) => Keyring::check(dir, &self.read(&self.path)?, None),
            (false, true) => Keyring::check(dir, &self.read(&next)?, None),
            (true, true) => {
                let kek = self.read(&self.path)?;
                match self.read(&next) {
                    Err(refused) if refused.refusal().is_some() => {
                        without_next(Keyring::check(dir, &kek, None), refused)
                    }
                    next => Keyring::check(dir, &kek, Some(&next?)),
                }
            }
        }
    }

    /// Writes a new key-encryption key beside the present one, if there is none yet, and says whether it was made now. From
    /// here on the change to it is completed by the next [open](Self::open_keyring), whatever happens, unless it is
    /// [withdrawn](Self::withdraw).
    pub fn prepare(&self) -> Result<bool> {
        if self.beside("next").exists() {
            return Ok(false);
        }
        self.forget_unfinished()?;
        let (_, held) = self.generate()?;
        let placed = self.disk.place(&self.beside("new"), &self.beside("next"), &held);
        placed.map(|()| true).inspect_err(|_| {
            // Nobody was told of it. What the disk does not let go is for the next open.
            let _ = self.withdraw();
        })
    }

    /// Destroys what was [made](Self::prepare) for a change that is not to come: for who has made it, as long as the keyring
    /// has not begun to change to it.
    pub fn withdraw(&self) -> Result<()> {
        self.disk.erase_all(&["new", "next"].map(|end| self.beside(end)))
    }

    /// Changes the keyring to the new one, which is made now if it was not [prepared](Self::prepare), and destroys
    /// the old one. Gives the number of keys.
    pub fn rotate(&self, keyring: &Keyring) -> Result<u64> {
        self.prepare()?;
        let next = self.read(&self.beside("next"))?;
        let keys = keyring.rotate(&next)?;
        self.put_in_place()?;
        Ok(keys)
    }

    fn read(&self, path: &Path) -> Result<Kek> {
        let Some(custody) = &self.custody else { return Kek::read(path) };
        let held = durable::read_secret(path, LIMIT)
            .map_err(|source| Error::io("read", path, source))?
            .ok_or_else(|| {
                let (what, path) = ("key-encryption key file", path.to_owned());
                Error::new(Kind::Missing { what, path })
            })?;
        custody.unwrap(&held).map_err(|source| refused(path, source))
    }

    /// A new one, and what its file shall hold. Whoever wraps it unwraps it once before anything depends on it.
    fn generate(&self) -> Result<(Kek, Zeroizing<Vec<u8>>)> {
        let Some(custody) = &self.custody else {
            let kek = Kek::generate()?;
            let line = kek.to_line();
            return Ok((kek, line));
        };
        let refused = |source| refused(&self.path, source);
        let (kek, held) = custody.generate().map_err(refused)?;
        let again = custody.unwrap(&held).map_err(refused)?;
        if !bool::from(again.bytes().ct_eq(kek.bytes())) {
            return Err(refused("what was unwrapped is not what was wrapped".into()));
        }
        Ok((kek, held))
    }

    fn complete(&self, keyring: &Keyring, next: &Kek) -> Result<()> {
        match keyring.stands() {
            Stands::Before => drop(keyring.rotate(next)?),
            Stands::Between => drop(keyring.finish_rotation()?),
            Stands::After => {}
        }
        self.put_in_place()
    }

    fn put_in_place(&self) -> Result<()> {
        self.disk.rename(&self.path, &self.beside("old"))?;
        self.disk.rename(&self.beside("next"), &self.path)?;
        self.disk.erase(&self.beside("old"))
    }

    /// Nobody was told of one that is not whole. A folder that cannot be written is one where nothing was.
    fn forget_unfinished(&self) -> Result<()> {
        if self.beside("new").exists() { self.disk.erase(&self.beside("new")) } else { Ok(()) }
    }

    fn beside(&self, end: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".");
        name.push(end);
        name.into()
    }

    fn open_one(&self, dir: &Path, kek: Kek) -> Result<Keyring> {
        #[cfg(test)]
        if let Some(faults) = &self.disk.faults {
            return Keyring::open_faulty(faults, dir, &kek, None);
        }
        Keyring::open(dir, kek)
    }

    fn open_between(&self, dir: &Path, kek: &Kek, next: &Kek) -> Result<Keyring> {
        #[cfg(test)]
        if let Some(faults) = &self.disk.faults {
            return Keyring::open_faulty(faults, dir, kek, Some(next));
        }
        Keyring::open_between(dir, kek, next)
    }
}

/// Nobody unwraps the next one now. A keyring that has not begun to change serves on with its own.
fn without_next<T>(opened: Result<T>, refused: Error) -> Result<T> {
    match opened {
        Err(error) if error.is_between() || error.is_wrong_kek() => Err(refused),
        opened => opened,
    }
}

fn refused(path: &Path, source: Refusal) -> Error {
    Error::new(Kind::Custody { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
