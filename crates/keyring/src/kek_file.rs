use std::path::{Path, PathBuf};

use crate::durable::{self, Disk};
use crate::error::Result;
use crate::kek::Kek;
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
/// [opens the keyring](Self::open_keyring) completes it.
pub struct KekFile {
    path: PathBuf,
    disk: Disk,
}

impl KekFile {
    /// The file, which need not be there at this moment: a change may have been interrupted.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), disk: Disk::new(durable::folder_of(path)) }
    }

    /// Opens the keyring, and completes a change of its key-encryption key that was interrupted.
    ///
    /// A key of the keyring that cannot be read stops the change, and not what the keyring is there for: it stays
    /// between the two, says so with [`Keyring::stands`], and the next open tries again.
    pub fn open_keyring(&self, dir: &Path) -> Result<Keyring> {
        self.forget_unfinished()?;
        let [has, has_next, has_old] =
            [&self.path, &self.beside("next"), &self.beside("old")].map(|path| path.exists());
        if has_next && !has {
            // The keyring has changed already, or the first would be there.
            self.disk.rename(&self.beside("next"), &self.path)?;
        }
        if has_next && has {
            let [kek, next] = [Kek::read(&self.path)?, Kek::read(&self.beside("next"))?];
            let keyring = self.open_between(dir, &kek, &next)?;
            match self.complete(&keyring, &next) {
                Err(error) if error.is_edited() => {}
                completed => completed?,
            }
            return Ok(keyring);
        }
        let keyring = self.open_one(dir, Kek::read(&self.path)?)?;
        if has_old {
            self.disk.erase(&self.beside("old"))?;
        }
        Ok(keyring)
    }

    /// Writes a new key-encryption key beside the present one, if there is none yet. From here on the change to it
    /// is completed by the next [open](Self::open_keyring), whatever happens.
    pub fn prepare(&self) -> Result<()> {
        if self.beside("next").exists() {
            return Ok(());
        }
        self.forget_unfinished()?;
        let mut text = Kek::generate()?.to_text();
        text.push('\n');
        self.disk.place(&self.beside("new"), &self.beside("next"), text.as_bytes())
    }

    /// Changes the keyring to the new one, which is made now if it was not [prepared](Self::prepare), and destroys
    /// the old one. Gives the number of keys.
    pub fn rotate(&self, keyring: &Keyring) -> Result<u64> {
        self.prepare()?;
        let next = Kek::read(&self.beside("next"))?;
        let keys = keyring.rotate(&next)?;
        self.put_in_place()?;
        Ok(keys)
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

#[cfg(test)]
mod tests;
