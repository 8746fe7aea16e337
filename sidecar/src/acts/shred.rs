//! Destroys the keys of a data subject, or the one that it has for a month of a retention class: what was sealed with them is
//! unreadable everywhere, in every copy of the log, and the log still verifies.

use std::sync::PoisonError;

use sealtrail_keyring::{Erased, KeyId, Part, Why};
use serde::Serialize;

use super::certificate::{Certificate, certify};
use super::unrecorded::catch_up_before_erasing;
use super::{Awaiting, Entry, Justification, expire};
use crate::clock::Moment;
use crate::code::Code;
use crate::engine::Act;
use crate::error::{Error, Result};
use crate::trail::Trail;

mod left;

/// The core takes an act of 64 KiB, of which the id of a key takes 27 bytes.
const IN_A_RECORD: usize = 2000;

/// Keys that are destroyed at once.
const AT_MOST: usize = if cfg!(test) { 10 } else { IN_A_RECORD };

/// What is to be shredded, and what else.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner<'p> {
    /// The values of one month of one retention class only, `standard-7y.2026-10`.
    pub period: Option<&'p str>,
    /// Change the key-encryption key too, so that copies of the keyring are of no use.
    pub hard: bool,
    /// Say how much was destroyed and prove the record; reads the whole log.
    pub certificate: bool,
}

#[derive(Debug, Serialize)]
pub struct Shredded {
    /// The keys that do not exist any more.
    pub kids: Vec<String>,
    /// If it was the values of one month of one class only: `standard-7y.2026-10`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    pub hard: bool,
    /// The record of the erasure. It names the keys and not the subject.
    pub shred: String,
    pub shred_index: u64,
    /// The key that the subject shares with others by `keys.scope`, or several; what was sealed with that is still there. If
    /// it was one month, also the subject's own one that is of no month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shares: Option<String>,
    /// Above zero only where the server was stopped meanwhile: for so long somebody may still hold keys of single
    /// records of theirs.
    pub leases_end_in_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

/// Returns when all is durable: the key is gone, and the log says so. It is told when the leases are over.
pub fn shred(
    trail: &Trail,
    subject: &str,
    because: &Justification,
    manner: Manner<'_>,
) -> Result<Awaiting<Shredded>> {
    let asked = Asked::parse(subject, manner.period)?;
    // No hold is placed between the look at them and the shredding.
    let turn = trail.retaining.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Moment::now();
    rehearse(trail, because, now)?;
    catch_up_before_erasing(trail)?;
    let shares = left::still_shared(trail, &asked)?;
    let _closed = trail.in_use.close(asked.kids(trail)?);
    drain(trail)?;
    let kids = asked.kids(trail)?;
    refuse_if_held(trail, &kids)?;
    // Nothing is made for an unknown subject. What is made goes with a refusal.
    let kek = match manner.hard && !kids.is_empty() {
        true => Some(trail.prepare_kek()?),
        false => None,
    };
    let why = Why { when: &now.to_string(), who: &because.actor().id, reason: because.reason() };
    let ending = trail.returned.ending();
    let erased = match manner.hard {
        true => trail.keyring.shred_part_before_rotation(subject, asked.part(), &why),
        false => trail.keyring.shred_part(subject, asked.part(), &why),
    };
    drop(ending);
    let erased = match erased {
        Err(error) if error.is_unknown_subject() => {
            return Err(match &asked.period {
                Some(period) => left::nothing_in_period(trail, subject, period)?,
                None => left::nothing_to_erase(trail, subject)?,
            });
        }
        erased => erased?,
    };
    let leased_until = trail.leases.end(&erased.kids);
    trail.in_use.end(&erased.kids);
    if manner.hard {
        let changed = match kek {
            Some(kek) => kek.carry_out(),
            // The subject came after the look.
            None => trail.rotate_kek(),
        };
        changed.map_err(|error| {
            error.context(
                "what was asked for is destroyed, and the change of the key-encryption key is not complete; the next start, or \
                 `sealtrail keys rotate`, completes it, and then the erasure is recorded",
            )
        })?;
    }
    let entry = entry(trail, &erased.kids, manner.hard, because, now)?;
    let (shred, shred_index) = append(trail, entry, &erased)?;
    trail.metrics.shreds.add(1);
    // Nobody else need wait for the index to be written, and for the log to be read.
    drop(turn);
    forget(trail)?;
    let certificate = match manner.certificate {
        true => Some(certify(trail, &erased.kids, &shred, shred_index)?),
        false => None,
    };
    let shredded = Shredded {
        kids: names(&erased.kids),
        period: manner.period.map(str::to_owned),
        hard: manner.hard,
        shred,
        shred_index,
        shares,
        leases_end_in_ms: 0,
        certificate,
    };
    let awaiting = Awaiting::until(leased_until, shredded);
    Ok(awaiting.noted(|shredded, left| shredded.leases_end_in_ms = left))
}

/// Whose values, and which of them.
struct Asked<'a> {
    subject: &'a str,
    /// The key of the period, if it is one.
    period: Option<KeyId>,
}

impl<'a> Asked<'a> {
    fn parse(subject: &'a str, period: Option<&str>) -> Result<Self> {
        let parse = |period: &str| Ok::<_, Error>(expire::period(&format!("t_{period}"))?.0);
        Ok(Self { subject, period: period.map(parse).transpose()? })
    }

    fn part(&self) -> Part<'_> {
        self.period.as_ref().map_or(Part::Whole, Part::Period)
    }

    /// The keys that the keyring has of it, whatever the log says.
    fn kids(&self, trail: &Trail) -> Result<Vec<KeyId>> {
        let (keyring, subject) = (&trail.keyring, self.subject);
        if let Some(period) = &self.period {
            let key = keyring.existing_subject_key_in(subject, period)?;
            return Ok(key.map(|(kid, _)| kid).into_iter().collect());
        }
        let whole = keyring.existing_subject_key(subject)?.map(|(kid, _)| kid);
        let in_periods = keyring.subject_keys_in_periods(subject)?;
        let kids: Vec<_> =
            whole.into_iter().chain(in_periods.into_iter().map(|(_, kid)| kid)).collect();
        if kids.len() > AT_MOST {
            let message = format!(
                "this data subject has {} keys, one for each month of each retention class, and one record tells of {AT_MOST} \
                 at most: shred some of the months by themselves first (`--period`)",
                kids.len()
            );
            return Err(Error::new(Code::TooLarge, message));
        }
        Ok(kids)
    }
}

/// What a hold keeps must stay readable: it is refused while one keeps a record with values of theirs.
fn refuse_if_held(trail: &Trail, kids: &[KeyId]) -> Result<()> {
    if kids.is_empty() {
        return Ok(());
    }
    let reader = trail.log().reader();
    let Some(hold) = reader.holds()?.into_iter().min_by_key(|hold| hold.from) else {
        return Ok(());
    };
    let Some(index) = trail.questions.first_with_key(kids, hold.from)? else {
        return Ok(());
    };
    let message = format!(
        "the hold `{}` keeps record {index}, which has values of this data subject; `sealtrail hold remove` ends it",
        hold.name
    );
    Err(Error::new(Code::Held, message))
}

/// Records that wait in the spool come before the end of their keys, or it is not begun.
pub(super) fn drain(trail: &Trail) -> Result<()> {
    trail.drain_spool().map_err(|error| {
        error.context(
            "nothing is erased as long as records wait in the spool, for some may be of theirs",
        )
    })
}

/// A crash, or a log without room, can come between a shred, or the end of a period, and its record: the keyring
/// remembers, and this catches up. To be called by who has the turn of [`Trail::retaining`], or one that is under way would
/// be recorded twice.
///
/// Gives why one is left of which no record can be made now; the log serves on without it, for nothing would be better
/// for its refusing to.
pub fn record_interrupted_shreds(trail: &Trail) -> Result<Option<Error>> {
    // Keys that came back are destroyed without a record, for the log has it.
    let ending = trail.returned.ending();
    let unrecorded = trail.keyring.unrecorded()?;
    drop(ending);
    if unrecorded.is_empty() {
        return Ok(None);
    }
    let (mut made, mut left) = (Vec::new(), None);
    for erased in unrecorded {
        match entry_of_interrupted(trail, &erased) {
            Ok(entry) => made.push((erased, entry)),
            Err(error) => {
                let keys = names(&erased.kids).join(", ");
                left = Some(error.context(format_args!("the key {keys} is destroyed")));
            }
        }
    }
    if made.is_empty() {
        return Ok(left);
    }
    // What waits there may be of theirs, and comes first.
    trail.drain_spool()?;
    // A crash may have come just after the record.
    let recorded = trail.questions.destroyed_keys(0..u64::MAX)?;
    for (erased, entry) in made {
        if erased.kids.iter().all(|kid| recorded.contains(kid.as_str())) {
            settle(trail, &erased)?;
            continue;
        }
        let (record, _) = append(trail, entry, &erased)?;
        match expire::period_of(&erased) {
            Some(_) => trail.metrics.expired_periods.add(1),
            None => trail.metrics.shreds.add(1),
        }
        tracing::warn!(record, "recorded a shred that had been interrupted");
    }
    forget(trail)?;
    Ok(left)
}

fn entry_of_interrupted(trail: &Trail, erased: &Erased) -> Result<Entry> {
    if erased.generation.is_some_and(|before| before >= trail.keyring.generation()) {
        let message = "the key-encryption key was to be changed too; it is recorded after `sealtrail keys rotate`";
        return Err(Error::new(Code::KeyFile, message));
    }
    let marker = &erased.marker;
    let because = Justification::of_the_past("operator", &marker.who, &marker.reason);
    match expire::period_of(erased) {
        Some(kid) => expire::entry(trail, kid, &because, Moment::now()),
        None => entry(trail, &erased.kids, erased.generation.is_some(), &because, Moment::now()),
    }
}

/// Makes the record of a key that never was, and drops it: whatever the core would refuse is refused while
/// the key still exists.
fn rehearse(trail: &Trail, because: &Justification, at: Moment) -> Result<()> {
    let nobody = KeyId::parse("k_AAAAAAAAAAAAAAAAAAAAAA")?;
    entry(trail, &[nobody], false, because, at).map(|_| ())
}

fn entry(
    trail: &Trail,
    kids: &[KeyId],
    hard: bool,
    because: &Justification,
    at: Moment,
) -> Result<Entry> {
    let (actor, reason) = (because.actor(), because.reason());
    let act = Act::Shred { actor, reason, kids: &names(kids), hard };
    Entry::within(trail, &act, because, at)
}

fn append(trail: &Trail, entry: Entry, erased: &Erased) -> Result<(String, u64)> {
    let appended = entry.append_of_destroyed(trail, &erased.kids)?;
    settle(trail, erased)?;
    Ok(appended)
}

/// What is left to do when the record is durable.
fn settle(trail: &Trail, erased: &Erased) -> Result<()> {
    if expire::period_of(erased).is_some() {
        trail.log().checkpoint_now()?;
    }
    Ok(trail.keyring.recorded(erased)?)
}

/// The index still names the keys, and the pseudonyms that were made with them.
fn forget(trail: &Trail) -> Result<()> {
    trail.questions.purge()
}

pub(super) fn names(kids: &[KeyId]) -> Vec<String> {
    kids.iter().map(|kid| kid.as_str().to_owned()).collect()
}

#[cfg(test)]
mod tests;
