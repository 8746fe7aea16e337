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

mod chunks;
mod headers;
mod lengths;
mod pipelined;
mod request_lines;
mod sizes;
mod targets;
mod well_formed;

pub use chunks::CHUNKS;
pub use headers::HEADERS;
pub use lengths::LENGTHS;
pub use pipelined::PIPELINED;
pub use request_lines::REQUEST_LINES;
pub use sizes::{HALF_SENT, TOO_LARGE};
pub use targets::TARGETS;
pub use well_formed::{GOOD, MEANT_BADLY};
