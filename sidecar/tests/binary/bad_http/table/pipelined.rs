//! More than one request.

use super::Case;

/// One request after another on a connection, without waiting.
pub const PIPELINED: &[Case] = &[
    (
        "two requests",
        concat!(get!(), get!()),
        "200 200 open forwarded",
        "405 method_not_allowed 405 method_not_allowed open",
    ),
    (
        "garbage behind a request",
        concat!(get!(), "garbage\r\n\r\n"),
        "200 400 bad_request closed forwarded",
        "405 method_not_allowed 400 bad_request closed",
    ),
    (
        "a target behind a request that nobody can read",
        concat!(get!(), "GET {T}<a> HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        "200 400 bad_request closed forwarded",
        "405 method_not_allowed 400 bad_request closed",
    ),
    (
        "garbage behind a body",
        post!("Content-Length: {L}", "{B}garbage\r\n\r\n"),
        "200 400 bad_request closed forwarded",
        "200 400 bad_request closed recorded",
    ),
    (
        "garbage behind the last chunk",
        chunks!("{X}\r\n{B}\r\n0\r\n\r\ngarbage\r\n\r\n"),
        "200 400 bad_request closed forwarded",
        "200 400 bad_request closed recorded",
    ),
    (
        "a smaller length than the body",
        post!("Content-Length: 5", "{B}\r\n\r\n"),
        "200 400 bad_request closed forwarded",
        "400 malformed_json 400 bad_request closed",
    ),
    (
        "two lengths in the second",
        concat!(get!(), post!("Content-Length: 3\r\nContent-Length: {L}", "{B}")),
        "200 400 bad_request closed forwarded",
        "405 method_not_allowed 400 bad_request closed",
    ),
    (
        "a request behind one with two lengths",
        concat!(post!("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG"), get!()),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a request that looks like a body",
        concat!(post!("Content-Length: 0", ""), get!()),
        "200 200 open forwarded",
        "400 malformed_json 405 method_not_allowed open",
    ),
];
