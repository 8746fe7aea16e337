//! Says in the log that somebody was refused an act.

use super::{Entry, Justification};
use crate::access::Attempt;
use crate::clock::Moment;
use crate::engine::{Act, Actor};
use crate::error::Result;
use crate::trail::Trail;

/// Who, what, and what was missing; of how many before no record tells.
pub fn refused(
    trail: &Trail,
    actor: &Actor,
    why: &str,
    attempt: &Attempt,
    unrecorded: u64,
) -> Result<()> {
    // Made to fit a record: whoever is refused must not be able to prevent it by a long name.
    let fit = Justification::of_the_past(&actor.kind, &actor.id, why);
    let group = attempt.group.as_deref();
    let group = group.map(|group| Justification::of_the_past("", "", group).reason().to_owned());
    let (attempt, record) = (attempt.what, attempt.record.as_deref());
    let (actor, reason, group) = (fit.actor(), fit.reason(), group.as_deref());
    let act = Act::Refused { actor, reason, attempt, record, group, unrecorded };
    let (id, _) = Entry::of(trail, &act, Moment::now())?.append(trail)?;
    tracing::warn!(record = id, actor = actor.id, attempt, "refused: {reason}");
    Ok(())
}
