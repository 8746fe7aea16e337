use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Result;

/// Which shard folders were synced since the keyring was opened.
///
/// A process that is killed between renaming a file and syncing its folder leaves an entry that can be seen
/// and may still be lost with the power. A record must not be sealed with such a key: the subject would later
/// get a second one, and shredding would miss the first. So the first look-up in a folder syncs it.
pub(crate) struct Settled([AtomicBool; 256]);

impl Settled {
    pub(crate) fn new() -> Self {
        Self([const { AtomicBool::new(false) }; 256])
    }

    pub(crate) fn settle(&self, shard: u8, sync: impl FnOnce() -> Result<()>) -> Result<()> {
        let settled = &self.0[usize::from(shard)];
        if !settled.load(Ordering::Acquire) {
            sync()?;
            settled.store(true, Ordering::Release);
        }
        Ok(())
    }
}
