//! `/v1/holds...` and `POST /v1/retention/...`

use http::Request;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;

use super::answer::{self, Answer};
use super::{Api, body};
use crate::access::Caller;
use crate::acts::{self, Justification};
use crate::engine::Actor;
use crate::error::Result;
use crate::position::Position;
use crate::trail::Trail;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldBody {
    name: String,
    /// An index or a time, as text.
    from: String,
    reason: String,
    actor: Option<Actor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReasonBody {
    reason: String,
    actor: Option<Actor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Api {
    pub(super) async fn holds(&self) -> Result<Answer> {
        let holds = self.ask(|trail| Ok(trail.log().holds()?)).await?;
        let holds = holds.iter().map(|hold| json!({"name": hold.name, "from": hold.from}));
        answer::json(&json!({"holds": holds.collect::<Vec<_>>()}))
    }

    pub(super) async fn hold(&self, request: Request<Incoming>, caller: Caller) -> Result<Answer> {
        let HoldBody { name, from, reason, actor } = body::read_json(request).await?;
        let because = caller.because(actor, &reason)?;
        let from: Position = from.parse()?;
        let hold = move |trail: &Trail| acts::hold(trail, &name, &from, &because);
        answer::json(&self.ask(hold).await?)
    }

    pub(super) async fn release(
        &self,
        name: String,
        request: Request<Incoming>,
        caller: Caller,
    ) -> Result<Answer> {
        let because = because(request, caller).await?;
        answer::json(&self.ask(move |trail| acts::release(trail, &name, &because)).await?)
    }

    pub(super) async fn prune(&self, request: Request<Incoming>, caller: Caller) -> Result<Answer> {
        let because = because(request, caller).await?;
        answer::json(&self.ask(move |trail| acts::prune(trail, &because)).await?)
    }

    pub(super) async fn compress(&self, request: Request<Incoming>) -> Result<Answer> {
        let Nothing {} = body::read_json(request).await?;
        answer::json(&self.ask(Trail::compress).await?)
    }
}

async fn because(request: Request<Incoming>, caller: Caller) -> Result<Justification> {
    let ReasonBody { reason, actor } = body::read_json(request).await?;
    caller.because(actor, &reason)
}
