//! Bodies that wait for their place in the queue, and the receipts for what they held.

use bytes::Bytes;
use http::{Request, StatusCode};
use hyper::body::Incoming;

use super::Api;
use super::answer::{self, Answer};
use super::body::{self, Limit};
use crate::code::Code;
use crate::collector::{Outcome, Place, Receipt, to_json};
use crate::error::{Error, Result};
use crate::{logging, problem};

/// The media type of many, one line each.
pub(super) const MANY: &str = "application/x-ndjson";

impl Api {
    /// A whole body; its bytes count as waiting until the place is dropped.
    pub(super) async fn read_whole(&self, request: Request<Incoming>) -> Result<(Place, Bytes)> {
        let full = |_: &Error| self.trail.metrics.queue_full.add(1);
        let mut place = self.queue.enter().inspect_err(full)?;
        let arrived = |bytes| place.grow(bytes).inspect_err(full);
        let limit = Limit { bytes: self.trail.limits.body, key: Some("limits.body") };
        let body = body::read_counted(request, limit, arrived).await?;
        Ok((place, body))
    }
}

/// Many are answered with a line each: a receipt or a problem.
pub(super) fn receipts(outcomes: Vec<Outcome>) -> Answer {
    tell(&outcomes);
    let mut lines = Vec::new();
    for outcome in &outcomes {
        lines.extend_from_slice(&to_json(outcome));
        lines.push(b'\n');
    }
    answer::with_type(MANY, lines)
}

/// What the sender is not to blame for is the operator's to know; once for all of a request.
fn tell(outcomes: &[Outcome]) {
    let failed = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    if let Some(error) = failed.max_by_key(|error| error.code().status().as_u16() / 100) {
        logging::tell(error);
    }
}

/// One is answered with its receipt, or is a problem.
pub(super) fn receipt(mut outcomes: Vec<Outcome>) -> Result<Answer> {
    tell(&outcomes);
    let outcome = outcomes.pop().ok_or_else(|| Error::new(Code::Internal, "no outcome"))?;
    match outcome {
        Ok(receipt) => {
            let mut answer = answer::json(&receipt)?;
            if matches!(receipt, Receipt::Spooled { .. }) {
                *answer.status_mut() = StatusCode::ACCEPTED;
            }
            Ok(answer)
        }
        Err(error) => Ok(problem::response(&error)),
    }
}
