//! Follows the requests of a connection by their bytes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use http::StatusCode;

use super::fault::Fault;
use super::head::{After, Head};

/// Is told of requests that are refused without being asked to serve them, because they cannot be read.
pub trait Refused: Send + Sync {
    fn refused(&self, status: StatusCode);
}

/// The verdict about one connection, shared by the stream and the service on it.
#[derive(Clone, Default)]
pub struct Verdict(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Which head, from 0, and what is wrong with it.
    refused: OnceLock<(u64, Fault)>,
    taken: AtomicU64,
    /// From here on the bytes are another protocol's.
    is_tunnel: AtomicBool,
    is_idle: AtomicBool,
    /// Whether something was written since somebody asked.
    has_written: AtomicBool,
    told: OnceLock<Arc<dyn Refused>>,
}

impl Verdict {
    /// Who is told from now on.
    pub fn tell(&self, told: Arc<dyn Refused>) {
        let _ = self.0.told.set(told);
    }

    /// To be asked once by every request of the connection, in their order: what is wrong with this one.
    pub fn of_next(&self) -> Option<Fault> {
        let number = self.0.taken.fetch_add(1, Ordering::Relaxed);
        self.0.refused.get().filter(|(n, _)| *n == number).map(|(_, fault)| *fault)
    }

    /// Whether all that came was taken, all that was written is on its way, and whoever serves waits for more.
    pub fn is_idle(&self) -> bool {
        self.0.is_idle.load(Ordering::Relaxed)
    }

    /// Whether something was written since this was asked last.
    pub fn has_written(&self) -> bool {
        self.0.has_written.swap(false, Ordering::Relaxed)
    }

    /// The connection has changed to another protocol: nothing of it is watched any more.
    pub fn begin_tunnel(&self) {
        self.0.is_tunnel.store(true, Ordering::Release);
    }
}

#[derive(Default)]
pub struct Watch {
    state: State,
    heads: u64,
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
    /// Refused, not understood, or not HTTP/1.1.
    Over,
}

impl Default for State {
    fn default() -> Self {
        State::Head(Head::default())
    }
}

impl Watch {
    pub fn verdict(&self) -> Verdict {
        self.verdict.clone()
    }

    pub fn fault(&self) -> Option<Fault> {
        self.verdict.0.refused.get().filter(|_| !self.is_tunnel()).map(|(_, fault)| *fault)
    }

    /// Whether there is a head, or a part of one, that nobody has taken yet: hyper may refuse it.
    pub fn may_be_refused(&self) -> bool {
        !self.is_tunnel() && (self.fault().is_some() || !self.is_all_taken())
    }

    /// Whether all heads that came were taken, and nothing of another has come.
    fn is_all_taken(&self) -> bool {
        let has_begun = matches!(&self.state, State::Head(head) if !head.is_fresh());
        !has_begun && self.verdict.0.taken.load(Ordering::Relaxed) == self.heads
    }

    /// A head was refused that nobody was asked about.
    pub fn tell_refused(&self, status: StatusCode) {
        if let Some(told) = self.verdict.0.told.get() {
            told.refused(status);
        }
    }

    /// Whether the peer is not done with what it sends, as far as that can be known.
    pub fn expects_more(&self) -> bool {
        !self.is_tunnel() && !matches!(self.state, State::Head(_))
    }

    /// Whether the next byte belongs to the head of a request.
    pub fn is_at_head(&self) -> bool {
        matches!(self.state, State::Head(_)) && !self.is_tunnel()
    }

    /// Notes whether nothing is under way, for all that the stream knows.
    pub fn tell_idle(&self, is_idle: bool) {
        let is_idle = is_idle && self.is_at_head() && self.is_all_taken();
        self.verdict.0.is_idle.store(is_idle, Ordering::Relaxed);
    }

    pub fn tell_written(&self) {
        self.verdict.0.has_written.store(true, Ordering::Relaxed);
    }

    /// How many heads are complete.
    pub fn heads(&self) -> u64 {
        self.heads
    }

    fn is_tunnel(&self) -> bool {
        self.verdict.0.is_tunnel.load(Ordering::Acquire)
    }

    pub fn see(&mut self, mut bytes: &[u8]) {
        if self.is_tunnel() {
            return;
        }
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
        let (taken, after) = head.see(bytes);
        let Some(after) = after else { return &[] };
        let number = self.heads;
        self.heads += 1;
        self.state = match after {
            After::Body(0) => State::default(),
            After::Body(length) => State::Body(length),
            After::Chunks => State::ChunkSize { size: 0, over: false },
            After::Http2 => State::Over,
            After::Refused(fault) => {
                let _ = self.verdict.0.refused.set((number, fault));
                State::Over
            }
        };
        &bytes[taken..]
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of the first refused request, whatever way the bytes are cut into reads.
    fn judged(text: &str) -> Option<(u64, Fault)> {
        let verdict_of = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let mut watch = Watch::default();
            pieces.for_each(|piece| watch.see(piece));
            watch.verdict.0.refused.get().copied()
        };
        let whole = verdict_of(&mut std::iter::once(text.as_bytes()));
        for size in [1, 2, 3, 7] {
            let cut = verdict_of(&mut text.as_bytes().chunks(size));
            assert_eq!(cut.map(|(n, _)| n), whole.map(|(n, _)| n), "cut by {size}");
        }
        whole
    }

    fn refused(text: &str) -> Option<u64> {
        judged(text).map(|(number, _)| number)
    }

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn a_tunnel_is_not_watched() {
        let mut watch = Watch::default();
        watch.see(GET.as_bytes());
        let verdict = watch.verdict();
        assert!(verdict.of_next().is_none());
        watch.see(b"\x81\x05early");
        verdict.begin_tunnel();
        watch.see(b"\x81\x05\0\r\rGET / HTTP/9\n\n");
        assert!(watch.fault().is_none() && !watch.expects_more());
    }

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
