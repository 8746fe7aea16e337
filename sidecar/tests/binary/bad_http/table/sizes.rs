//! Too little and too much.

use super::Case;

/// The client closes its side when it has sent this much.
pub const HALF_SENT: &[Case] = &[
    ("half a request line", "GET {T} HT", "closed", "closed"),
    ("half a head", "POST {T} HTTP/1.1\r\nHost: localhost\r\nContent-Le", "closed", "closed"),
    (
        "a head without an end",
        "POST {T} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {L}\r\n",
        "closed",
        "closed",
    ),
    (
        "a head without its body",
        post!("Content-Length: {L}", ""),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "half a body",
        post!("Content-Length: 9{L}", "{B}"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "the largest body there could be",
        post!("Content-Length: 18446744073709551615", "{B}"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    ("no chunk", chunks!(""), "400 bad_request closed cut", "400 bad_request closed"),
    (
        "half a chunk",
        chunks!("f{X}\r\n{B}"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "the largest chunk there could be",
        chunks!("ffffffffffffffff\r\n{B}"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "no last chunk",
        chunks!("{X}\r\n{B}\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "a last chunk without an end",
        chunks!("{X}\r\n{B}\r\n0\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
];

/// More is not taken in; the client waits for the answer.
pub const TOO_LARGE: &[Case] = &[
    (
        "a long target",
        "GET {T}&{70K} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "431 head_too_large closed",
        "431 head_too_large closed",
    ),
    (
        "a long method",
        "{70K} {T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "431 head_too_large closed",
        "431 head_too_large closed",
    ),
    ("a long header", get!("X: {70K}"), "431 head_too_large closed", "431 head_too_large closed"),
    ("a long name", get!("{70K}: x"), "431 head_too_large closed", "431 head_too_large closed"),
    (
        "a long line without an end",
        "GET {T} HTTP/1.1\r\nX: {70K}",
        "431 head_too_large closed",
        "431 head_too_large closed",
    ),
    ("many headers", get!("{200H}"), "431 head_too_large closed", "431 head_too_large closed"),
    (
        "a long extension of a chunk",
        chunks!("{X};{70K}\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "a long trailer",
        chunks!("{X}\r\n{B}\r\n0\r\na: {70K}\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
];
