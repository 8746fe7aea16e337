//! The bytes of a client connection.

use std::io::{self, IoSlice};
use std::os::fd::RawFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::listener::{PatientStream, Stream};

/// How a client begins that knows beforehand that we speak HTTP/2 (RFC 9113 §3.4). No request in HTTP/1.1
/// begins so: the method `PRI` is reserved for this.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose first bytes may have been looked at.
pub struct ClientStream {
    stream: PatientStream,
    looked_at: Vec<u8>,
}

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
        Ok((Self { stream: PatientStream::new(stream, write), looked_at }, is_http2))
    }

    /// The descriptor of its socket.
    pub fn socket(&self) -> RawFd {
        self.stream.socket()
    }

    /// Whether there may be something to read, where the last read had to wait.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.looked_at.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.stream.poll_read_ready(cx)
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
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
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
