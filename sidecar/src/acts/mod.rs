//! What is done with sealed values and with records, each with a record of its own in the log: [`reveal`],
//! [`shred`], [`expire`], [`rotate`], [`prune`], [`hold`] and [`release`]; and that somebody was [`refused`] one of
//! these.

mod awaiting;
mod certificate;
mod clock_doubt;
mod expire;
mod hold;
mod justification;
mod prune;
mod refused;
mod reveal;
mod rotate;
mod seals;
mod shred;
mod unrecorded;

use sealtrail_keyring::KeyId;

use crate::clock::Moment;
use crate::collector::record_id;
use crate::engine::{Act, Stamp};
use crate::error::Result;
use crate::trail::Trail;

pub use awaiting::Awaiting;
pub use certificate::Certificate;
pub use clock_doubt::ClockIs;
pub use expire::{Ended, Ending, Expired, Over, expire, plan as plan_expiry, shred_period};
pub use hold::{Held, hold, release};
pub use justification::Justification;
pub use prune::{Planned, Removed, plan, prune};
pub use refused::refused;
pub use reveal::{Openings, Revealed, Value, openings, reveal, tell_reveal};
pub use rotate::{ROUTINE, Rotated, rotate};
#[cfg(test)]
pub use shred::Shredded;
pub use shred::{Manner, record_interrupted_shreds, shred};
pub use unrecorded::{Unrecorded, catch_up, catch_up_at_start};

/// The record of an act, not yet in the log.
struct Entry {
    id: String,
    line: Vec<u8>,
}

impl Entry {
    /// The record of an act that is done in a request.
    fn within(trail: &Trail, act: &Act<'_>, why: &Justification, at: Moment) -> Result<Self> {
        let (id, sandbox) = (record_id(), trail.sandbox());
        let stamp = Stamp {
            origin: &trail.origin,
            id: &id,
            recorded_time: &at.to_string(),
            engine: sandbox.name(),
        };
        let line = sandbox.guest()?.act(&stamp, act, why.correlation_id())?;
        Ok(Self { id, line })
    }

    /// Returns the id and the index when the record is durable.
    fn append(self, trail: &Trail) -> Result<(String, u64)> {
        let range = trail.append(vec![self.line])?;
        trail.metrics.recorded.add(1);
        Ok((self.id, range.start))
    }

    /// The same of keys that are destroyed already.
    fn append_of_destroyed(self, trail: &Trail, kids: &[KeyId]) -> Result<(String, u64)> {
        self.append(trail).map_err(|error| {
            let (kids, follows) =
                (shred::names(kids).join(", "), "its record follows when the log takes it");
            error.context(format_args!("the key {kids} is destroyed, and {follows}"))
        })
    }
}
