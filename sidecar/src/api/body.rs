//! Reads the body of a request, bounded in size and in time.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use serde::de::DeserializeOwned;

use crate::code::Code;
use crate::error::{Error, Place, Result};

/// A sender slower than this is given up.
const AT_MOST: Duration = Duration::from_secs(60);

/// How large a body may turn out to be: what it states, or the limit where it states nothing.
pub fn expected(request: &Request<Incoming>, limit: usize) -> Result<usize> {
    let stated = request.body().size_hint().exact();
    match stated.map(usize::try_from) {
        Some(Ok(stated)) if stated <= limit => Ok(stated),
        Some(_) => Err(too_large(limit)),
        None => Ok(limit),
    }
}

pub async fn read(body: Incoming, limit: usize) -> Result<Bytes> {
    let collecting = Limited::new(body, limit).collect();
    match tokio::time::timeout(AT_MOST, collecting).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_large(limit)),
        Ok(Err(_)) => Err(Error::new(Code::BadRequest, "the body ended before it was complete")),
        Err(_) => Err(Error::new(Code::BadRequest, "the body did not come within 60 s")),
    }
}

/// Reads a small JSON body into its fields. Errors of serde name fields and places, not values.
pub async fn read_json<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T> {
    const LIMIT: usize = 16 << 10;
    require_type(request.headers(), &["application/json"])?;
    let body = read(request.into_body(), LIMIT).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let (code, message) = if error.is_data() {
            (Code::InvalidField, "the body does not have the expected fields")
        } else {
            (Code::MalformedJson, "the body is not JSON")
        };
        let place = Place {
            line: Some(error.line() as u64),
            column: Some(error.column() as u64),
            pointer: None,
        };
        Error::new(code, message).at(Some(place))
    })
}

/// The media type, if it is one of those; parameters such as `charset` are ignored.
pub fn require_type<'t>(headers: &HeaderMap, known: &[&'t str]) -> Result<&'t str> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let given = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    known.iter().find(|known| known.eq_ignore_ascii_case(given)).copied().ok_or_else(|| {
        let message = format!("expected a body of type `{}`", known.join("` or `"));
        Error::new(Code::UnsupportedMediaType, message)
    })
}

fn too_large(limit: usize) -> Error {
    Error::new(Code::TooLarge, format!("the body is larger than {limit} bytes"))
}
