//! Finds requests whose length can be read in two ways (RFC 9112 §6.1), the root of request smuggling.
//!
//! hyper resolves `Content-Length` beside `Transfer-Encoding` silently, in favour of the latter. That
//! is allowed, but then the connection must be closed, and a sender of both is an attacker or broken:
//! we refuse. hyper does not tell, so [`Watched`] looks at the bytes as they pass and remembers the
//! number of the first request that has more than one statement of its length. What the watch itself
//! cannot follow counts as ambiguous.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The verdict about one connection, shared by the stream and the service on it.
#[derive(Clone)]
pub struct Verdict(Arc<AtomicU64>);

impl Verdict {
    /// Whether the n-th request of the connection (from 0) must be refused.
    pub fn refuses(&self, n: u64) -> bool {
        self.0.load(Ordering::Acquire) == n
    }
}

/// A stream whose incoming bytes are watched.
pub struct Watched<S> {
    stream: S,
    watch: Watch,
}

impl<S> Watched<S> {
    pub fn new(stream: S) -> (Self, Verdict) {
        let verdict = Verdict(Arc::new(AtomicU64::new(u64::MAX)));
        let watch = Watch { state: State::default(), requests: 0, verdict: verdict.clone() };
        (Self { stream, watch }, verdict)
    }
}

struct Watch {
    state: State,
    /// How many heads are complete.
    requests: u64,
    verdict: Verdict,
}

enum State {
    Head(Head),
    /// So many bytes of a body of known length are still to come.
    Body(u64),
    /// In the line that begins a chunk: its size so far, and whether the digits are over.
    ChunkSize {
        size: u64,
        over: bool,
    },
    /// So many bytes of a chunk and its line end are still to come.
    Chunk(u64),
    /// After the last chunk; whether the current line is empty so far.
    Trailers {
        empty: bool,
    },
    /// Refused or not understood; the connection ends with the request in question.
    Over,
}

#[derive(Default)]
struct Head {
    /// The beginning of the current line, as much of it as matters.
    line: Vec<u8>,
    lines: u32,
    lengths: u32,
    codings: u32,
    length: u64,
    unreadable: bool,
}

impl Default for State {
    fn default() -> Self {
        State::Head(Head::default())
    }
}

/// Enough of a header line for `Content-Length: <20 digits>` with some white space.
const LINE: usize = 64;

impl Watch {
    fn see(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match &mut self.state {
                State::Over => return,
                State::Head(_) => self.see_head(bytes),
                State::Body(left) | State::Chunk(left) => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = match self.state {
                            State::Chunk(_) => State::ChunkSize { size: 0, over: false },
                            _ => State::default(),
                        };
                    }
                    &bytes[taken..]
                }
                State::ChunkSize { .. } => self.see_chunk_size(bytes),
                State::Trailers { empty } => {
                    match bytes[0] {
                        b'\n' if *empty => self.state = State::default(),
                        b'\n' => *empty = true,
                        b'\r' => {}
                        _ => *empty = false,
                    }
                    &bytes[1..]
                }
            };
        }
    }

    fn see_head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let State::Head(head) = &mut self.state else { return bytes };
        let end = memchr::memchr(b'\n', bytes);
        let part = &bytes[..end.unwrap_or(bytes.len())];
        let room = LINE.saturating_sub(head.line.len());
        head.line.extend_from_slice(&part[..part.len().min(room)]);
        let Some(end) = end else { return &[] };
        if head.end_of_line() {
            self.end_of_head();
        }
        &bytes[end + 1..]
    }

    fn end_of_head(&mut self) {
        let State::Head(head) = &self.state else { return };
        let number = self.requests;
        self.requests += 1;
        self.state = if head.unreadable || head.lengths + head.codings > 1 {
            self.verdict.0.store(number, Ordering::Release);
            State::Over
        } else if head.codings == 1 {
            State::ChunkSize { size: 0, over: false }
        } else if head.length > 0 {
            State::Body(head.length)
        } else {
            State::default()
        };
    }

    fn see_chunk_size<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let State::ChunkSize { size, over } = &mut self.state else { return bytes };
        let byte = bytes[0];
        match (byte as char).to_digit(16) {
            _ if byte == b'\n' => {
                self.state = match *size {
                    0 => State::Trailers { empty: true },
                    // The line end after the data belongs to the chunk.
                    size => State::Chunk(size.saturating_add(2)),
                };
            }
            Some(digit) if !*over => match size.checked_mul(16) {
                Some(larger) => *size = larger + u64::from(digit),
                None => self.state = State::Over,
            },
            _ => *over = true,
        }
        &bytes[1..]
    }
}

impl Head {
    /// Takes in the line that has just ended; whether the head ended with it.
    fn end_of_line(&mut self) -> bool {
        let line = std::mem::take(&mut self.line);
        let whole = line.len() < LINE;
        let text = line.strip_suffix(b"\r").unwrap_or(&line);
        if text.is_empty() {
            // Empty lines before the request line are skipped (RFC 9112 §2.2).
            return self.lines > 0;
        }
        self.lines = self.lines.saturating_add(1);
        let Some(colon) = memchr::memchr(b':', text).filter(|_| self.lines > 1) else {
            return false;
        };
        let (name, value) = (text[..colon].trim_ascii(), text[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            self.lengths += 1;
            let digits = std::str::from_utf8(value).ok().filter(|_| whole);
            match digits.and_then(|digits| digits.parse().ok()) {
                Some(length) => self.length = length,
                None => self.unreadable = true,
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.codings += 1;
        }
        false
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.watch.see(&buf.filled()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of the first refused request, whatever way the bytes are cut into reads.
    fn refused(text: &str) -> Option<u64> {
        let verdict_of = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let (mut watched, verdict) = Watched::new(());
            pieces.for_each(|piece| watched.watch.see(piece));
            Some(verdict.0.load(Ordering::Acquire)).filter(|n| *n != u64::MAX)
        };
        let whole = verdict_of(&mut std::iter::once(text.as_bytes()));
        for size in [1, 2, 3, 7] {
            assert_eq!(verdict_of(&mut text.as_bytes().chunks(size)), whole, "cut by {size}");
        }
        whole
    }

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn both_lengths_in_either_order_and_any_case() {
        for head in [
            "Content-Length: 3\r\nTransfer-Encoding: chunked",
            "transfer-encoding: chunked\r\ncONTENT-lENGTH: 3",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Content-Length: 3\r\nContent-Length: 3",
            "Content-Length : 3\r\nTransfer-Encoding: chunked",
            "Content-Length: 3, 3",
            "Content-Length: -3",
            "Content-Length: 99999999999999999999999",
        ] {
            assert_eq!(
                refused(&format!("POST / HTTP/1.1\r\n{head}\r\n\r\nabc")),
                Some(0),
                "{head}"
            );
        }
        let spaces = " ".repeat(100);
        let hidden = format!("POST / HTTP/1.1\r\nContent-Length:{spaces}3\r\n\r\nabc");
        assert_eq!(refused(&hidden), Some(0), "what cannot be followed is refused");
    }

    #[test]
    fn bodies_are_not_heads() {
        let fake = "X / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let length = fake.len();
        assert_eq!(
            refused(&format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{fake}{GET}")),
            None
        );
        let chunked = format!(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{length:X};ext=1\r\n{fake}\r\n0\r\n\
             Content-Length: 3\r\n\r\n"
        );
        assert_eq!(refused(&chunked), None);
        assert_eq!(
            refused(&format!("{chunked}{GET}\r\n{GET}{fake}")),
            Some(3),
            "counted through bodies"
        );
    }

    #[test]
    fn ordinary_traffic_passes() {
        let post =
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX: content-length: 9\r\n\r\nhello";
        assert_eq!(refused(&format!("{GET}{post}{GET}")), None);
        assert_eq!(refused("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), None);
    }
}
