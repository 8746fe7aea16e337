//! `POST /v1/leases`, `POST /v1/records`, `POST /v1/records/{id}/lease`, `GET /v1/policy`

use bytes::Bytes;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};

use super::answer::{self, Answer};
use super::changes::split;
use super::{Api, body};
use crate::access::{Attempt, Caller, is_plain};
use crate::code::Code;
use crate::collector::{Place as Room, Prepared, Receipt, append_prepared, to_json};
use crate::engine::Actor;
use crate::error::{Error, Place, Result};
use crate::leases::{Wanted, grant, lease_for_reading, prepare_sealed};
use crate::logging;
use crate::problem::{self, Problem};

const JSON: &str = "application/json";
const RECORD: &str = "application/cloudevents+json";
const MANY: &str = "application/x-ndjson";

/// So many lines are worked on before others get their turn.
const IN_A_TURN: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeaseBody {
    group: String,
    reason: String,
    actor: Option<Actor>,
}

impl Api {
    /// The keys of one record (`application/json`), or of many, one line each.
    pub(super) async fn post_leases(
        &self,
        request: Request<Incoming>,
        caller: Caller,
    ) -> Result<Answer> {
        let media_type = body::require_type(request.headers(), &[JSON, MANY])?;
        let (_place, body) = self.read_whole(request).await?;
        let trail = &self.trail;
        let lease = |text: &Bytes| {
            let wanted: Wanted = serde_json::from_slice(text).map_err(|error| wrong(&error))?;
            grant(trail, &caller.actor, &wanted)
        };
        if media_type == JSON {
            let _turn = self.queue.turn().await;
            return answer::json(&tokio::task::block_in_place(|| lease(&body))?);
        }
        let lines = split(&body)?;
        let mut out = Vec::new();
        for part in lines.chunks(IN_A_TURN) {
            let _turn = self.queue.turn().await;
            let answers: Vec<_> = tokio::task::block_in_place(|| part.iter().map(lease).collect());
            for answered in answers {
                write_line(&answered, &mut out);
            }
        }
        Ok(uncached(answer::with_type(MANY, out)))
    }

    /// Records that were sealed with leases: one (`application/cloudevents+json`) or many, one line each.
    pub(super) async fn post_records(
        &self,
        request: Request<Incoming>,
        caller: Caller,
    ) -> Result<Answer> {
        let media_type = body::require_type(request.headers(), &[RECORD, MANY])?;
        let (_place, body) = self.read_whole(request).await?;
        let lines = if media_type == RECORD { vec![body] } else { split(&body)? };
        let policy = self.trail.policy.get();
        let take = |line: &Bytes| prepare_sealed(&self.trail, &policy, &caller.actor, line);
        let mut prepared: Vec<Result<Prepared>> = Vec::with_capacity(lines.len());
        let mut turn = self.queue.turn().await;
        for (i, part) in lines.chunks(IN_A_TURN).enumerate() {
            if i > 0 {
                drop(turn);
                turn = self.queue.turn().await;
            }
            prepared
                .extend(tokio::task::block_in_place(|| part.iter().map(take).collect::<Vec<_>>()));
        }
        let mut outcomes = append_prepared(&self.trail, prepared, turn).await;
        let failed = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        if let Some(error) = failed.max_by_key(|error| error.code().status().as_u16() / 100) {
            logging::tell(error);
        }
        if media_type == RECORD {
            let outcome = outcomes.pop().ok_or_else(|| Error::new(Code::Internal, "no outcome"))?;
            return match outcome {
                Ok(receipt) => {
                    let mut answer = answer::json(&receipt)?;
                    if matches!(receipt, Receipt::Spooled { .. }) {
                        *answer.status_mut() = StatusCode::ACCEPTED;
                    }
                    Ok(answer)
                }
                Err(error) => Ok(problem::response(&error)),
            };
        }
        let mut out = Vec::new();
        for outcome in &outcomes {
            out.extend_from_slice(&to_json(outcome));
            out.push(b'\n');
        }
        Ok(answer::with_type(MANY, out))
    }

    /// The keys of one group of a record that there is; the record of the reveal comes first.
    pub(super) async fn lease_record(
        &self,
        id: String,
        request: Request<Incoming>,
        caller: Caller,
    ) -> Result<Answer> {
        let attempt = Attempt::of(request.method(), &["v1", "records", &id, "lease"]);
        let LeaseBody { group, reason, actor: named } = body::read_json(request).await?;
        if let Err(error) = caller.require_group(&group) {
            let group = Some(group).filter(|group| is_plain(group));
            let attempt = attempt.map(|attempt| Attempt { group, ..attempt });
            self.refuse(&error, &caller, attempt).await;
            return Err(error);
        }
        let owner = caller.actor.clone();
        let because = caller.because(named, &reason)?;
        let lease = move |trail: &_| lease_for_reading(trail, &owner, &id, &group, &because);
        answer::json(&self.ask(lease).await?)
    }

    /// The policy in force, byte for byte: its digest is the one that records must name.
    pub(super) fn policy(&self) -> Answer {
        uncached(answer::with_type(JSON, self.trail.policy.get().text().to_vec()))
    }

    async fn read_whole(&self, request: Request<Incoming>) -> Result<(Room, Bytes)> {
        let full = |_: &Error| self.trail.metrics.queue_full.add(1);
        let mut place = self.queue.enter().inspect_err(full)?;
        let limit = self.trail.limits.body;
        let arrived = |bytes| place.grow(bytes).inspect_err(full);
        let body = body::read_counted(request, limit, arrived).await?;
        Ok((place, body))
    }
}

fn write_line<T: Serialize>(answered: &Result<T>, out: &mut Vec<u8>) {
    let line = match answered {
        Ok(lease) => serde_json::to_vec(lease).unwrap_or_default(),
        Err(error) => Problem::of(error).to_json(),
    };
    out.extend_from_slice(&line);
    out.push(b'\n');
}

fn wrong(error: &serde_json::Error) -> Error {
    let (code, message) = match error.is_data() {
        true => (
            Code::InvalidField,
            "expected `{\"needs\":[{\"subject\",\"group\",\"retain\",\"use\"}]}`, where `use` is `seal` or `pseudonym`",
        ),
        false => (Code::MalformedJson, "the body is not JSON"),
    };
    let (line, column) = (Some(error.line() as u64), Some(error.column() as u64));
    Error::new(code, message).at(Some(Place { line, column, pointer: None }))
}

/// Keys are nothing for a cache.
fn uncached(mut answer: Answer) -> Answer {
    let no_store = http::HeaderValue::from_static("no-store");
    answer.headers_mut().insert(http::header::CACHE_CONTROL, no_store);
    answer
}
