//! Answers that wait for their clients, bounded for all of them together.
//!
//! A client may take its time with an answer, and there may be many of them: what is made for one is held in memory until
//! it is taken. Past the bound a question is answered with 503, and who asked asks again.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::Answer;
use crate::code::Code;
use crate::error::{Error, Result};

/// A semaphore counts in `u32`; kibibytes fit.
const UNIT: usize = 1 << 10;

/// The kernel takes them at once from whoever sends them.
const SMALL: usize = 32 << 10;

pub struct Untaken {
    room: Arc<Semaphore>,
    units: usize,
}

/// Room that is held until this is dropped.
pub struct Room {
    _units: OwnedSemaphorePermit,
}

impl Untaken {
    pub fn new(bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self { room: Arc::new(Semaphore::new(units)), units }
    }

    /// Room for so many bytes, at once or not at all; one answer may have all there is.
    pub fn room(&self, bytes: usize) -> Result<Room> {
        let units = u32::try_from(bytes.div_ceil(UNIT).min(self.units)).unwrap_or(u32::MAX);
        let permit = self.room.clone().try_acquire_many_owned(units).map_err(|_| {
            let message =
                "too many answers wait for who asked for them (`limits.answers`); ask again later";
            Error::new(Code::QueueFull, message)
        })?;
        Ok(Room { _units: permit })
    }

    /// The same answer; what it takes is held until its last byte is.
    pub fn hold(&self, answer: Answer) -> Result<Answer> {
        let (head, mut body) = answer.into_parts();
        // All of it is there.
        let frame = Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
        let bytes = match frame {
            Poll::Ready(Some(Ok(frame))) => Frame::into_data(frame).unwrap_or_default(),
            _ => Bytes::new(),
        };
        let bytes = match bytes.len() {
            ..=SMALL => bytes,
            length => self.room(length)?.around(bytes),
        };
        Ok(Answer::from_parts(head, Full::new(bytes)))
    }
}

impl Room {
    /// The same bytes, which hold it until the last of them is gone.
    pub fn around(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Held { bytes, _room: self })
    }
}

struct Held {
    bytes: Bytes,
    _room: Room,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::with_type;

    fn answer(length: usize) -> Answer {
        with_type("text/plain", vec![b'a'; length])
    }

    fn bytes(answer: Answer) -> Bytes {
        let mut body = answer.into_body();
        match Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_waits_is_bounded_and_room_comes_back_with_the_last_byte() {
        let untaken = Untaken::new(100 * UNIT);
        let first = untaken.hold(answer(60 * UNIT)).unwrap();
        assert_eq!(first.headers()["content-type"], "text/plain");
        let refused = untaken.hold(answer(40 * UNIT + 1)).unwrap_err();
        assert_eq!(refused.code(), Code::QueueFull);
        let second = untaken.hold(answer(40 * UNIT)).unwrap();
        let first = bytes(first);
        assert_eq!(first, vec![b'a'; 60 * UNIT]);
        let rest = first.slice(50 * UNIT..);
        drop((first, second));
        assert!(untaken.hold(answer(41 * UNIT)).is_err(), "the end of the first still waits");
        drop(rest);
        assert!(untaken.hold(answer(100 * UNIT)).is_ok());
    }

    #[test]
    fn small_ones_are_not_counted_and_one_may_be_larger_than_all_room() {
        let untaken = Untaken::new(100 * UNIT);
        let large = untaken.hold(answer(1000 * UNIT)).unwrap();
        assert!(untaken.room(1).is_err());
        assert_eq!(bytes(untaken.hold(answer(SMALL)).unwrap()).len(), SMALL);
        assert_eq!(untaken.hold(answer(0)).unwrap().into_body().size_hint().exact(), Some(0));
        drop(large);
        assert!(untaken.room(100 * UNIT).is_ok());
    }
}
