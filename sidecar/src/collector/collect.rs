//! A whole POST: prepared in the sandbox, appended in one go, acknowledged when it is on disk.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use super::prepare::{Given, Prepared, prepare};
use super::queue::Queue;
use super::receipt::{Outcome, Receipt};
use crate::code::Code;
use crate::error::{Error, Result};
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
    let (done, durable) = oneshot::channel();
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
    let lines = lines_of(&mut prepared);
    let (began, records) = (Instant::now(), lines.len());
    tokio::task::block_in_place(|| {
        trail.append_then(lines, move |appended| {
            // A receiver that is gone is a client that is gone; its records stay.
            let _ = done.send(appended);
        });
    });
    drop(turn);
    let appended = durable.await.map_err(|_| panicked())?;
    if records > 0 {
        trail.metrics.timings.append(began.elapsed(), records);
    }
    let outcomes = outcomes(prepared, appended);
    trail.count(&outcomes);
    Ok(outcomes)
}

/// The same without a runtime, for the command line.
pub fn collect_blocking(trail: &Trail, changes: &[&[u8]]) -> Vec<Outcome> {
    let policy = trail.policy.get();
    let mut prepared = prepare(trail.source(&policy), &Given::default(), changes.iter().copied());
    let lines = lines_of(&mut prepared);
    outcomes(prepared, trail.append(lines))
}

fn lines_of(prepared: &mut [Result<Prepared>]) -> Vec<Vec<u8>> {
    let records = prepared.iter_mut().filter_map(|prepared| match prepared {
        Ok(Prepared::Record { line, .. }) => Some(std::mem::take(line)),
        _ => None,
    });
    records.collect()
}

/// Gives the records their indices, in order; when nothing could be appended, every record fails with
/// the same reason.
fn outcomes(
    prepared: Vec<Result<Prepared>>,
    appended: Result<std::ops::Range<u64>>,
) -> Vec<Outcome> {
    let mut next = appended.as_ref().map_or(0, |range| range.start);
    let mut receipt = |prepared| match prepared {
        Prepared::Unchanged { correlation_id } => Ok(Receipt::Unchanged { correlation_id }),
        Prepared::Record { id, correlation_id, .. } => {
            if let Err(error) = &appended {
                return Err(error.clone());
            }
            let index = next;
            next += 1;
            Ok(Receipt::Recorded { id, index, correlation_id })
        }
    };
    prepared.into_iter().map(|prepared| prepared.and_then(&mut receipt)).collect()
}

fn panicked() -> Error {
    Error::new(Code::Internal, "the work was given up halfway; nothing is acknowledged")
}
