//! `GET /healthz`, whether the process lives; `GET /readyz`, whether the log takes records now: not for good
//! after a failed write, not for a while when the disk is full.

use super::Api;
use super::answer::{self, Answer};
use crate::error::Result;

impl Api {
    pub(super) fn healthz(&self) -> Answer {
        answer::with_type("text/plain; charset=utf-8", "ok\n")
    }

    pub(super) fn readyz(&self) -> Result<Answer> {
        self.trail.ready()?;
        Ok(answer::with_type("text/plain; charset=utf-8", "ready\n"))
    }
}
