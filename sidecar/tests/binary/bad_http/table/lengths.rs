//! How long a body is, said badly.

use super::Case;

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
