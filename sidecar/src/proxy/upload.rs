//! The body of a request on its way to the service, and when it last moved.
//!
//! The time that a service may take to answer begins when it has the whole request. An upload may be
//! long; only one that stands still counts.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::{Body, Frame, Incoming, SizeHint};

pub struct Upload {
    body: Incoming,
    progress: Progress,
}

/// When a body last moved; shared by the body and whoever waits for the answer.
#[derive(Clone)]
pub struct Progress {
    start: Instant,
    /// Milliseconds since the start.
    last: Arc<AtomicU64>,
    cut: Arc<AtomicBool>,
}

impl Upload {
    pub fn new(body: Incoming) -> (Self, Progress) {
        let progress =
            Progress { start: Instant::now(), last: Arc::default(), cut: Arc::default() };
        (Self { body, progress: progress.clone() }, progress)
    }
}

impl Progress {
    /// How long nothing has moved.
    pub fn idle(&self) -> Duration {
        self.start
            .elapsed()
            .saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }

    /// Whether the body ended before it was complete, or could not be read.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    fn note(&self) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }
}

impl Body for Upload {
    type Data = <Incoming as Body>::Data;
    type Error = <Incoming as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(Some(Err(_)))) {
            self.progress.cut.store(true, Ordering::Relaxed);
        }
        if polled.is_ready() {
            self.progress.note();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
