//! Sizes and durations as people write them: `8MiB`, `5m`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::clock::Moment;

/// A number of bytes: `4096` or `"64KiB"`, `"8MiB"`, `"1GiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub usize);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a number of bytes or a text like `8MiB`")]
        enum Form {
            Number(u64),
            Text(String),
        }
        let form = Form::deserialize(deserializer)?;
        let (got, bytes) = match &form {
            Form::Number(bytes) => (bytes.to_string(), Some(*bytes)),
            Form::Text(text) => (text.clone(), parse_bytes(text)),
        };
        bytes
            .and_then(|bytes| usize::try_from(bytes).ok())
            .filter(|bytes| *bytes > 0)
            .map(Bytes)
            .ok_or_else(|| {
                let expected = "expected a size above zero, like `8MiB`, `512KiB` or `1GiB`";
                D::Error::custom(format!("{expected}, got `{got}`"))
            })
    }
}

fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let scale = match unit.trim() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << scale)
}

/// A duration above zero: `"250ms"`, `"5m"`, `"1h 30m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

/// What is given, or the default.
pub fn or(given: Option<Span>, default: Duration) -> Duration {
    given.map_or(default, |span| span.0)
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|span| Duration::try_from(span).ok())
            .filter(|span| !span.is_zero())
            .map(Span)
            .ok_or_else(|| {
                D::Error::custom(format!("expected a duration like `5s` or `250ms`, got `{text}`"))
            })
    }
}

/// A period of the calendar above zero: `"7y"`, `"18mo"`, `"90d"`, `"12h"`. Not in minutes: whoever writes
/// `"6m"` means months, and what is older goes for ever.
#[derive(Debug, Clone, Copy)]
pub struct Period(jiff::Span);

impl Period {
    /// The moment so long before another, by the calendar of UTC; the begin of time if there is none.
    pub fn before(&self, moment: Moment) -> Moment {
        moment.minus(self.0)
    }

    /// The moment so long after another; the end of time if there is none.
    pub fn after(&self, moment: Moment) -> Moment {
        moment.plus(self.0)
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl std::str::FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = text.parse::<jiff::Span>().ok().filter(|span| span.is_positive());
        let expected = match span {
            Some(span) if span.get_minutes() == 0 => return Ok(Self(span)),
            Some(_) => "no minutes; months are written `6mo`",
            None => "a period like `7y`, `6mo` or `90d`",
        };
        Err(format!("expected {expected}, got `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_bytes("8MiB"), Some(8 << 20));
        assert_eq!(parse_bytes("512 KiB"), Some(512 << 10));
        assert_eq!(parse_bytes("100"), Some(100));
        for bad in
            ["", "MiB", "8MB", "-1", "8.5MiB", "99999999999999999999", "18446744073709551615GiB"]
        {
            assert_eq!(parse_bytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn periods_go_by_the_calendar() {
        let parse = |text: &str| Period::deserialize(toml::Value::String(text.into()));
        let before = |text: &str| {
            let now = Moment::parse("2028-02-29T12:00:00.000Z").unwrap();
            parse(text).unwrap().before(now).to_string()
        };
        assert_eq!(before("7y"), "2021-02-28T12:00:00.000Z");
        assert_eq!(before("1mo 1d"), "2028-01-28T12:00:00.000Z");
        assert_eq!(before("12h"), "2028-02-29T00:00:00.000Z");
        let then = Moment::parse("2028-02-29T12:00:00.000Z").unwrap();
        let after = |text: &str| parse(text).unwrap().after(then).to_string();
        assert_eq!(after("90d"), "2028-05-29T12:00:00.000Z");
        assert_eq!(after("1y"), "2029-02-28T12:00:00.000Z");
        assert!(after("19000y").starts_with("9999-12-"));
        assert!(
            Moment::parse(&before("19000y")).unwrap()
                < Moment::parse("0001-01-01T00:00:00Z").unwrap()
        );
        assert_eq!(parse("7y").unwrap().to_string(), "7y");
        assert_eq!(before("6mo"), before("P6M"));
        for bad in ["", "7", "0d", "-1y", "1y ago", "ever", "6m", "1d 30min", "PT6M"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(
            parse("6m").unwrap_err().to_string().contains("months are written `6mo`, got `6m`")
        );
    }

    #[test]
    fn durations() {
        let parse = |text: &str| Span::deserialize(toml::Value::String(text.into()));
        assert_eq!(parse("5m").unwrap().0, Duration::from_secs(300));
        assert_eq!(parse("250ms").unwrap().0, Duration::from_millis(250));
        for bad in ["", "5", "0s", "-5s", "soon"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
