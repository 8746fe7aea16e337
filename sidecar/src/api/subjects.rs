//! `POST /v1/subjects/{id}/shred`

use http::Request;
use hyper::body::Incoming;
use serde::Deserialize;

use super::answer::{self, Answer};
use super::{Api, body};
use crate::acts::{self, Justification};
use crate::engine::Actor;
use crate::error::Result;
use crate::listener::Peer;

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
        peer: Peer,
    ) -> Result<Answer> {
        let actor = self.actor(request.headers(), peer);
        let ShredBody { reason, actor: named } = body::read_json(request).await?;
        let actor = actor.or_named(named);
        let because = Justification::parse(actor, &reason)?;
        let shred = move |trail: &_| acts::shred(trail, &subject, &because);
        answer::json(&self.ask(shred).await?)
    }
}
