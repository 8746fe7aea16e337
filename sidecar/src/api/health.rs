//! `GET /healthz`, whether the process lives; `GET /readyz`, whether the log takes records.

use super::Api;
use super::answer::{self, Answer};
use crate::code::Code;
use crate::error::{Error, Result};

impl Api {
    pub(super) fn healthz(&self) -> Answer {
        answer::with_type("text/plain; charset=utf-8", "ok\n")
    }

    pub(super) fn readyz(&self) -> Result<Answer> {
        if self.trail.is_ready() {
            return Ok(answer::with_type("text/plain; charset=utf-8", "ready\n"));
        }
        Err(Error::new(Code::LogUnavailable, "the log takes no more records; restart the sidecar"))
    }
}
