use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::code::Code;
use crate::error::{Error, Result};

/// Tells the work on an answer that nobody waits for it any more: a question can be about the whole log, and a thread
/// that answers one cannot be ended from outside.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

/// Whoever waits for the answer has one; without it the work ends.
#[derive(Debug)]
pub struct Asker(Stop);

impl Stop {
    pub fn new() -> (Self, Asker) {
        let stop = Self::default();
        (stop.clone(), Asker(stop))
    }

    pub fn is_set(&self) -> bool {
        // Nothing else is read because of it.
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn check(&self) -> Result<()> {
        match self.is_set() {
            true => Err(Error::new(Code::Internal, "nobody waits for the answer any more")),
            false => Ok(()),
        }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}
