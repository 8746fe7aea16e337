//! How answers look.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body_util::Full;
use serde::Serialize;

use crate::code::Code;
use crate::error::{Error, Result};
use crate::questions::{Collapsed, Cursor, Found, Records, Told};

pub const JSON: &str = "application/json";

pub type Answer = Response<Full<Bytes>>;

/// An answer of a media type.
pub fn with_type(media_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

pub fn json(value: &impl Serialize) -> Result<Answer> {
    let body = serde_json::to_vec(value)
        .map_err(|_| Error::new(Code::Internal, "the answer cannot be written"))?;
    Ok(uncached(with_type(JSON, body)))
}

/// Records as they are in the log, in a list; `next` and `cursor` are there when there may be more, `first_kept`
/// when those before it were removed by retention, `shared_keys` when some of it may be of others than who was asked about.
///
/// The lines are JSON, which was seen when they were found. Each is dropped when it is in the body, so that
/// a page is in memory once.
pub fn records(
    Records { found, next, first_kept }: Records,
    cursor: Option<Cursor>,
    shared_keys: &[String],
) -> Answer {
    let told = found.into_iter().map(Told::One).collect();
    page(told, next, first_kept, cursor, shared_keys)
}

/// The same with what many records have in common: `{"cascade":{…}}` in the place of a record.
pub fn collapsed(
    Collapsed { told, next, first_kept }: Collapsed,
    cursor: Option<Cursor>,
    shared_keys: &[String],
) -> Answer {
    page(told, next.map(|next| next.after), first_kept, cursor, shared_keys)
}

fn page(
    told: Vec<Told>,
    next: Option<u64>,
    first_kept: u64,
    cursor: Option<Cursor>,
    shared_keys: &[String],
) -> Answer {
    let length = |told: &Told| match told {
        Told::One(found) => found.line.len() + 48,
        Told::Many(_) => 512,
    };
    let mut body = Vec::with_capacity(told.iter().map(length).sum::<usize>() + 128);
    body.extend_from_slice(b"{\"records\":[");
    for (i, told) in told.into_iter().enumerate() {
        body.extend_from_slice(if i > 0 { b"," } else { b"" });
        match told {
            Told::One(Found { index, line }) => {
                body.extend_from_slice(format!("{{\"index\":{index},\"record\":").as_bytes());
                body.extend_from_slice(&line);
            }
            Told::Many(cascade) => {
                body.extend_from_slice(b"{\"cascade\":");
                body.extend_from_slice(&serde_json::to_vec(&cascade).unwrap_or_default());
            }
        }
        body.push(b'}');
    }
    body.push(b']');
    if let Some(next) = next {
        body.extend_from_slice(format!(",\"next\":{next}").as_bytes());
    }
    if let Some(cursor) = cursor {
        body.extend_from_slice(format!(",\"cursor\":\"{cursor}\"").as_bytes());
    }
    if first_kept > 0 {
        body.extend_from_slice(format!(",\"first_kept\":{first_kept}").as_bytes());
    }
    if !shared_keys.is_empty() {
        body.extend_from_slice(b",\"shared_keys\":");
        body.extend_from_slice(&serde_json::to_vec(shared_keys).unwrap_or_default());
    }
    body.push(b'}');
    uncached(with_type(JSON, body))
}

/// Revealed values, records and keys are nothing for a cache.
pub fn uncached<B>(mut answer: Response<B>) -> Response<B> {
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn records_are_embedded_verbatim() {
        let line = br#"{"id":"r","n":1.10,"big":123456789012345678901234567890}"#.to_vec();
        let other = Found { index: 4, line: b"{}".to_vec() };
        let body = |found, next, first_kept| async move {
            records(Records { found, next, first_kept }, None, &[])
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes()
        };
        assert_eq!(
            body(vec![Found { index: 3, line }, other], Some(4), 0).await,
            r#"{"records":[{"index":3,"record":{"id":"r","n":1.10,"big":123456789012345678901234567890}},{"index":4,"record":{}}],"next":4}"#
        );
        assert_eq!(body(vec![], None, 0).await, r#"{"records":[]}"#);
        assert_eq!(body(vec![], None, 3).await, r#"{"records":[],"first_kept":3}"#);
    }
}
