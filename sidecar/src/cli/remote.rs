//! Asks a running sidecar, for commands that need the log while `serve` has it.

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::net::TcpStream;

use crate::code::Code;
use crate::error::{Error, Place, Result};

/// Posts JSON to the API at `url` and gives its answer; a problem becomes the error that it was.
pub fn post(url: &str, path: &str, body: &serde_json::Value) -> Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(send(url, path, body.to_string()))
}

/// The answer of [`post`] as what it says.
pub fn ask<T: serde::de::DeserializeOwned>(
    url: &str,
    path: &str,
    body: &serde_json::Value,
) -> Result<T> {
    let other_form = |_| Error::new(Code::Internal, "the sidecar gave an answer of another form");
    serde_json::from_slice(&post(url, path, body)?).map_err(other_form)
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

async fn send(url: &str, path: &str, body: String) -> Result<Vec<u8>> {
    let wrong = || {
        Error::new(
            Code::WrongUse,
            format!("--url must look like `http://127.0.0.1:8090`, got `{url}`"),
        )
    };
    let base: http::Uri = url.parse().map_err(|_| wrong())?;
    let host = base.authority().filter(|_| base.scheme_str() == Some("http")).ok_or_else(wrong)?;
    let failed = |why: &dyn std::fmt::Display| {
        Error::new(Code::UpstreamUnreachable, format!("the sidecar at {url}: {why}"))
    };
    let address = (host.host().trim_matches(['[', ']']), host.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(address).await.map_err(|e| failed(&e))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| failed(&e))?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}{path}", base.path().trim_end_matches('/')))
        .header(header::HOST, host.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|e| failed(&e))?;
    let response = sender.send_request(request).await.map_err(|e| failed(&e))?;
    let status = response.status();
    let body =
        Limited::new(response.into_body(), 64 << 20).collect().await.map_err(|e| failed(&e))?;
    let body = body.to_bytes();
    if status.is_success() {
        Ok(body.to_vec())
    } else {
        Err(problem(&body).unwrap_or_else(|| failed(&status)))
    }
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
