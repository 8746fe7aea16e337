//! `GET /healthz`, whether the process lives; `GET /readyz`, whether changes are taken now: not for good after
//! a failed write, not for a while when the disk of the log or of the keyring is full or the sandbox does not
//! answer, and not when the server is being stopped.

use super::Api;
use super::answer::{self, Answer};
use crate::error::Result;
use crate::trail::Trail;

impl Api {
    pub(super) fn healthz(&self) -> Answer {
        answer::with_type("text/plain; charset=utf-8", "ok\n")
    }

    pub(super) async fn readyz(&self) -> Result<Answer> {
        self.ask(Trail::ready).await?;
        Ok(answer::with_type("text/plain; charset=utf-8", "ready\n"))
    }
}
