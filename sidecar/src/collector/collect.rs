//! A whole POST: prepared in the sandbox, appended in one go, acknowledged when it is on disk.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::SemaphorePermit;

use super::admission::{Admission, Appended};
use super::pairing::{Met, Partner};
use super::prepare::{Given, Prepared, Record, prepare, role_of};
use super::queue::Queue;
use super::receipt::{Outcome, Receipt};
use super::seen_ids::{Held, Waiting};
use crate::engine::Policy;
use crate::error::Result;
use crate::keys_in_use::InUse;
use crate::leases::Claimed;
use crate::trail::Trail;

/// So many changes of one body are prepared in one turn; then others get theirs.
const IN_A_TURN: usize = 64;

/// What other tasks may wait for: some tenths of a millisecond of work.
const SHORT: usize = 16 << 10;

/// A change, with the event that goes into its record.
struct Item {
    change: Bytes,
    event: Option<Bytes>,
    partner: Option<Partner>,
}

impl Item {
    fn alone(change: &Bytes) -> Self {
        Self { change: change.clone(), event: None, partner: None }
    }
}

/// Takes the changes of a body; one outcome each, in their order.
pub async fn collect(
    trail: &Arc<Trail>,
    queue: &Queue,
    changes: &[Bytes],
    given: &Given,
) -> Result<Vec<Outcome>> {
    // One policy for the whole body, whatever is reloaded meanwhile.
    let policy = &trail.policy.get();
    if trail.pairing.is_off() {
        let items = changes.iter().map(Item::alone).collect();
        return Ok(record(trail, policy, queue, items, given).await);
    }
    let mut roles = Vec::with_capacity(changes.len());
    for part in changes.chunks(IN_A_TURN) {
        let _turn = queue.turn().await;
        let role = |change: &Bytes| role_of(trail.source(policy), given, change);
        let bytes = part.iter().map(Bytes::len).sum();
        roles.extend(in_turn(trail, bytes, || part.iter().map(role).collect::<Vec<_>>()));
    }
    let met = trail.pairing.meet(roles).await;
    let mut outcomes: Vec<Option<Outcome>> = changes.iter().map(|_| None).collect();
    let (mut items, mut places, mut joined) = (Vec::new(), Vec::new(), Vec::new());
    for (place, (change, met)) in changes.iter().zip(met).enumerate() {
        let item = match met {
            Met::Nobody => Item::alone(change),
            Met::Event(event, partner) => {
                Item { event: Some(event), partner: Some(partner), ..Item::alone(change) }
            }
            Met::Change(change) => {
                joined.push((place, change));
                continue;
            }
        };
        items.push(item);
        places.push(place);
    }
    // What others wait for first, then what waits for others.
    let recorded = record(trail, policy, queue, items, given).await;
    for (place, outcome) in places.into_iter().zip(recorded) {
        outcomes[place] = Some(outcome);
    }
    let (mut items, mut places) = (Vec::new(), Vec::new());
    for (place, change) in joined {
        outcomes[place] = change.recorded().await;
        if outcomes[place].is_none() {
            items.push(Item::alone(&changes[place]));
            places.push(place);
        }
    }
    let recorded = record(trail, policy, queue, items, given).await;
    for (place, outcome) in places.into_iter().zip(recorded) {
        outcomes[place] = Some(outcome);
    }
    Ok(outcomes.into_iter().flatten().collect())
}

async fn record(
    trail: &Arc<Trail>,
    policy: &Policy,
    queue: &Queue,
    items: Vec<Item>,
    given: &Given,
) -> Vec<Outcome> {
    if items.is_empty() {
        return Vec::new();
    }
    let mut prepared = Vec::with_capacity(items.len());
    let mut turn = queue.turn().await;
    for (i, part) in items.chunks(IN_A_TURN).enumerate() {
        if i > 0 {
            drop(turn);
            turn = queue.turn().await;
        }
        let bytes = part.iter().map(|item| item.change.len()).sum();
        let slices = part.iter().map(|item| (&item.change[..], item.event.as_deref()));
        prepared.extend(in_turn(trail, bytes, || prepare(trail.source(policy), given, slices)));
    }
    let partners = items.into_iter().map(|item| item.partner);
    append(trail, prepared, partners, turn).await
}

/// Takes records that were sealed elsewhere, as if they had been prepared here; one outcome each, in their order.
pub async fn append_prepared(
    trail: &Arc<Trail>,
    prepared: Vec<Result<Prepared>>,
    turn: SemaphorePermit<'_>,
) -> Vec<Outcome> {
    append(trail, prepared, std::iter::repeat_with(|| None), turn).await
}

async fn append(
    trail: &Arc<Trail>,
    prepared: Vec<Result<Prepared>>,
    partners: impl Iterator<Item = Option<Partner>>,
    turn: SemaphorePermit<'_>,
) -> Vec<Outcome> {
    let (plans, lines, told) = take_apart(prepared, partners);
    let (began, records) = (Instant::now(), lines.len());
    let bytes = lines.iter().map(Vec::len).sum();
    let admission = in_turn(trail, bytes, || Admission::begin(trail, lines, told));
    drop(turn);
    let appended = admission.durable(trail).await;
    if records > 0 {
        trail.metrics.timings.append(began.elapsed(), records);
    }
    let (mut outcomes, mut fresh) = (Vec::with_capacity(plans.len()), Vec::new());
    for plan in plans {
        outcomes.push(match plan {
            Plan::Known(outcome) => {
                fresh.push(outcome.clone());
                outcome
            }
            Plan::Record(record) => {
                let outcome = record.outcome(&appended);
                fresh.push(outcome.clone());
                outcome
            }
            Plan::Repeat(receipt) => Ok(receipt),
            // Only now that this body's own records are out: nobody waits for one that waits for him.
            Plan::Waiting(waiting) => waiting.outcome().await,
        });
    }
    trail.count(&fresh);
    outcomes
}

/// Works on so many bytes. Where that takes long, other tasks move to another thread first; that costs two
/// switches of threads, as much as a small change.
fn in_turn<T>(trail: &Trail, bytes: usize, work: impl FnOnce() -> T) -> T {
    // Until the ids are read from the log, a change waits for them.
    let is_short = bytes <= SHORT && trail.seen_ids.is_warm();
    if is_short { work() } else { tokio::task::block_in_place(work) }
}

/// The same without a runtime, for the command line.
pub fn collect_blocking(trail: &Trail, changes: &[&[u8]]) -> Vec<Outcome> {
    let policy = trail.policy.get();
    let alone = changes.iter().map(|change| (*change, None));
    let prepared = prepare(trail.source(&policy), &Given::default(), alone);
    let (plans, lines, told) = take_apart(prepared, std::iter::repeat_with(|| None));
    let appended = trail.append_changes(lines).map(Appended::At);
    told.settle(&appended);
    let outcome = |plan| match plan {
        Plan::Known(outcome) => outcome,
        Plan::Record(record) => record.outcome(&appended),
        Plan::Repeat(receipt) => Ok(receipt),
        // Nobody else is under way: it is of this call, and settled.
        Plan::Waiting(waiting) => waiting.now(),
    };
    plans.into_iter().map(outcome).collect()
}

/// What each change is answered with, or will be.
enum Plan {
    Known(Outcome),
    Record(Recording),
    Repeat(Receipt),
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

/// Who wants to know what becomes of the changes that are being appended.
pub(super) struct ToTell(Vec<(Listener, Recording)>);

enum Listener {
    /// The id of the change.
    Id(Held),
    /// The sender of its event.
    Event(Partner),
    /// What it was sealed with elsewhere.
    Lease(Claimed),
    /// Who waits for its keys.
    Keys(InUse),
}

impl ToTell {
    pub(super) fn settle(self, appended: &Result<Appended>) {
        for (listener, recording) in self.0 {
            let outcome = recording.outcome(appended);
            match listener {
                Listener::Id(held) => held.settle(&outcome),
                Listener::Lease(lease) => lease.settle(&outcome),
                Listener::Keys(in_use) => drop(in_use),
                Listener::Event(partner) if outcome.is_ok() => partner.tell(&outcome),
                // Untold, it is recorded alone.
                Listener::Event(_) => {}
            }
        }
    }
}

fn take_apart(
    prepared: Vec<Result<Prepared>>,
    partners: impl Iterator<Item = Option<Partner>>,
) -> (Vec<Plan>, Vec<Vec<u8>>, ToTell) {
    let (mut lines, mut to_tell) = (Vec::new(), Vec::new());
    let mut plan = |(prepared, partner): (Result<Prepared>, Option<Partner>)| match prepared {
        Err(error) => Plan::Known(Err(error)),
        Ok(Prepared::Unchanged { correlation_id }) => {
            Plan::Known(Ok(Receipt::Unchanged { correlation_id }))
        }
        Ok(Prepared::Repeat(receipt)) => Plan::Repeat(receipt),
        Ok(Prepared::Waiting(waiting)) => Plan::Waiting(waiting),
        Ok(Prepared::Record(Record { id, correlation_id, line, held, lease, in_use })) => {
            let recording = Recording { id, correlation_id, position: lines.len() as u64 };
            lines.push(line);
            let listeners =
                [held.map(Listener::Id), partner.map(Listener::Event), lease.map(Listener::Lease)];
            let listeners = listeners.into_iter().flatten().chain([Listener::Keys(in_use)]);
            to_tell.extend(listeners.map(|listener| (listener, recording.clone())));
            Plan::Record(recording)
        }
    };
    let plans = prepared.into_iter().zip(partners).map(&mut plan).collect();
    (plans, lines, ToTell(to_tell))
}
