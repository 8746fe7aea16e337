//! What is done, and told of when nobody holds a key of a single record of theirs any more.

use std::time::Instant;

use crate::trail::Trail;

/// An erasure that is whole and durable, whose answer waits for the leases of its keys.
///
/// To wait takes no thread: shreddings that wait for minutes must not keep from work what shares the threads with them.
#[must_use]
pub struct Awaiting<T> {
    done: T,
    until: Option<Instant>,
    /// Notes for how many milliseconds there may still be leases.
    note: fn(&mut T, u64),
}

impl<T> Awaiting<T> {
    pub(super) fn until(until: Option<Instant>, done: T) -> Self {
        Self { done, until, note: |_, _| {} }
    }

    pub(super) fn noted(self, note: fn(&mut T, u64)) -> Self {
        Self { note, ..self }
    }

    /// Gives the answer when the last lease is over, or the server is being stopped. Dropped meanwhile, only the answer is
    /// lost.
    pub async fn ended(self, trail: &Trail) -> T {
        if let Some(until) = self.until {
            tell(until);
            let over = tokio::time::sleep_until(until.into());
            tokio::select! {
                () = over => {}
                () = trail.draining() => {}
            }
        }
        self.answer()
    }

    /// The same on the command line, where nobody else is served.
    pub fn ended_blocking(self) -> T {
        if let Some(until) = self.until {
            tell(until);
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
        }
        self.answer()
    }

    fn answer(self) -> T {
        let Self { mut done, until, note } = self;
        note(&mut done, until.map_or(0, milliseconds_until));
        done
    }
}

fn tell(until: Instant) {
    let seconds = milliseconds_until(until) / 1000;
    tracing::info!(seconds, "waiting for leases of keys that are destroyed");
}

fn milliseconds_until(until: Instant) -> u64 {
    let left = until.saturating_duration_since(Instant::now());
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
}
