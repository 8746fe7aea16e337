//! What the proxy saw of a request, kept for a while, so that a change that names nothing but an id can
//! be joined with who, where and when.
//!
//! There are two ways to a request. The proxy gives each one an id of its own, [`REQUEST_ID`]: that finds
//! exactly this request. A correlation id is chosen by the client and may stand for many: all calls of one
//! distributed trace, or whatever a stranger copied. It finds a request only where all that it stands for
//! look the same; else nothing is joined, because the wrong person is worse than none.
//!
//! Bounded in time, in number and in bytes, because strangers choose how many requests there are and how long their texts;
//! the oldest go first. Also where nobody asks any more: see [`forgetting`]. What each takes is counted in [`size`].

mod forgetting;
mod size;
#[cfg(test)]
mod tests;
mod texts;

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use uuid::Uuid;

use texts::Texts;

use super::identity::Actor;
use super::randomness::uuid_v7;
use super::trace_context::Traceparent;
use crate::clock::Moment;
use crate::metrics::Counter;

/// In which the proxy tells the service the id of a request, and the service tells it the collector.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-sealtrail-request");

/// The id of one request through the proxy, whatever the client sent: a UUIDv7, whose last 32 bits are where its request
/// is kept (RFC 9562 §6.2), so that it is found without an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(Uuid);

/// One request as the proxy saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest<'a> {
    pub at: Moment,
    pub correlation_id: Cow<'a, str>,
    pub method: Method,
    /// Without the query: queries carry personal data and secrets.
    pub path: Cow<'a, str>,
    pub ip: IpAddr,
    pub user_agent: Option<Cow<'a, str>>,
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
    /// Bytes.
    size: usize,
    /// Keyed, because clients choose what is hashed.
    hashing: RandomState,
    kept: Mutex<Kept>,
    /// Requests that had to make room before their time.
    pub forgotten_early: Counter,
    /// Changes that were not joined because their correlation id stands for several requests.
    pub ambiguous: Counter,
}

/// Every request passes through here once on its way in and once on its way out, so each is one place in a queue, one
/// text and one entry of a table: what lies scattered costs a read of cold memory for each piece.
#[derive(Default)]
struct Kept {
    /// In the order in which they were kept; the first has the number `first`, the others follow.
    requests: VecDeque<KeptRequest>,
    first: u64,
    /// All of them together, in bytes.
    size: usize,
    /// By the hash of the correlation id. Two ids of one hash are taken for one id of different requests, which
    /// joins nothing.
    by_correlation: HashMap<u64, Shared, BuildHasherDefault<Hashed>>,
}

struct KeptRequest {
    kept_at: Instant,
    /// What it takes, in bytes; it is small, because heads are.
    size: u32,
    id: RequestId,
    /// The hash of its correlation id.
    correlation: u64,
    at: Moment,
    method: Method,
    ip: IpAddr,
    actor: Option<Box<Actor>>,
    parent: Option<Traceparent>,
    texts: Texts,
}

/// For keys that are a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        let end = bytes.last_chunk().map_or(0, |end| u64::from_ne_bytes(*end));
        self.0 ^= end;
    }

    fn write_u64(&mut self, key: u64) {
        self.0 ^= key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The requests of one correlation id.
struct Shared {
    /// The number of the newest, with which the last of them is forgotten.
    last: u64,
    /// Whether they came in different traces, or at different places of one.
    has_many_traces: bool,
    /// Once two of them differ it stays so as long as any is kept: a change may come late.
    is_ambiguous: bool,
}

impl RequestMemory {
    /// Keeps so many requests at most, which take so many bytes.
    pub fn new(keep: Duration, at_most: usize, size: usize) -> Self {
        Self {
            keep,
            at_most,
            size,
            hashing: RandomState::new(),
            kept: Mutex::default(),
            forgotten_early: Counter::default(),
            ambiguous: Counter::default(),
        }
    }

    /// Keeps a request that came `now`, and gives it its id.
    pub fn keep(&self, now: Instant, request: SeenRequest<'_>) -> RequestId {
        let mut request = KeptRequest {
            kept_at: now,
            size: 0,
            id: RequestId(uuid_v7()),
            correlation: self.hashing.hash_one(&*request.correlation_id),
            texts: Texts::of(&request),
            at: request.at,
            method: request.method,
            ip: request.ip,
            actor: request.actor.map(Box::new),
            parent: request.trace.map(|trace| trace.parent),
        };
        request.size = size::of(&request);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_older(now, self.keep);
        let number = kept.first + kept.requests.len() as u64;
        request.id = request.id.with_number(number);
        let id = request.id;
        kept.insert(number, request);
        while kept.requests.len() > self.at_most || kept.size > self.size {
            kept.forget_first();
            self.forgotten_early.add(1);
        }
        id
    }

    /// Exactly this request.
    pub fn recall(&self, id: RequestId) -> Option<SeenRequest<'static>> {
        self.recall_at(Instant::now(), id)
    }

    /// The request of a correlation id, if there is only one.
    pub fn recall_only(&self, correlation_id: &str) -> Option<SeenRequest<'static>> {
        self.recall_only_at(Instant::now(), correlation_id)
    }

    pub fn len(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).requests.len()
    }

    fn recall_at(&self, now: Instant, id: RequestId) -> Option<SeenRequest<'static>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_older(now, self.keep);
        let beyond_first = id.number().wrapping_sub(kept.first as u32);
        let request = kept.requests.get(usize::try_from(beyond_first).ok()?)?;
        (request.id == id).then(|| request.seen())
    }

    fn recall_only_at(&self, now: Instant, correlation_id: &str) -> Option<SeenRequest<'static>> {
        let hash = self.hashing.hash_one(correlation_id);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_older(now, self.keep);
        let shared = kept.by_correlation.get(&hash)?;
        if shared.is_ambiguous {
            self.ambiguous.add(1);
            return None;
        }
        let last = kept.get(shared.last)?;
        let seen = (last.texts.correlation_id() == correlation_id).then(|| last.seen())?;
        // The same person and path, but nobody knows at which of the attempts.
        let trace = seen.trace.filter(|_| !shared.has_many_traces);
        Some(SeenRequest { trace, ..seen })
    }
}

impl Kept {
    fn get(&self, number: u64) -> Option<&KeptRequest> {
        self.requests.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn insert(&mut self, number: u64, request: KeptRequest) {
        match self.by_correlation.entry(request.correlation) {
            Entry::Occupied(mut shared) => {
                let shared = shared.get_mut();
                let last = shared.last.checked_sub(self.first);
                let last = last.and_then(|at| self.requests.get(usize::try_from(at).ok()?));
                shared.is_ambiguous |= last.is_none_or(|last| !last.is_like(&request));
                shared.has_many_traces |= last.is_none_or(|last| !last.is_at_place_of(&request));
                shared.last = number;
            }
            Entry::Vacant(none) => {
                none.insert(Shared { last: number, has_many_traces: false, is_ambiguous: false });
            }
        }
        self.size += request.size as usize;
        self.requests.push_back(request);
    }

    fn forget_older(&mut self, now: Instant, keep: Duration) {
        while self.requests.front().is_some_and(|first| first.is_over(now, keep)) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some(first) = self.requests.front_mut() {
            // Its place in the queue stays as it is until another comes there.
            first.ip = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        }
        let Some(request) = self.requests.pop_front() else { return };
        let number = self.first;
        self.first += 1;
        self.size -= request.size as usize;
        if let Entry::Occupied(shared) = self.by_correlation.entry(request.correlation)
            && shared.get().last == number
        {
            shared.remove();
        }
    }
}

impl KeptRequest {
    fn is_over(&self, now: Instant, keep: Duration) -> bool {
        now.duration_since(self.kept_at) > keep
    }

    /// The same but for the time and the place in a trace, as when a client tries again.
    fn is_like(&self, other: &Self) -> bool {
        (&self.method, self.ip, &self.actor) == (&other.method, other.ip, &other.actor)
            && self.texts.correlation_id() == other.texts.correlation_id()
            && self.texts.path() == other.texts.path()
            && self.texts.user_agent() == other.texts.user_agent()
    }

    fn is_at_place_of(&self, other: &Self) -> bool {
        (self.parent, self.texts.state()) == (other.parent, other.texts.state())
    }

    fn seen(&self) -> SeenRequest<'static> {
        let text = |text: &str| Cow::Owned(text.to_owned());
        let state = self.texts.state().map(str::to_owned);
        SeenRequest {
            at: self.at,
            correlation_id: text(self.texts.correlation_id()),
            method: self.method.clone(),
            path: text(self.texts.path()),
            ip: self.ip,
            user_agent: self.texts.user_agent().map(text),
            actor: self.actor.as_deref().cloned(),
            trace: self.parent.map(|parent| SeenTrace { parent, state }),
        }
    }
}

impl RequestId {
    /// 42 of its bits stay random.
    fn with_number(self, number: u64) -> Self {
        let (high, low) = self.0.as_u64_pair();
        Self(Uuid::from_u64_pair(high, low >> 32 << 32 | number & u64::from(u32::MAX)))
    }

    /// The end of the number under which its request was kept.
    fn number(self) -> u32 {
        self.0.as_u64_pair().1 as u32
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
