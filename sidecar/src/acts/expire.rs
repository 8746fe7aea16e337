//! Destroys the keys of the retention periods whose time is over: what was sealed in such a month under such a
//! class is unreadable everywhere, in every copy of the log, and the log still verifies.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::PoisonError;
use std::time::Instant;

use sealtrail_keyring::{Erased, KeyId, Keyring, Why};
use sealtrail_log::Reader;
use serde::{Deserialize, Serialize};

use super::certificate::{Certificate, certify};
use super::clock_doubt::doubt_the_clock;
use super::shred::drain;
use super::unrecorded::catch_up_before_erasing;
use super::{Awaiting, ClockIs, Entry, Justification};
use crate::clock::Moment;
use crate::code::Code;
use crate::config::Retention;
use crate::engine::Act;
use crate::error::{Error, Result};
use crate::position::recorded_time;
use crate::trail::Trail;

/// What is over, and what is not although it is old.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Expired {
    pub over: Vec<Over>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Kept>,
    /// Classes of which there are keys, and that `retention.classes` does not name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_for_ever: Vec<String>,
    /// What speaks against the clock, where somebody says that it is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_doubt: Option<String>,
}

/// A period whose time is over, and the record that says so; none if its key is still there.
#[derive(Debug, Serialize, Deserialize)]
pub struct Over {
    pub class: String,
    pub period: String,
    pub kid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_index: Option<u64>,
}

/// A period that would be over without the hold.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    pub class: String,
    pub period: String,
    pub held_by: String,
}

/// What would expire now. Takes no lock, so it works beside a running server.
pub fn plan(
    reader: &Reader,
    keyring: &Path,
    retention: &Retention,
    clock: ClockIs,
) -> Result<Expired> {
    let (planned, _) = plan_at(reader, keyring, retention, clock, Moment::now())?;
    Ok(planned)
}

/// Returns when everything is durable: each key is gone, and the log says so under a checkpoint. It is told when the leases
/// are over.
pub fn expire(trail: &Trail, clock: ClockIs, because: &Justification) -> Result<Awaiting<Expired>> {
    expire_at(trail, clock, because, Moment::now())
}

fn expire_at(
    trail: &Trail,
    clock: ClockIs,
    because: &Justification,
    now: Moment,
) -> Result<Awaiting<Expired>> {
    let _turn = trail.retaining.lock().unwrap_or_else(PoisonError::into_inner);
    // One whose record found no room has its key destroyed already, and would not be found again.
    catch_up_before_erasing(trail)?;
    drain(trail)?;
    let (mut expired, kids) =
        plan_at(trail.log().reader(), &trail.keyring_dir, &trail.retention, clock, now)?;
    if let ([], Some(kept)) = (&kids[..], expired.held.first()) {
        let message = format!(
            "the hold `{}` keeps the {} periods whose time is over",
            kept.held_by,
            expired.held.len()
        );
        return Err(Error::new(Code::Held, message));
    }
    let because = &ClockIs::told(expired.clock_doubt.as_deref(), because)?;
    let mut leased_until = None;
    for (over, kid) in expired.over.iter_mut().zip(&kids) {
        let (record, index, until) =
            end(trail, kid, because).map_err(|error| error.context(format_args!("`{kid}`")))?;
        (over.expire, over.expire_index) = (Some(record), Some(index));
        leased_until = leased_until.max(until);
    }
    Ok(Awaiting::until(leased_until, expired))
}

/// A period that was ended before its time.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ended {
    pub kid: String,
    pub expire: String,
    pub expire_index: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

/// How a period is ended before its time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ending {
    /// Also in the month itself: then nothing of the class can be sealed until the next one.
    pub running: bool,
    /// Say how much was destroyed and prove the record; reads the whole log.
    pub certificate: bool,
}

/// Destroys the key of one period now, whatever its retention: `kid` is `t_<class>.<month>`. A hold keeps its records
/// readable, as from [`expire`].
pub fn shred_period(
    trail: &Trail,
    kid: &str,
    because: &Justification,
    how: Ending,
) -> Result<Awaiting<Ended>> {
    let turn = trail.retaining.lock().unwrap_or_else(PoisonError::into_inner);
    let (kid, end_of_month) = period(kid)?;
    let is_running = end_of_month > Moment::now();
    // What is gone already is told as that.
    if is_running && !how.running && trail.has_key(&kid)? {
        return Err(still_running(&kid, end_of_month));
    }
    catch_up_before_erasing(trail)?;
    let _closed = trail.in_use.close(vec![kid.clone()]);
    drain(trail)?;
    let held = held(trail.log().reader(), Some(end_of_month), Moment::now())?;
    if let Some(held) = held.filter(|held| end_of_month >= held.since) {
        let message = format!("the hold `{}` keeps records of the period of `{kid}`", held.by);
        return Err(Error::new(Code::Held, message));
    }
    let (expire, expire_index, leased_until) =
        end(trail, &kid, because).map_err(|error| error.context(format_args!("`{kid}`")))?;
    if is_running {
        tracing::warn!(
            key = %kid,
            until = %end_of_month,
            "the key of a month was destroyed before the month was over: nothing of its class is sealed until then"
        );
    }
    // Nobody else need wait for the log to be read.
    drop(turn);
    let certificate = match how.certificate {
        true => Some(certify(trail, std::slice::from_ref(&kid), &expire, expire_index)?),
        false => None,
    };
    let ended = Ended { kid: kid.to_string(), expire, expire_index, certificate };
    Ok(Awaiting::until(leased_until, ended))
}

fn still_running(kid: &KeyId, end_of_month: Moment) -> Error {
    let message = format!(
        "the month of `{kid}` is not over: without its key no change with something of this class can be recorded until \
         {end_of_month} (`period_expired`, 503), for it is never made again; if that is meant, say so: `--running` \
         (`\"running\":true`)"
    );
    Error::new(Code::PeriodRunning, message)
}

/// The key of a month, and where that ends.
pub(super) fn period(kid: &str) -> Result<(KeyId, Moment)> {
    let parsed = KeyId::parse(kid)?;
    let month = parsed.period().map(|(_, month)| month.to_owned());
    let end = month.as_deref().and_then(Moment::end_of_month);
    end.map(|end| (parsed, end)).ok_or_else(|| {
        let message = match month {
            Some(month) => format!(
                "`{kid}`: expected a month of a calendar behind the class, like `2026-11`, got `{month}`"
            ),
            None => format!(
                "`{kid}`: expected the key of a month, like `t_standard-7y.2026-11`, got one of a data subject, which \
                 is shredded by the subject's name"
            ),
        };
        Error::new(Code::InvalidField, message)
    })
}

/// As in a shred the key goes first, and the keyring remembers it until the log has the record: a crash between
/// the two is made good by the next open, and no record ever tells of a key that is still there.
///
/// Gives the record, its index, and when the last lease of the key is over.
fn end(
    trail: &Trail,
    kid: &KeyId,
    because: &Justification,
) -> Result<(String, u64, Option<Instant>)> {
    let now = Moment::now();
    // Made before anything is done, so that what the core refuses is refused.
    let entry = entry(trail, kid, because, now)?;
    let why = Why { when: &now.to_string(), who: &because.actor().id, reason: because.reason() };
    let _closed = trail.in_use.close(vec![kid.clone()]);
    let erased = trail.keyring.expire_period(kid, &why)?;
    let leased_until = trail.leases.end(&erased.kids);
    let (record, index) = entry.append_of_destroyed(trail, &erased.kids)?;
    trail.log().checkpoint_now()?;
    trail.keyring.recorded(&erased)?;
    trail.metrics.expired_periods.add(1);
    Ok((record, index, leased_until))
}

/// The record of the end of a period.
pub(super) fn entry(
    trail: &Trail,
    kid: &KeyId,
    because: &Justification,
    at: Moment,
) -> Result<Entry> {
    let (class, period) = kid.period().unwrap_or_default();
    let (actor, reason) = (because.actor(), because.reason());
    let act = Act::Expire { actor, reason, class, period, kids: [kid.as_str()] };
    Entry::within(trail, &act, because, at)
}

/// The key of the period that was ended; None if it was a data subject that was shredded.
pub(super) fn period_of(erased: &Erased) -> Option<&KeyId> {
    erased.kids.first().filter(|kid| kid.period().is_some())
}

/// The plan, and the keys of what is over in it.
fn plan_at(
    reader: &Reader,
    keyring: &Path,
    retention: &Retention,
    clock: ClockIs,
    now: Moment,
) -> Result<(Expired, Vec<KeyId>)> {
    if retention.classes.is_empty() {
        let message = "`retention.classes` is not set, so no key ever expires; set it under `[retention]` of the \
                       configuration, like `classes = { standard-7y = \"7y\" }`; a server reads it when it starts";
        return Err(Error::new(Code::NotConfigured, message));
    }
    let (mut old, mut for_ever, mut older_than) = (Vec::new(), BTreeSet::new(), Moment::FIRST);
    for kid in Keyring::period_keys(keyring)? {
        let (class, period) = kid.period().unwrap_or_default();
        let (Some(kept), Some(end)) = (retention.classes.kept(class), Moment::end_of_month(period))
        else {
            let is_month = Moment::end_of_month(period).is_some();
            for_ever.insert(if is_month { class.to_owned() } else { kid.to_string() });
            continue;
        };
        if end <= kept.before(now) {
            older_than = older_than.max(kept.before(now));
            old.push((kid, end));
        }
    }
    let held = held(reader, old.iter().map(|(_, end)| *end).min(), now)?;
    let (mut expired, mut kids) = (Expired::default(), Vec::new());
    for (kid, end) in old {
        let (class, period) = kid.period().unwrap_or_default();
        let (class, period) = (class.to_owned(), period.to_owned());
        match &held {
            Some(held) if end >= held.since => {
                expired.held.push(Kept { class, period, held_by: held.by.clone() });
            }
            _ => {
                let (expire, expire_index) = (None, None);
                let kid_name = kid.to_string();
                expired.over.push(Over { class, period, kid: kid_name, expire, expire_index });
                kids.push(kid);
            }
        }
    }
    if !kids.is_empty() {
        expired.clock_doubt = clock.judged(doubt_the_clock(reader, older_than, now)?)?;
    }
    expired.kept_for_ever = for_ever.into_iter().collect();
    Ok((expired, kids))
}

/// The hold that reaches back the farthest, and the time of the earliest record under it.
struct Held {
    by: String,
    since: Moment,
}

/// A record is sealed with the key of the month in which it was recorded, and clocks step, so every record under
/// the hold is looked at until one is found that is as early as any that is asked for.
fn held(reader: &Reader, earliest_end: Option<Moment>, now: Moment) -> Result<Option<Held>> {
    let hold = reader.holds()?.into_iter().min_by_key(|hold| hold.from);
    let (Some(hold), Some(earliest_end)) = (hold, earliest_end) else { return Ok(None) };
    let mut since = now;
    for read in reader.lines(hold.from.max(reader.first()?))? {
        let (_, line) = read?;
        // One that says no time may be of any.
        since = since.min(recorded_time(&line).unwrap_or(Moment::FIRST));
        if since <= earliest_end {
            break;
        }
    }
    Ok(Some(Held { by: hold.name, since }))
}

#[cfg(test)]
mod tests;
