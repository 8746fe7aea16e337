//! `POST /v1/changes`

use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;

use super::answer::Answer;
use super::receipts::{MANY, receipt, receipts};
use super::{Api, body};
use crate::access::Caller;
use crate::code::Code;
use crate::collector::{Given, MAX_CHANGES, collect};
use crate::error::{Error, Result};
use crate::proxy::correlation::CorrelationId;
use crate::proxy::request_memory::RequestId;

const ONE: &str = "application/json";

impl Api {
    /// Changes, as the answer of each says what became of it.
    pub(super) async fn post_changes(
        &self,
        request: Request<Incoming>,
        caller: Caller,
    ) -> Result<Answer> {
        let media_type = body::require_type(request.headers(), &[ONE, MANY])?;
        let given = Given {
            services: caller.grants.services().clone(),
            correlation_id: CorrelationId::in_header(request.headers()),
            request_id: RequestId::in_header(request.headers()),
            // One change is what its request is about; of many each may be of another.
            made: request.extensions().get().cloned().filter(|_| media_type == ONE),
        };
        let (_place, body) = self.read_whole(request).await?;
        if media_type == ONE {
            return receipt(collect(&self.trail, &self.queue, &[body], &given).await?);
        }
        let Lines { numbers, texts } = split(&body)?;
        let outcomes = collect(&self.trail, &self.queue, &texts, &given).await?;
        Ok(receipts(in_lines(outcomes, &numbers)))
    }
}

/// The lines of a body, each with its number, from 1.
pub(super) struct Lines {
    pub(super) numbers: Vec<u64>,
    pub(super) texts: Vec<Bytes>,
}

/// The lines of a body; blank ones are none.
pub(super) fn split(body: &Bytes) -> Result<Lines> {
    let mut lines = Lines { numbers: Vec::new(), texts: Vec::new() };
    for (number, line) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if lines.texts.len() == MAX_CHANGES {
            let message = format!(
                "the body has more than {MAX_CHANGES} lines; send the others in another one"
            );
            return Err(Error::new(Code::TooLarge, message).in_line(number));
        }
        lines.numbers.push(number);
        lines.texts.push(body.slice_ref(line));
    }
    Ok(lines)
}

/// What went wrong says in which line.
pub(super) fn in_lines<T>(answers: Vec<Result<T>>, numbers: &[u64]) -> Vec<Result<T>> {
    let answers = answers.into_iter().zip(numbers);
    answers.map(|(answer, number)| answer.map_err(|error| error.in_line(*number))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let split = |text: &'static str| split(&Bytes::from_static(text.as_bytes()));
        let lines = split("{}\r\n\n  {} \n{}").unwrap();
        assert_eq!((lines.texts, lines.numbers), (vec![Bytes::from("{}"); 3], vec![1, 3, 4]));
        assert!(split("\n \n").unwrap().texts.is_empty());
        let many = Bytes::from("{}\n".repeat(MAX_CHANGES + 1));
        let error = super::split(&many).err().unwrap();
        assert_eq!(error.code(), Code::TooLarge);
        assert_eq!(error.place().unwrap().line, Some(MAX_CHANGES as u64 + 1));
    }
}
