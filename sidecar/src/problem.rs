//! Errors over HTTP: RFC 9457 problems with a stable `code`.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

use crate::api::coding;
use crate::code::Code;
use crate::error::{Error, Place};

/// A problem, ready to be written; `type` is left out, which means `about:blank` (RFC 9457 §4.2.1).
#[derive(Debug, Serialize)]
pub struct Problem<'a> {
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<&'a Place>,
}

impl<'a> Problem<'a> {
    pub fn of(error: &'a Error) -> Self {
        let status = error.code().status();
        Self {
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code: error.code().name(),
            detail: error.message(),
            at: error.place(),
        }
    }

    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The response for an error. 503 says when to come again, a coding that is not known which ones are.
pub fn response(error: &Error) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Problem::of(error).to_json().into()));
    *response.status_mut() = error.code().status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if error.code().status() == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if let Some(challenge) = challenge(error.code()) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if error.code() == Code::UnsupportedEncoding {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(coding::ACCEPTED));
    }
    response
}

/// What to send, and what was wrong with what was sent (RFC 6750 §3).
fn challenge(code: Code) -> Option<&'static str> {
    match code {
        Code::Unauthenticated => Some("Bearer realm=\"sealtrail\""),
        Code::InvalidToken => Some("Bearer realm=\"sealtrail\", error=\"invalid_token\""),
        Code::Forbidden => Some("Bearer realm=\"sealtrail\", error=\"insufficient_scope\""),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_code_and_its_place() {
        let at = Place { line: Some(1), column: Some(7), pointer: None };
        let error = Error::new(Code::DuplicateKey, "the key `a` is given twice").at(Some(at));
        assert_eq!(
            String::from_utf8(Problem::of(&error).to_json()).unwrap(),
            r#"{"title":"Bad Request","status":400,"code":"duplicate_key","detail":"the key `a` is given twice","at":{"line":1,"column":7}}"#
        );
    }

    #[test]
    fn a_refusal_says_what_to_send() {
        for (code, status, said) in [
            (Code::Unauthenticated, 401, "sealtrail\""),
            (Code::InvalidToken, 401, "error=\"invalid_token\""),
            (Code::Forbidden, 403, "error=\"insufficient_scope\""),
        ] {
            let response = response(&Error::new(code, "x"));
            let challenge = response.headers()["www-authenticate"].to_str().unwrap();
            assert!(challenge.starts_with("Bearer realm=") && challenge.ends_with(said));
            assert_eq!(response.status(), status);
        }
    }

    #[test]
    fn full_says_when_to_come_again() {
        let response = response(&Error::new(Code::QueueFull, "too much is under way"));
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
    }
}
