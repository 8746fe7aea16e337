//! The bytes of a client connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::patience::Patience;
use crate::listener::Stream;

/// How a client begins that knows beforehand that we speak HTTP/2 (RFC 9113 §3.4). No request in HTTP/1.1
/// begins so: the method `PRI` is reserved for this.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose first bytes may have been looked at, and that ends when the client takes nothing
/// for too long.
pub struct ClientStream {
    stream: Stream,
    looked_at: Vec<u8>,
    writing: Patience,
    closing: Closing,
}

/// A connection that is closed while the client still sends would be reset, and the reset may take the
/// answer with it that says why. So the rest is read and thrown away for a moment (RFC 9112 §9.6).
struct Closing {
    /// Not in a tunnel: there one side may close, and the other still speak.
    lingers: Arc<AtomicBool>,
    is_shut: bool,
    /// Bytes that are still thrown away.
    left: usize,
    patience: Patience,
}

/// How long, and how many bytes of, what nobody reads is waited for.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1 << 20;

impl ClientStream {
    /// Reads as much as it takes to see whether the client speaks HTTP/2.
    pub async fn recognise(mut stream: Stream, write: Duration) -> io::Result<(Self, bool)> {
        let mut is_http2 = stream.agreed_on_http2();
        let mut looked_at = Vec::new();
        while !is_http2 && PREFACE.starts_with(&looked_at) {
            let mut rest = [0; PREFACE.len()];
            let rest = &mut rest[looked_at.len()..];
            let read = stream.read(rest).await?;
            looked_at.extend_from_slice(&rest[..read]);
            is_http2 = looked_at == PREFACE;
            if read == 0 {
                break;
            }
        }
        let closing = Closing {
            lingers: Arc::new(AtomicBool::new(true)),
            is_shut: false,
            left: LINGER_BYTES,
            patience: Patience::new(LINGER),
        };
        Ok((Self { stream, looked_at, writing: Patience::new(write), closing }, is_http2))
    }

    /// To be set to false when the connection becomes a tunnel.
    pub fn lingers(&self) -> Arc<AtomicBool> {
        self.closing.lingers.clone()
    }

    fn wrote<T>(
        &mut self,
        cx: &mut Context<'_>,
        wrote: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.writing.moved();
            return wrote;
        }
        if self.writing.is_over(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.looked_at.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let taken = self.looked_at.len().min(buf.remaining());
        buf.put_slice(&self.looked_at[..taken]);
        self.looked_at.drain(..taken);
        if self.looked_at.is_empty() {
            self.looked_at = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.wrote(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, closing, .. } = &mut *self;
        if !closing.is_shut {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
            closing.is_shut = true;
        }
        while closing.left > 0 && closing.lingers.load(Ordering::Relaxed) {
            let mut unread = [0; 4096];
            let mut unread = ReadBuf::new(&mut unread);
            match Pin::new(&mut *stream).poll_read(cx, &mut unread) {
                Poll::Ready(Ok(())) if !unread.filled().is_empty() => {
                    closing.left = closing.left.saturating_sub(unread.filled().len());
                }
                Poll::Ready(_) => break,
                Poll::Pending if closing.patience.is_over(cx) => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}
