//! Bodies in chunks.

use super::Case;

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
