//! Bounds the work that is under way, in bytes of bodies. Past the bound the answer is 503 with
//! `Retry-After`: the sender keeps the change, nobody loses it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::code::Code;
use crate::error::{Error, Result};

/// A semaphore counts in `u32`; kibibytes fit.
const UNIT: usize = 1 << 10;

pub struct Queue {
    room: Arc<Semaphore>,
    bytes: usize,
}

/// Room that is held until the receipts are written.
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Queue {
    pub fn new(bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS);
        Self { room: Arc::new(Semaphore::new(units)), bytes }
    }

    /// Takes room for a body of so many bytes, at once or not at all.
    pub fn enter(&self, bytes: usize) -> Result<Place> {
        let units = u32::try_from(bytes.div_ceil(UNIT).max(1)).unwrap_or(u32::MAX);
        match self.room.clone().try_acquire_many_owned(units) {
            Ok(permit) => Ok(Place { _permit: permit }),
            Err(_) => Err(Error::new(Code::QueueFull, "too much is under way; try again later")),
        }
    }

    /// How many bytes are being worked on.
    pub fn bytes_under_way(&self) -> usize {
        self.bytes.div_ceil(UNIT).saturating_sub(self.room.available_permits()) * UNIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_is_refused_and_room_comes_back() {
        let queue = Queue::new(10 * UNIT);
        let first = queue.enter(6 * UNIT).unwrap();
        assert_eq!(queue.enter(5 * UNIT).err().unwrap().code(), Code::QueueFull);
        let second = queue.enter(4 * UNIT).unwrap();
        assert_eq!(
            queue.enter(0).err().unwrap().code(),
            Code::QueueFull,
            "even an empty body counts"
        );
        drop(first);
        assert_eq!(queue.bytes_under_way(), 4 * UNIT);
        assert!(queue.enter(6 * UNIT).is_ok());
        drop(second);
    }
}
