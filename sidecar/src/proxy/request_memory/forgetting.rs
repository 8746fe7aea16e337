//! Forgets requests whose time is over while nobody sends another one.
//!
//! Every request that is kept or asked for forgets older ones. When the last one has come nobody would, and who it was
//! and from where would stay in memory until the next morning. So one task waits for the time of the oldest.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::{Kept, RequestMemory};
use crate::wiped_memory;

/// So many at a time; then requests that come in have their turn.
const AT_A_TIME: usize = 1024;

/// Requests that are too old are forgotten together, so much later at most.
const TOGETHER: Duration = Duration::from_secs(1);

/// Room for fewer is not worth giving back.
const ROOM: usize = 1024;

impl RequestMemory {
    /// Never ends.
    pub async fn forget_in_time(&self) {
        loop {
            let (wait, has_shrunk) = self.forget(Instant::now());
            if has_shrunk {
                wiped_memory::give_back();
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Forgets what is too old now, and gives back the room that it took; how long until there may be more of it, and
    /// whether there was room to give back.
    fn forget(&self, now: Instant) -> (Duration, bool) {
        loop {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            for _ in 0..AT_A_TIME {
                match kept.requests.front() {
                    Some(first) if first.is_over(now, self.keep) => kept.forget_first(),
                    Some(first) => {
                        let left = self.keep.saturating_sub(now.duration_since(first.kept_at));
                        return (left.saturating_add(TOGETHER), kept.shrink());
                    }
                    // One that comes now has all its time before it.
                    None => return (self.keep.saturating_add(TOGETHER), kept.shrink()),
                }
            }
        }
    }
}

impl Kept {
    /// Keeps twice the room that is needed.
    fn shrink(&mut self) -> bool {
        let needed = (2 * self.requests.len()).max(ROOM);
        if self.requests.capacity() <= 2 * needed {
            return false;
        }
        self.requests.shrink_to(needed);
        self.by_correlation.shrink_to(needed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MINUTE, memory, request};
    use std::net::IpAddr;

    use super::super::SeenRequest;
    use super::*;

    #[test]
    fn forgets_while_nobody_asks() {
        let memory = memory(5 * MINUTE, 10_000);
        let start = Instant::now();
        for i in 0..3000 {
            memory.keep(start, request(&format!("{i}"), "/", Some("alice")));
        }
        memory.keep(start + MINUTE, request("b", "/", None));
        assert_eq!(memory.forget(start + 5 * MINUTE), (TOGETHER, false), "they are not too old");
        assert_eq!(memory.len(), 3001);
        let later = start + 5 * MINUTE + TOGETHER;
        assert_eq!(memory.forget(later), (MINUTE, true), "until the last one is");
        assert_eq!(memory.len(), 1);
        assert_eq!(memory.forget(start + 7 * MINUTE), (5 * MINUTE + TOGETHER, false));
        assert_eq!(memory.len(), 0);
    }

    #[test]
    fn no_address_stays_in_a_place_of_the_queue() {
        let memory = memory(MINUTE, 10);
        let start = Instant::now();
        let ip = IpAddr::from([203, 0, 113, 7]);
        memory.keep(start, SeenRequest { ip, ..request("a", "/", None) });
        let place = &raw const memory.kept.lock().unwrap().requests.front().unwrap().ip;
        // SAFETY: the queue keeps its room, and an address can be read as long as its bytes are there.
        let found = || unsafe { place.read() };
        assert_eq!(found(), ip);
        assert!(!memory.forget(start + 2 * MINUTE).1, "it has kept its room");
        assert_ne!(found(), ip);
    }

    #[test]
    fn gives_the_room_back_and_keeps_what_is_kept() {
        let memory = memory(5 * MINUTE, 100_000);
        let start = Instant::now();
        for i in 0..50_000 {
            memory.keep(start, request(&format!("{i}"), "/", None));
        }
        let last = memory.keep(start + MINUTE, request("b", "/b", None));
        let room = || {
            let kept = memory.kept.lock().unwrap();
            [kept.requests.capacity(), kept.by_correlation.capacity()]
        };
        assert!(room().iter().all(|room| *room >= 50_000), "{:?}", room());
        assert!(memory.forget(start + 6 * MINUTE).1);
        assert!(room().iter().all(|room| *room < 4 * ROOM), "{:?}", room());
        assert_eq!(memory.recall_at(start + 6 * MINUTE, last).unwrap().path, "/b");
        assert_eq!(memory.recall_only_at(start + 6 * MINUTE, "b").unwrap().path, "/b");
    }
}
