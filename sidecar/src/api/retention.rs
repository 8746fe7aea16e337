//! `/v1/holds...` and `POST /v1/retention/...`

use http::Request;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;

use super::answer::{self, Answer};
use super::{Api, body};
use crate::access::Caller;
use crate::acts::{self, ClockIs, Justification, Removed};
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
struct RemovalBody {
    reason: String,
    actor: Option<Actor>,
    /// Says what would be done, and does nothing.
    #[serde(default)]
    dry_run: bool,
    /// Overrules the doubt that the log throws on the clock.
    #[serde(default)]
    clock_is_right: bool,
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
        let Removal { because, is_rehearsal, clock } = removal(request, caller).await?;
        let prune = move |trail: &Trail| match is_rehearsal {
            true => {
                let planned = acts::plan(trail.log().reader(), &trail.retention, clock)?;
                Ok(Removed { planned, prune: None, prune_index: None })
            }
            false => acts::prune(trail, clock, &because),
        };
        answer::json(&self.ask(prune).await?)
    }

    pub(super) async fn expire(
        &self,
        request: Request<Incoming>,
        caller: Caller,
    ) -> Result<Answer> {
        let Removal { because, is_rehearsal, clock } = removal(request, caller).await?;
        if !is_rehearsal {
            let expire = move |trail: &Trail| acts::expire(trail, clock, &because);
            return answer::json(&self.erase(expire).await?);
        }
        let plan = move |trail: &Trail| {
            acts::plan_expiry(trail.log().reader(), &trail.keyring_dir, &trail.retention, clock)
        };
        answer::json(&self.ask(plan).await?)
    }

    pub(super) async fn compress(&self, request: Request<Incoming>) -> Result<Answer> {
        let Nothing {} = body::read_json(request).await?;
        answer::json(&self.ask(Trail::compress).await?)
    }
}

struct Removal {
    because: Justification,
    is_rehearsal: bool,
    clock: ClockIs,
}

async fn removal(request: Request<Incoming>, caller: Caller) -> Result<Removal> {
    let RemovalBody { reason, actor, dry_run, clock_is_right } = body::read_json(request).await?;
    Ok(Removal {
        because: caller.because(actor, &reason)?,
        is_rehearsal: dry_run,
        clock: ClockIs::right_if(clock_is_right),
    })
}

async fn because(request: Request<Incoming>, caller: Caller) -> Result<Justification> {
    let ReasonBody { reason, actor } = body::read_json(request).await?;
    caller.because(actor, &reason)
}
