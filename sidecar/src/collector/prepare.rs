//! One change through the sandbox: read, join, plan, fetch keys, seal.

use std::sync::Arc;

use sealtrail_record::json::{self, Value};

use super::join::{join, request_id, with_event};
use super::keys::KeySource;
use super::pairing::{Meeting, Role};
use super::receipt::Receipt;
use super::seen_ids::{Claim, Held, Named, SeenIds, Waiting, What};
use crate::access::Services;
use crate::clock::Moment;
use crate::code::Code;
use crate::engine::{Kids, Need, Outcome, Policy, Sandbox, Stamp};
use crate::error::{Error, Result};
use crate::keys_in_use::{InUse, KeysInUse, Refused};
use crate::leases::Claimed;
use crate::proxy::correlation::CorrelationId;
use crate::proxy::request_memory::{RequestId, RequestMemory, SeenRequest};

/// One POST holds no more changes than this.
pub const MAX_CHANGES: usize = 10_000;

/// What preparing changes needs of the rest of the sidecar.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub origin: &'a str,
    pub policy: &'a Policy,
    pub sandbox: &'a Sandbox,
    pub keys: KeySource<'a>,
    pub in_use: &'a Arc<KeysInUse>,
    /// None where there is no proxy, on the command line.
    pub memory: Option<&'a RequestMemory>,
    pub seen_ids: &'a Arc<SeenIds>,
    /// The longest change, and the longest record.
    pub max_change: usize,
    pub max_record: usize,
}

/// What a POST says of all its changes, for those that do not say it themselves; and for which services its sender may
/// write.
#[derive(Debug, Default)]
pub struct Given {
    pub services: Services,
    pub correlation_id: Option<CorrelationId>,
    pub request_id: Option<RequestId>,
    /// The id of the POST itself, for a change of which nobody says whose it is.
    pub made: Option<CorrelationId>,
}

/// A change that went through.
#[derive(Debug)]
pub enum Prepared {
    Record(Record),
    Unchanged {
        correlation_id: String,
    },
    /// The same change as one before, which has its record.
    Repeat(Receipt),
    /// The same change as one that is under way.
    Waiting(Waiting),
}

/// A sealed line, ready to be appended.
#[derive(Debug)]
pub struct Record {
    pub id: String,
    pub correlation_id: String,
    pub line: Vec<u8>,
    /// The change's own id, where it has one.
    pub held: Option<Held>,
    /// The lease that it was sealed with elsewhere.
    pub lease: Option<Claimed>,
    /// The keys that it was sealed with, until it is durable.
    pub in_use: InUse,
}

/// What a change is to those of the same request; one that cannot be read is nothing to anybody.
pub fn role_of(source: Source<'_>, given: &Given, change: &[u8]) -> Role {
    let role = || {
        if change.len() > source.max_change {
            return None;
        }
        let envelope = source.policy.guest().ok()?.read(change).ok()?;
        let envelope = json::parse(&envelope, &json::Limits::default()).ok()?;
        let own = envelope.get("context")?;
        let (_, exact) = named_request(source, given, own);
        let correlation_id = correlation_of(given, own, exact.as_ref())?;
        let text = |at: &str| envelope.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let meeting = Meeting {
            correlation_id,
            entity_type: text("/entity/type")?,
            entity_id: text("/entity/id")?,
        };
        let service = service(own, source.origin);
        // What will be refused meets nobody.
        if !given.services.have(service) {
            return None;
        }
        let named = named(&envelope, service);
        match own.get("event") {
            Some(event) if text("/action")? == "event" && named.is_none() => {
                Some(Role::Event(meeting, event.to_json().into(), given.services.clone()))
            }
            Some(_) => None,
            // A repeat gets its first receipt; no event goes anywhere with it.
            None if named.as_ref().is_some_and(|named| source.seen_ids.knows(named)) => None,
            None => Some(Role::Change(meeting, service.to_owned())),
        }
    };
    role().unwrap_or(Role::Alone)
}

/// Prepares changes, each with the event that goes with it, one after the other, each in a guest of its own: one body mixes the changes of many
/// requests and people, and a guest must never hold what belongs to another record.
pub fn prepare<'c>(
    source: Source<'_>,
    given: &Given,
    changes: impl Iterator<Item = (&'c [u8], Option<&'c [u8]>)>,
) -> Vec<Result<Prepared>> {
    changes.map(|(change, event)| prepare_one(source, given, change, event)).collect()
}

fn prepare_one(
    source: Source<'_>,
    given: &Given,
    change: &[u8],
    event: Option<&[u8]>,
) -> Result<Prepared> {
    let mut held = None;
    let prepared = prepare_claimed(source, given, change, event, &mut held);
    // Those that wait for it are told now; a record is settled when it is durable.
    if let Some(held) = held {
        match &prepared {
            Err(error) => held.settle(&Err(error.clone())),
            Ok(Prepared::Unchanged { correlation_id }) => {
                held.settle(&Ok(Receipt::Unchanged { correlation_id: correlation_id.clone() }));
            }
            Ok(_) => {}
        }
    }
    prepared
}

fn prepare_claimed(
    source: Source<'_>,
    given: &Given,
    change: &[u8],
    event: Option<&[u8]>,
    held: &mut Option<Held>,
) -> Result<Prepared> {
    if change.len() > source.max_change {
        let message = format!(
            "a change of {} bytes; `limits.line` lets {} through",
            change.len(),
            source.max_change
        );
        return Err(Error::new(Code::TooLarge, message));
    }
    let mut guest = source.policy.guest()?;
    let recorded = Moment::now();
    let envelope = guest.read(change)?;
    let envelope = json::parse(&envelope, &json::Limits::default())
        .map_err(|_| Error::new(Code::GuestFailed, "the core gave an envelope that is not JSON"))?;
    let own = envelope.get("context").unwrap_or(&Value::Null);
    let service = service(own, source.origin);
    // Before its id is looked at: whoever may not write for a service learns no receipt of its.
    given.services.require(service, source.origin)?;
    if let Some(named) = named(&envelope, service) {
        match source.seen_ids.claim(&named)? {
            Claim::New(new) => *held = Some(new),
            Claim::Recorded(receipt) => return Ok(Prepared::Repeat(receipt)),
            Claim::UnderWay(waiting) => return Ok(Prepared::Waiting(waiting)),
        }
    }
    let (request_id, exact) = named_request(source, given, own);
    let correlation_id = correlation_of(given, own, exact.as_ref()).unwrap_or_else(|| {
        given.made.clone().unwrap_or_else(CorrelationId::new_v7).as_str().to_owned()
    });
    // Whoever names the request means that one, and no other that has the same correlation id.
    let seen = match request_id {
        Some(_) => exact,
        None => source.memory.and_then(|memory| memory.recall_only(&correlation_id)),
    };
    let event = event.map(|event| json::parse(event, &json::Limits::default())).transpose();
    let event = event.map_err(|_| Error::new(Code::Internal, "an event is not JSON any more"))?;
    let own = &with_event(own, event);
    let plan = guest.plan(&join(own, &correlation_id, seen.as_ref(), recorded))?;
    if plan.outcome == Outcome::Unchanged {
        return Ok(Prepared::Unchanged { correlation_id });
    }
    let (keys, in_use) = take_up(source, &plan.needs, &recorded.month())?;
    let id = record_id();
    let stamp = Stamp {
        origin: source.origin,
        id: &id,
        recorded_time: &recorded.to_string(),
        engine: source.sandbox.name(),
    };
    let line = guest.seal(&stamp, plan.nonces, &keys)?;
    if line.len() > source.max_record {
        let message =
            format!("a record of {} bytes; at most {} are kept", line.len(), source.max_record);
        return Err(Error::new(Code::TooLarge, message));
    }
    Ok(Prepared::Record(Record {
        id,
        correlation_id,
        line,
        held: held.take(),
        lease: None,
        in_use,
    }))
}

/// The keys of a record, which no erasure ends before it is durable.
fn take_up(source: Source<'_>, needs: &[Need], month: &str) -> Result<(Vec<Kids>, InUse)> {
    loop {
        let look = source.in_use.look();
        let keys = needs.iter().map(|need| source.keys.keys_of(need, month));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let mut kids: Vec<_> = keys.iter().flatten().map(|(kid, _)| kid.clone()).collect();
        kids.sort();
        kids.dedup();
        match source.in_use.enter(look, kids) {
            Ok(in_use) => return Ok((keys, in_use)),
            // Each time another erasure has come between, so this ends.
            Err(Refused::Changed) => {}
            Err(closed) => return Err(closed.error()),
        }
    }
}

/// The request that the change or its POST names, and what the proxy saw of it.
fn named_request(
    source: Source<'_>,
    given: &Given,
    own: &Value<'_>,
) -> (Option<RequestId>, Option<SeenRequest<'static>>) {
    let id = request_id(own).or(given.request_id);
    (id, id.and_then(|id| source.memory?.recall(id)))
}

/// What holds the records of a request together, where anybody says.
fn correlation_of(
    given: &Given,
    own: &Value<'_>,
    named: Option<&SeenRequest<'_>>,
) -> Option<String> {
    if let Some(own) = own.get("correlation_id").and_then(Value::as_str) {
        return Some(own.to_owned());
    }
    match (&given.correlation_id, named) {
        (Some(given), _) => Some(given.as_str().to_owned()),
        (None, Some(seen)) => Some(seen.correlation_id.to_string()),
        (None, None) => None,
    }
}

/// The source of the record. Without a service that is the log.
fn service<'e>(own: &'e Value<'_>, origin: &'e str) -> &'e str {
    own.get("service").and_then(Value::as_str).unwrap_or(origin)
}

/// What the change is called, where its sender says.
fn named<'e>(envelope: &'e Value<'_>, service: &'e str) -> Option<Named<'e>> {
    let text = |at: &str| envelope.pointer(at).and_then(Value::as_str).unwrap_or_default();
    Some(Named {
        source: service,
        id: envelope.get("id")?.as_str()?,
        what: What {
            entity_type: text("/entity/type").to_owned(),
            entity_id: text("/entity/id").to_owned(),
            action: text("/action").to_owned(),
        },
    })
}

/// UUIDv7 (RFC 9562 §5.7).
pub fn record_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
