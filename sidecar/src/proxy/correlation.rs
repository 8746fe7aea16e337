//! One id for everything that belongs to one request.
//!
//! Taken from the first of `X-Correlation-ID`, `X-Request-ID`, `Request-Id` and the trace id of
//! `traceparent` (W3C Trace Context §3.2) that holds a usable value; made new otherwise. It is set on
//! the request to the service and echoed on the response.

use http::{HeaderMap, HeaderName, HeaderValue};

pub const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_PLAIN: HeaderName = HeaderName::from_static("request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// An id of 1 to 128 characters that is safe in a header, a log line and a query.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CorrelationId(String);

impl CorrelationId {
    /// The id of a request; `new` is called when the request brought none that can be used.
    pub fn of(headers: &HeaderMap, new: impl FnOnce() -> CorrelationId) -> CorrelationId {
        [&CORRELATION_ID, &REQUEST_ID, &REQUEST_ID_PLAIN]
            .into_iter()
            .find_map(|name| single(headers, name).and_then(Self::parse))
            .or_else(|| single(headers, &TRACEPARENT).and_then(trace_id))
            .unwrap_or_else(new)
    }

    /// The id that a header carries, if it carries one.
    pub fn in_header(headers: &HeaderMap) -> Option<CorrelationId> {
        single(headers, &CORRELATION_ID).and_then(Self::parse)
    }

    pub fn new_v7() -> CorrelationId {
        CorrelationId(uuid::Uuid::now_v7().to_string())
    }

    /// Refuses what is not 1 to 128 of `[A-Za-z0-9._:@/+=-]`.
    pub fn parse(text: &str) -> Option<CorrelationId> {
        let usable = |b: u8| b.is_ascii_alphanumeric() || b"._:@/+=-".contains(&b);
        ((1..=128).contains(&text.len()) && text.bytes().all(usable))
            .then(|| CorrelationId(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Puts the id on the request to the service. `X-Request-ID` too, unless the client sent one
    /// that can be used: services that know only that header find the same id.
    pub fn set_on_request(&self, headers: &mut HeaderMap) {
        if single(headers, &REQUEST_ID).and_then(Self::parse).is_none() {
            headers.insert(REQUEST_ID, self.value());
        }
        headers.insert(CORRELATION_ID, self.value());
    }

    pub fn set_on_response(&self, headers: &mut HeaderMap) {
        headers.insert(CORRELATION_ID, self.value());
    }

    fn value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("an id holds only characters of a header value")
    }
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

/// `00-<32 lower-case hex digits, not all zero>-<parent>-<flags>`.
fn trace_id(traceparent: &str) -> Option<CorrelationId> {
    let hex = |text: &str, len: usize| {
        text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let mut parts = traceparent.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let (parent, flags) = (parts.next()?, parts.next()?);
    let well_formed = hex(version, 2)
        && version != "ff"
        && hex(trace, 32)
        && hex(parent, 16)
        && hex(flags, 2)
        && (version != "00" || parts.next().is_none())
        && [trace, parent].iter().all(|id| id.bytes().any(|b| b != b'0'));
    well_formed.then(|| CorrelationId(trace.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(headers: &[(&'static str, &str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        CorrelationId::of(&map, || CorrelationId("new".into())).0
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
        for bad in [
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "00-0af7651916cd43dd8448eb211c80319c",
        ] {
            assert_eq!(id(&[("traceparent", bad)]), "new", "{bad}");
        }
    }

    #[test]
    fn set_on_both_ways() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("theirs"));
        CorrelationId("ours".into()).set_on_request(&mut headers);
        assert_eq!(headers["x-correlation-id"], "ours");
        assert_eq!(headers["x-request-id"], "theirs");
        headers.insert("x-request-id", HeaderValue::from_static("not usable"));
        CorrelationId("ours".into()).set_on_request(&mut headers);
        assert_eq!(headers["x-request-id"], "ours");
    }
}
