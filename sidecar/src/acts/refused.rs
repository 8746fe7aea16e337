//! Says in the log that somebody was refused an act.

use super::{Entry, Justification};
use crate::access::Attempt;
use crate::clock::Moment;
use crate::engine::Act;
use crate::error::Result;
use crate::trail::Trail;

/// Who, what, and as the reason what was missing; of how many before no record tells.
pub fn refused(
    trail: &Trail,
    why: &Justification,
    attempt: &Attempt,
    unrecorded: u64,
) -> Result<()> {
    let Attempt { what: attempt, record, group } = attempt;
    let (record, group) = (record.as_deref(), group.as_deref());
    let (actor, reason) = (why.actor(), why.reason());
    let act = Act::Refused { actor, reason, attempt, record, group, unrecorded };
    let (id, _) = Entry::within(trail, &act, why, Moment::now())?.append(trail)?;
    tracing::warn!(record = id, actor = actor.kind, attempt, "refused: {reason}");
    Ok(())
}
