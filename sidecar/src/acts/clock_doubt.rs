//! A clock that is years ahead would end all there is.
//!
//! The log tells how far it can be believed. Who writes a log leaves records throughout the time that is kept, so the
//! border between what is too old and what is not lies among records. A clock that was moved ahead leaps over all of that
//! time: on one side everything there ever was, on the other the few records that were made since, be it one.
//!
//! A log in which little is written can look the same. Then a person says that the clock is right, and why.

use jiff::Span;
use sealtrail_log::Reader;

use super::Justification;
use crate::clock::Moment;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::position::recorded_time;

/// A log may be quiet for longer than a short time to keep; and what is younger was perhaps written by the clock that is
/// doubted.
const LATELY_HOURS: i64 = 24;

/// The time that is kept has so many parts.
const PARTS: i64 = 8;

/// So many of them have records where somebody writes. One record by a wrong clock is in one.
const ENOUGH: usize = 2;

/// What in the log speaks against the clock, by which now is this.
#[derive(Debug)]
pub struct Doubt {
    now: Moment,
    because: String,
}

/// What whoever asks says of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockIs {
    /// Nothing: the log is asked.
    Judged,
    /// That it is right, whatever the log looks like.
    Right,
}

/// Looks at a bounded number of records, however long the log is.
pub fn doubt_the_clock(reader: &Reader, older_than: Moment, now: Moment) -> Result<Option<Doubt>> {
    let (first, size) = (reader.first()?, reader.size()?);
    if first == size {
        return Ok(None);
    }
    let time_of = |index| Ok::<_, Error>(recorded_time(&reader.read(index)?));
    let lately = now.minus(Span::new().hours(LATELY_HOURS));
    let doubt = |because| Ok(Some(Doubt { now, because }));
    if let Some(newest) = time_of(size - 1)?.filter(|time| *time < older_than && *time < lately) {
        return doubt(format!(
            "the newest record is of {newest}, which is older than what is kept"
        ));
    }
    // Where nothing in the log is too old, or a day is all that is kept, there is no border to leap over.
    let is_all_kept = time_of(first)?.is_some_and(|time| time >= older_than);
    if is_all_kept
        || older_than >= lately
        || parts_with_records(reader, older_than, lately)? >= ENOUGH
    {
        return Ok(None);
    }
    doubt(format!(
        "the log goes on from before {older_than} to the last {LATELY_HOURS} hours with hardly a record between, as if the \
         clock had been moved"
    ))
}

impl ClockIs {
    pub fn right_if(is_right: bool) -> Self {
        if is_right { Self::Right } else { Self::Judged }
    }

    /// Refuses what the clock was asked for, or says what speaks against it.
    pub fn judged(self, doubt: Option<Doubt>) -> Result<Option<String>> {
        match (self, doubt) {
            (Self::Judged, Some(doubt)) => Err(doubt.error()),
            (_, doubt) => Ok(doubt.map(|doubt| doubt.because)),
        }
    }

    /// Why something is done: a doubt that somebody has overruled stays in the record of it.
    pub fn told(doubt: Option<&str>, because: &Justification) -> Result<Justification> {
        let Some(doubt) = doubt else { return Ok(because.clone()) };
        tracing::warn!(doubt, "the clock was doubted, and who asks says that it is right");
        because.adding("; the clock was doubted, and is said to be right")
    }
}

impl Doubt {
    fn error(&self) -> Error {
        let Self { now, because } = self;
        let message = format!(
            "now is {now} by the clock, and {because}; if the clock is right, say so: `--clock-is-right`, or \
             `\"clock_is_right\":true` over the API"
        );
        Error::new(Code::WrongUse, message)
    }
}

/// How many parts of that time have a record. Searched by halves: where clocks step, it finds fewer than there are.
fn parts_with_records(reader: &Reader, from: Moment, to: Moment) -> Result<usize> {
    let (from, to) = (from.milliseconds(), to.milliseconds());
    let border = |part: i64| Moment::of_milliseconds(from + (to - from) / PARTS * part);
    let size = reader.size()?;
    let mut found = 0;
    for part in 0..PARTS {
        let (Some(begin), Some(end)) = (border(part), border(part + 1)) else { continue };
        let is_before = |line: &[u8]| recorded_time(line).is_some_and(|time| time < begin);
        let index = reader.partition_point(|_, line| is_before(line))?;
        if index < size
            && let Some(time) = recorded_time(&reader.read(index)?)
            && (begin..end).contains(&time)
        {
            found += 1;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
