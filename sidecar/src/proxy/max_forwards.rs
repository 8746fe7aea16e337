//! How far `OPTIONS` and `TRACE` may go (RFC 9110 §7.6.2).

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;

use crate::code::Code;
use crate::error::{Error, Result};

/// The answer, where the request may go no further; else counts this hop.
pub fn answer_here<B>(request: &mut Request<B>) -> Result<Option<Response<Full<Bytes>>>> {
    if !matches!(*request.method(), Method::OPTIONS | Method::TRACE) {
        return Ok(None);
    }
    let value = request.headers().get(header::MAX_FORWARDS).and_then(|value| value.to_str().ok());
    let Some(left) = value.and_then(|value| value.trim().parse::<u64>().ok()) else {
        return Ok(None);
    };
    if let Some(left) = left.checked_sub(1) {
        request.headers_mut().insert(header::MAX_FORWARDS, HeaderValue::from(left));
        return Ok(None);
    }
    if *request.method() == Method::TRACE {
        // It would show a stranger what other proxies added.
        return Err(Error::new(Code::MethodNotAllowed, "this proxy answers no TRACE"));
    }
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(Some(response))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_down_and_stops_at_zero() {
        let ask = |method: &str, left: &str| {
            let request = Request::builder().method(method).header("max-forwards", left);
            let mut request = request.body(()).unwrap();
            let answer =
                answer_here(&mut request).map(|answer| answer.map(|a| a.status().as_u16()));
            let left = request.headers()["max-forwards"].to_str().unwrap().to_owned();
            (answer.map_err(|e| e.code()), left)
        };
        assert_eq!(ask("OPTIONS", "3"), (Ok(None), "2".into()));
        assert_eq!(ask("TRACE", "1"), (Ok(None), "0".into()));
        assert_eq!(ask("OPTIONS", "0"), (Ok(Some(204)), "0".into()));
        assert_eq!(ask("TRACE", "0"), (Err(Code::MethodNotAllowed), "0".into()));
        assert_eq!(ask("GET", "0"), (Ok(None), "0".into()), "of no meaning there");
        assert_eq!(ask("OPTIONS", "soon"), (Ok(None), "soon".into()));
    }
}
