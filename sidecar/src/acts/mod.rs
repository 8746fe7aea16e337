//! What is done with sealed values, each with a record of its own in the log: [`reveal`] and [`shred`].

mod reveal;
mod seals;
mod shred;

use crate::clock::Moment;
use crate::collector::record_id;
use crate::engine::{Act, Stamp};
use crate::error::Result;
use crate::trail::Trail;

pub use reveal::{Revealed, reveal};
pub use shred::{record_interrupted_shreds, shred};

/// Makes the record of an act and appends it; returns its id and index when it is durable.
fn record(trail: &Trail, act: &Act<'_>, at: Moment) -> Result<(String, u64)> {
    let id = record_id();
    let stamp = Stamp {
        origin: &trail.origin,
        id: &id,
        recorded_time: &at.to_string(),
        engine: trail.sandbox.name(),
    };
    let line = trail.guest()?.act(&stamp, act)?;
    let range = trail.append(vec![line])?;
    trail.metrics.recorded.add(1);
    Ok((id, range.start))
}
