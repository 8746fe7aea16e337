//! `GET /healthz`, whether the process lives; `GET /readyz`, whether records are taken now: not for good
//! after a failed write, not for a while when the disk of the log or of the keyring is full.

use super::Api;
use super::answer::{self, Answer};
use crate::error::Result;

impl Api {
    pub(super) fn healthz(&self) -> Answer {
        answer::with_type("text/plain; charset=utf-8", "ok\n")
    }

    pub(super) fn readyz(&self) -> Result<Answer> {
        // It may try the disk.
        tokio::task::block_in_place(|| self.trail.ready())?;
        Ok(answer::with_type("text/plain; charset=utf-8", "ready\n"))
    }
}
