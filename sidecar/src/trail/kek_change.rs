//! Another key-encryption key: one change at a time.

use std::sync::{MutexGuard, PoisonError};

use super::Trail;
use crate::error::Result;

/// A key-encryption key to change to. One that was made for a change that is not begun goes with this.
#[must_use]
pub struct KekChange<'t> {
    trail: &'t Trail,
    /// Whether it was made for this change, and nothing depends on it.
    is_ours: bool,
    _alone: MutexGuard<'t, ()>,
}

impl Trail {
    /// Makes sure of a key-encryption key to change to, and keeps others from changing to it.
    pub fn prepare_kek(&self) -> Result<KekChange<'_>> {
        let alone = self.changing_kek.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ours = self.kek.prepare()?;
        Ok(KekChange { trail: self, is_ours, _alone: alone })
    }

    /// Changes the key-encryption key of the keyring; gives the number of keys, and the generation that it made.
    pub fn rotate_kek(&self) -> Result<(u64, u64)> {
        self.prepare_kek()?.carry_out()
    }
}

impl KekChange<'_> {
    /// Changes the keyring to it; gives the number of keys, and the generation that it made. What stops on the way is completed by the next start.
    pub fn carry_out(mut self) -> Result<(u64, u64)> {
        self.is_ours = false;
        let Trail { kek, keyring, .. } = self.trail;
        let keys = kek.rotate(keyring)?;
        let generation = keyring.generation();
        tracing::info!(keys, generation, "changed the key-encryption key");
        Ok((keys, generation))
    }
}

impl Drop for KekChange<'_> {
    fn drop(&mut self) {
        // A keyring that stopped may have decided on what the next start completes with it.
        if !self.is_ours || self.trail.keyring.stopped().is_some() {
            return;
        }
        if let Err(error) = self.trail.kek.withdraw() {
            tracing::warn!(%error, "a key-encryption key that is not needed is left; the next start changes to it");
        }
    }
}
