//! The problem in place of hyper's empty answer to a head that it refuses.

use crate::error::Error;
use crate::problem::Problem;

/// Where in these bytes, which end with it, hyper's own answer begins.
///
/// Only asked when the head that hyper reads is known to be bad: then what hyper writes last is this.
pub fn own_answer(bytes: &[u8]) -> Option<usize> {
    const LONGEST: usize = 256;
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let tail = bytes.len().saturating_sub(LONGEST);
    let at = memchr::memmem::rfind(&bytes[tail..], b"HTTP/1.1 4")?;
    let answer = &bytes[tail + at..];
    let is_whole = memchr::memmem::find(answer, b"\r\n\r\n") == Some(answer.len() - 4);
    let has = |text: &[u8]| memchr::memmem::find(answer, text).is_some();
    (is_whole && has(b"\r\ncontent-length: 0\r\n") && has(b"\r\nconnection: close\r\n"))
        .then_some(tail + at)
}

/// A whole answer with the problem, after which the connection ends.
pub fn answer(error: &Error) -> Vec<u8> {
    let status = error.code().status();
    let body = Problem::of(error).to_json();
    let date = httpdate();
    let head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\
         content-length: {}\r\ndate: {date}\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or("Error"),
        body.len()
    );
    [head.into_bytes(), body].concat()
}

/// RFC 9110 §5.6.7.
fn httpdate() -> String {
    jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYPERS: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\
                          date: Sun, 22 Nov 2026 04:39:02 GMT\r\n\r\n";

    #[test]
    fn its_own_answer_is_known_by_its_end() {
        assert_eq!(own_answer(HYPERS.as_bytes()), Some(0));
        assert_eq!(own_answer(format!("the end of a body{HYPERS}").as_bytes()), Some(17));
        for other in [
            "",
            "\r\n\r\n",
            &format!("{HYPERS}x"),
            &format!("{HYPERS}x\r\n\r\n"),
            &HYPERS.replace(": 0", ": 1"),
            &HYPERS.replace("HTTP/1.1 400", "HTTP/1.1 200"),
            &HYPERS[..HYPERS.len() - 1],
        ] {
            assert_eq!(own_answer(other.as_bytes()), None, "{other}");
        }
    }
}
