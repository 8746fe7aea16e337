//! Nothing is wrong with the HTTP.

use super::Case;

/// What must not be refused by all that strictness.
pub const GOOD: &[Case] = &[
    ("a length", post!("Content-Length: {L}", "{B}"), "200 open forwarded", "200 open recorded"),
    (
        "a length with white space",
        post!("Content-Length: \t {L}  ", "{B}"),
        "200 open forwarded",
        "200 open recorded",
    ),
    ("chunks", chunks!("{X}\r\n{B}\r\n0\r\n\r\n"), "200 open forwarded", "200 open recorded"),
    (
        "chunks by another name",
        post!("transfer-encoding:CHUNKED", "{X}\r\n{B}\r\n0\r\n\r\n"),
        "200 open forwarded",
        "200 open recorded",
    ),
    (
        "chunks with extensions and zeros",
        chunks!("000{X};a=b;c=\"d\"\r\n{B}\r\n00;e\r\n\r\n"),
        "200 open forwarded",
        "200 open recorded",
    ),
    (
        "a trailer",
        chunks!("{X}\r\n{B}\r\n0\r\nX-Sum: 1\r\n\r\n"),
        "200 open forwarded",
        "200 open recorded",
    ),
    (
        "empty lines first",
        concat!("\r\n\r\n", post!("Content-Length: {L}", "{B}")),
        "200 open forwarded",
        "200 open recorded",
    ),
    (
        "a value beyond ASCII",
        post!("X: é\tö\r\nContent-Length: {L}", "{B}"),
        "200 open forwarded",
        "200 open recorded",
    ),
    (
        "an empty value",
        post!("X:\r\nContent-Length: {L}", "{B}"),
        "200 open forwarded",
        "200 open recorded",
    ),
    (
        "absolute",
        "GET http://localhost{T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "200 open forwarded",
        "405 method_not_allowed open",
    ),
];

/// Well-formed HTTP that the service may like, and the API does not.
pub const MEANT_BADLY: &[Case] = &[
    (
        "no such path",
        "GET /nowhere{T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "200 open forwarded",
        "404 not_found open",
    ),
    (
        "a path that cannot be decoded",
        "GET /v1/records/%zz?{T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "200 open forwarded",
        "404 not_found open",
    ),
    (
        "a path that leads upwards",
        "GET /tile/../keys/kek?{T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "200 open forwarded",
        "404 not_found open",
    ),
    (
        "a method that there is not",
        "BREW {T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "200 open forwarded",
        "405 method_not_allowed open",
    ),
    (
        "a body of another type",
        "POST {T} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: {L}\r\n\r\n{B}",
        "200 open forwarded",
        "415 unsupported_media_type open",
    ),
    (
        "a body without a type",
        "POST {T} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {L}\r\n\r\n{B}",
        "200 open forwarded",
        "415 unsupported_media_type open",
    ),
    (
        "a foreign host",
        "POST {T} HTTP/1.1\r\nHost: evil.example\r\nContent-Type: application/json\r\nContent-Length: {L}\r\n\r\n{B}",
        "200 open forwarded",
        "400 bad_request open",
    ),
    (
        "a foreign page",
        post!("Origin: http://evil.example\r\nContent-Length: {L}", "{B}"),
        "200 open forwarded",
        "400 bad_request open",
    ),
    ("no body", post!("Content-Length: 0", ""), "200 open forwarded", "400 malformed_json open"),
];
