//! Changes the key-encryption key.

use serde::{Deserialize, Serialize};

use super::{Entry, Justification};
use crate::clock::Moment;
use crate::engine::Act;
use crate::error::Result;
use crate::trail::Trail;

/// The reason, where none is given.
pub const ROUTINE: &str = "another key-encryption key";

/// What a change of the key-encryption key came to, and the record that says so.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rotated {
    /// How many keys are wrapped with the new one.
    pub keys: u64,
    pub generation: u64,
    pub rotate: String,
    pub rotate_index: u64,
}

/// Wraps every key with another key-encryption key. As of every act that destroys a key, the record comes after it: none
/// tells of a key that still opens something.
pub fn rotate(trail: &Trail, because: &Justification) -> Result<Rotated> {
    // What the core refuses is refused before anything is changed, and so is what the log does not take.
    entry(trail, because, 0, 0)?;
    if let Some(error) = trail.log().poisoned().or_else(|| trail.log().disk_full()) {
        return Err(error.into());
    }
    let (keys, generation) = trail.rotate_kek()?;
    let (rotate, rotate_index) = entry(trail, because, keys, generation)
        .and_then(|entry| entry.append(trail))
        .map_err(|error| {
            error.context(
                "the key-encryption key is another one now, and the log has no record of it",
            )
        })?;
    Ok(Rotated { keys, generation, rotate, rotate_index })
}

fn entry(trail: &Trail, because: &Justification, keys: u64, generation: u64) -> Result<Entry> {
    let (actor, reason) = (because.actor(), because.reason());
    let act = Act::Rotate { actor, reason, keys, generation };
    Entry::within(trail, &act, because, Moment::now())
}
