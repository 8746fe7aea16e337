//! Destroys the key of a data subject: what was sealed with it is unreadable everywhere, in every copy
//! of the log, and the log still verifies.

use std::time::{Duration, Instant};

use sealtrail_keyring::{Erased, KeyId, Why};
use serde::Serialize;

use super::{Entry, Justification, expire};
use crate::clock::Moment;
use crate::engine::Act;
use crate::error::{Error, Result};
use crate::trail::Trail;

#[derive(Debug, Serialize)]
pub struct Shredded {
    /// The keys that do not exist any more.
    pub kids: Vec<String>,
    /// The record of the erasure. It names the keys and not the subject.
    pub shred: String,
    pub shred_index: u64,
    /// Above zero only where the server was stopped meanwhile: for so long somebody may still hold keys of single
    /// records of theirs.
    pub leases_end_in_ms: u64,
}

/// Returns when both are durable: the key is gone, and the log says so.
pub fn shred(trail: &Trail, subject: &str, because: &Justification) -> Result<Shredded> {
    let now = Moment::now();
    rehearse(trail, because, now)?;
    let why = Why { when: &now.to_string(), who: &because.actor().id, reason: because.reason() };
    let erased = trail.keyring.shred_subject(subject, &why).map_err(|error| {
        let is_unknown = error.is_unknown_subject();
        let error = Error::from(error);
        // The keyring's error leaves the subject out; whoever asked may read his own words.
        if is_unknown { error.context(format_args!("`{subject}`")) } else { error }
    })?;
    let leased_until = trail.leases.end(&erased.kids);
    let mut shredded = append(trail, entry(trail, &erased.kids, because, now)?, &erased)?;
    trail.metrics.shreds.add(1);
    shredded.leases_end_in_ms = await_leases(trail, leased_until);
    Ok(shredded)
}

/// Waits until nobody holds a key of a record of theirs any more, or until the server is being stopped; gives how
/// long it would still have been.
pub(super) fn await_leases(trail: &Trail, until: Option<Instant>) -> u64 {
    let Some(until) = until else { return 0 };
    let left = || until.saturating_duration_since(Instant::now());
    tracing::info!(seconds = left().as_secs(), "waiting for leases of keys that are destroyed");
    while !left().is_zero() && !trail.is_draining() {
        std::thread::sleep(left().min(Duration::from_millis(50)));
    }
    u64::try_from(left().as_millis()).unwrap_or(u64::MAX)
}

/// A crash can fall between a shred, or the end of a period, and its record: the keyring remembers, and this catches up.
///
/// One that no record can be made of stays in the keyring and is told; the log serves on without it, for
/// nothing would be better for its refusing to.
pub fn record_interrupted_shreds(trail: &Trail) -> Result<()> {
    for erased in trail.keyring.unrecorded()? {
        let marker = &erased.marker;
        let because = Justification::of_the_past("operator", &marker.who, &marker.reason);
        let made = match expire::period_of(&erased) {
            Some(kid) => expire::entry(trail, kid, &because, Moment::now()),
            None => entry(trail, &erased.kids, &because, Moment::now()),
        };
        match made {
            Ok(entry) => {
                let recorded = append(trail, entry, &erased)?;
                tracing::warn!(
                    record = recorded.shred,
                    "recorded a shred that had been interrupted"
                );
            }
            Err(error) => tracing::error!(
                keys = ?names(&erased.kids),
                %error,
                "an interrupted shred has no record, and none can be made"
            ),
        }
    }
    Ok(())
}

/// Makes the record of a key that never was, and drops it: whatever the core would refuse is refused while
/// the key still exists.
fn rehearse(trail: &Trail, because: &Justification, at: Moment) -> Result<()> {
    let nobody = KeyId::parse("k_AAAAAAAAAAAAAAAAAAAAAA")?;
    entry(trail, &[nobody], because, at).map(|_| ())
}

fn entry(trail: &Trail, kids: &[KeyId], because: &Justification, at: Moment) -> Result<Entry> {
    let (actor, reason) = (because.actor(), because.reason());
    let act = Act::Shred { actor, reason, kids: &names(kids), hard: false };
    Entry::within(trail, &act, because, at)
}

fn append(trail: &Trail, entry: Entry, erased: &Erased) -> Result<Shredded> {
    let (shred, shred_index) = entry.append(trail)?;
    trail.keyring.recorded(erased)?;
    Ok(Shredded { kids: names(&erased.kids), shred, shred_index, leases_end_in_ms: 0 })
}

fn names(kids: &[KeyId]) -> Vec<String> {
    kids.iter().map(|kid| kid.as_str().to_owned()).collect()
}
