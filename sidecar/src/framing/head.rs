//! The head of a request, line by line, whatever way it is cut into reads.

use super::fault::Fault;
use super::request_line::{RequestLine, Version};

/// Longer heads are refused with 431.
pub const MAX_HEAD: usize = 64 << 10;

/// More headers are refused with 431; it is hyper's own limit.
const MAX_HEADERS: u32 = 100;

/// How much of a line is looked at: enough for the two headers that count.
const LINE: usize = 64;

pub struct Head {
    request_line: RequestLine,
    /// The beginning of the current line.
    line: [u8; LINE],
    /// How much of it there is.
    kept: usize,
    /// Whether the last byte seen is a CR.
    is_cr: bool,
    size: usize,
    /// Complete ones, the request line among them.
    lines: u32,
    lengths: u32,
    codings: u32,
    length: u64,
    fault: Option<Fault>,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            request_line: RequestLine::default(),
            line: [0; LINE],
            kept: 0,
            is_cr: false,
            size: 0,
            lines: 0,
            lengths: 0,
            codings: 0,
            length: 0,
            fault: None,
        }
    }
}

/// What follows a head.
pub enum After {
    Body(u64),
    Chunks,
    /// Frames of HTTP/2.
    Http2,
    Refused(Fault),
}

impl Head {
    /// Whether nothing of it has come.
    pub fn is_fresh(&self) -> bool {
        self.size == 0
    }

    /// Takes in bytes up to the end of the head, if that is among them; how many it took, and what follows.
    pub fn see(&mut self, bytes: &[u8]) -> (usize, Option<After>) {
        let mut taken = 0;
        while let Some(end) = memchr::memchr(b'\n', &bytes[taken..]) {
            self.see_part(&bytes[taken..taken + end]);
            self.size += 1;
            taken += end + 1;
            if let Some(after) = self.end_of_line() {
                return (taken, Some(after));
            }
        }
        self.see_part(&bytes[taken..]);
        // hyper may answer before the end comes, which may never be.
        let after = self.fault.map(After::Refused);
        (bytes.len(), after)
    }

    fn see_part(&mut self, part: &[u8]) {
        let Some((last, _)) = part.split_last() else { return };
        if self.is_cr {
            self.refuse(Fault::LineEnd);
        }
        self.is_cr = *last == b'\r';
        let part = part.strip_suffix(b"\r").unwrap_or(part);
        self.size += part.len() + usize::from(self.is_cr);
        if self.size >= MAX_HEAD {
            self.refuse(Fault::TooLarge);
        }
        if has_control_character(part) {
            self.refuse(if part.contains(&b'\r') {
                Fault::LineEnd
            } else {
                Fault::ControlCharacter
            });
        }
        if self.lines == 0 {
            self.request_line.see(part);
            if self.request_line.is_bad() {
                self.refuse(Fault::RequestLine);
            }
        }
        let room = &mut self.line[self.kept..];
        let kept = room.len().min(part.len());
        room[..kept].copy_from_slice(&part[..kept]);
        self.kept += kept;
    }

    fn end_of_line(&mut self) -> Option<After> {
        let has_cr = std::mem::take(&mut self.is_cr);
        let (line, kept) = (self.line, std::mem::take(&mut self.kept));
        let line = &line[..kept];
        if line.is_empty() && self.lines == 0 && has_cr {
            // Empty lines before the request line are skipped (RFC 9112 §2.2).
            return self.fault.map(After::Refused);
        }
        if !has_cr {
            self.refuse(Fault::LineEnd);
        }
        if line.is_empty() && self.lines > 0 {
            return Some(self.end());
        }
        if self.lines == 0 {
            match self.request_line.end() {
                Some(Version::Http2) => return Some(After::Http2),
                Some(_) => {}
                None => self.refuse(Fault::RequestLine),
            }
        } else {
            self.header(line);
        }
        self.lines += 1;
        if self.lines > MAX_HEADERS + 1 {
            self.refuse(Fault::TooLarge);
        }
        self.fault.map(After::Refused)
    }

    fn header(&mut self, line: &[u8]) {
        if line[0] == b' ' || line[0] == b'\t' {
            return self.refuse(Fault::Folded);
        }
        let name = memchr::memchr(b':', line).map_or(line, |colon| &line[..colon]);
        let has_colon = name.len() < line.len();
        // Where the line is longer than what is kept of it, hyper looks for the colon.
        if name.is_empty() || !name.iter().all(|b| is_token(*b)) || !has_colon && line.len() < LINE
        {
            return self.refuse(Fault::Header);
        }
        if !has_colon {
            return;
        }
        let value = line[name.len() + 1..].trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            self.lengths += 1;
            let digits = std::str::from_utf8(value).ok().filter(|_| line.len() < LINE);
            let digits = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
            // The largest of them stand for a body without an end in hyper.
            let length = digits.and_then(|digits| digits.parse().ok());
            match length.filter(|length| *length < u64::MAX - 2) {
                Some(length) => self.length = length,
                None => self.refuse(Fault::Length),
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.codings += 1;
            let is_old = self.request_line.end() == Some(Version::Http10);
            if is_old || line.len() == LINE || !value.eq_ignore_ascii_case(b"chunked") {
                self.refuse(Fault::Coding);
            }
        }
    }

    fn end(&mut self) -> After {
        if self.lengths + self.codings > 1 {
            self.refuse(Fault::TwoLengths);
        }
        match self.fault {
            Some(fault) => After::Refused(fault),
            None if self.codings == 1 => After::Chunks,
            None => After::Body(self.length),
        }
    }

    /// The first fault counts.
    fn refuse(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}

/// Whether there is one besides the tab; without a way out early, so that it takes many bytes at once.
fn has_control_character(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, b| found | ((*b < b' ') & (*b != b'\t')) | (*b == 0x7f))
}

/// RFC 9110 §5.6.2.
pub fn is_token(byte: u8) -> bool {
    const TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let signs = b"!#$%&'*+-.^_`|~";
        let mut byte = 0;
        while byte < 256 {
            table[byte] = (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        let mut at = 0;
        while at < signs.len() {
            table[signs[at] as usize] = true;
            at += 1;
        }
        table
    };
    TOKEN[usize::from(byte)]
}
