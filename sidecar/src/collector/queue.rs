//! Bounds the work that is under way, twice.
//!
//! In bytes of bodies: past the bound the answer is 503 with `Retry-After`; the sender keeps the change,
//! nobody loses it. Room is taken as bytes arrive, so that a sender who sends nothing holds nothing.
//!
//! In changes that are being prepared at a time, by as many turns as there are cores. Waiting for a turn
//! costs no thread and no guest.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::code::Code;
use crate::error::{Error, Result};

/// A semaphore counts in `u32`; kibibytes fit.
const UNIT: usize = 1 << 10;

pub struct Queue {
    room: Arc<Semaphore>,
    bytes: usize,
    turns: Semaphore,
}

/// Room that is held until the receipts are written.
pub struct Place {
    room: Arc<Semaphore>,
    permit: OwnedSemaphorePermit,
    bytes: usize,
}

impl Queue {
    pub fn new(bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS);
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { room: Arc::new(Semaphore::new(units)), bytes, turns: Semaphore::new(cores) }
    }

    /// Takes the room that every body has, even an empty one.
    pub fn enter(&self) -> Result<Place> {
        let permit = take(&self.room, 1)?;
        Ok(Place { room: self.room.clone(), permit, bytes: 0 })
    }

    /// Waits until it is this body's turn to be prepared; in the order of asking.
    pub async fn turn(&self) -> SemaphorePermit<'_> {
        self.turns.acquire().await.expect("never closed")
    }

    /// How many bytes are being worked on.
    pub fn bytes_under_way(&self) -> usize {
        self.bytes.div_ceil(UNIT).saturating_sub(self.room.available_permits()) * UNIT
    }
}

impl Place {
    /// Takes room for so many bytes more, at once or not at all.
    pub fn grow(&mut self, bytes: usize) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        let more = self.bytes.div_ceil(UNIT).saturating_sub(self.permit.num_permits());
        if more > 0 {
            self.permit.merge(take(&self.room, more)?);
        }
        Ok(())
    }
}

fn take(room: &Arc<Semaphore>, units: usize) -> Result<OwnedSemaphorePermit> {
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    room.clone().try_acquire_many_owned(units).map_err(|_| {
        Error::new(Code::QueueFull, "too much is under way (`limits.queue`); try again later")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::task::Poll;

    #[test]
    fn full_is_refused_and_room_comes_back() {
        let queue = Queue::new(10 * UNIT);
        let mut first = queue.enter().unwrap();
        first.grow(6 * UNIT - 1).unwrap();
        first.grow(1).unwrap();
        let mut second = queue.enter().unwrap();
        assert_eq!(second.grow(5 * UNIT).unwrap_err().code(), Code::QueueFull);
        drop(second);
        let mut second = queue.enter().unwrap();
        second.grow(4 * UNIT).unwrap();
        assert_eq!(
            queue.enter().err().unwrap().code(),
            Code::QueueFull,
            "even an empty body counts"
        );
        drop(first);
        assert_eq!(queue.bytes_under_way(), 4 * UNIT);
        assert!(queue.enter().unwrap().grow(6 * UNIT).is_ok());
    }

    #[tokio::test]
    async fn no_more_turns_at_a_time_than_cores() {
        let queue = Queue::new(10 * UNIT);
        let cores = std::thread::available_parallelism().unwrap().get();
        let mut turns = vec![];
        for _ in 0..cores {
            turns.push(queue.turn().await);
        }
        let mut next = std::pin::pin!(queue.turn());
        let waits = std::future::poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx).is_pending()));
        assert!(waits.await);
        turns.pop();
        drop(next.await);
    }

    #[test]
    fn who_sends_nothing_holds_nothing() {
        let queue = Queue::new(10 * UNIT);
        let waiting: Vec<Place> = (0..9).map(|_| queue.enter().unwrap()).collect();
        assert!(queue.enter().unwrap().grow(UNIT).is_ok());
        drop(waiting);
    }
}
