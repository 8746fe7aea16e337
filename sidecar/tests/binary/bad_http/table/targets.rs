//! Targets and hosts.

use super::Case;

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
        "absolute, with a port that is no number",
        "GET http://localhost:x{T} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "400 bad_request closed",
        "400 bad_request open",
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
        "a Host with a port that is no number",
        "GET {T} HTTP/1.1\r\nHost: localhost:x\r\n\r\n",
        "400 bad_request closed",
        "405 method_not_allowed open",
    ),
    (
        "a Host with a wrong port",
        "GET {T} HTTP/1.1\r\nHost: localhost:99999\r\n\r\n",
        "200 open forwarded",
        "405 method_not_allowed open",
    ),
];
