//! The clock, asked once per record: everything about a record that depends on time comes from one
//! [`Moment`].

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// A moment to the millisecond, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Timestamp);

impl Moment {
    pub fn now() -> Moment {
        let now = Timestamp::now();
        Moment(Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now))
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
    fn always_three_digits_of_milliseconds() {
        let moment = |ms| Moment(Timestamp::from_millisecond(ms).unwrap());
        assert_eq!(moment(1_795_290_300_047).to_string(), "2026-11-21T19:45:00.047Z");
        assert_eq!(moment(1_795_290_300_000).to_string(), "2026-11-21T19:45:00.000Z");
        assert_eq!(moment(1_795_290_300_047).month(), "2026-11");
    }
}
