//! Asks a running sidecar, for commands that need the log while `serve` has it.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::code::Code;
use crate::error::{Error, Place, Result};
use crate::http_client::{Client, Reply};

/// For an answer that changes nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// The largest answer that is read.
const AT_MOST: usize = 64 << 20;

/// Posts JSON to the API at `url` and gives its answer; a problem becomes the error that it was.
pub fn post(url: &str, path: &str, body: &serde_json::Value) -> Result<Vec<u8>> {
    // An act that is under way is waited for: that it is not told does not undo it.
    let sidecar = Client::new("--url", url, Duration::MAX)?;
    let reply = sidecar.post(path, "application/json", body.to_string(), AT_MOST)?;
    answer(&sidecar, reply)
}

/// Asks the API at `url` for what it knows.
pub fn look<T: serde::de::DeserializeOwned>(url: &str, path: &str) -> Result<T> {
    let sidecar = Client::new("--url", url, PATIENCE)?;
    let reply = sidecar.get(path, AT_MOST)?;
    read(&answer(&sidecar, reply)?)
}

fn answer(sidecar: &Client, reply: Reply) -> Result<Vec<u8>> {
    if reply.status.is_success() {
        Ok(reply.body.to_vec())
    } else {
        Err(problem(&reply.body).unwrap_or_else(|| sidecar.failed(reply.status)))
    }
}

/// The answer of [`post`] as what it says.
pub fn ask<T: serde::de::DeserializeOwned>(
    url: &str,
    path: &str,
    body: &serde_json::Value,
) -> Result<T> {
    read(&post(url, path, body)?)
}

fn read<T: serde::de::DeserializeOwned>(answer: &[u8]) -> Result<T> {
    let other_form = |_| Error::new(Code::Internal, "the sidecar gave an answer of another form");
    serde_json::from_slice(answer).map_err(other_form)
}

/// One segment of a path.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Says what to do about a log that `serve` holds.
pub fn hint(error: Error, call: &str) -> Error {
    if error.code() != Code::LogInUse {
        return error;
    }
    let message = format!("{}; while `sealtrail serve` runs, use its API: {call}", error.message());
    Error::new(Code::LogInUse, message)
}

fn problem(body: &[u8]) -> Option<Error> {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
        detail: String,
        at: Option<Place>,
    }
    let problem: Problem = serde_json::from_slice(body).ok()?;
    Some(Error::new(Code::of_name(&problem.code), problem.detail).at(problem.at))
}
