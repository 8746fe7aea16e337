//! A whole POST: prepared in the sandbox, appended in one go, acknowledged when it is on disk.

use std::sync::Arc;
use std::time::Instant;

use super::admission::{Admission, Appended};
use super::prepare::{Given, Prepared, Record, prepare};
use super::queue::Queue;
use super::receipt::{Outcome, Receipt};
use super::seen_ids::{Held, Waiting};
use crate::error::Result;
use crate::trail::Trail;

/// So many changes of one body are prepared in one turn; then others get theirs.
const IN_A_TURN: usize = 64;

/// Takes the changes of a body; one outcome each, in their order.
pub async fn collect(
    trail: &Arc<Trail>,
    queue: &Queue,
    changes: &[bytes::Bytes],
    given: &Given,
) -> Result<Vec<Outcome>> {
    // One policy for the whole body, whatever is reloaded meanwhile.
    let policy = trail.policy.get();
    let mut prepared = Vec::with_capacity(changes.len());
    let mut turn = queue.turn().await;
    for (i, part) in changes.chunks(IN_A_TURN).enumerate() {
        if i > 0 {
            drop(turn);
            turn = queue.turn().await;
        }
        let slices = part.iter().map(|change| &change[..]);
        // The keyring may wait for the disk, so other tasks move to another thread first. How many
        // threads that can make is what the turns bound.
        prepared
            .extend(tokio::task::block_in_place(|| prepare(trail.source(&policy), given, slices)));
    }
    let (plans, lines, held) = take_apart(prepared);
    let (began, records) = (Instant::now(), lines.len());
    let admission = tokio::task::block_in_place(|| Admission::begin(trail, lines, held));
    drop(turn);
    let appended = admission.durable(trail).await;
    if records > 0 {
        trail.metrics.timings.append(began.elapsed(), records);
    }
    let mut outcomes = Vec::with_capacity(plans.len());
    for plan in plans {
        outcomes.push(match plan {
            Plan::Known(outcome) => outcome,
            Plan::Record(record) => record.outcome(&appended),
            // Only now that this body's own records are out: nobody waits for one that waits for him.
            Plan::Waiting(waiting) => waiting.outcome().await,
        });
    }
    trail.count(&outcomes);
    Ok(outcomes)
}

/// The same without a runtime, for the command line.
pub fn collect_blocking(trail: &Trail, changes: &[&[u8]]) -> Vec<Outcome> {
    let policy = trail.policy.get();
    let prepared = prepare(trail.source(&policy), &Given::default(), changes.iter().copied());
    let (plans, lines, held) = take_apart(prepared);
    let appended = trail.append_changes(lines).map(Appended::At);
    held.settle(&appended);
    let outcome = |plan| match plan {
        Plan::Known(outcome) => outcome,
        Plan::Record(record) => record.outcome(&appended),
        // Nobody else is under way: it is of this call, and settled.
        Plan::Waiting(waiting) => waiting.now(),
    };
    plans.into_iter().map(outcome).collect()
}

/// What each change is answered with, or will be.
enum Plan {
    Known(Outcome),
    Record(Recording),
    Waiting(Waiting),
}

/// The receipt of a record that is being appended, but for its index.
#[derive(Clone)]
struct Recording {
    id: String,
    correlation_id: String,
    /// Among the lines that are appended with it.
    position: u64,
}

impl Recording {
    fn outcome(self, appended: &Result<Appended>) -> Outcome {
        let Self { id, correlation_id, position } = self;
        match appended {
            Ok(Appended::At(range)) => {
                Ok(Receipt::Recorded { id, index: range.start + position, correlation_id })
            }
            Ok(Appended::Spooled) => Ok(Receipt::Spooled { id, correlation_id }),
            // When nothing could be appended, every record fails with the same reason.
            Err(error) => Err(error.clone()),
        }
    }
}

/// The ids of the changes that are being appended.
pub(super) struct HeldIds(Vec<(Held, Recording)>);

impl HeldIds {
    pub(super) fn settle(self, appended: &Result<Appended>) {
        for (held, recording) in self.0 {
            held.settle(&recording.outcome(appended));
        }
    }
}

fn take_apart(prepared: Vec<Result<Prepared>>) -> (Vec<Plan>, Vec<Vec<u8>>, HeldIds) {
    let (mut lines, mut held_ids) = (Vec::new(), Vec::new());
    let mut plan = |prepared| match prepared {
        Err(error) => Plan::Known(Err(error)),
        Ok(Prepared::Unchanged { correlation_id }) => {
            Plan::Known(Ok(Receipt::Unchanged { correlation_id }))
        }
        Ok(Prepared::Repeat(receipt)) => Plan::Known(Ok(receipt)),
        Ok(Prepared::Waiting(waiting)) => Plan::Waiting(waiting),
        Ok(Prepared::Record(Record { id, correlation_id, line, held })) => {
            let recording = Recording { id, correlation_id, position: lines.len() as u64 };
            lines.push(line);
            held_ids.extend(held.map(|held| (held, recording.clone())));
            Plan::Record(recording)
        }
    };
    let plans = prepared.into_iter().map(&mut plan).collect();
    (plans, lines, HeldIds(held_ids))
}
