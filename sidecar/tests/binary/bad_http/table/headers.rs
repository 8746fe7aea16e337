//! Lines of a head after the first.

use super::Case;

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
