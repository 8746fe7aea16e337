//! One connection in HTTP/1.1 to the service.
//!
//! hyper makes two halves of it: a handle that takes requests, and a future that reads and writes, for a task of its
//! own. Here whoever uses the connection polls that future too: then no other task has to be woken for a request, and
//! none for its answer.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::{TrySendError, http1};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use super::upload::{Progress, Upload};
use crate::framing::MAX_HEAD;
use crate::listener::Stream;
use crate::patience::{Alarm, after};

pub struct ServiceConnection {
    sender: http1::SendRequest<Upload>,
    /// None where a task of its own has it, and when it is over.
    driver: Option<Driver>,
    alarm: Alarm,
}

struct Driver {
    connection: Box<http1::Connection<TokioIo<Stream>, Upload>>,
    signal: Arc<Signal>,
    waker: Waker,
}

/// Tells whether there is something to do on a connection, and passes it on to whoever drives it now.
///
/// A task that uses the connection is woken for other things too, and need not look at it then. And what it does to
/// the connection itself it need not be woken for.
struct Signal {
    is_due: AtomicBool,
    is_ours: AtomicBool,
    task: Mutex<Waker>,
}

/// Of a body.
pub type Part = Option<hyper::Result<Frame<Bytes>>>;

/// What a request came to.
pub type Answer = Result<Response<Incoming>, TrySendError<Request<Upload>>>;

impl ServiceConnection {
    pub async fn handshake(stream: Stream) -> hyper::Result<Self> {
        let mut http1 = http1::Builder::new();
        http1.max_buf_size(MAX_HEAD);
        let (sender, connection) = http1.handshake(TokioIo::new(stream)).await?;
        let signal = Arc::new(Signal {
            is_due: true.into(),
            is_ours: false.into(),
            task: Mutex::new(Waker::noop().clone()),
        });
        let waker = signal.clone().into();
        let driver = Driver { connection: Box::new(connection), signal, waker };
        Ok(Self { sender, driver: Some(driver), alarm: Alarm::default() })
    }

    /// Gives it a task of its own for the rest of its life. That must be where it may change to another protocol,
    /// and where the request goes on while its answer is read.
    pub fn run_alone(&mut self) {
        if let Some(driver) = self.driver.take() {
            tokio::spawn((*driver.connection).with_upgrades());
        }
    }

    /// Reads and writes what there is to read and to write; false where a task of its own does.
    pub fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(driver) = &mut self.driver else { return false };
        if driver.poll(cx).is_ready() {
            self.driver = None;
        }
        true
    }

    /// Whether it can take a request: the last answer was read to its end, and nothing came after it.
    pub fn is_ready(&self) -> bool {
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Sends a request and waits for the head of the answer as long as the request moves, and then for the
    /// limit; None when that is over.
    pub async fn answer(
        &mut self,
        request: Request<Upload>,
        progress: &Progress,
        limit: Duration,
    ) -> Option<Answer> {
        after_the_others().await;
        let mut sending = pin!(self.try_send(request));
        poll_fn(|cx| {
            let answer = match self.drive(cx) {
                true => sending.as_mut().poll(&mut nobody()),
                false => sending.as_mut().poll(cx),
            };
            if let Poll::Ready(answer) = answer {
                return Poll::Ready(Some(answer));
            }
            let until = after(progress.moved(), limit);
            if self.alarm.has_rung(until, cx) { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
    }

    fn try_send(&mut self, request: Request<Upload>) -> impl Future<Output = Answer> + use<> {
        let Self { sender, driver, .. } = self;
        let Some(driver) = driver else { return sender.try_send_request(request) };
        let sending = driver.quietly(|| sender.try_send_request(request));
        driver.signal.is_due.store(true, Ordering::Relaxed);
        sending
    }

    /// What comes next of the body of its answer.
    pub fn poll_frame(&mut self, body: &mut Incoming, cx: &mut Context<'_>) -> Poll<Part> {
        // Twice, because the first time that a body is asked for more, the connection has not yet read it.
        for _ in 0..2 {
            self.drive(cx);
            let Some(driver) = &self.driver else { break };
            let frame = driver.quietly(|| Pin::new(&mut *body).poll_frame(&mut nobody()));
            if frame.is_ready() || !driver.is_due() {
                return frame;
            }
        }
        if self.driver.is_some() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(body).poll_frame(cx)
    }

    /// Lets go of the body of its answer, whatever is left of that.
    pub fn drop_body(&self, body: Incoming) {
        match &self.driver {
            Some(driver) => driver.quietly(|| drop(body)),
            None => drop(body),
        }
    }

    /// While nobody uses it: whether the service has not closed it.
    pub fn is_alive(&mut self, cx: &mut Context<'_>) -> bool {
        self.drive(cx);
        self.is_ready()
    }

    /// The same, until then.
    pub fn is_kept(&mut self, until: Instant, cx: &mut Context<'_>) -> bool {
        self.is_alive(cx) && !self.alarm.has_rung(until, cx)
    }
}

/// Lets those go first who can go on now. What they read and send then comes together, and the service is woken once for
/// many requests: to wake it for each costs more than all else that is done for one here.
async fn after_the_others() {
    let mut has_waited = false;
    poll_fn(|cx| {
        if has_waited {
            return Poll::Ready(());
        }
        has_waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Whoever has just driven a connection sees what came of it, and need not be woken for that.
fn nobody() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

impl Driver {
    /// Does something to the connection. The task that uses it is not woken for that, because it drives it next.
    fn quietly<T>(&self, act: impl FnOnce() -> T) -> T {
        self.signal.is_ours.store(true, Ordering::Relaxed);
        let done = act();
        self.signal.is_ours.store(false, Ordering::Relaxed);
        done
    }

    fn is_due(&self) -> bool {
        self.signal.is_due.load(Ordering::Relaxed)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.signal.goes_to(cx.waker());
        if !self.signal.is_due.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let polled = Pin::new(self.connection.as_mut()).poll(&mut Context::from_waker(&self.waker));
        polled.map(drop)
    }
}

impl Signal {
    fn goes_to(&self, waker: &Waker) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !task.will_wake(waker) {
            let before = std::mem::replace(&mut *task, waker.clone());
            // Dropped after the lock.
            drop(task);
            drop(before);
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_due.store(true, Ordering::Release);
        if !self.is_ours.load(Ordering::Relaxed) {
            self.task.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
        }
    }
}
