//! The clock, asked once per record: everything about a record that depends on time comes from one
//! [`Moment`].

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// A moment to the millisecond, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Timestamp);

impl Moment {
    /// No moment is before this one.
    pub const FIRST: Moment = Moment(Timestamp::MIN);

    pub fn now() -> Moment {
        let now = Timestamp::now();
        Moment(Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now))
    }

    /// Whole seconds since 1970, as cosignatures state them; 0 for a clock that is before that.
    pub fn posix_seconds(self) -> u64 {
        u64::try_from(self.0.as_second()).unwrap_or(0)
    }

    /// Milliseconds since 1970.
    pub fn milliseconds(self) -> i64 {
        self.0.as_millisecond()
    }

    /// From milliseconds since 1970, if there is such a moment.
    pub fn of_milliseconds(milliseconds: i64) -> Option<Moment> {
        Timestamp::from_millisecond(milliseconds).ok().map(Moment)
    }

    /// From whole seconds since 1970, if there is such a moment.
    pub fn of_posix_seconds(seconds: u64) -> Option<Moment> {
        Timestamp::from_second(i64::try_from(seconds).ok()?).ok().map(Moment)
    }

    /// A time in RFC 3339.
    pub fn parse(text: &str) -> Option<Moment> {
        text.parse().ok().map(Moment)
    }

    /// The moment a positive span earlier, by the calendar of UTC; the first there is, if there is none.
    pub fn minus(self, span: Span) -> Moment {
        let earlier = self.0.to_zoned(TimeZone::UTC).checked_sub(span);
        Moment(earlier.map_or(Timestamp::MIN, |earlier| earlier.timestamp()))
    }

    /// The moment a positive span later; the last there is, if there is none.
    pub fn plus(self, span: Span) -> Moment {
        let later = self.0.to_zoned(TimeZone::UTC).checked_add(span);
        Moment(later.map_or(Timestamp::MAX, |later| later.timestamp()))
    }

    /// Where the month ends that [`month`](Self::month) names; None of another text.
    pub fn end_of_month(month: &str) -> Option<Moment> {
        let first = Moment::parse(&format!("{month}-01T00:00:00Z"))?;
        let next = first.0.to_zoned(TimeZone::UTC).checked_add(Span::new().months(1)).ok()?;
        (first.month() == month).then_some(Moment(next.timestamp()))
    }

    /// The month, `2026-11`: the name of a retention period.
    pub fn month(self) -> String {
        self.to_string()[..7].to_owned()
    }
}

/// RFC 3339 with milliseconds, `2026-11-21T19:45:00.047Z`.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let end = |month| Moment::end_of_month(month).map(|end| end.to_string());
        assert_eq!(end("2026-11").unwrap(), "2026-12-01T00:00:00.000Z");
        assert_eq!(end("2026-12").unwrap(), "2027-01-01T00:00:00.000Z");
        for other in ["", "2026", "2026-13", "2026-00", "2026-1", "2026-11-01", "-002026-11"] {
            assert_eq!(end(other), None, "{other}");
        }
    }

    #[test]
    fn always_three_digits_of_milliseconds() {
        let moment = |ms| Moment(Timestamp::from_millisecond(ms).unwrap());
        assert_eq!(moment(1_795_290_300_047).to_string(), "2026-11-21T19:45:00.047Z");
        assert_eq!(moment(1_795_290_300_000).to_string(), "2026-11-21T19:45:00.000Z");
        assert_eq!(moment(1_795_290_300_047).month(), "2026-11");
    }
}
