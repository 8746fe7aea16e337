//! One id for everything that belongs to one request.
//!
//! Taken from the first of `X-Correlation-ID`, `X-Request-ID`, `Request-Id` and the id of the
//! [trace](super::trace_context) that holds a usable value; made new otherwise. It is set on the request to
//! the service and echoed on the response.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::randomness::uuid_v7;
use super::trace_context::TraceContext;

pub const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_PLAIN: HeaderName = HeaderName::from_static("request-id");

/// An id of 1 to 128 characters that is safe in a header, a log line and a query.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CorrelationId(HeaderValue);

impl CorrelationId {
    /// The id of a request; `new` is called when the request brought none that can be used.
    pub fn of(
        headers: &HeaderMap,
        trace: Option<&TraceContext>,
        new: impl FnOnce() -> CorrelationId,
    ) -> CorrelationId {
        Self::brought(headers, trace).unwrap_or_else(new)
    }

    /// The id that a request brought.
    pub fn brought(headers: &HeaderMap, trace: Option<&TraceContext>) -> Option<CorrelationId> {
        [&CORRELATION_ID, &REQUEST_ID, &REQUEST_ID_PLAIN]
            .into_iter()
            .find_map(|name| single(headers, name).and_then(Self::parse))
            .or_else(|| trace.map(|trace| Self::of_text(&trace.parent.trace_id())))
    }

    /// The id that a header carries, if it carries one.
    pub fn in_header(headers: &HeaderMap) -> Option<CorrelationId> {
        single(headers, &CORRELATION_ID).and_then(Self::parse)
    }

    pub fn new_v7() -> CorrelationId {
        Self::of_text(uuid_v7().hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()))
    }

    /// Refuses what is not 1 to 128 of `[A-Za-z0-9._:@/+=-]`.
    pub fn parse(text: &str) -> Option<CorrelationId> {
        is_usable(text).then(|| Self::of_text(text))
    }

    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Puts the id on the request to the service. `X-Request-ID` too, unless the client sent one
    /// that can be used: services that know only that header find the same id.
    pub fn set_on_request(&self, headers: &mut HeaderMap) {
        if !single(headers, &REQUEST_ID).is_some_and(is_usable) {
            headers.insert(REQUEST_ID, self.0.clone());
        }
        headers.insert(CORRELATION_ID, self.0.clone());
    }

    pub fn set_on_response(self, headers: &mut HeaderMap) {
        headers.insert(CORRELATION_ID, self.0);
    }

    fn of_text(text: &str) -> Self {
        Self(HeaderValue::from_str(text).expect("an id holds only characters of a header value"))
    }
}

fn is_usable(text: &str) -> bool {
    let usable = |b: u8| b.is_ascii_alphanumeric() || b"._:@/+=-".contains(&b);
    (1..=128).contains(&text.len()) && text.bytes().all(usable)
}

/// A header that stands exactly once: of two ids none can be trusted.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() {
        return None;
    }
    first.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(headers: &[(&'static str, &str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let trace = TraceContext::of(&map);
        let new = || CorrelationId::of_text("new");
        CorrelationId::of(&map, trace.as_ref(), new).as_str().to_owned()
    }

    #[test]
    fn the_first_usable_header_wins() {
        const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(id(&[]), "new");
        assert_eq!(id(&[("x-request-id", "b"), ("x-correlation-id", "a")]), "a");
        assert_eq!(id(&[("request-id", "c"), ("traceparent", TRACE)]), "c");
        assert_eq!(id(&[("traceparent", TRACE)]), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(id(&[("x-correlation-id", "has space"), ("x-request-id", "b")]), "b");
        assert_eq!(id(&[("x-correlation-id", "a"), ("x-correlation-id", "b")]), "new");
    }

    #[test]
    fn bad_values_are_replaced() {
        for bad in ["", "a b", "a\"b", "é", "a,b", "<script>", &"x".repeat(129)] {
            assert_eq!(id(&[("x-correlation-id", bad)]), "new", "{bad}");
        }
        assert_eq!(id(&[("x-correlation-id", &"x".repeat(128))]), "x".repeat(128));
        let zeros = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        assert_eq!(id(&[("traceparent", zeros)]), "new");
    }

    #[test]
    fn set_on_both_ways() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("theirs"));
        let ours = CorrelationId::of_text("ours");
        ours.set_on_request(&mut headers);
        assert_eq!(headers["x-correlation-id"], "ours");
        assert_eq!(headers["x-request-id"], "theirs");
        headers.insert("x-request-id", HeaderValue::from_static("not usable"));
        ours.set_on_request(&mut headers);
        assert_eq!(headers["x-request-id"], "ours");
    }
}
