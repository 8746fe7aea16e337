//! What becomes of sealed lines when the log has no room for them: the disk is full, or too much waits for it.
//!
//! | `when_full` | |
//! |---|---|
//! | `refuse` | 503 with `Retry-After`, at once |
//! | `block` | the sender waits, at most `block_at_most`; then 503 |
//! | `spool` | durable in the [spool](super::spool), acknowledged as `spooled`; 503 when that is full too |
//!
//! Two changes of which the second was sent after the first was acknowledged are in the log in this order. So
//! nothing goes past what is spooled: until the spool is empty, everything is spooled. Changes that are under
//! way at the same time have no order. The records of acts (reveal, shred, hold, prune) are no changes; they go
//! to the log or fail.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::oneshot;

use super::collect::ToTell;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::trail::Trail;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase", expecting = "expected `refuse`, `block` or `spool`")]
pub enum WhenFull {
    #[default]
    Refuse,
    Block,
    Spool,
}

/// Where lines are durable.
#[derive(Debug, Clone)]
pub enum Appended {
    At(Range<u64>),
    Spooled,
}

/// One attempt to append.
enum Attempt {
    Done(Result<Range<u64>>),
    /// Nothing was appended, and later it may be.
    Full(Error, ToTell),
}

/// How long to wait before the next attempt.
const AGAIN: Duration = Duration::from_millis(25);

/// An append that has begun.
pub struct Admission {
    attempt: oneshot::Receiver<Attempt>,
    /// The lines once more, where there may be another attempt.
    lines: Option<Vec<Vec<u8>>>,
}

impl Admission {
    /// Queues the lines; short.
    pub fn begin(trail: &Arc<Trail>, lines: Vec<Vec<u8>>, held: ToTell) -> Self {
        let (done, attempt) = oneshot::channel();
        let again = match trail.when_full {
            WhenFull::Refuse => None,
            WhenFull::Block | WhenFull::Spool => Some(lines.clone()),
        };
        let tries_again = again.is_some();
        if !lines.is_empty() && trail.spool.as_ref().is_some_and(|spool| !spool.is_empty()) {
            let error = Error::new(Code::LogUnavailable, "earlier records wait in the spool");
            let _ = done.send(Attempt::Full(error, held));
            return Self { attempt, lines: again };
        }
        trail.clone().try_append_then(lines, move |appended| {
            let attempt = match appended {
                Err(error) if tries_again && (error.is_full() || error.is_disk_full()) => {
                    Attempt::Full(error.into(), held)
                }
                appended => {
                    let appended = appended.map_err(Error::from);
                    // Whether the sender still waits or not: its ids have their records now.
                    held.settle(&appended.clone().map(Appended::At));
                    Attempt::Done(appended)
                }
            };
            // A receiver that is gone is a client that is gone; its records stay.
            let _ = done.send(attempt);
        });
        Self { attempt, lines: again }
    }

    /// Waits until the lines are durable somewhere.
    pub async fn durable(mut self, trail: &Arc<Trail>) -> Result<Appended> {
        let until = Instant::now() + trail.block_at_most;
        loop {
            let Self { attempt, lines } = self;
            let (error, held) = match attempt.await {
                Ok(Attempt::Done(appended)) => return appended.map(Appended::At),
                Ok(Attempt::Full(error, held)) => (error, held),
                Err(_) => return Err(panicked()),
            };
            match (lines, &trail.spool) {
                (Some(lines), Some(spool)) if trail.when_full == WhenFull::Spool => {
                    // One that is poisoned needs a restart first; nobody should wait for that unknowingly.
                    let appended = match trail.log().poisoned() {
                        Some(error) => Err(error.into()),
                        None => {
                            let _turn = spool.turn.lock().await;
                            tokio::task::block_in_place(|| spool.append(&lines))
                        }
                    };
                    let appended = appended.map(|()| Appended::Spooled);
                    held.settle(&appended);
                    return appended;
                }
                (Some(lines), _) if Instant::now() < until => {
                    // On a full disk the log looks by itself whether there is room again; so many who look too would
                    // only write.
                    loop {
                        tokio::time::sleep(AGAIN).await;
                        if trail.log().disk_full().is_none() || Instant::now() >= until {
                            break;
                        }
                    }
                    self = Self::begin(trail, lines, held);
                }
                _ => {
                    held.settle(&Err(error.clone()));
                    return Err(error);
                }
            }
        }
    }
}

/// Gives what is spooled to the log whenever it takes it.
pub async fn drain_spool(trail: Arc<Trail>) {
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if trail.spool.as_ref().is_none_or(|spool| spool.is_empty()) || trail.ready().is_err() {
            continue;
        }
        let trail = trail.clone();
        let drained = tokio::task::spawn_blocking(move || trail.drain_spool()).await;
        if let Ok(Err(error)) = drained {
            tracing::warn!(%error, "the spool cannot be drained yet");
        }
    }
}

fn panicked() -> Error {
    Error::new(Code::Internal, "the work was given up halfway; nothing is acknowledged")
}
