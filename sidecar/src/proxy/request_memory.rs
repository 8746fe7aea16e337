//! What the proxy saw of a request, kept for a while, so that a change that names nothing but an id can
//! be joined with who, where and when.
//!
//! There are two ways to a request. The proxy gives each one an id of its own, [`REQUEST_ID`]: that finds
//! exactly this request. A correlation id is chosen by the client and may stand for many: all calls of one
//! distributed trace, or whatever a stranger copied. It finds a request only where all that it stands for
//! look the same; else nothing is joined, because the wrong person is worse than none.
//!
//! Bounded twice, in time and in number; the oldest go first.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use uuid::Uuid;

use super::identity::Actor;
use super::randomness::uuid_v7;
use super::trace_context::Traceparent;
use crate::clock::Moment;
use crate::metrics::Counter;

/// In which the proxy tells the service the id of a request, and the service tells it the collector.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-sealtrail-request");

/// The id of one request through the proxy: a UUIDv7, whatever the client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(Uuid);

/// One request as the proxy saw it.
#[derive(Debug, Clone)]
pub struct SeenRequest {
    pub at: Moment,
    pub correlation_id: Arc<str>,
    pub method: Method,
    /// Without the query: queries carry personal data and secrets.
    pub path: String,
    pub ip: IpAddr,
    pub user_agent: Option<String>,
    pub actor: Option<Actor>,
    /// As the service got it.
    pub trace: Option<SeenTrace>,
}

/// The place of a request in a trace, as a record keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenTrace {
    pub parent: Traceparent,
    pub state: Option<String>,
}

/// The memory itself; shared by all connections.
pub struct RequestMemory {
    keep: Duration,
    at_most: usize,
    kept: Mutex<Kept>,
    /// Requests that had to make room before their time.
    pub forgotten_early: Counter,
    /// Changes that were not joined because their correlation id stands for several requests.
    pub ambiguous: Counter,
}

#[derive(Default)]
struct Kept {
    by_id: HashMap<RequestId, Arc<SeenRequest>, BuildHasherDefault<OfRandom>>,
    by_correlation: HashMap<Arc<str>, Shared>,
    /// In the order in which they were kept.
    order: VecDeque<(Instant, RequestId)>,
}

/// Ids that are made here are as good as their own hash: the end of them is random.
#[derive(Default)]
struct OfRandom(u64);

impl Hasher for OfRandom {
    fn write(&mut self, bytes: &[u8]) {
        let end = bytes.last_chunk().map_or(0, |end| u64::from_ne_bytes(*end));
        self.0 ^= end;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The requests of one correlation id.
struct Shared {
    last: RequestId,
    count: usize,
    /// Whether they came in different traces, or at different places of one.
    has_many_traces: bool,
    /// Once two of them differ it stays so as long as any is kept: a change may come late.
    is_ambiguous: bool,
}

impl RequestMemory {
    pub fn new(keep: Duration, at_most: usize) -> Self {
        Self {
            keep,
            at_most,
            kept: Mutex::default(),
            forgotten_early: Counter::default(),
            ambiguous: Counter::default(),
        }
    }

    /// Keeps a request that came `now`.
    pub fn keep(&self, now: Instant, id: RequestId, request: SeenRequest) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_older(now, self.keep);
        kept.insert(now, id, request);
        while kept.order.len() > self.at_most {
            kept.forget_first();
            self.forgotten_early.add(1);
        }
    }

    /// Exactly this request.
    pub fn recall(&self, id: RequestId) -> Option<Arc<SeenRequest>> {
        self.recall_at(Instant::now(), id)
    }

    /// The request of a correlation id, if there is only one.
    pub fn recall_only(&self, correlation_id: &str) -> Option<Arc<SeenRequest>> {
        self.recall_only_at(Instant::now(), correlation_id)
    }

    pub fn len(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).order.len()
    }

    fn recall_at(&self, now: Instant, id: RequestId) -> Option<Arc<SeenRequest>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_older(now, self.keep);
        kept.by_id.get(&id).cloned()
    }

    fn recall_only_at(&self, now: Instant, correlation_id: &str) -> Option<Arc<SeenRequest>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_older(now, self.keep);
        let shared = kept.by_correlation.get(correlation_id)?;
        if shared.is_ambiguous {
            self.ambiguous.add(1);
            return None;
        }
        let last = kept.by_id.get(&shared.last).cloned();
        if shared.has_many_traces {
            // The same person and path, but nobody knows at which of the attempts.
            return last.map(|last| Arc::new(SeenRequest { trace: None, ..(*last).clone() }));
        }
        last
    }
}

impl Kept {
    fn insert(&mut self, now: Instant, id: RequestId, request: SeenRequest) {
        match self.by_correlation.entry(request.correlation_id.clone()) {
            Entry::Occupied(mut shared) => {
                let shared = shared.get_mut();
                let last = self.by_id.get(&shared.last);
                shared.is_ambiguous |= last.is_none_or(|last| !last.is_like(&request));
                shared.has_many_traces |= last.is_none_or(|last| last.trace != request.trace);
                shared.count += 1;
                shared.last = id;
            }
            Entry::Vacant(none) => {
                none.insert(Shared {
                    last: id,
                    count: 1,
                    has_many_traces: false,
                    is_ambiguous: false,
                });
            }
        }
        self.order.push_back((now, id));
        self.by_id.insert(id, Arc::new(request));
    }

    fn forget_older(&mut self, now: Instant, keep: Duration) {
        while let Some((at, _)) = self.order.front()
            && now.duration_since(*at) > keep
        {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let Some((_, id)) = self.order.pop_front() else { return };
        let Some(request) = self.by_id.remove(&id) else { return };
        if let Entry::Occupied(mut shared) =
            self.by_correlation.entry(request.correlation_id.clone())
        {
            shared.get_mut().count -= 1;
            if shared.get().count == 0 {
                shared.remove();
            }
        }
    }
}

impl SeenRequest {
    /// The same but for the time and the place in a trace, as when a client tries again.
    fn is_like(&self, other: &SeenRequest) -> bool {
        (&self.method, &self.path, &self.user_agent)
            == (&other.method, &other.path, &other.user_agent)
            && (self.ip, &self.actor) == (other.ip, &other.actor)
    }
}

impl RequestId {
    pub fn new() -> Self {
        Self(uuid_v7())
    }

    /// The id in the header of a POST of changes, if it is one.
    pub fn in_header(headers: &HeaderMap) -> Option<Self> {
        headers.get(REQUEST_ID)?.to_str().ok()?.parse().ok()
    }

    /// Tells the service; what the client sent under that name is gone.
    pub fn set_on_request(self, headers: &mut HeaderMap) {
        let mut text = Uuid::encode_buffer();
        let value = HeaderValue::from_str(self.0.hyphenated().encode_lower(&mut text));
        headers.insert(REQUEST_ID, value.expect("hexadecimal digits and hyphens"));
    }
}

impl FromStr for RequestId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::trace_context::TraceContext;

    fn request(correlation_id: &str, path: &str, actor: Option<&str>) -> SeenRequest {
        SeenRequest {
            at: Moment::now(),
            correlation_id: correlation_id.into(),
            method: Method::GET,
            path: path.into(),
            ip: IpAddr::from([127, 0, 0, 1]),
            user_agent: None,
            actor: actor.map(|id| Actor {
                id: id.into(),
                email: None,
                name: None,
                account_id: None,
                tenant: None,
                verified: true,
            }),
            trace: None,
        }
    }

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn forgets_by_age() {
        let memory = RequestMemory::new(5 * MINUTE, 10);
        let start = Instant::now();
        let (a, b) = (RequestId::new(), RequestId::new());
        memory.keep(start, a, request("a", "/1", None));
        memory.keep(start + 4 * MINUTE, b, request("b", "/2", None));
        assert_eq!(memory.recall_at(start + 5 * MINUTE, a).unwrap().path, "/1");
        assert!(memory.recall_at(start + 6 * MINUTE, a).is_none());
        assert!(memory.recall_only_at(start + 6 * MINUTE, "a").is_none());
        assert_eq!(memory.recall_at(start + 6 * MINUTE, b).unwrap().path, "/2");
        let count = |text: &Counter| text.get();
        assert_eq!((count(&memory.forgotten_early), count(&memory.ambiguous)), (0, 0));
    }

    #[test]
    fn forgets_by_number_and_counts_what_went_early() {
        let memory = RequestMemory::new(MINUTE, 2);
        let now = Instant::now();
        for i in 0..1000 {
            memory.keep(now, RequestId::new(), request(&format!("{i}"), "/", None));
        }
        assert_eq!(memory.len(), 2);
        assert_eq!(memory.forgotten_early.get(), 998);
        let kept = memory.kept.lock().unwrap();
        assert_eq!((kept.by_id.len(), kept.by_correlation.len()), (2, 2));
    }

    #[test]
    fn one_correlation_id_of_two_requests_joins_none() {
        let memory = RequestMemory::new(5 * MINUTE, 10);
        let start = Instant::now();
        let (first, second) = (RequestId::new(), RequestId::new());
        memory.keep(start, first, request("a", "/", Some("alice")));
        assert!(memory.recall_only_at(start, "a").is_some());
        memory.keep(start + 4 * MINUTE, second, request("a", "/", Some("mallory")));
        assert!(memory.recall_only_at(start + 4 * MINUTE, "a").is_none());
        // The first is forgotten, and its change may still be on the way.
        assert!(memory.recall_only_at(start + 6 * MINUTE, "a").is_none());
        assert_eq!(memory.ambiguous.get(), 2);
        let actor =
            |id| memory.recall_at(start + 5 * MINUTE, id).map(|r| r.actor.clone().unwrap().id);
        assert_eq!(actor(second).as_deref(), Some("mallory"));
        assert!(memory.recall_only_at(start + 20 * MINUTE, "a").is_none());
        memory.keep(start + 20 * MINUTE, first, request("a", "/", None));
        assert!(memory.recall_only_at(start + 20 * MINUTE, "a").is_some(), "all over again");
    }

    #[test]
    fn the_same_request_again_is_no_other() {
        let memory = RequestMemory::new(MINUTE, 10);
        let now = Instant::now();
        for _ in 0..2 {
            memory.keep(now, RequestId::new(), request("a", "/1", Some("alice")));
        }
        assert_eq!(memory.recall_only_at(now, "a").unwrap().path, "/1");
        memory.keep(now, RequestId::new(), request("a", "/2", Some("alice")));
        assert!(memory.recall_only_at(now, "a").is_none());
    }

    #[test]
    fn attempts_in_different_traces_are_one_request_in_none_of_them() {
        let memory = RequestMemory::new(MINUTE, 10);
        let now = Instant::now();
        let traced = |digit: u8| {
            let parent = TraceContext::participate(None, [digit; 24]).parent;
            SeenRequest {
                trace: Some(SeenTrace { parent, state: None }),
                ..request("a", "/1", Some("alice"))
            }
        };
        let (first, second) = (RequestId::new(), RequestId::new());
        memory.keep(now, first, traced(1));
        assert_eq!(memory.recall_only_at(now, "a").unwrap().trace, traced(1).trace);
        memory.keep(now, second, traced(2));
        assert_eq!(memory.recall_only_at(now, "a").unwrap().trace, None);
        assert_eq!(memory.recall_at(now, second).unwrap().trace, traced(2).trace);
    }
}
