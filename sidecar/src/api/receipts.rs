//! Bodies that wait for their place in the queue, and the receipts for what they held.

use bytes::Bytes;
use http::{Request, StatusCode};
use hyper::body::Incoming;

use super::answer::{self, Answer};
use super::{Api, body};
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
        let body = body::read_counted(request, self.trail.limits.body, arrived).await?;
        Ok((place, body))
    }
}

/// One is answered with its receipt or its problem, many with one line each.
pub(super) fn receipts(mut outcomes: Vec<Outcome>, media_type: &str) -> Result<Answer> {
    // What the sender is not to blame for is the operator's to know; once for all of a request.
    let failed = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    if let Some(error) = failed.max_by_key(|error| error.code().status().as_u16() / 100) {
        logging::tell(error);
    }
    if media_type == MANY {
        let mut lines = Vec::new();
        for outcome in &outcomes {
            lines.extend_from_slice(&to_json(outcome));
            lines.push(b'\n');
        }
        return Ok(answer::with_type(MANY, lines));
    }
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
