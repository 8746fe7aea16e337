//! `POST /v1/subjects/{id}/shred`

use http::Request;
use hyper::body::Incoming;
use serde::Deserialize;

use super::answer::{self, Answer};
use super::{Api, body};
use crate::access::Caller;
use crate::acts;
use crate::engine::Actor;
use crate::error::Result;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShredBody {
    reason: String,
    actor: Option<Actor>,
}

impl Api {
    pub(super) async fn shred(
        &self,
        subject: String,
        request: Request<Incoming>,
        caller: Caller,
    ) -> Result<Answer> {
        let ShredBody { reason, actor: named } = body::read_json(request).await?;
        let because = caller.because(named, &reason)?;
        let shred = move |trail: &_| acts::shred(trail, &subject, &because);
        answer::json(&self.ask(shred).await?)
    }
}
