//! How answers look.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body_util::Full;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::code::Code;
use crate::error::{Error, Result};
use crate::questions::Found;

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
    let mut answer = with_type("application/json", body);
    // Revealed values and records are nothing for a cache.
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Records as they are in the log, in a list; `next` is there when there may be more.
pub fn records(found: &[Found], limit: usize) -> Result<Answer> {
    let records = found.iter().map(item).collect::<Result<Vec<_>>>()?;
    let next = found.last().filter(|_| found.len() == limit).map(|found| found.index);
    json(&List { records, next })
}

#[derive(Serialize)]
struct List<'a> {
    records: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}
#[derive(Serialize)]
struct Item<'a> {
    index: u64,
    record: &'a RawValue,
}
fn item(Found { index, line }: &Found) -> Result<Item<'_>> {
    let record = serde_json::from_slice(line)
        .map_err(|_| Error::new(Code::LogDamaged, format!("record {index} is not JSON")))?;
    Ok(Item { index: *index, record })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn records_are_embedded_verbatim() {
        let line = br#"{"id":"r","n":1.10,"big":123456789012345678901234567890}"#.to_vec();
        let answer = records(&[Found { index: 3, line }], 1).unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(
            body,
            r#"{"records":[{"index":3,"record":{"id":"r","n":1.10,"big":123456789012345678901234567890}}],"next":3}"#
        );
    }
}
