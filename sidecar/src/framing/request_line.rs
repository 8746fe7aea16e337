//! The first line of a request, whatever way it is cut into reads: `method SP target SP HTTP/1.x` (RFC 9112 §3).

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
    pub fn see(&mut self, mut bytes: &[u8]) {
        loop {
            let space = memchr::memchr(b' ', bytes);
            self.grow(&bytes[..space.unwrap_or(bytes.len())]);
            let Some(space) = space else { return };
            let is_empty = std::mem::take(&mut self.length) == 0;
            self.part = match self.part {
                Part::Method if !is_empty => Part::Target,
                Part::Target if !is_empty => Part::Version,
                _ => Part::Bad,
            };
            bytes = &bytes[space + 1..];
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

    /// More of the current part.
    fn grow(&mut self, bytes: &[u8]) {
        let beginning = match self.part {
            Part::Method => &mut self.method,
            Part::Target => &mut self.target,
            Part::Version => &mut self.version,
            Part::Bad => return,
        };
        if let Some(room) = beginning.get_mut(self.length..) {
            let kept = room.len().min(bytes.len());
            room[..kept].copy_from_slice(&bytes[..kept]);
        }
        self.length += bytes.len();
        let is_good = match self.part {
            Part::Method => bytes.iter().all(|byte| is_token(*byte)),
            // Beyond ASCII is not allowed in a URI, but some send it, and it cannot be misread.
            _ => bytes.iter().fold(true, |good, byte| good & (*byte >= b' ') & (*byte != 0x7f)),
        };
        if !is_good {
            self.part = Part::Bad;
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
