//! `GET /v1/records...` and `POST /v1/records/{id}/reveal`

use http::Request;
use hyper::body::Incoming;
use serde::Deserialize;

use super::answer::{self, Answer};
use super::query::Query;
use super::{Api, body};
use crate::access::{Attempt, Caller};
use crate::acts;
use crate::code::Code;
use crate::engine::Actor;
use crate::error::{Error, Result};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevealBody {
    group: String,
    reason: String,
    actor: Option<Actor>,
}

impl Api {
    pub(super) async fn records_of_correlation(&self, query: Query) -> Result<Answer> {
        query.allow(&["correlation", "after", "limit"])?;
        let page = query.page()?;
        let missing = || Error::new(Code::BadRequest, "the query needs `correlation`");
        let id = query.get("correlation").ok_or_else(missing)?.to_owned();
        let found = self.ask(move |trail| trail.questions.correlation(&id, page)).await?;
        Ok(answer::records(found))
    }

    /// The line itself: what is hashed, nothing re-written.
    pub(super) async fn record(&self, id: String) -> Result<Answer> {
        let found = self.ask(move |trail| trail.questions.record(&id)).await?;
        Ok(answer::with_type("application/cloudevents+json", found.line))
    }

    pub(super) async fn proof(&self, id: String) -> Result<Answer> {
        let prove = move |trail: &crate::trail::Trail| {
            let found = trail.questions.record(&id)?;
            Ok(trail.log().prove(found.index)?.to_text())
        };
        Ok(answer::with_type("text/plain; charset=utf-8", self.ask(prove).await?))
    }

    pub(super) async fn reveal(
        &self,
        id: String,
        request: Request<Incoming>,
        caller: Caller,
    ) -> Result<Answer> {
        let attempt = Attempt::of(request.method(), &["v1", "records", &id, "reveal"]);
        let RevealBody { group, reason, actor: named } = body::read_json(request).await?;
        self.require_group(&caller, &group, attempt).await?;
        let because = caller.because(named, &reason)?;
        let reveal = move |trail: &_| acts::reveal(trail, &id, &group, &because);
        answer::json(&self.ask(reveal).await?)
    }
}
