//! The first line of a request, byte by byte: `method SP target SP HTTP/1.x` (RFC 9112 §3).

use super::head::is_token;

#[derive(Debug, Default)]
pub struct RequestLine {
    part: Part,
    /// How many bytes the part has so far.
    length: usize,
    method: Beginning,
    target: Beginning,
    version: Beginning,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    #[default]
    Method,
    Target,
    Version,
    Bad,
}

/// As much of a part as tells what it is.
type Beginning = [u8; 10];

/// What the line said.
#[derive(Debug, PartialEq, Eq)]
pub enum Version {
    Http10,
    Http11,
    /// The preface of HTTP/2 (RFC 9113 §3.4), of which no answer of HTTP/1.1 would be understood.
    Http2,
}

impl RequestLine {
    pub fn see(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.part = self.after(*byte);
        }
    }

    /// Whether nothing that may follow makes it right.
    pub fn is_bad(&self) -> bool {
        self.part == Part::Bad
    }

    /// The version of a line that is well formed.
    pub fn end(&self) -> Option<Version> {
        let version = trimmed(&self.version);
        match (self.part, version) {
            (Part::Version, b"HTTP/1.1") if self.has_target() => Some(Version::Http11),
            (Part::Version, b"HTTP/1.0") if self.has_target() => Some(Version::Http10),
            (Part::Version, b"HTTP/2.0") => (trimmed(&self.method) == b"PRI"
                && trimmed(&self.target) == b"*")
                .then_some(Version::Http2),
            _ => None,
        }
    }

    /// One of the four forms of RFC 9112 §3.2, of addresses only those of http.
    fn has_target(&self) -> bool {
        let target = trimmed(&self.target);
        let is_address = ["http://", "https://"].iter().any(|scheme| {
            let rest = target.split_at_checked(scheme.len());
            rest.is_some_and(|(given, rest)| {
                given.eq_ignore_ascii_case(scheme.as_bytes())
                    && !matches!(rest, [] | [b'/' | b'?', ..])
            })
        });
        target[0] == b'/' || target == b"*" || is_address || trimmed(&self.method) == b"CONNECT"
    }

    fn after(&mut self, byte: u8) -> Part {
        let (beginning, next) = match self.part {
            Part::Method => (&mut self.method, Part::Target),
            Part::Target => (&mut self.target, Part::Version),
            Part::Version => (&mut self.version, Part::Bad),
            Part::Bad => return Part::Bad,
        };
        if byte == b' ' {
            let is_empty = std::mem::take(&mut self.length) == 0;
            return if is_empty { Part::Bad } else { next };
        }
        if let Some(room) = beginning.get_mut(self.length) {
            *room = byte;
        }
        self.length += 1;
        // Beyond ASCII is not allowed in a URI, but some send it, and it cannot be misread.
        match self.part == Part::Method && !is_token(byte) || byte < b' ' || byte == 0x7f {
            true => Part::Bad,
            false => self.part,
        }
    }
}

fn trimmed(beginning: &Beginning) -> &[u8] {
    let end = beginning.iter().position(|byte| *byte == 0);
    &beginning[..end.unwrap_or(beginning.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let read = |line: &str| {
            let mut request_line = RequestLine::default();
            request_line.see(line.as_bytes());
            request_line.end()
        };
        assert_eq!(read("GET / HTTP/1.1"), Some(Version::Http11));
        assert_eq!(read("GET /a/long/one?and=a%20query HTTP/1.1"), Some(Version::Http11));
        assert_eq!(read("GET HTTP://a HTTP/1.1"), Some(Version::Http11));
        assert_eq!(read("CONNECT a:1 HTTP/1.1"), Some(Version::Http11));
        assert_eq!(read("M-SEARCH * HTTP/1.0"), Some(Version::Http10));
        assert_eq!(read("PRI * HTTP/1.1"), Some(Version::Http11));
        assert_eq!(read("PRI * HTTP/2.0"), Some(Version::Http2));
        for bad in [
            "",
            " ",
            "GET",
            "GET /",
            "GET / ",
            "GET / HTTP/1.",
            "GET / HTTP/1.12",
            "GET / HTTP/1.1 ",
            "GET / HTTP/2.0",
            "PRX * HTTP/2.0",
            "PRII * HTTP/2.0",
            "PRI ** HTTP/2.0",
            "PRI / HTTP/2.0",
            "PRI * HTTP/2.1",
            "PRI * HTTP/2",
            "GET  / HTTP/1.1",
            "GET /  HTTP/1.1",
            " GET / HTTP/1.1",
            "GET\t/ HTTP/1.1",
            "GET /\x7f HTTP/1.1",
            "G(T / HTTP/1.1",
            "GET / http/1.1",
            "GET a/b HTTP/1.1",
            "GET a:1 HTTP/1.1",
            "GET http:/a HTTP/1.1",
            "GET https:///a HTTP/1.1",
            "GET ftp://a HTTP/1.1",
            "GET *a HTTP/1.1",
            "GET / HTTP/1.1\0",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
