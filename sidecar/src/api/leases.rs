//! `POST /v1/leases`, `POST /v1/records`, `POST /v1/records/{id}/lease`, `GET /v1/policy`

use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use serde::Deserialize;

use super::answer::{self, Answer, uncached};
use super::changes::{Lines, in_lines, split};
use super::receipts::{MANY, receipt, receipts};
use super::{Api, body};
use crate::access::{Attempt, Caller};
use crate::code::Code;
use crate::collector::{Prepared, append_prepared, to_json};
use crate::engine::Actor;
use crate::error::{Error, Place, Result};
use crate::leases::{Wanted, grant, lease_for_reading, prepare_sealed};

const JSON: &str = "application/json";
const RECORD: &str = "application/cloudevents+json";

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
        let Lines { numbers, texts } = split(&body)?;
        let mut out = Vec::new();
        for (part, numbers) in texts.chunks(IN_A_TURN).zip(numbers.chunks(IN_A_TURN)) {
            let _turn = self.queue.turn().await;
            let answers: Vec<_> = tokio::task::block_in_place(|| part.iter().map(lease).collect());
            for answered in in_lines(answers, numbers) {
                out.extend_from_slice(&to_json(&answered));
                out.push(b'\n');
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
        let Lines { numbers, texts } = match media_type {
            RECORD => Lines { numbers: vec![1], texts: vec![body] },
            _ => split(&body)?,
        };
        let policy = self.trail.policy.get();
        let take = |line: &Bytes| prepare_sealed(&self.trail, &policy, &caller, line);
        let mut prepared: Vec<Result<Prepared>> = Vec::with_capacity(texts.len());
        let mut turn = self.queue.turn().await;
        for (i, part) in texts.chunks(IN_A_TURN).enumerate() {
            if i > 0 {
                drop(turn);
                turn = self.queue.turn().await;
            }
            prepared
                .extend(tokio::task::block_in_place(|| part.iter().map(take).collect::<Vec<_>>()));
        }
        let outcomes = append_prepared(&self.trail, prepared, turn).await;
        if media_type == RECORD {
            receipt(outcomes)
        } else {
            Ok(receipts(in_lines(outcomes, &numbers)))
        }
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
        self.require_group(&caller, &group, attempt).await?;
        let owner = caller.actor.clone();
        let because = caller.because(named, &reason)?;
        let lease = move |trail: &_| lease_for_reading(trail, &owner, &id, &group, &because);
        answer::json(&self.ask(lease).await?)
    }

    /// The policy in force, byte for byte: its digest is the one that records must name.
    pub(super) fn policy(&self) -> Answer {
        uncached(answer::with_type(JSON, self.trail.policy.get().text().to_vec()))
    }
}

fn wrong(error: &serde_json::Error) -> Error {
    let (code, message) = match error.is_data() {
        true => (
            Code::InvalidField,
            "expected `{\"policy\",\"needs\":[{\"subject\",\"group\",\"retain\",\"use\"}]}`, where `use` is `seal` or `pseudonym`",
        ),
        false => (Code::MalformedJson, "the body is not JSON"),
    };
    let (line, column) = (Some(error.line() as u64), Some(error.column() as u64));
    Error::new(code, message).at(Some(Place { line, column, pointer: None }))
}
