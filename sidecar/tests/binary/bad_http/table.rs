//! What is sent, and what must come of it.
//!
//! `{T}` is the target of the case, `{B}` a change that would be recorded, `{L}` its length and `{X}` that
//! in hexadecimal, `{70K}` so many bytes, `{200H}` so many headers.
//!
//! What comes of it is the status of each answer, each with the code of its problem; then whether the
//! connection is `closed` or `open` for more (`gone` is closed, whatever is said before it); then what went on: `forwarded` as many whole requests as
//! were answered with 200, `cut` for one that may have begun to arrive at the service and never became
//! whole, `recorded` for what is in the log. Where nothing of that is said, nothing arrived.

/// The name of a case, its bytes, what comes of it at the proxy, and at the API.
pub type Case = (&'static str, &'static str, &'static str, &'static str);

macro_rules! get {
    ($($header:expr),*) => {
        concat!("GET {T} HTTP/1.1\r\nHost: localhost\r\n", $($header, "\r\n",)* "\r\n")
    };
}

macro_rules! post {
    ($headers:expr, $body:expr) => {
        concat!(
            "POST {T} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n",
            $headers,
            "\r\n\r\n",
            $body
        )
    };
}

macro_rules! chunks {
    ($body:expr) => {
        post!("Transfer-Encoding: chunked", $body)
    };
}

pub const REQUEST_LINES: &[Case] = &[
    ("no HTTP at all", "hello\r\n\r\n", "400 bad_request closed", "400 bad_request closed"),
    ("HTTP/0.9", "GET {T}\r\n\r\n", "400 bad_request closed", "400 bad_request closed"),
    (
        "no target",
        "GET HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "two spaces",
        "GET  {T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a space at the end of the line",
        "GET {T} HTTP/1.1 \r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a tab for a space",
        "GET\t{T}\tHTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a space in the target",
        "GET {T}&a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a NUL in the target",
        "GET {T}&\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a control character in the target",
        "GET {T}&\x07 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "DEL in the target",
        "GET {T}&\x7f HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a bare CR in the target",
        "GET {T}&\r HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "not ASCII in the target",
        "GET {T}&é HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "200 open forwarded",
        "405 method_not_allowed open",
    ),
    (
        "no method",
        " {T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a method that is no token",
        "GE(T {T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "version 2.0",
        "GET {T} HTTP/2.0\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "version 1.2",
        "GET {T} HTTP/1.2\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "version 1.10",
        "GET {T} HTTP/1.10\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "version in small letters",
        "GET {T} http/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "another protocol",
        "GET {T} RTSP/1.0\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "the line ends with a bare LF",
        "GET {T} HTTP/1.1\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "the line ends with a bare CR",
        "GET {T} HTTP/1.1\rHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "an empty line with a bare CR first",
        "\rGET {T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "TLS without TLS",
        "\x16\x03\x01\x02\0\x01\0\x01\x7c\x03\x03\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "HTTP/2 that is not",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nno frame of the protocol at all, but long enough\r\n\r\n",
        "gone",
        "gone",
    ),
    ("HTTP/2 half said", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "gone", "gone"),
];

pub const TARGETS: &[Case] = &[
    (
        "CONNECT",
        "CONNECT localhost:25 HTTP/1.1\r\nHost: localhost:25\r\n\r\n",
        "405 method_not_allowed closed",
        "404 not_found open",
    ),
    (
        "CONNECT with a path",
        "CONNECT {T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "405 method_not_allowed closed",
        "405 method_not_allowed open",
    ),
    (
        "TRACE",
        "TRACE {T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "405 method_not_allowed closed",
        "405 method_not_allowed open",
    ),
    (
        "an asterisk for GET",
        "GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "404 not_found open",
    ),
    (
        "an authority for GET",
        "GET localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a target without a slash",
        "GET v1/changes HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "absolute, of another host than Host",
        "GET http://other.example{T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "200 open forwarded",
        "400 bad_request open",
    ),
    (
        "absolute, with a user",
        "GET http://user@localhost{T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request open",
    ),
    (
        "absolute, of another scheme",
        "GET ftp://localhost{T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "absolute, without a host",
        "GET http://{T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    ("no Host", "GET {T} HTTP/1.1\r\n\r\n", "400 bad_request closed", "400 bad_request open"),
    ("two Hosts", get!("Host: localhost"), "400 bad_request closed", "400 bad_request open"),
    (
        "two different Hosts",
        get!("Host: other.example"),
        "400 bad_request closed",
        "400 bad_request open",
    ),
    (
        "an empty Host",
        "GET {T} HTTP/1.1\r\nHost:\r\n\r\n",
        "200 open forwarded",
        "400 bad_request open",
    ),
    (
        "a Host that is a list",
        "GET {T} HTTP/1.1\r\nHost: localhost, other.example\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request open",
    ),
    (
        "a Host with a path",
        "GET {T} HTTP/1.1\r\nHost: localhost/admin\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request open",
    ),
    (
        "a Host with a user",
        "GET {T} HTTP/1.1\r\nHost: user@localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request open",
    ),
    (
        "a Host with a wrong port",
        "GET {T} HTTP/1.1\r\nHost: localhost:99999\r\n\r\n",
        "200 open forwarded",
        "405 method_not_allowed open",
    ),
];

pub const HEADERS: &[Case] = &[
    ("a NUL in a value", get!("X: a\0b"), "400 bad_request closed", "400 bad_request closed"),
    ("a NUL in a name", get!("X\0Y: a"), "400 bad_request closed", "400 bad_request closed"),
    ("a bare CR in a value", get!("X: a\rb"), "400 bad_request closed", "400 bad_request closed"),
    (
        "a bare CR that hides a header",
        get!("X: a\rContent-Length: 5"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a bare LF at the end of a header",
        get!("X: a\nY: b"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a bare LF at the end of the head",
        "GET {T} HTTP/1.1\r\nHost: localhost\r\n\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a control character in a value",
        get!("X: a\x01b"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    ("DEL in a value", get!("X: a\x7fb"), "400 bad_request closed", "400 bad_request closed"),
    ("obs-fold", get!("X: a\r\n b"), "400 bad_request closed", "400 bad_request closed"),
    (
        "obs-fold of the first header",
        "GET {T} HTTP/1.1\r\n Host: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "obs-fold that hides a coding",
        post!("X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: {L}", "{B}"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    ("a space before the colon", get!("X : a"), "400 bad_request closed", "400 bad_request closed"),
    ("a space within a name", get!("X Y: a"), "400 bad_request closed", "400 bad_request closed"),
    ("no colon", get!("X"), "400 bad_request closed", "400 bad_request closed"),
    ("no name", get!(": a"), "400 bad_request closed", "400 bad_request closed"),
    (
        "a name that is no token",
        get!("X(Y): a"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    ("a name that is not ASCII", get!("Xé: a"), "400 bad_request closed", "400 bad_request closed"),
];

pub const LENGTHS: &[Case] = &[
    (
        "a length and a coding",
        post!("Content-Length: {L}\r\nTransfer-Encoding: chunked", "{X}\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a coding and a length",
        post!("Transfer-Encoding: chunked\r\nContent-Length: 3", "{X}\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a length twice",
        post!("Content-Length: {L}\r\nContent-Length: {L}", "{B}"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "two lengths",
        post!("Content-Length: {L}\r\nContent-Length: 3", "{B}"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a list of lengths",
        post!("Content-Length: {L}, {L}", "{B}"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a negative length",
        post!("Content-Length: -5", "{B}"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a length with a sign",
        post!("Content-Length: +{L}", "{B}"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a length in hexadecimal",
        post!("Content-Length: 0x{X}", "{B}"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a length with a point",
        post!("Content-Length: {L}.0", "{B}"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a length of two words",
        post!("Content-Length: {L} 5", "{B}"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "no digits",
        post!("Content-Length:", "{B}"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a length beyond 64 bits",
        post!("Content-Length: 99999999999999999999", "{B}"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a length behind a form feed",
        post!("Content-Length: \x0c{L}", "{B}"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "codings that do not end in chunked",
        post!("Transfer-Encoding: chunked, identity", "{X}\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "the coding identity",
        post!("Transfer-Encoding: identity", "{B}"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "an unknown coding",
        post!("Transfer-Encoding: xchunked", "{X}\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a coding that would be lost",
        post!("Transfer-Encoding: gzip, chunked", "{X}\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "chunked twice",
        post!("Transfer-Encoding: chunked, chunked", "{X}\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "chunked on two lines",
        post!(
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "{X}\r\n{B}\r\n0\r\n\r\n"
        ),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "chunked with a parameter",
        post!("Transfer-Encoding: chunked;q=1", "{X}\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "chunked in quotes",
        post!("Transfer-Encoding: \"chunked\"", "{X}\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "chunked behind a vertical tab",
        post!("Transfer-Encoding: \x0bchunked", "{X}\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "an empty coding",
        post!("Transfer-Encoding:", "{X}\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed",
        "400 bad_request closed",
    ),
    (
        "a coding in HTTP/1.0",
        "POST {T} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{X}\r\n{B}\r\n0\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request closed",
    ),
];

pub const CHUNKS: &[Case] = &[
    (
        "a size that is no number",
        chunks!("g\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "a negative size",
        chunks!("-5\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "a size with a sign",
        chunks!("+{X}\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "a size with 0x",
        chunks!("0x{X}\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "no size",
        chunks!("\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "only an extension",
        chunks!(";a=b\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "a size beyond 64 bits",
        chunks!("fffffffffffffffff\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "a size line with a bare LF",
        chunks!("{X}\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "a size line with a bare CR",
        chunks!("{X}\r{B}\r\n0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "an extension with a bare LF",
        chunks!("{X};a\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "a size with white space within",
        chunks!("{X} 0\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "a chunk longer than it says",
        chunks!("5\r\n{B}\r\n0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "a chunk without a line end",
        chunks!("{X}\r\n{B}0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "a chunk that ends with a bare LF",
        chunks!("{X}\r\n{B}\n0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "a trailer without a colon",
        chunks!("{X}\r\n{B}\r\n0\r\nabc\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
    (
        "a trailer with a NUL",
        chunks!("{X}\r\n{B}\r\n0\r\na: \0\r\n\r\n"),
        "400 bad_request closed cut",
        "400 bad_request closed",
    ),
];

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
