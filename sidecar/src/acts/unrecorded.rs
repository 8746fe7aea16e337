//! Keys that were destroyed while the log could not take the record of it.
//!
//! The keyring remembers them. Their records are made up by the next erasure before it begins, by the running server as soon
//! as it can, and by the next start.

use std::sync::{Mutex, PoisonError, TryLockError};

use super::record_interrupted_shreds;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::trail::Trail;

/// What the operator knows of it.
#[derive(Default)]
pub struct Unrecorded(Mutex<Option<String>>);

/// Makes up what is missing; called now and then beside a running server.
pub fn catch_up(trail: &Trail) {
    let _turn = match trail.retaining.try_lock() {
        Ok(turn) => turn,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        // Whoever erases has looked himself, and what he leaves is found the next time.
        Err(TryLockError::WouldBlock) => return,
    };
    // Then it would be refused, and the operator knows that.
    let refusal = trail.log().poisoned().or_else(|| trail.log().disk_full());
    if refusal.is_some() || trail.keyring.stopped().is_some() {
        return;
    }
    let left = record_interrupted_shreds(trail).unwrap_or_else(Some);
    trail.unrecorded.tell(left.as_ref());
}

/// Makes up what the process before this one has left. A log that takes nothing now is no reason to serve nobody: it will
/// be made up later.
pub fn catch_up_at_start(trail: &Trail) -> Result<()> {
    let left = match record_interrupted_shreds(trail) {
        Err(error) if error.code() == Code::LogUnavailable => Some(error),
        left => left?,
    };
    trail.unrecorded.tell(left.as_ref());
    Ok(())
}

/// Nothing is erased before, or what the log says of who was forgotten would have a gap that nobody sees.
pub(super) fn catch_up_before_erasing(trail: &Trail) -> Result<()> {
    let left = record_interrupted_shreds(trail);
    left.map(drop).map_err(|error| {
        error.context("nothing is erased before an earlier erasure has its record")
    })
}

impl Unrecorded {
    /// Says why an erasure has no record yet, once; and once that all have theirs.
    fn tell(&self, left: Option<&Error>) {
        let why = left.map(ToString::to_string);
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *told == why {
            return;
        }
        match &why {
            Some(error) => tracing::error!(error, "the log has no record of an erasure yet"),
            None => tracing::info!("the log has the record of every erasure"),
        }
        *told = why;
    }
}
