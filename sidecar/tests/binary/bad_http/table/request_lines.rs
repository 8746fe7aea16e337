//! First lines.

use super::Case;

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
        "a character that no target has",
        "GET {T}<a> HTTP/1.1\r\nHost: localhost\r\n\r\n",
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
