//! Sizes and durations as people write them: `8MiB`, `5m`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

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
        let bytes = match Form::deserialize(deserializer)? {
            Form::Number(bytes) => Some(bytes),
            Form::Text(text) => parse_bytes(&text),
        };
        bytes
            .and_then(|bytes| usize::try_from(bytes).ok())
            .filter(|bytes| *bytes > 0)
            .map(Bytes)
            .ok_or_else(|| D::Error::custom("expected a size above zero, like `8MiB` or `512KiB`"))
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
    fn durations() {
        let parse = |text: &str| Span::deserialize(toml::Value::String(text.into()));
        assert_eq!(parse("5m").unwrap().0, Duration::from_secs(300));
        assert_eq!(parse("250ms").unwrap().0, Duration::from_millis(250));
        for bad in ["", "5", "0s", "-5s", "soon"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
