//! Destroys the key of a data subject: what was sealed with it is unreadable everywhere, in every copy
//! of the log, and the log still verifies.

use sealtrail_keyring::{Erased, Why};
use serde::Serialize;

use crate::clock::Moment;
use crate::code::Code;
use crate::engine::{Act, Actor};
use crate::error::{Error, Result};
use crate::trail::Trail;

#[derive(Debug, Serialize)]
pub struct Shredded {
    /// The keys that do not exist any more.
    pub kids: Vec<String>,
    /// The record of the erasure. It names the keys and not the subject.
    pub shred: String,
    pub shred_index: u64,
}

/// Returns when both are durable: the key is gone, and the log says so.
pub fn shred(trail: &Trail, subject: &str, reason: &str, actor: &Actor) -> Result<Shredded> {
    if reason.trim().is_empty() {
        return Err(Error::new(Code::MissingField, "a shred needs a reason"));
    }
    let now = Moment::now();
    let why = Why { when: &now.to_string(), who: &actor.id, reason };
    let erased = trail.keyring.shred_subject(subject, &why).map_err(|error| {
        let is_unknown = error.is_unknown_subject();
        let error = Error::from(error);
        // The keyring's error leaves the subject out; whoever asked may read his own words.
        if is_unknown { error.context(format_args!("`{subject}`")) } else { error }
    })?;
    let shredded = record(trail, &erased, actor, now)?;
    trail.metrics.shreds.add(1);
    Ok(shredded)
}

/// A crash can fall between a shred and its record: the keyring remembers, and this catches up.
pub fn record_interrupted_shreds(trail: &Trail) -> Result<()> {
    for erased in trail.keyring.unrecorded()? {
        let actor = Actor { kind: "operator".into(), id: erased.marker.who.clone() };
        let recorded = record(trail, &erased, &actor, Moment::now())?;
        tracing::warn!(record = recorded.shred, "recorded a shred that had been interrupted");
    }
    Ok(())
}

fn record(trail: &Trail, erased: &Erased, actor: &Actor, at: Moment) -> Result<Shredded> {
    let kids: Vec<String> = erased.kids.iter().map(|kid| kid.as_str().to_owned()).collect();
    let act = Act::Shred { actor, reason: &erased.marker.reason, kids: &kids, hard: false };
    let (shred, shred_index) = super::record(trail, &act, at)?;
    trail.keyring.recorded(erased)?;
    Ok(Shredded { kids, shred, shred_index })
}
