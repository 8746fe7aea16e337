//! Takes records that were sealed elsewhere.

use std::sync::Arc;

use sealtrail_log::proof::entry_hash;
use sealtrail_record::json::{self, Value};

use super::table::{Claim, shredded};
use crate::access::Caller;
use crate::code::Code;
use crate::collector::{Claim as IdClaim, Named, Prepared, Receipt, Record, What};
use crate::engine::Policy;
use crate::error::{Error, Result};
use crate::questions::STORED;
use crate::trail::Trail;

/// How every record begins that the core writes, so that its id is found without reading it.
const HEAD: &[u8] = b"{\"specversion\":\"1.0\",\"id\":\"";

/// Bytes of a UUID.
const ID: usize = 36;

/// Checks a sealed line against the lease of its record. One that is in the log already, byte for byte, gets its
/// receipt again.
pub fn prepare_sealed(
    trail: &Arc<Trail>,
    policy: &Policy,
    caller: &Caller,
    line: &[u8],
) -> Result<Prepared> {
    let max = trail.max_record();
    if line.len() > max {
        let message = format!("a record of {} bytes; at most {max} are kept", line.len());
        return Err(Error::new(Code::TooLarge, message));
    }
    let id = id_of(line)?;
    let claimed = match trail.leases.claim(id, &caller.actor, entry_hash(line))? {
        Claim::Mine(claimed) => claimed,
        Claim::Done(receipt) => return Ok(Prepared::Repeat(receipt)),
        Claim::Unknown => return appended_before(trail, id, line).map(Prepared::Repeat),
    };
    let Some(in_use) = trail.take_up(claimed.kids())? else { return Err(shredded()) };
    let admitted = policy.guest()?.admit(&*claimed.terms, line)?;
    // A lease names no service; its record does. Refused, it can be used again.
    caller.grants.services().require(&admitted.source, &trail.origin)?;
    let mut held = None;
    if let Some(change_id) = &admitted.change_id {
        let named = Named {
            source: &admitted.source,
            id: change_id,
            what: What {
                entity_type: admitted.entity.kind,
                entity_id: admitted.entity.id,
                action: admitted.action,
            },
        };
        match trail.seen_ids.claim(&named)? {
            IdClaim::New(new) => held = Some(new),
            IdClaim::Recorded(receipt) => return Ok(Prepared::Repeat(receipt)),
            IdClaim::UnderWay(waiting) => return Ok(Prepared::Waiting(waiting)),
        }
    }
    Ok(Prepared::Record(Record {
        id: id.to_owned(),
        correlation_id: admitted.correlation_id,
        line: line.to_vec(),
        held,
        lease: Some(claimed),
        in_use,
    }))
}

fn id_of(line: &[u8]) -> Result<&str> {
    let id = line.strip_prefix(HEAD).and_then(|rest| rest.get(..ID));
    let id = id.and_then(|id| std::str::from_utf8(id).ok());
    id.filter(|id| id.parse::<uuid::Uuid>().is_ok()).ok_or_else(|| {
        let message = "expected a sealed record, which begins with `specversion` and `id`";
        Error::new(Code::NotARecord, message)
    })
}

/// The answer may have been lost, or this process be a later one.
fn appended_before(trail: &Trail, id: &str, line: &[u8]) -> Result<Receipt> {
    let not_leased = || {
        let message = format!(
            "there is no lease of the record `{id}` for this caller: it is over, or was given by a process before \
             this one; lease again and seal again"
        );
        Error::new(Code::NotLeased, message)
    };
    let found = match trail.questions.record(id) {
        Err(error) if error.code() == Code::NotFound => return Err(not_leased()),
        found => found?,
    };
    if found.line != line {
        return Err(not_leased());
    }
    let record = json::parse(&found.line, &STORED).map_err(|_| not_leased())?;
    let correlation = record.get("correlationid").and_then(Value::as_str).unwrap_or_default();
    let (id, correlation_id) = (id.to_owned(), correlation.to_owned());
    Ok(Receipt::Recorded { id, index: found.index, correlation_id })
}
