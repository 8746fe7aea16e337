//! How far `OPTIONS` may go (RFC 9110 §7.6.2). `TRACE` goes nowhere at all.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;

/// The answer, where the request may go no further; else counts this hop.
pub fn answer_here<B>(request: &mut Request<B>) -> Option<Response<Full<Bytes>>> {
    if *request.method() != Method::OPTIONS {
        return None;
    }
    let value = request.headers().get(header::MAX_FORWARDS).and_then(|value| value.to_str().ok());
    let left = value.and_then(|value| value.trim().parse::<u64>().ok())?;
    if let Some(left) = left.checked_sub(1) {
        request.headers_mut().insert(header::MAX_FORWARDS, HeaderValue::from(left));
        return None;
    }
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_down_and_stops_at_zero() {
        let ask = |method: &str, left: &str| {
            let request = Request::builder().method(method).header("max-forwards", left);
            let mut request = request.body(()).unwrap();
            let answer = answer_here(&mut request).map(|answer| answer.status().as_u16());
            let left = request.headers()["max-forwards"].to_str().unwrap().to_owned();
            (answer, left)
        };
        assert_eq!(ask("OPTIONS", "3"), (None, "2".into()));
        assert_eq!(ask("OPTIONS", "0"), (Some(204), "0".into()));
        assert_eq!(ask("GET", "0"), (None, "0".into()), "of no meaning there");
        assert_eq!(ask("OPTIONS", "soon"), (None, "soon".into()));
    }
}
