//! `POST /v1/subjects/{id}/shred`, `POST /v1/periods/{kid}/shred`, `POST /v1/keys/rotate`

use http::Request;
use hyper::body::Incoming;
use serde::Deserialize;

use super::answer::{self, Answer};
use super::{Api, body};
use crate::access::Caller;
use crate::acts::{self, Awaiting, Ending, Manner, ROUTINE};
use crate::engine::Actor;
use crate::error::Result;
use crate::trail::Trail;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShredBody {
    reason: String,
    actor: Option<Actor>,
    /// What was recorded in one month under one retention class only, `standard-7y.2026-10`.
    period: Option<String>,
    /// Change the key-encryption key too.
    #[serde(default)]
    hard: bool,
    /// Answer with a certificate of erasure.
    #[serde(default)]
    certificate: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PeriodBody {
    reason: String,
    actor: Option<Actor>,
    /// Also where the month is not over.
    #[serde(default)]
    running: bool,
    /// Answer with a certificate of erasure.
    #[serde(default)]
    certificate: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RotateBody {
    #[serde(default = "routine")]
    reason: String,
    actor: Option<Actor>,
}

fn routine() -> String {
    ROUTINE.to_owned()
}

impl Api {
    pub(super) async fn shred(
        &self,
        subject: String,
        request: Request<Incoming>,
        caller: Caller,
    ) -> Result<Answer> {
        let ShredBody { reason, actor: named, period, hard, certificate } =
            body::read_json(request).await?;
        let because = caller.because(named, &reason)?;
        let shred = move |trail: &_| {
            let manner = Manner { period: period.as_deref(), hard, certificate };
            acts::shred(trail, &subject, &because, manner)
        };
        answer::json(&self.erase(shred).await?)
    }

    pub(super) async fn shred_period(
        &self,
        kid: String,
        request: Request<Incoming>,
        caller: Caller,
    ) -> Result<Answer> {
        let PeriodBody { reason, actor: named, running, certificate } =
            body::read_json(request).await?;
        let because = caller.because(named, &reason)?;
        let how = Ending { running, certificate };
        let shred = move |trail: &_| acts::shred_period(trail, &kid, &because, how);
        answer::json(&self.erase(shred).await?)
    }

    /// Does what destroys keys, whole even if nobody waits for it any more, and answers when no lease of them is left.
    pub(super) async fn erase<T: Send + 'static>(
        &self,
        erase: impl FnOnce(&Trail) -> Result<Awaiting<T>> + Send + 'static,
    ) -> Result<T> {
        Ok(self.ask(erase).await?.ended(&self.trail).await)
    }

    /// Another key-encryption key.
    pub(super) async fn rotate(
        &self,
        request: Request<Incoming>,
        caller: Caller,
    ) -> Result<Answer> {
        let RotateBody { reason, actor: named } = body::read_json(request).await?;
        let because = caller.because(named, &reason)?;
        answer::json(&self.ask(move |trail| acts::rotate(trail, &because)).await?)
    }
}

#[cfg(test)]
mod tests;
