//! Removes records whose time is over, in whole segments.

use std::sync::PoisonError;

use sealtrail_log::{Reader, Removable};
use serde::{Deserialize, Serialize};

use super::clock_doubt::doubt_the_clock;
use super::{ClockIs, Entry, Justification};
use crate::clock::Moment;
use crate::code::Code;
use crate::config::{Period, Retention};
use crate::engine::Act;
use crate::error::{Error, Result};
use crate::position::recorded_time;
use crate::trail::Trail;

/// What would be removed now.
#[derive(Debug, Serialize, Deserialize)]
pub struct Planned {
    pub first_removed: u64,
    pub first_kept: u64,
    pub segments: u64,
    pub bytes: u64,
    /// Every record that goes was recorded before this.
    pub older_than: String,
    /// The hold without which more would go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
    /// What speaks against the clock, where somebody says that it is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_doubt: Option<String>,
}

/// What was removed, and the record that says so; none if there was nothing to remove.
#[derive(Debug, Serialize, Deserialize)]
pub struct Removed {
    #[serde(flatten)]
    pub planned: Planned,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prune: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prune_index: Option<u64>,
}

/// Whole segments of which every record is older than `retention.keep`.
pub fn plan(reader: &Reader, retention: &Retention, clock: ClockIs) -> Result<Planned> {
    let Some(keep) = retention.keep else {
        let message = "`retention.keep` is not set, so nothing is ever removed; \
                       set it under `[retention]` of the configuration, like `keep = \"7y\"`; \
                       a server reads it when it starts";
        return Err(Error::new(Code::NotConfigured, message));
    };
    plan_at(reader, &keep, clock, Moment::now())
}

fn plan_at(reader: &Reader, keep: &Period, clock: ClockIs, now: Moment) -> Result<Planned> {
    let older_than = keep.before(now);
    let is_old = |line: &[u8]| recorded_time(line).is_some_and(|time| time < older_than);
    let removable = reader.removable(reader.partition_point(|_, line| is_old(line))?)?;
    let removable = spare_newer(reader, removable, is_old)?;
    let doubt = match removable.records.is_empty() {
        true => None,
        false => clock.judged(doubt_the_clock(reader, older_than, now)?)?,
    };
    Ok(Planned {
        first_removed: removable.records.start,
        first_kept: removable.records.end,
        segments: removable.segments,
        bytes: removable.bytes,
        older_than: older_than.to_string(),
        held_by: removable.held_by.map(|hold| hold.name),
        clock_doubt: doubt,
    })
}

/// Clocks step, so the search says only where to look: every line that would go is read.
fn spare_newer(
    reader: &Reader,
    removable: Removable,
    is_old: impl Fn(&[u8]) -> bool,
) -> Result<Removable> {
    let count = removable.records.end - removable.records.start;
    let lines = reader.lines(removable.records.start)?;
    for read in lines.take(usize::try_from(count).unwrap_or(usize::MAX)) {
        let (index, line) = read?;
        if !is_old(&line) {
            return Ok(reader.removable(index)?);
        }
    }
    Ok(removable)
}

/// The record is durable and covered before the first segment goes.
pub fn prune(trail: &Trail, clock: ClockIs, because: &Justification) -> Result<Removed> {
    let _turn = trail.retaining.lock().unwrap_or_else(PoisonError::into_inner);
    trail.log().checkpoint_now()?;
    let planned = plan(trail.log().reader(), &trail.retention, clock)?;
    if planned.is_empty() {
        return match &planned.held_by {
            None => Ok(Removed { planned, prune: None, prune_index: None }),
            Some(hold) => {
                let message =
                    format!("the hold `{hold}` keeps what is older than `retention.keep`");
                Err(Error::new(Code::Held, message))
            }
        };
    }
    let because = &ClockIs::told(planned.clock_doubt.as_deref(), because)?;
    let act = Act::Prune {
        actor: because.actor(),
        reason: because.reason(),
        first_removed: planned.first_removed,
        first_kept: planned.first_kept,
        older_than: &planned.older_than,
    };
    let (record, index) = Entry::within(trail, &act, because, Moment::now())?.append(trail)?;
    trail.log().prune(planned.first_kept, index)?;
    Ok(Removed { planned, prune: Some(record), prune_index: Some(index) })
}

impl Planned {
    pub fn is_empty(&self) -> bool {
        self.first_removed == self.first_kept
    }
}

#[cfg(test)]
mod tests {
    use sealtrail_log::proof::SigningKey;
    use sealtrail_log::{Log, Options, Signer};

    use super::*;

    #[test]
    fn a_clock_that_is_years_ahead_removes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::from_seed("a.example", &[1; 32]).unwrap();
        Log::create(folder.path(), "a.example", &key).unwrap();
        let signer = Signer::new("a.example", key).unwrap();
        let options = Options { segment_bytes: 1, ..Options::default() };
        let (log, _) = Log::open(folder.path(), signer, options).unwrap();
        for year in [2010, 2011, 2021, 2023, 2025, 2026] {
            let line = format!(r#"{{"recordedtime":"{year}-11-21T00:00:00Z"}}"#);
            log.append(vec![line.into_bytes()]).unwrap();
        }
        log.checkpoint_now().unwrap();
        let keep: Period = serde_json::from_str("\"7y\"").unwrap();
        let plan =
            |now: &str| plan_at(log.reader(), &keep, ClockIs::Judged, Moment::parse(now).unwrap());
        let planned = plan("2026-11-22T00:00:00Z").unwrap();
        assert_eq!((planned.first_removed, planned.first_kept), (0, 2));
        let error = plan("2099-01-01T00:00:00Z").unwrap_err();
        assert_eq!(error.code(), Code::WrongUse);
        assert!(error.to_string().contains("the newest record is of 2026-11-21"), "{error}");
        // One record by the wrong clock is what this clock made, not what somebody says.
        log.append(vec![br#"{"recordedtime":"2098-12-31T23:00:00Z"}"#.to_vec()]).unwrap();
        log.checkpoint_now().unwrap();
        let error = plan("2099-01-01T00:00:00Z").unwrap_err();
        assert!(error.to_string().contains("as if the clock had been moved"), "{error}");
        let now = Moment::parse("2099-01-01T00:00:00Z").unwrap();
        let planned = plan_at(log.reader(), &keep, ClockIs::Right, now).unwrap();
        assert_eq!(planned.first_kept, 6);
        assert!(planned.clock_doubt.unwrap().contains("as if the clock had been moved"));
    }
}
