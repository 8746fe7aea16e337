//! What can be asked beside the process that has a keyring open.

use std::path::Path;

use super::Keyring;
use crate::durable::Disk;
use crate::error::{Error, Kind, Result};
use crate::id::KeyId;
use crate::layout::Layout;
use crate::list::{Count, Listed, list};

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
