//! The body of a request on its way to the service: when it last moved, and what went wrong with it.
//!
//! The time that a service may take to answer begins when it has the whole request. An upload may be
//! long; only one that stands still counts.

mod replay;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{StatusCode, header};
use hyper::Request;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;

use replay::{Beginning, Replay};

use super::client_address;
use crate::code::Code;
use crate::error::Error;
use crate::patience::Patience;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A service that knows nothing of `Expect` waits for the body, and the client waits for the service:
/// after so long the body is asked for all the same (RFC 9110 §10.1.1).
const CONTINUE: Duration = Duration::from_secs(1);

pub struct Upload {
    body: Source,
    gate: Option<Gate>,
    patience: Patience,
    progress: Progress,
}

enum Source {
    /// Of a request that is sent again: it had no body.
    Nothing,
    Once(Incoming),
    MoreThanOnce(Replay),
}

/// Makes the same upload once more, as long as that can be done.
pub struct Repeat {
    /// None where there is no body.
    beginning: Option<Beginning>,
    timeout: Duration,
    progress: Progress,
}

/// When a body last moved; shared by the body and whoever waits for the answer.
#[derive(Clone)]
pub struct Progress {
    began: Instant,
    /// None where there is no body.
    body: Option<Arc<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// Milliseconds since the request began.
    last: AtomicU64,
    fault: AtomicU8,
    is_over: AtomicBool,
    gate: AtomicU8,
}

const STALLED: u8 = 1;
const BROKEN: u8 = 2;

/// There is no gate any more, or was none.
const OPEN: u8 = 0;
/// Closed until the service says 100 (Continue).
const CLOSED: u8 = 1;
/// Closed for good: the service has answered and did not want the body.
const SHUT: u8 = 2;

/// As long as it is closed, hyper does not ask the client for the body either.
struct Gate {
    /// None when nobody is left who could say 100.
    opened: Option<oneshot::Receiver<()>>,
    patience: Patience,
}

impl Gate {
    fn is_open(&mut self, shared: &Shared, cx: &mut Context<'_>) -> bool {
        if let Some(opened) = &mut self.opened
            && Pin::new(opened).poll(cx).is_ready()
        {
            self.opened = None;
        }
        if shared.gate.load(Ordering::Acquire) == CLOSED && self.patience.is_over(cx) {
            shared.moves_gate(OPEN);
        }
        shared.gate.load(Ordering::Acquire) == OPEN
    }
}

impl Shared {
    /// Whether it was closed until now.
    fn moves_gate(&self, to: u8) -> bool {
        self.gate.compare_exchange(CLOSED, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Upload {
    pub fn new(body: Incoming, timeout: Duration, began: Instant) -> (Self, Progress) {
        let shared = (!body.is_end_stream()).then(Arc::default);
        let progress = Progress { began, body: shared };
        let patience = Patience::new(timeout);
        let body = Source::Once(body);
        (Self { body, gate: None, patience, progress: progress.clone() }, progress)
    }

    /// For the same request once more, which had no body.
    pub fn empty(progress: &Progress) -> Self {
        let patience = Patience::new(Duration::MAX);
        Self { body: Source::Nothing, gate: None, patience, progress: progress.clone() }
    }

    /// Keeps its beginning, so that it can be sent once more.
    pub fn repeat(&mut self, timeout: Duration) -> Repeat {
        let progress = self.progress.clone();
        if self.is_end_stream() {
            return Repeat { beginning: None, timeout, progress };
        }
        self.body = match std::mem::replace(&mut self.body, Source::Nothing) {
            Source::Once(body) => Source::MoreThanOnce(Replay::new(body)),
            body => body,
        };
        let beginning = match &self.body {
            Source::MoreThanOnce(replay) => Some(replay.beginning()),
            _ => None,
        };
        Repeat { beginning, timeout, progress }
    }

    /// Holds the body back until the service wants it, if that is what the client expects.
    pub fn expect_continue(request: &mut Request<Self>) {
        let expects = request.headers().get(header::EXPECT);
        if !expects.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
            return;
        }
        let Some(shared) = request.body().progress.body.clone() else { return };
        let (open, opened) = oneshot::channel();
        shared.gate.store(CLOSED, Ordering::Release);
        request.body_mut().gate =
            Some(Gate { opened: Some(opened), patience: Patience::new(CONTINUE) });
        let open = std::sync::Mutex::new(Some(open));
        hyper::ext::on_informational(request, move |interim| {
            if interim.status() == StatusCode::CONTINUE
                && let Some(open) = open.lock().ok().and_then(|mut open| open.take())
            {
                shared.moves_gate(OPEN);
                let _ = open.send(());
            }
        });
    }
}

impl Repeat {
    pub fn upload(&self) -> Option<Upload> {
        let Some(beginning) = &self.beginning else { return Some(Upload::empty(&self.progress)) };
        let body = Source::MoreThanOnce(beginning.replay()?);
        let patience = Patience::new(self.timeout);
        Some(Upload { body, gate: None, patience, progress: self.progress.clone() })
    }
}

impl Progress {
    pub fn began(&self) -> Instant {
        self.began
    }

    /// When something moved last.
    pub fn moved(&self) -> Instant {
        let last = self.body.as_ref().map_or(0, |body| body.last.load(Ordering::Relaxed));
        self.began + Duration::from_millis(last)
    }

    /// Whether all of the body was read.
    pub fn is_over(&self) -> bool {
        self.body.as_ref().is_none_or(|body| body.is_over.load(Ordering::Relaxed))
    }

    /// The service has answered: whether the body is still held back. From now on it stays so, for it is not wanted.
    pub fn keep_held_back(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body.moves_gate(SHUT))
    }

    /// How long nothing has moved.
    pub fn idle(&self) -> Duration {
        self.moved().elapsed()
    }

    /// What the client did wrong with the body.
    pub fn fault(&self) -> Option<Error> {
        match self.body.as_ref()?.fault.load(Ordering::Relaxed) {
            STALLED => {
                let message = "nothing of the body came within `proxy.body_timeout`";
                Some(Error::new(Code::RequestTimeout, message))
            }
            BROKEN => {
                let message =
                    "the body of the request ended too early, or its chunks are malformed";
                Some(Error::new(Code::BadRequest, message))
            }
            _ => None,
        }
    }

    fn note(&self, is_over: bool) {
        let Some(body) = &self.body else { return };
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        body.last.store(now, Ordering::Relaxed);
        body.is_over.store(is_over, Ordering::Relaxed);
    }

    fn failed(&self, fault: u8) {
        if let Some(body) = &self.body {
            body.fault.store(fault, Ordering::Relaxed);
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let (Some(gate), Some(shared)) = (&mut this.gate, &this.progress.body) {
            if !gate.is_open(shared, cx) {
                return Poll::Pending;
            }
            this.gate = None;
        }
        match this.body.poll_frame(cx) {
            Poll::Pending if this.patience.is_over(cx) => {
                this.progress.failed(STALLED);
                Poll::Ready(Some(Err("the client stalled".into())))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Err(error))) => {
                this.progress.failed(BROKEN);
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(frame) => {
                this.patience.moved();
                this.progress.note(frame.is_none() || this.body.is_end_stream());
                Poll::Ready(frame.map(|frame| frame.map(without_hearsay).map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Source::Nothing => SizeHint::with_exact(0),
            Source::Once(body) => body.size_hint(),
            Source::MoreThanOnce(replay) => replay.size_hint(),
        }
    }
}

impl Source {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        match self {
            Self::Nothing => Poll::Ready(None),
            Self::Once(body) => Pin::new(body).poll_frame(cx),
            Self::MoreThanOnce(replay) => replay.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Once(body) => body.is_end_stream(),
            Self::MoreThanOnce(replay) => replay.is_end_stream(),
        }
    }
}

/// Trailers say nothing of where a request came from, or what it is: a service that merges them with its headers would
/// take it for ours.
fn without_hearsay(mut frame: Frame<Bytes>) -> Frame<Bytes> {
    if let Some(trailers) = frame.trailers_mut() {
        client_address::drop_from_trailers(trailers);
    }
    frame
}
