//! Keeps records from removal, and ends it.

use std::sync::PoisonError;

use serde::{Deserialize, Serialize};

use super::{Entry, Justification};
use crate::clock::Moment;
use crate::code::Code;
use crate::engine::Act;
use crate::error::{Error, Result};
use crate::position::Position;
use crate::trail::Trail;

/// A hold that was placed or released, and the record that says so.
#[derive(Debug, Serialize, Deserialize)]
pub struct Held {
    pub name: String,
    /// This record and all after it are, or were, kept.
    pub from: u64,
    pub record: String,
    pub record_index: u64,
}

/// The hold is in force before its record is appended: what is held too long does no harm. For the same reason a
/// time is looked for line by line: of a record that was meant and is not held, nothing may be left tomorrow.
pub fn hold(trail: &Trail, name: &str, from: &Position, because: &Justification) -> Result<Held> {
    let _turn = trail.retaining.lock().unwrap_or_else(PoisonError::into_inner);
    let from = from.find_earliest(trail.log().reader())?;
    let size = trail.size();
    if from > size {
        let message = format!(
            "expected the index of a record, or {size} for what comes from now on, got {from}"
        );
        return Err(Error::new(Code::WrongUse, message));
    }
    let (actor, reason) = (because.actor(), because.reason());
    // Made before anything is done, so that what the core refuses is refused.
    let entry = Entry::within(
        trail,
        &Act::Hold { actor, reason, hold: name, from },
        because,
        Moment::now(),
    )?;
    trail.log().hold(name, from)?;
    told(name, from, entry, trail)
}

/// The record is durable before the hold is released, so that none ends in silence.
pub fn release(trail: &Trail, name: &str, because: &Justification) -> Result<Held> {
    let _turn = trail.retaining.lock().unwrap_or_else(PoisonError::into_inner);
    let from = match trail.log().holds()?.into_iter().find(|hold| hold.name == name) {
        Some(hold) => hold.from,
        // The log says that there is none.
        None => trail.log().release(name)?.from,
    };
    let (actor, reason) = (because.actor(), because.reason());
    let act = Act::HoldReleased { actor, reason, hold: name, from };
    let held = told(name, from, Entry::within(trail, &act, because, Moment::now())?, trail)?;
    trail.log().release(name)?;
    Ok(held)
}

fn told(name: &str, from: u64, entry: Entry, trail: &Trail) -> Result<Held> {
    let (record, record_index) = entry.append(trail)?;
    Ok(Held { name: name.to_owned(), from, record, record_index })
}
