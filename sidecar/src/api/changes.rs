//! `POST /v1/changes`

use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;

use super::answer::Answer;
use super::receipts::{MANY, receipts};
use super::{Api, body};
use crate::code::Code;
use crate::collector::{Given, MAX_CHANGES, collect};
use crate::error::{Error, Result};
use crate::proxy::correlation::CorrelationId;
use crate::proxy::request_memory::RequestId;

const ONE: &str = "application/json";

impl Api {
    /// Changes, as the answer of each says what became of it.
    pub(super) async fn post_changes(&self, request: Request<Incoming>) -> Result<Answer> {
        let media_type = body::require_type(request.headers(), &[ONE, MANY])?;
        let given = Given {
            correlation_id: CorrelationId::in_header(request.headers()),
            request_id: RequestId::in_header(request.headers()),
        };
        let (_place, body) = self.read_whole(request).await?;
        let changes = if media_type == ONE { vec![body] } else { split(&body)? };
        let outcomes = collect(&self.trail, &self.queue, &changes, &given).await?;
        receipts(outcomes, media_type)
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
