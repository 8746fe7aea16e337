//! One change through the sandbox: read, join, plan, fetch keys, seal.

use sealtrail_keyring::Keyring;
use sealtrail_record::json::{self, Value};

use super::join::join;
use crate::clock::Moment;
use crate::code::Code;
use crate::engine::{Guest, Kids, Need, Outcome, Sandbox, Stamp};
use crate::error::{Error, Result};
use crate::proxy::correlation::CorrelationId;
use crate::proxy::request_memory::RequestMemory;

/// One POST holds no more changes than this.
pub const MAX_CHANGES: usize = 10_000;

/// What preparing changes needs of the rest of the sidecar.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub origin: &'a str,
    pub policy: &'a [u8],
    pub sandbox: &'a Sandbox,
    pub keyring: &'a Keyring,
    /// None where there is no proxy, on the command line.
    pub memory: Option<&'a RequestMemory>,
    /// The longest change, and the longest record.
    pub max_change: usize,
    pub max_record: usize,
}

/// A change that went through.
#[derive(Debug)]
pub enum Prepared {
    Record { id: String, correlation_id: String, line: Vec<u8> },
    Unchanged { correlation_id: String },
}

/// Prepares changes one after the other, in one guest as long as it lives. `given` is the correlation
/// id of the POST itself, for changes that name none.
pub fn prepare<'c>(
    source: Source<'_>,
    given: Option<&CorrelationId>,
    changes: impl Iterator<Item = &'c [u8]>,
) -> Vec<Result<Prepared>> {
    let mut guest = None;
    changes.map(|change| prepare_one(source, given, change, &mut guest)).collect()
}

fn prepare_one(
    source: Source<'_>,
    given: Option<&CorrelationId>,
    change: &[u8],
    guest: &mut Option<Guest>,
) -> Result<Prepared> {
    if change.len() > source.max_change {
        let message =
            format!("a change of {} bytes; at most {} are taken", change.len(), source.max_change);
        return Err(Error::new(Code::TooLarge, message));
    }
    if guest.as_ref().is_none_or(Guest::is_dead) {
        let mut fresh = source.sandbox.guest()?;
        fresh.policy(source.policy)?;
        *guest = Some(fresh);
    }
    let Some(guest) = guest else { unreachable!("it was just made") };
    seal(source, given, change, guest)
}

fn seal(
    source: Source<'_>,
    given: Option<&CorrelationId>,
    change: &[u8],
    guest: &mut Guest,
) -> Result<Prepared> {
    let recorded = Moment::now();
    let envelope = guest.read(change)?;
    let envelope = json::parse(&envelope, &json::Limits::default())
        .map_err(|_| Error::new(Code::GuestFailed, "the core gave an envelope that is not JSON"))?;
    let own = envelope.get("context").unwrap_or(&Value::Null);
    let correlation_id = match own.get("correlation_id").and_then(Value::as_str) {
        Some(own) => own.to_owned(),
        None => given.cloned().unwrap_or_else(CorrelationId::new_v7).as_str().to_owned(),
    };
    let seen = source.memory.and_then(|memory| memory.recall(&correlation_id));
    let plan = guest.plan(&join(own, &correlation_id, seen.as_deref(), recorded))?;
    if plan.outcome == Outcome::Unchanged {
        return Ok(Prepared::Unchanged { correlation_id });
    }
    let month = recorded.month();
    let keys = plan.needs.iter().map(|need| keys_of(source.keyring, need, &month));
    let keys = keys.collect::<Result<Vec<_>>>()?;
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
    Ok(Prepared::Record { id, correlation_id, line })
}

fn keys_of(keyring: &Keyring, need: &Need, month: &str) -> Result<Kids> {
    Ok([keyring.subject_key(&need.subject)?, keyring.period_key(&need.retain, month)?])
}

/// UUIDv7 (RFC 9562 §5.7).
pub fn record_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
