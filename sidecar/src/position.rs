//! A place in the log as people name it: by index, or by time.

use std::fmt;
use std::str::FromStr;

use sealtrail_log::Reader;
use sealtrail_record::json::{self, Value};

use crate::clock::Moment;
use crate::code::Code;
use crate::error::{Error, Result, shown};
use crate::questions::STORED;

/// A record by its index, or the first one recorded at or after a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    Index(u64),
    Time(Moment),
}

impl Position {
    /// The index of the record; the number of records if all are earlier.
    pub fn find(&self, reader: &Reader) -> Result<u64> {
        match *self {
            Self::Index(index) => Ok(index),
            Self::Time(wanted) => {
                let is_before = |line: &[u8]| recorded_time(line).is_none_or(|time| time < wanted);
                Ok(reader.partition_point(|_, line| is_before(line))?)
            }
        }
    }

    /// The index before which no record is meant. Clocks step, so the search of [`Position::find`] says only from
    /// where on there is none to be looked for, and every line before it is read.
    pub fn find_earliest(&self, reader: &Reader) -> Result<u64> {
        let found = self.find(reader)?;
        let Self::Time(wanted) = *self else { return Ok(found) };
        for read in reader.lines(reader.first()?)? {
            let (index, line) = read?;
            if index >= found || recorded_time(&line).is_some_and(|time| time >= wanted) {
                return Ok(index.min(found));
            }
        }
        Ok(found)
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let index = text.parse().ok().map(Self::Index);
        let position = index.or_else(|| Moment::parse(text).map(Self::Time));
        position.ok_or_else(|| {
            let message = format!(
                "expected an index or a time like `2026-11-21T19:45:00Z`, got `{}`",
                shown(text)
            );
            Error::new(Code::WrongUse, message)
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => index.fmt(f),
            Self::Time(time) => time.fmt(f),
        }
    }
}

/// When a record was appended, by the clock of whoever appended it.
pub fn recorded_time(line: &[u8]) -> Option<Moment> {
    let record = json::parse(line, &STORED).ok()?;
    Moment::parse(record.get("recordedtime").and_then(Value::as_str)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that went back for a while: half of the places say that what is wanted comes later.
    #[test]
    fn a_clock_that_stepped_hides_no_record_from_a_hold() {
        use sealtrail_log::proof::SigningKey;
        use sealtrail_log::{Log, Options, Signer};

        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::from_seed("a.example", &[1; 32]).unwrap();
        Log::create(folder.path(), "a.example", &key).unwrap();
        let signer = Signer::new("a.example", key).unwrap();
        let (log, _) = Log::open(folder.path(), signer, Options::default()).unwrap();
        let line =
            |day: &u8| format!(r#"{{"recordedtime":"2026-11-{day}T00:00:00Z"}}"#).into_bytes();
        log.append([10, 20, 11, 12, 30].iter().map(line).collect()).unwrap();
        let position: Position = "2026-11-15T00:00:00Z".parse().unwrap();
        assert_eq!(position.find(log.reader()).unwrap(), 4);
        assert_eq!(position.find_earliest(log.reader()).unwrap(), 1);
        let later: Position = "2026-12-01T00:00:00Z".parse().unwrap();
        assert_eq!(later.find_earliest(log.reader()).unwrap(), 5);
        assert_eq!(Position::Index(3).find_earliest(log.reader()).unwrap(), 3);
    }

    #[test]
    fn indices_and_times() {
        assert_eq!("17".parse::<Position>().unwrap(), Position::Index(17));
        for time in ["2026-11-21T19:45:00.047Z", "2026-11-21T20:45:00.047+01:00"] {
            assert_eq!(time.parse::<Position>().unwrap().to_string(), "2026-11-21T19:45:00.047Z");
        }
        for bad in ["", "-1", "yesterday", "2026-11-21", "18446744073709551616"] {
            assert_eq!(bad.parse::<Position>().unwrap_err().code(), Code::WrongUse, "{bad}");
        }
        assert!(recorded_time(br#"{"recordedtime":"2026-11-21T19:45:00Z"}"#).is_some());
        for none in [&b"{"[..], b"{}", br#"{"recordedtime":1}"#, br#"{"recordedtime":"now"}"#] {
            assert_eq!(recorded_time(none), None);
        }
    }
}
