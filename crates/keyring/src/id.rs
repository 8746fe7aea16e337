use std::fmt;
use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::error::{Error, Kind, Result};

/// The name of a key, as it stands in the `kids` of a sealed record.
///
/// ```text
/// subject key   k_<22 characters: base64url without padding of 16 random bytes>
/// period key    t_<class>.<period>
/// class         1 to 64 of [A-Za-z0-9_-]
/// period        1 to 32 of [A-Za-z0-9-]
/// ```
///
/// A key id is also a file name, so it is parsed into this type before anything is done with it.
///
/// ```
/// use sealtrail_keyring::KeyId;
///
/// assert_eq!(KeyId::parse("t_standard-7y.2026-11")?.as_str(), "t_standard-7y.2026-11");
/// assert!(KeyId::parse("t_../../etc.passwd").is_err());
/// # Ok::<(), sealtrail_keyring::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// Reads a key id out of a record.
    pub fn parse(text: &str) -> Result<Self> {
        let well_formed = match text.split_at_checked(2) {
            Some(("k_", random)) => is_random(random),
            Some(("t_", rest)) => rest
                .split_once('.')
                .is_some_and(|(class, period)| is_class(class) && is_period(period)),
            _ => false,
        };
        if !well_formed {
            return Err(Error::new(Kind::BadArgument {
                what: "key id",
                expected: "`k_` and 22 characters of base64url, or `t_<class>.<period>`".into(),
                got: shown(text),
            }));
        }
        Ok(Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Class and period, of the key of a period.
    ///
    /// ```
    /// use sealtrail_keyring::KeyId;
    ///
    /// let kid = KeyId::parse("t_standard-7y.2026-11")?;
    /// assert_eq!(kid.period(), Some(("standard-7y", "2026-11")));
    /// assert_eq!(KeyId::parse("k_AAAAAAAAAAAAAAAAAAAAAA")?.period(), None);
    /// # Ok::<(), sealtrail_keyring::Error>(())
    /// ```
    pub fn period(&self) -> Option<(&str, &str)> {
        self.0.strip_prefix("t_")?.split_once('.')
    }

    pub(crate) fn of_subject(random: &[u8; 16]) -> Self {
        Self(format!("k_{}", Base64UrlUnpadded::encode_string(random)).into())
    }

    pub(crate) fn of_period(class: &str, period: &str) -> Result<Self> {
        if !is_class(class) {
            return Err(Error::new(Kind::BadArgument {
                what: "retention class",
                expected: "1 to 64 of `A-Z a-z 0-9 _ -`".into(),
                got: shown(class),
            }));
        }
        if !is_period(period) {
            return Err(Error::new(Kind::BadArgument {
                what: "retention period",
                expected: "1 to 32 of `A-Z a-z 0-9 -`".into(),
                got: shown(period),
            }));
        }
        Ok(Self(format!("t_{class}.{period}").into()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_random(text: &str) -> bool {
    let mut bytes = [0; 16];
    // The length is checked first: the decoder takes any text that fits its buffer.
    text.len() == 22
        && Base64UrlUnpadded::decode(text, &mut bytes).is_ok_and(|bytes| bytes.len() == 16)
}

fn is_class(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_period(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// User input for an error: escaped, and cut where it would only be noise.
fn shown(text: &str) -> String {
    let mut shown: String = text.escape_debug().take(80).collect();
    if text.chars().count() > 80 {
        shown.push('…');
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_read_back() {
        let subject = KeyId::of_subject(&[0xff; 16]);
        assert_eq!(subject.as_str(), "k______________________w");
        assert_eq!(KeyId::parse(subject.as_str()).unwrap(), subject);
        let period = KeyId::of_period("standard-7y", "2026-11").unwrap();
        assert_eq!(KeyId::parse(period.as_str()).unwrap(), period);
    }

    #[test]
    fn nothing_else_is_an_id() {
        for bad in [
            "",
            "k",
            "k_",
            "k_AAAAAAAAAAAAAAAAAAAAA",   // 21
            "k_AAAAAAAAAAAAAAAAAAAAAAA", // 23
            "k_AAAAAAAAAAAAAAAAAAAAAB",  // trailing bits that a second spelling could hide in
            "k_AAAAAAAAAAAAAAAAAAA/..",
            "t_",
            "t_standard",
            "t_.2026-11",
            "t_standard.",
            "t_standard.2026-11.key",
            "t_../x.2026-11",
            "t_standard.2026/11",
            "t_sté.2026-11",
            "x_AAAAAAAAAAAAAAAAAAAAAA",
            "é_AAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(KeyId::parse(bad).is_err(), "`{bad}` was taken");
        }
    }

    #[test]
    fn an_error_shows_the_input_escaped_and_cut() {
        let error = KeyId::parse(&format!("\x1b[31m{}", "x".repeat(5000))).unwrap_err().to_string();
        assert!(error.contains("`\\u{1b}[31mxxx"), "{error}");
        assert!(error.len() < 300, "{error}");
    }
}
