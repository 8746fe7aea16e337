//! What names a request in a log line.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::code::Code;
use crate::error::Error;
use crate::proxy::correlation::CorrelationId;

pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The ids that a request brought, as far as they can be used.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RequestIds {
    pub correlation_id: Option<String>,
    pub trace_id: Option<String>,
}

impl RequestIds {
    /// `X-Correlation-ID`, and the trace id of `traceparent`.
    pub fn of(headers: &HeaderMap) -> Self {
        Self {
            correlation_id: CorrelationId::in_header(headers).map(|id| id.as_str().to_owned()),
            trace_id: headers.get(TRACEPARENT).and_then(trace_id).map(str::to_owned),
        }
    }
}

impl RequestIds {
    /// Tells the operator what the sender is not to blame for. Busy is no fault: metrics count it.
    pub fn tell(&self, error: &Error) {
        let code = error.code();
        if code.status().is_server_error() && code != Code::QueueFull {
            tracing::error!(
                correlation_id = self.correlation_id,
                trace_id = self.trace_id,
                code = code.name(),
                "a request failed: {error}"
            );
        }
    }
}

/// The trace id of a `traceparent` (W3C Trace Context §3.2.2.3).
pub fn trace_id(traceparent: &HeaderValue) -> Option<&str> {
    let id = traceparent.to_str().ok()?.split('-').nth(1)?;
    let is_hex = id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (id.len() == 32 && is_hex && id.bytes().any(|b| b != b'0')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_used() {
        let ids = |correlation: &'static str, parent: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-correlation-id", HeaderValue::from_static(correlation));
            headers.insert("traceparent", HeaderValue::from_static(parent));
            let ids = RequestIds::of(&headers);
            (ids.correlation_id, ids.trace_id)
        };
        let (good, id) = (
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "0af7651916cd43dd8448eb211c80319c",
        );
        assert_eq!(ids("a-1", good), (Some("a-1".into()), Some(id.into())));
        assert_eq!(ids("a b", "00-x-y-z"), (None, None));
    }
}
