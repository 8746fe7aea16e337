//! Bodies towards a client that speaks HTTP/2.
//!
//! Flow control lets such a client take as little as it likes, and nobody would notice: a stream without a
//! window is not asked for more, and its connection is not full. So a body is read by a task of its own, which
//! gives up when the client has taken nothing for too long. The connection to the service is free then.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use tokio::sync::{mpsc, watch};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Given = Result<Frame<Bytes>, BoxError>;

/// How many requests of a connection are under way.
pub struct Streams(watch::Sender<usize>);

/// One of them, until its answer was given.
pub struct Stream(watch::Sender<usize>);

/// A body that waits for its client only so long.
pub struct Paced {
    frames: mpsc::Receiver<Given>,
    /// Whether the body was given to its end.
    is_whole: Arc<AtomicBool>,
    is_over: bool,
}

impl Streams {
    pub fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    pub fn begin(&self) -> Stream {
        self.0.send_modify(|open| *open += 1);
        Stream(self.0.clone())
    }

    /// Returns when there has been none for so long.
    pub async fn idle(&self, limit: Duration) {
        let mut open = self.0.subscribe();
        loop {
            let is_none = *open.borrow_and_update() == 0;
            match tokio::time::timeout(limit, open.changed()).await {
                Err(_) if is_none => return,
                _ => {}
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

impl Paced {
    pub fn new<B>(body: B, limit: Duration, stream: Stream) -> Self
    where
        B: Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static,
    {
        let (give, frames) = mpsc::channel(1);
        let is_over = body.is_end_stream();
        let is_whole = Arc::new(AtomicBool::new(is_over));
        if !is_over {
            tokio::spawn(pump(body, give, limit, is_whole.clone(), stream));
        }
        Self { frames, is_whole, is_over }
    }
}

async fn pump<B>(
    mut body: B,
    give: mpsc::Sender<Given>,
    limit: Duration,
    is_whole: Arc<AtomicBool>,
    _stream: Stream,
) where
    B: Body<Data = Bytes, Error = BoxError> + Send + Unpin,
{
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = give.closed() => return,
        };
        let Some(frame) = frame else { return is_whole.store(true, Ordering::Release) };
        match tokio::time::timeout(limit, give.send(frame)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                tracing::debug!("the client took nothing more within `proxy.write_timeout`");
                return;
            }
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match ready!(self.frames.poll_recv(cx)) {
            Some(frame) => Poll::Ready(Some(frame)),
            // Half an answer must never look like a whole one (RFC 9113 §8.1).
            None if !self.is_whole.load(Ordering::Acquire) && !self.is_over => {
                self.is_over = true;
                Poll::Ready(Some(Err("the answer was given up".into())))
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Full, StreamBody};

    fn endless() -> impl Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static {
        let frames = std::iter::repeat_with(|| Ok(Frame::data(Bytes::from_static(b"x"))));
        StreamBody::new(Frames(Box::new(frames)))
    }

    struct Frames(Box<dyn Iterator<Item = Given> + Send>);

    impl futures_core::Stream for Frames {
        type Item = Given;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Given>> {
            Poll::Ready(self.0.next())
        }
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_ends_the_body_with_an_error() {
        let streams = Streams::new();
        let mut body = Paced::new(endless(), Duration::from_millis(20), streams.begin());
        assert!(body.frame().await.unwrap().is_ok());
        // Only what waits is still there, and the task is gone.
        streams.idle(Duration::from_millis(1)).await;
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return;
            }
        }
        panic!("the body looks whole");
    }

    #[tokio::test]
    async fn a_whole_body_ends_well_and_a_slow_one_is_waited_for() {
        let streams = Streams::new();
        let full = Full::new(Bytes::from_static(b"all")).map_err(|never| match never {});
        let body = Paced::new(full, Duration::from_secs(60), streams.begin());
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(body.collect().await.unwrap().to_bytes(), "all");
        let empty = Full::new(Bytes::new()).map_err(|never| match never {});
        assert!(Paced::new(empty, Duration::from_secs(60), streams.begin()).is_end_stream());
        streams.idle(Duration::from_millis(1)).await;
    }
}
