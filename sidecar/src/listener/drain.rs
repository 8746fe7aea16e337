use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Poll, Waker};

use tokio::sync::watch;

/// Tells every connection to finish what it is doing and take nothing new.
#[derive(Clone)]
pub struct Drain(watch::Receiver<Phase>);

/// What [`Drain`] listens to.
pub struct StartDrain(watch::Sender<Phase>);

#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Phase {
    Open,
    Draining,
    Over,
}

pub fn drain() -> (StartDrain, Drain) {
    let (sender, receiver) = watch::channel(Phase::Open);
    (StartDrain(sender), Drain(receiver))
}

impl StartDrain {
    pub fn start(&self) {
        self.0.send_replace(Phase::Draining);
    }

    /// What is still open is closed now.
    pub fn end(&self) {
        self.0.send_replace(Phase::Over);
    }
}

impl Drain {
    pub async fn started(&mut self) {
        self.reached(Phase::Draining).await;
    }

    pub async fn ended(&mut self) {
        self.reached(Phase::Over).await;
    }

    /// Runs something to its end, or until the drain starts; None then.
    ///
    /// It may be polled often. To look whether the drain has started takes a lock that all connections share, so that
    /// is done only where there is something to see.
    pub async fn unless_started<F: Future>(
        &mut self,
        mut running: Pin<&mut F>,
    ) -> Option<F::Output> {
        let signal = self.0.clone();
        let mut started = pin!(self.started());
        let mut waiting: Option<Waker> = None;
        poll_fn(|cx| {
            if let Poll::Ready(done) = running.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            let is_told = waiting.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
            if is_told && !signal.has_changed().unwrap_or(true) {
                return Poll::Pending;
            }
            waiting = Some(cx.waker().clone());
            started.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    async fn reached(&mut self, phase: Phase) {
        // An error means that the sender is gone, and then there is nothing to wait for either.
        let _ = self.0.wait_for(|now| *now >= phase).await;
    }
}
