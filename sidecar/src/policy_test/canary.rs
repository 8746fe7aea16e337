//! Values that can be recognised wherever they come out.

use std::iter::once;
use std::ops::Range;

use sealtrail_record::json::{Value, write_string};

use crate::code::Code;
use crate::error::{Error, Result};

/// A random value of some kind.
pub struct Canary {
    /// What is planted, as JSON.
    pub json: String,
    /// Its characters, all of them ASCII where they are hidden.
    pub text: String,
    /// The parts of the text that must not be seen.
    pub hidden: Vec<Range<usize>>,
}

/// What a mask may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    Fixed,
    Ends {
        first: usize,
        last: usize,
    },
    Email,
    Phone,
    Card,
    /// The list of secrets: a whole value by its name, or the card number in it.
    Secrets,
}

impl Canary {
    /// One to take the place of a value. Where a mask has a shape, the canary has it too: only
    /// then does the mask show something.
    pub fn for_value(value: &Value<'_>, mask: Option<Mask>) -> Result<Self> {
        let text = match value {
            Value::String(text) => text.as_ref(),
            Value::Number(digits) => return number(digits, mask == Some(Mask::Secrets)),
            // Of true, false, null and the empty containers nothing can be recognised.
            _ => "",
        };
        match mask {
            Some(Mask::Ends { first, last }) => ends(first, last),
            Some(Mask::Email) => email(1),
            Some(Mask::Phone) => phone(2),
            Some(Mask::Card) => card(4),
            Some(Mask::Secrets) => match card_run(text) {
                Some(run) => within(text, run),
                None => plain(),
            },
            Some(Mask::Fixed) | None => match text {
                _ if card_run(text).is_some_and(|run| run == (0..text.len())) => card(0),
                _ if text.contains('@') && text.contains('.') => email(0),
                _ if text.starts_with('+') && text.contains(|c: char| c.is_ascii_digit()) => {
                    phone(0)
                }
                _ => plain(),
            },
        }
    }

    /// For a mask that knows a shape: the shape with more behind it, which people write into such fields. Nothing of
    /// these may be shown.
    pub fn with_more(mask: Mask) -> Result<Vec<Self>> {
        let between: &[&str] = match mask {
            // Also as the end of the address itself, which that mask shows.
            Mask::Email => &[", tel ", ".9"],
            Mask::Phone | Mask::Card => &[", "],
            Mask::Fixed | Mask::Ends { .. } | Mask::Secrets => &[],
        };
        let one = |between: &&str| {
            let Self { text, mut hidden, .. } = match mask {
                Mask::Phone => phone(0),
                Mask::Card => card(0),
                _ => email(0),
            }?;
            let text = text + between;
            hidden.push(text.len()..text.len() + LENGTH);
            Ok(Self::text(text + &random(LETTERS, LENGTH)?, hidden))
        };
        between.iter().map(one).collect()
    }

    /// Letters and digits of no kind.
    pub fn plain() -> Result<Self> {
        plain()
    }

    /// Whether a mask that made this of the canary shows more than it may.
    pub fn is_overshown_by(&self, shown: &str) -> bool {
        let (Some(first), Some(last)) = (self.hidden.first(), self.hidden.last()) else {
            return false;
        };
        let shown = shown.strip_prefix(&self.text[..first.start]).unwrap_or(shown);
        let shown = shown.strip_suffix(&self.text[last.end..]).unwrap_or(shown);
        shown.contains(char::is_alphanumeric)
    }

    fn text(text: String, hidden: Vec<Range<usize>>) -> Self {
        let mut json = Vec::new();
        write_string(&text, &mut json);
        Self { json: String::from_utf8(json).unwrap_or_default(), text, hidden }
    }
}

const LENGTH: usize = 24;

fn plain() -> Result<Canary> {
    ends(0, 0)
}

fn ends(first: usize, last: usize) -> Result<Canary> {
    let text = random(LETTERS, first + LENGTH + last)?;
    let hidden = first..first + LENGTH;
    Ok(Canary::text(text, once(hidden).collect()))
}

fn email(shown: usize) -> Result<Canary> {
    let (local, domain) = (random(LETTERS, LENGTH)?, random(LETTERS, LENGTH)?);
    let at = LENGTH + 1;
    let text = format!("{local}@{domain}.example");
    Ok(Canary::text(text, vec![shown..LENGTH, at..at + LENGTH]))
}

/// 15 digits (ITU-T E.164), none of which makes a card number.
fn phone(shown: usize) -> Result<Canary> {
    let text = format!("+9{}", random(DIGITS, 14)?);
    let hidden = 1..text.len() - shown;
    Ok(Canary::text(text, once(hidden).collect()))
}

fn card(shown: usize) -> Result<Canary> {
    let text = card_number(16)?;
    let hidden = 0..text.len() - shown;
    Ok(Canary::text(text, once(hidden).collect()))
}

/// The text with another card number in the place of its own.
fn within(text: &str, run: Range<usize>) -> Result<Canary> {
    let card = card_number(16)?;
    let hidden = run.start..run.start + card.len();
    Ok(Canary::text(
        format!("{}{card}{}", &text[..run.start], &text[run.end..]),
        once(hidden).collect(),
    ))
}

fn number(written: &str, is_secret: bool) -> Result<Canary> {
    let text = match is_secret {
        true => card_number(16)?,
        // The first digit is that of no card.
        false if written.contains('.') => {
            format!("9{}.{}", random(DIGITS, 11)?, random(DIGITS, 11)?)
        }
        false => format!("9{}", random(DIGITS, 17)?),
    };
    let hidden = once(0..text.len()).collect();
    Ok(Canary { json: text.clone(), text, hidden })
}

/// With a valid check digit (ISO/IEC 7812-1, Luhn).
fn card_number(length: usize) -> Result<String> {
    let mut text = format!("4{}", random(DIGITS, length - 2)?);
    let weigh = |(i, digit): (usize, u8)| match (i % 2, u32::from(digit - b'0')) {
        (0, digit) if digit > 4 => digit * 2 - 9,
        (0, digit) => digit * 2,
        (_, digit) => digit,
    };
    let sum: u32 = text.bytes().rev().enumerate().map(weigh).sum();
    text.push(char::from_digit((10 - sum % 10) % 10, 10).unwrap_or('0'));
    Ok(text)
}

/// Where a text has 14 to 19 digits in a row or in groups.
fn card_run(text: &str) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let (start, mut end, mut digits) = (at, at, 0);
        while let Some(byte) = bytes.get(at) {
            let goes_on =
                matches!(byte, b' ' | b'-') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
            match byte {
                b'0'..=b'9' => (digits, end) = (digits + 1, at + 1),
                _ if goes_on => {}
                _ => break,
            }
            at += 1;
        }
        if (14..=19).contains(&digits) {
            return Some(start..end);
        }
    }
    None
}

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const DIGITS: &[u8] = b"0123456789";

fn random(alphabet: &[u8], length: usize) -> Result<String> {
    let mut bytes = vec![0; length * 2];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::new(Code::Internal, "the system gives no random bytes"))?;
    let pick = |pair: &[u8]| {
        let number = usize::from(u16::from_le_bytes([pair[0], pair[1]]));
        char::from(alphabet[number % alphabet.len()])
    };
    Ok(bytes.chunks_exact(2).map(pick).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, mask: Option<Mask>) -> Canary {
        Canary::for_value(&Value::String(text.into()), mask).unwrap()
    }

    #[test]
    fn are_of_the_kind_of_the_value() {
        assert!(of("ada@example.com", None).text.contains('@'));
        assert!(of("+49 221", None).text.starts_with("+9"));
        assert_eq!(of("4111 1111 1111 1111", None).text.len(), 16);
        assert_eq!(of("Köln", None).text.len(), LENGTH);
        let within = of("order 7: 4111-1111-1111-1111 paid", Some(Mask::Secrets));
        assert!(within.text.starts_with("order 7: 4") && within.text.ends_with(" paid"));
        assert_eq!(within.hidden.first(), Some(&(9..25)));
        let number = Canary::for_value(&Value::Number("1.10"), None).unwrap();
        assert!(number.text.contains('.') && number.json == number.text);
        assert_ne!(of("a", None).text, of("a", None).text, "never twice");
    }

    #[test]
    fn what_a_mask_may_show() {
        let mut canary = of("x", Some(Mask::Ends { first: 2, last: 1 }));
        canary.text = "abSECRETz".into();
        canary.hidden = once(2..8).collect();
        for (shown, is_too_much) in [
            ("ab***z", false),
            ("***", false),
            ("abS***z", true),
            ("ab***Tz", true),
            ("SECRET", true),
        ] {
            assert_eq!(canary.is_overshown_by(shown), is_too_much, "{shown}");
        }
        let email = of("", Some(Mask::Email));
        let first = &email.text[..1];
        assert!(!email.is_overshown_by(&format!("{first}****@*****.example")));
        assert!(email.is_overshown_by(&format!("{}****@*****.example", &email.text[..2])));
    }

    #[test]
    fn more_than_a_mask_knows() {
        for (mask, count) in [(Mask::Email, 2), (Mask::Phone, 1), (Mask::Card, 1), (Mask::Fixed, 0)]
        {
            let more = Canary::with_more(mask).unwrap();
            assert_eq!(more.len(), count, "{mask:?}");
            for canary in more {
                let last = canary.hidden.last().unwrap();
                assert_eq!((last.len(), last.end), (LENGTH, canary.text.len()));
                assert!(!canary.is_overshown_by("***"));
                assert!(canary.is_overshown_by(&format!("***{}", &canary.text[last.start..])));
            }
        }
    }

    #[test]
    fn runs_of_digits() {
        assert_eq!(card_run("4111 1111 1111 1111"), Some(0..19));
        assert_eq!(card_run("no 12 3"), None);
        assert_eq!(card_run("at 5555-5555-5555-4444!"), Some(3..22));
        assert_eq!(card_run("12345678901234567890"), None);
    }
}
