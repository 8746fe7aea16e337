//! The body of an answer on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::failure::Failure;
use super::link::Lease;
use super::upload::Progress;
use crate::code::Code;
use crate::error::Error;
use crate::patience::Patience;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What goes wrong with it cuts the connection of the client: half an answer never looks like a whole one
/// (RFC 9112 §8, RFC 9113 §8.1).
pub struct Download {
    /// None at its very end.
    body: Option<Incoming>,
    patience: Patience,
    /// The connection that it comes from, given back with the last of it.
    lease: Option<Lease>,
    /// The request, which may still be on its way.
    upload: Progress,
    failure: Failure,
}

impl Download {
    pub fn new(
        body: Incoming,
        timeout: Duration,
        lease: Option<Lease>,
        upload: Progress,
        failure: Failure,
    ) -> Self {
        Self { body: Some(body), patience: Patience::new(timeout), lease, upload, failure }
    }

    /// The answer has begun, so that this is all that can be said to anybody but the client, who sees it cut.
    fn fail(&self, code: Code, message: &str) {
        // A connection to the service on which a request breaks off takes the answer with it.
        if let Some(fault) = self.upload.fault() {
            return self.failure.tell_of_client(&fault);
        }
        self.failure.tell(&Error::new(code, message), None);
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let frame = match &mut this.lease {
            Some(lease) => lease.poll_frame(body, cx),
            None => Pin::new(body).poll_frame(cx),
        };
        match frame {
            Poll::Pending if this.patience.is_over(cx) => {
                let message = "the service sent nothing more within `proxy.stream_timeout`";
                this.fail(Code::UpstreamTimeout, message);
                Poll::Ready(Some(Err("the service stalled".into())))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Err(error))) => {
                let message = "the answer of the service broke off, or its chunks are malformed";
                this.fail(Code::UpstreamUnreachable, message);
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(frame) => {
                this.patience.moved();
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        if let (Some(body), Some(lease)) = (self.body.take(), &self.lease) {
            lease.drop_body(body);
        }
    }
}
