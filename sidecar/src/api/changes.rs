//! `POST /v1/changes`

use bytes::Bytes;
use http::{Request, StatusCode};
use hyper::body::Incoming;

use super::answer::{self, Answer};
use super::{Api, body};
use crate::code::Code;
use crate::collector::{Given, MAX_CHANGES, Receipt, collect, to_json};
use crate::error::{Error, Result};
use crate::logging;
use crate::problem;
use crate::proxy::correlation::CorrelationId;
use crate::proxy::request_memory::RequestId;

const ONE: &str = "application/json";
const MANY: &str = "application/x-ndjson";

impl Api {
    /// One change is answered with its receipt or its problem, many with one line each.
    pub(super) async fn post_changes(&self, request: Request<Incoming>) -> Result<Answer> {
        let limit = self.trail.limits.body;
        let media_type = body::require_type(request.headers(), &[ONE, MANY])?;
        let given = Given {
            correlation_id: CorrelationId::in_header(request.headers()),
            request_id: RequestId::in_header(request.headers()),
        };
        let full = |_: &Error| self.trail.metrics.queue_full.add(1);
        let mut place = self.queue.enter().inspect_err(full)?;
        let arrived = |bytes| place.grow(bytes).inspect_err(full);
        let body = body::read_counted(request, limit, arrived).await?;
        let changes = if media_type == ONE { vec![body] } else { split(&body)? };
        let mut outcomes = collect(&self.trail, &self.queue, &changes, &given).await?;
        // What the sender is not to blame for is the operator's to know; once for all of a request.
        let failed = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        if let Some(error) = failed.max_by_key(|error| error.code().status().as_u16() / 100) {
            logging::tell(error);
        }
        if media_type == ONE {
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
        let mut lines = Vec::new();
        for outcome in &outcomes {
            lines.extend_from_slice(&to_json(outcome));
            lines.push(b'\n');
        }
        Ok(answer::with_type(MANY, lines))
    }
}

/// The lines of a body; blank ones are none.
pub(super) fn split(body: &Bytes) -> Result<Vec<Bytes>> {
    let mut changes = Vec::new();
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if changes.len() == MAX_CHANGES {
            let message = format!("the body has more than {MAX_CHANGES} changes");
            return Err(Error::new(Code::TooLarge, message));
        }
        changes.push(body.slice_ref(line));
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let split = |text: &'static str| split(&Bytes::from_static(text.as_bytes()));
        assert_eq!(split("{}\r\n\n  {} \n{}").unwrap(), ["{}", "{}", "{}"]);
        assert!(split("\n \n").unwrap().is_empty());
        let many = Bytes::from("{}\n".repeat(MAX_CHANGES + 1));
        assert_eq!(super::split(&many).unwrap_err().code(), Code::TooLarge);
    }
}
