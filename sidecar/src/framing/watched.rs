use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::refusal::{self, OwnAnswer};
use super::watch::{Verdict, Watch};
use crate::patience::Patience;

/// A peer that was refused may still be sending, and a socket that is closed with bytes unread resets the
/// connection, so that the answer is lost on the way. So much more is read, and for so long.
const LINGER_BYTES: usize = 1 << 20;
const LINGER: Duration = Duration::from_secs(1);

/// A stream whose incoming bytes are watched.
pub struct Watched<S> {
    stream: S,
    watch: Watch,
    /// Whether the last read had to wait.
    is_waiting: bool,
    /// Whether something was written and not yet flushed.
    is_writing: bool,
    /// How long a client may take from the end of an answer to the end of the next head.
    head: Option<Patience>,
    refusal: Option<Refusal>,
    has_refused: bool,
    linger: Option<Linger>,
}

/// An answer of ours on its way, and for how many bytes of hyper's it stands.
struct Refusal {
    answer: Vec<u8>,
    written: usize,
    instead_of: usize,
}

struct Linger {
    until: Pin<Box<Sleep>>,
    left: usize,
}

impl<S> Watched<S> {
    pub fn new(stream: S) -> (Self, Verdict) {
        let watch = Watch::default();
        let verdict = watch.verdict();
        let watched = Self {
            stream,
            watch,
            is_waiting: false,
            is_writing: false,
            head: None,
            refusal: None,
            has_refused: false,
            linger: None,
        };
        (watched, verdict)
    }

    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Nothing came: whether that has been so for longer than a head may take.
    pub fn is_head_late(&mut self, cx: &mut Context<'_>) -> bool {
        let Self { watch, head, .. } = self;
        head.as_mut().is_some_and(|head| watch.is_at_head() && head.is_over(cx))
    }

    fn begin_write(&mut self) {
        self.is_writing = true;
        self.watch.tell_written();
        self.tell_idle();
    }

    fn tell_idle(&self) {
        self.watch.tell_idle(self.is_waiting && !self.is_writing);
    }

    /// For a server that reads only what it waits for, so that a stream on which nothing comes waits for a head,
    /// or for a body, but never for an answer. hyper has a limit of its own, with a new timer for every head.
    #[must_use]
    pub fn with_limit_of_heads(mut self, limit: Duration) -> Self {
        self.head = Some(Patience::new(limit));
        self
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        self.is_waiting = Pin::new(&mut self.stream).poll_read(cx, buf)?.is_pending();
        if self.is_waiting {
            self.tell_idle();
            if self.is_head_late(cx) {
                tracing::debug!("no head within the limit");
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            return Poll::Pending;
        }
        let Self { watch, head, .. } = &mut *self;
        let heads = watch.heads();
        watch.see(&buf.filled()[before..]);
        if let Some(head) = head.as_mut().filter(|_| watch.heads() > heads) {
            head.moved();
        }
        self.tell_idle();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.begin_write();
        if !self.watch.may_be_refused() {
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        }
        self.poll_write_refused(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.begin_write();
        if !self.watch.may_be_refused() {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        }
        let buf = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        self.poll_write_refused(cx, buf)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.is_writing &= flushed.is_pending();
        self.tell_idle();
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            if !self.watch.expects_more() && !self.has_refused {
                return Poll::Ready(Ok(()));
            }
            let until = Box::pin(tokio::time::sleep(LINGER));
            self.linger = Some(Linger { until, left: LINGER_BYTES });
        }
        ready!(self.poll_linger(cx));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Watched<S> {
    fn poll_write_refused(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            if let Some(refusal) = &mut self.refusal {
                let rest = &refusal.answer[refusal.written..];
                if rest.is_empty() {
                    let instead_of = refusal.instead_of;
                    self.refusal = None;
                    return Poll::Ready(Ok(instead_of));
                }
                match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    written => refusal.written += written,
                }
                continue;
            }
            match OwnAnswer::find(buf) {
                Some(OwnAnswer { at: 0, fault }) => {
                    let fault = self.watch.fault().unwrap_or(fault);
                    let error = fault.error();
                    self.watch.tell_refused(error.code().status());
                    let answer = refusal::answer(&error);
                    self.refusal = Some(Refusal { answer, written: 0, instead_of: buf.len() });
                    self.has_refused = true;
                }
                own => {
                    // First what stands before it, an earlier answer.
                    let before = &buf[..own.map_or(buf.len(), |own| own.at)];
                    return Pin::new(&mut self.stream).poll_write(cx, before);
                }
            }
        }
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(linger) = &mut self.linger else { return Poll::Ready(()) };
        let mut room = [0; 4096];
        while linger.left > 0 && linger.until.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut room);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {
                    linger.left = linger.left.saturating_sub(buf.filled().len());
                }
                _ => break,
            }
        }
        Poll::Ready(())
    }
}
