//! The problem in place of hyper's empty answer to a head that it refuses.

use super::fault::Fault;
use crate::error::Error;
use crate::problem::Problem;

/// hyper's own answer, at the end of what it writes.
#[derive(Debug, PartialEq, Eq)]
pub struct OwnAnswer {
    /// Where it begins.
    pub at: usize,
    /// What it says, where nobody knows better.
    pub fault: Fault,
}

impl OwnAnswer {
    /// It has three headers. No service of ours says so little: a refusal has a problem, and what comes from behind the
    /// proxy a correlation id.
    pub fn find(bytes: &[u8]) -> Option<Self> {
        const LONGEST: usize = 256;
        let head = bytes.strip_suffix(b"\r\n\r\n")?;
        let tail = head.len().saturating_sub(LONGEST);
        let at = tail + memchr::memmem::rfind(&head[tail..], b"HTTP/1.1 4")?;
        let mut lines = std::str::from_utf8(&head[at..]).ok()?.split("\r\n");
        let fault = match lines.next()?.split(' ').nth(1)? {
            "414" | "431" => Fault::TooLarge,
            _ => Fault::Unreadable,
        };
        let (mut length, mut connection, mut date) = (false, false, false);
        for line in lines {
            match line.split_once(": ")? {
                ("content-length", "0") if !length => length = true,
                ("connection", "close") if !connection => connection = true,
                ("date", _) if !date => date = true,
                _ => return None,
            }
        }
        (length && connection && date).then_some(Self { at, fault })
    }
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
    fn its_own_answer_is_known_by_its_headers() {
        let found = |text: &str| OwnAnswer::find(text.as_bytes());
        let unreadable = |at| Some(OwnAnswer { at, fault: Fault::Unreadable });
        assert_eq!(found(HYPERS), unreadable(0));
        assert_eq!(found(&format!("the end of a body{HYPERS}")), unreadable(17));
        let too_large = HYPERS.replace("400 Bad Request", "431 Request Header Fields Too Large");
        assert_eq!(found(&too_large).unwrap().fault, Fault::TooLarge);
        for other in [
            "",
            "\r\n\r\n",
            &format!("{HYPERS}x"),
            &format!("{HYPERS}x\r\n\r\n"),
            &HYPERS.replace(": 0", ": 1"),
            &HYPERS.replace("HTTP/1.1 400", "HTTP/1.1 200"),
            &HYPERS.replace("date: Sun", "x-correlation-id: 1\r\ndate: Sun"),
            &HYPERS.replace("connection: close\r\n", ""),
            &HYPERS[..HYPERS.len() - 1],
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
