use super::*;
use crate::proxy::trace_context::TraceContext;

pub(super) fn request<'a>(
    correlation_id: &'a str,
    path: &'a str,
    actor: Option<&str>,
) -> SeenRequest<'a> {
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

pub(super) const MINUTE: Duration = Duration::from_mins(1);

/// One that is bounded in time and in number.
pub(super) fn memory(keep: Duration, at_most: usize) -> RequestMemory {
    RequestMemory::new(keep, at_most, usize::MAX)
}

#[test]
fn forgets_by_age() {
    let memory = memory(5 * MINUTE, 10);
    let start = Instant::now();
    let a = memory.keep(start, request("a", "/1", None));
    let b = memory.keep(start + 4 * MINUTE, request("b", "/2", None));
    assert_eq!(memory.recall_at(start + 5 * MINUTE, a).unwrap().path, "/1");
    assert!(memory.recall_at(start + 6 * MINUTE, a).is_none());
    assert!(memory.recall_only_at(start + 6 * MINUTE, "a").is_none());
    assert_eq!(memory.recall_at(start + 6 * MINUTE, b).unwrap().path, "/2");
    let count = |text: &Counter| text.get();
    assert_eq!((count(&memory.forgotten_early), count(&memory.ambiguous)), (0, 0));
}

#[test]
fn forgets_by_number_and_counts_what_went_early() {
    let memory = memory(MINUTE, 2);
    let now = Instant::now();
    for i in 0..1000 {
        memory.keep(now, request(&format!("{i}"), "/", None));
    }
    assert_eq!(memory.len(), 2);
    assert_eq!(memory.forgotten_early.get(), 998);
    let kept = memory.kept.lock().unwrap();
    assert_eq!(kept.by_correlation.len(), 2);
    assert_eq!(kept.first, 998);
}

#[test]
fn gives_back_what_it_was_given() {
    let memory = memory(MINUTE, 10);
    let now = Instant::now();
    let parent = TraceContext::participate(None, [1; 24]).parent;
    let trace = |state: &str| Some(SeenTrace { parent, state: Some(state.to_owned()) });
    let plain = request("a", "/é", Some("alice"));
    for seen in [
        SeenRequest { user_agent: Some("curl/7".into()), trace: trace("x=1"), ..plain.clone() },
        SeenRequest { user_agent: None, trace: trace("x=1"), ..plain.clone() },
        SeenRequest { user_agent: Some("".into()), trace: trace(""), ..plain.clone() },
        SeenRequest { path: "".into(), user_agent: Some("é".into()), ..request("", "", None) },
        plain,
    ] {
        let id = memory.keep(now, seen.clone());
        assert_eq!(memory.recall_at(now, id), Some(seen));
    }
}

#[test]
fn an_id_finds_its_own_request_and_no_other() {
    let memory = memory(MINUTE, 2);
    let now = Instant::now();
    let first = memory.keep(now, request("a", "/1", None));
    let second = memory.keep(now, request("b", "/2", None));
    let (high, low) = second.0.as_u64_pair();
    for other in [(high + 1, low), (high, low ^ 1 << 40), (high, low + 1), (high, low - 1)] {
        let other = RequestId(Uuid::from_u64_pair(other.0, other.1));
        assert_eq!(memory.recall_at(now, other), None, "{other}");
    }
    assert_eq!(memory.recall_at(now, first).unwrap().path, "/1");
    memory.keep(now, request("c", "/3", None));
    assert_eq!(memory.recall_at(now, first), None);
    assert_eq!(memory.recall_at(now, second).unwrap().path, "/2");
}

#[test]
fn more_requests_than_an_id_counts() {
    let memory = memory(MINUTE, 3);
    let now = Instant::now();
    memory.kept.lock().unwrap().first = u64::from(u32::MAX) - 1;
    let mut ids = vec![];
    for path in ["/1", "/2", "/3", "/4"] {
        ids.push(memory.keep(now, request(path, path, None)));
        assert_eq!(ids.last().unwrap().0.get_version_num(), 7);
    }
    let found: Vec<_> =
        ids.iter().map(|id| memory.recall_at(now, *id).map(|r| r.path.into_owned())).collect();
    let [none, two, three, four] = found.try_into().unwrap();
    assert_eq!(none, None);
    assert_eq!([two, three, four].map(Option::unwrap), ["/2", "/3", "/4"]);
}

#[test]
fn two_correlation_ids_of_one_hash_join_nothing() {
    let memory = memory(MINUTE, 10);
    let now = Instant::now();
    memory.keep(now, request("a", "/1", None));
    let mut kept = memory.kept.lock().unwrap();
    let shared = kept.by_correlation.drain().next().unwrap().1;
    kept.by_correlation.insert(memory.hashing.hash_one("b"), shared);
    drop(kept);
    assert_eq!(memory.recall_only_at(now, "b"), None, "the text is that of another");
    memory.keep(now, request("b", "/1", None));
    assert_eq!(memory.recall_only_at(now, "b"), None);
    assert_eq!(memory.ambiguous.get(), 1);
}

#[test]
fn one_correlation_id_of_two_requests_joins_none() {
    let memory = memory(5 * MINUTE, 10);
    let start = Instant::now();
    memory.keep(start, request("a", "/", Some("alice")));
    assert!(memory.recall_only_at(start, "a").is_some());
    let second = memory.keep(start + 4 * MINUTE, request("a", "/", Some("mallory")));
    assert!(memory.recall_only_at(start + 4 * MINUTE, "a").is_none());
    // The first is forgotten, and its change may still be on the way.
    assert!(memory.recall_only_at(start + 6 * MINUTE, "a").is_none());
    assert_eq!(memory.ambiguous.get(), 2);
    let actor = |id| memory.recall_at(start + 5 * MINUTE, id).map(|r| r.actor.clone().unwrap().id);
    assert_eq!(actor(second).as_deref(), Some("mallory"));
    assert!(memory.recall_only_at(start + 20 * MINUTE, "a").is_none());
    memory.keep(start + 20 * MINUTE, request("a", "/", None));
    assert!(memory.recall_only_at(start + 20 * MINUTE, "a").is_some(), "all over again");
}

#[test]
fn the_same_request_again_is_no_other() {
    let memory = memory(MINUTE, 10);
    let now = Instant::now();
    for _ in 0..2 {
        memory.keep(now, request("a", "/1", Some("alice")));
    }
    assert_eq!(memory.recall_only_at(now, "a").unwrap().path, "/1");
    memory.keep(now, request("a", "/2", Some("alice")));
    assert!(memory.recall_only_at(now, "a").is_none());
}

#[test]
fn attempts_in_different_traces_are_one_request_in_none_of_them() {
    let memory = memory(MINUTE, 10);
    let now = Instant::now();
    let traced = |digit: u8| {
        let parent = TraceContext::participate(None, [digit; 24]).parent;
        SeenRequest {
            trace: Some(SeenTrace { parent, state: None }),
            ..request("a", "/1", Some("alice"))
        }
    };
    memory.keep(now, traced(1));
    assert_eq!(memory.recall_only_at(now, "a").unwrap().trace, traced(1).trace);
    let second = memory.keep(now, traced(2));
    assert_eq!(memory.recall_only_at(now, "a").unwrap().trace, None);
    assert_eq!(memory.recall_at(now, second).unwrap().trace, traced(2).trace);
}

/// The largest request that strangers can have kept.
fn largest(n: usize) -> SeenRequest<'static> {
    let text = |length| "x".repeat(length);
    let claim = || Some(text(256));
    SeenRequest {
        correlation_id: format!("{n:0>128}").into(),
        path: text(2048).into(),
        user_agent: Some(text(512).into()),
        actor: Some(Actor {
            id: text(256),
            email: claim(),
            name: claim(),
            account_id: claim(),
            tenant: claim(),
            verified: false,
        }),
        trace: Some(SeenTrace {
            parent: TraceContext::participate(None, [1; 24]).parent,
            state: Some(text(512)),
        }),
        ..request("", "", None)
    }
}

#[test]
fn forgets_by_size_whatever_is_large_of_them() {
    const SIZE: usize = 1 << 20;
    let memory = RequestMemory::new(MINUTE, 100_000, SIZE);
    let now = Instant::now();
    let small = memory.keep(now, request("small", "/", None));
    for n in 0..1000 {
        memory.keep(now, largest(n));
    }
    let kept = memory.kept.lock().unwrap();
    let each = kept.requests[0].size as usize;
    // The texts alone have so many bytes.
    assert!(each > 128 + 2048 + 512 + 512 + 5 * 256 && each < 8 << 10, "{each}");
    assert!(kept.size <= SIZE && kept.size + each > SIZE, "{}", kept.size);
    assert_eq!(kept.size, each * kept.requests.len(), "one addition and one subtraction each");
    let left = kept.requests.len() as u64;
    assert_eq!((kept.first, kept.by_correlation.len() as u64), (1001 - left, left));
    drop(kept);
    assert_eq!(memory.forgotten_early.get(), 1001 - left);
    assert!(memory.recall_at(now, small).is_none(), "the oldest go first");
    assert_eq!(size_after(&memory, now + 2 * MINUTE), 0, "nothing is left over");
}

#[test]
fn a_request_that_is_larger_than_all_room_is_not_kept() {
    let memory = RequestMemory::new(MINUTE, 10, 1000);
    let now = Instant::now();
    let id = memory.keep(now, largest(1));
    assert!(memory.recall_at(now, id).is_none() && memory.len() == 0);
    let id = memory.keep(now, request("a", "/1", None));
    assert_eq!(memory.recall_at(now, id).unwrap().path, "/1");
}

fn size_after(memory: &RequestMemory, now: Instant) -> usize {
    let mut kept = memory.kept.lock().unwrap();
    kept.forget_older(now, memory.keep);
    kept.size
}
