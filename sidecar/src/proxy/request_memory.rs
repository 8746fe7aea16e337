//! What the proxy saw of a request, kept for a while under its correlation id, so that a change that
//! names nothing but the id can be joined with who, where and when.
//!
//! Bounded twice, in time and in number; the oldest go first.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::identity::Actor;
use crate::clock::Moment;

/// One request as the proxy saw it.
#[derive(Debug, Clone)]
pub struct SeenRequest {
    pub at: Moment,
    pub method: String,
    /// Without the query: queries carry personal data and secrets.
    pub path: String,
    pub ip: IpAddr,
    pub user_agent: Option<String>,
    pub actor: Option<Actor>,
}

/// The memory itself; shared by all connections.
pub struct RequestMemory {
    keep: Duration,
    at_most: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_id: HashMap<Arc<str>, Entry>,
    /// In the order in which they were kept. An id that was kept again stands here twice; only the
    /// entry with the number of its last time is its own.
    order: VecDeque<(Instant, u64, Arc<str>)>,
    next: u64,
}

struct Entry {
    number: u64,
    request: Arc<SeenRequest>,
}

impl RequestMemory {
    pub fn new(keep: Duration, at_most: usize) -> Self {
        Self { keep, at_most, kept: Mutex::default() }
    }

    /// Keeps a request. The same id again replaces what was there, unless that would put a mere claim
    /// in the place of a verified actor: else a stranger who learns an id could take its author away.
    pub fn keep(&self, correlation_id: &str, request: SeenRequest) {
        self.keep_at(Instant::now(), correlation_id, request);
    }

    pub fn recall(&self, correlation_id: &str) -> Option<Arc<SeenRequest>> {
        self.recall_at(Instant::now(), correlation_id)
    }

    pub fn len(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).by_id.len()
    }

    fn keep_at(&self, now: Instant, id: &str, request: SeenRequest) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_older(now, self.keep);
        let is_verified = |r: &SeenRequest| r.actor.as_ref().is_some_and(|actor| actor.verified);
        if let Some(known) = kept.by_id.get(id)
            && is_verified(&known.request)
            && !is_verified(&request)
        {
            return;
        }
        let number = kept.next;
        kept.next += 1;
        let id: Arc<str> = id.into();
        kept.order.push_back((now, number, id.clone()));
        kept.by_id.insert(id, Entry { number, request: Arc::new(request) });
        while kept.order.len() > self.at_most {
            kept.forget_first();
        }
    }

    fn recall_at(&self, now: Instant, id: &str) -> Option<Arc<SeenRequest>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_older(now, self.keep);
        kept.by_id.get(id).map(|entry| entry.request.clone())
    }
}

impl Kept {
    fn forget_older(&mut self, now: Instant, keep: Duration) {
        while let Some((at, ..)) = self.order.front()
            && now.duration_since(*at) > keep
        {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let Some((_, number, id)) = self.order.pop_front() else { return };
        if self.by_id.get(&id).is_some_and(|entry| entry.number == number) {
            self.by_id.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, verified: Option<bool>) -> SeenRequest {
        SeenRequest {
            at: Moment::now(),
            method: "GET".into(),
            path: path.into(),
            ip: IpAddr::from([127, 0, 0, 1]),
            user_agent: None,
            actor: verified.map(|verified| Actor {
                id: "u".into(),
                email: None,
                name: None,
                account_id: None,
                tenant: None,
                verified,
            }),
        }
    }

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn forgets_by_age() {
        let memory = RequestMemory::new(5 * MINUTE, 10);
        let start = Instant::now();
        memory.keep_at(start, "a", request("/1", None));
        memory.keep_at(start + 4 * MINUTE, "b", request("/2", None));
        assert_eq!(memory.recall_at(start + 5 * MINUTE, "a").unwrap().path, "/1");
        assert!(memory.recall_at(start + 6 * MINUTE, "a").is_none());
        assert_eq!(memory.recall_at(start + 6 * MINUTE, "b").unwrap().path, "/2");
    }

    #[test]
    fn forgets_by_number_and_counts_an_id_once() {
        let memory = RequestMemory::new(MINUTE, 2);
        let now = Instant::now();
        for (id, path) in [("a", "/1"), ("b", "/2"), ("a", "/3"), ("c", "/4")] {
            memory.keep_at(now, id, request(path, None));
        }
        assert_eq!(memory.recall_at(now, "a").unwrap().path, "/3", "kept again, so not the oldest");
        assert!(memory.recall_at(now, "b").is_none());
        assert_eq!(memory.len(), 2);
        for i in 0..1000 {
            memory.keep_at(now, &format!("{i}"), request("/", None));
        }
        assert_eq!(memory.len(), 2);
        assert_eq!(memory.kept.lock().unwrap().order.len(), 2);
    }

    #[test]
    fn a_claim_does_not_displace_a_verified_actor() {
        let memory = RequestMemory::new(MINUTE, 10);
        let now = Instant::now();
        memory.keep_at(now, "a", request("/1", Some(true)));
        memory.keep_at(now, "a", request("/2", Some(false)));
        memory.keep_at(now, "a", request("/3", None));
        assert_eq!(memory.recall_at(now, "a").unwrap().path, "/1");
        memory.keep_at(now, "a", request("/4", Some(true)));
        assert_eq!(memory.recall_at(now, "a").unwrap().path, "/4");
    }
}
