//! Reads the body of a request, bounded in size and in time.

use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use serde::de::DeserializeOwned;

use super::coding::{Coding, Decoder};
use crate::code::Code;
use crate::error::{Error, Place, Result, shown};

/// A sender slower than this is given up.
const AT_MOST: Duration = Duration::from_secs(60);

/// Reads a body that is taken as it is sent.
pub async fn read(body: Incoming, limit: usize) -> Result<Bytes> {
    let limit = Limit { bytes: limit, key: None };
    read_within(body, Coding::Identity, limit, |_| Ok(())).await
}

/// How long a body may be, and which key of the configuration says so.
#[derive(Clone, Copy)]
pub struct Limit {
    pub bytes: usize,
    pub key: Option<&'static str>,
}

/// Reads a body and undoes its coding; `arrived` is told of every piece before it is kept, and may refuse it.
/// Both what is sent and what becomes of it is within the limit.
pub async fn read_counted(
    request: Request<Incoming>,
    limit: Limit,
    arrived: impl FnMut(usize) -> Result<()>,
) -> Result<Bytes> {
    let coding = Coding::of(request.headers())?;
    read_within(request.into_body(), coding, limit, arrived).await
}

async fn read_within(
    body: Incoming,
    coding: Coding,
    limit: Limit,
    arrived: impl FnMut(usize) -> Result<()>,
) -> Result<Bytes> {
    // What says that it is too long need not be read to be refused.
    if body.size_hint().lower() > limit.bytes as u64 {
        return Err(too_large(limit));
    }
    let collected = tokio::time::timeout(AT_MOST, collect(body, coding, limit, arrived)).await;
    collected.map_err(|_| Error::new(Code::BadRequest, "the body did not come within 60 s"))?
}

async fn collect(
    mut body: Incoming,
    coding: Coding,
    limit: Limit,
    arrived: impl FnMut(usize) -> Result<()>,
) -> Result<Bytes> {
    let mut decoder = Decoder::new(coding, Whole { bytes: Vec::new(), limit, arrived })?;
    let mut sent = 0;
    while let Some(frame) = body.frame().await {
        let cut = |_| Error::new(Code::BadRequest, "the body ended before it was complete");
        let Ok(piece) = frame.map_err(cut)?.into_data() else { continue };
        if piece.len() > limit.bytes - sent {
            return Err(too_large(limit));
        }
        sent += piece.len();
        decoder.push(&piece)?;
    }
    Ok(decoder.finish()?.bytes.into())
}

/// What has become of a body so far.
struct Whole<F> {
    bytes: Vec<u8>,
    limit: Limit,
    arrived: F,
}

impl<F: FnMut(usize) -> Result<()>> Write for Whole<F> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if piece.len() > self.limit.bytes - self.bytes.len() {
            return Err(io::Error::other(too_large(self.limit)));
        }
        (self.arrived)(piece.len()).map_err(io::Error::other)?;
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a small JSON body into its fields.
pub async fn read_json<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T> {
    const LIMIT: Limit = Limit { bytes: 16 << 10, key: None };
    require_type(request.headers(), &["application/json"])?;
    let body = read_counted(request, LIMIT, |_| Ok(())).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let (code, message) = if error.is_data() {
            (
                Code::InvalidField,
                format!("the body does not have the expected fields{}", about(&error)),
            )
        } else {
            (Code::MalformedJson, "the body is not JSON".to_owned())
        };
        let place = Place {
            line: Some(error.line() as u64),
            column: Some(error.column() as u64),
            pointer: None,
        };
        Error::new(code, message).at(Some(place))
    })
}

/// Which field is missing or unknown, and what there may be. What serde says of a wrong type has the value in it.
fn about(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let names_only = ["missing field `", "unknown field `"].iter().any(|it| said.starts_with(it));
    // Without the place, which the problem has apart.
    let said = said.rsplit_once(" at line ").map_or(&*said, |(said, _)| said);
    if names_only { format!(": {said}") } else { String::new() }
}

/// The media type, if it is one of those; of its parameters only `charset` matters, and JSON is UTF-8
/// (RFC 8259 §8.1).
pub fn require_type<'t>(headers: &HeaderMap, known: &[&'t str]) -> Result<&'t str> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut parts = value.unwrap_or_default().split(';').map(str::trim);
    let given = parts.next().unwrap_or_default();
    let charset = parts.filter_map(|part| part.split_once('=')).find_map(|(name, charset)| {
        name.trim().eq_ignore_ascii_case("charset").then_some(charset.trim().trim_matches('"'))
    });
    if charset.is_some_and(|charset| !charset.eq_ignore_ascii_case("utf-8")) {
        return Err(Error::new(Code::UnsupportedMediaType, "expected a body in UTF-8"));
    }
    known.iter().find(|known| known.eq_ignore_ascii_case(given)).copied().ok_or_else(|| {
        let got = value.map_or("none".to_owned(), |value| format!("`{}`", shown(value)));
        let message = format!("expected a body of type `{}`, got {got}", known.join("` or `"));
        Error::new(Code::UnsupportedMediaType, message)
    })
}

fn too_large(limit: Limit) -> Error {
    let mut message = format!("the body is larger than {} bytes", limit.bytes);
    if let Some(key) = limit.key {
        message += &format!(", as `{key}` of the sidecar's configuration says");
    }
    Error::new(Code::TooLarge, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_and_its_value_is_not() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body {
            #[serde(rename = "reason")]
            _reason: String,
        }
        let said = |body: &str| about(&serde_json::from_str::<Body>(body).unwrap_err());
        assert_eq!(said("{}"), ": missing field `reason`");
        assert_eq!(said(r#"{"reason":"x","a":1}"#), ": unknown field `a`, expected `reason`");
        assert_eq!(said(r#"{"reason":["a secret"]}"#), "");
        assert_eq!(said(r#""a secret""#), "");
    }

    #[test]
    fn json_is_utf_8() {
        let check = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            require_type(&headers, &["application/json"]).is_ok()
        };
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
        ] {
            assert!(check(good), "{good}");
        }
        for bad in [
            "application/json; charset=utf-16",
            "application/json; x=y; Charset = latin1",
            "text/json",
        ] {
            assert!(!check(bad), "{bad}");
        }
    }
}
