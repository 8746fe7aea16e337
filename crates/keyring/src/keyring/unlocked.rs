//! What can be asked beside the process that has a keyring open.

use std::path::Path;

use super::Keyring;
use crate::durable::Disk;
use crate::error::{Error, Kind, Result};
use crate::header::Header;
use crate::id::KeyId;
use crate::kek::Kek;
use crate::layout::Layout;
use crate::list::{Count, Listed, list};
use crate::wrap::Wrapper;

impl Keyring {
    /// The keys of periods that exist in a keyring, sorted, without its lock and without its key-encryption
    /// key: it can be asked beside the process that has it open. Reads the names of all keys.
    pub fn period_keys(dir: &Path) -> Result<Vec<KeyId>> {
        let layout = Layout::new(dir);
        if !layout.header().exists() {
            return Err(Error::new(Kind::Missing { what: "keyring", path: layout.header() }));
        }
        layout.period_keys()
    }

    /// Whether this key-encryption key opens a keyring, or one whose change to `next` was not completed: without its
    /// lock, and without completing anything.
    ///
    /// ```
    /// use sealtrail_keyring::{Kek, Keyring};
    ///
    /// # let place = tempfile::tempdir().unwrap();
    /// # let dir = place.path().join("keyring");
    /// let kek = Kek::generate()?;
    /// Keyring::create(&dir, &kek)?;
    /// Keyring::check(&dir, &kek, None)?;
    /// assert!(Keyring::check(&dir, &Kek::generate()?, None).unwrap_err().is_wrong_kek());
    /// # Ok::<(), sealtrail_keyring::Error>(())
    /// ```
    pub fn check(dir: &Path, kek: &Kek, next: Option<&Kek>) -> Result<()> {
        let layout = Layout::new(dir);
        let header = layout.read_header(&Disk::new(dir))?;
        let (first, second) = (Wrapper::new(kek), next.map(Wrapper::new));
        Header::open(&header, &first, second.as_ref(), &layout).map(drop)
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
}
