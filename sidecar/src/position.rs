//! A place in the log as people name it: by index, or by time.

use std::fmt;
use std::str::FromStr;

use sealtrail_log::Reader;
use sealtrail_record::json::{self, Value};

use crate::clock::Moment;
use crate::code::Code;
use crate::error::{Error, Result};
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
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let index = text.parse().ok().map(Self::Index);
        let position = index.or_else(|| Moment::parse(text).map(Self::Time));
        position.ok_or_else(|| {
            let message = format!(
                "expected an index or a time like `2026-11-21T19:45:00Z`, got `{}`",
                text.escape_debug()
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
