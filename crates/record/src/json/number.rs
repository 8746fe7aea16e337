use std::borrow::Cow;

use crate::decimal::digits;

/// Whether two JSON numbers, as written, have the same value, to the last digit of any length.
///
/// ```
/// use sealtrail_record::json::same_number;
///
/// assert!(same_number("1", "1.0") && same_number("-0", "0") && same_number("120e-1", "12"));
/// assert!(!same_number("12345678901234567890123", "12345678901234567890124"));
/// ```
pub fn same_number(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    match (Decimal::of(a), Decimal::of(b)) {
        (Some(a), Some(b)) => a.same(&b),
        // An exponent beyond 18 digits: too far out to compute with, so only the spelling counts.
        _ => false,
    }
}

/// One spelling for all numbers of the same value; `None` for one whose exponent has more than 18
/// digits, of which only the spelling counts.
///
/// ```
/// use sealtrail_record::json::canonical_number;
///
/// assert_eq!(canonical_number("120.50"), canonical_number("1205e-1"));
/// assert_ne!(canonical_number("1"), canonical_number("-1"));
/// ```
pub fn canonical_number(text: &str) -> Option<String> {
    let mut out = Vec::new();
    write_canonical_number(text, &mut out)?;
    String::from_utf8(out).ok()
}

/// Appends it; `None`, and nothing is appended, where there is none.
pub fn write_canonical_number(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let decimal = Decimal::of(text)?;
    if decimal.negative {
        out.push(b'-');
    }
    out.extend_from_slice(decimal.whole);
    out.extend_from_slice(decimal.fraction);
    out.push(b'e');
    if decimal.exponent < 0 {
        out.push(b'-');
    }
    let size = usize::try_from(decimal.exponent.unsigned_abs());
    match size {
        Ok(size) => out.extend_from_slice(digits(size, &mut [0; 20]).as_bytes()),
        // Where a word is short.
        Err(_) => out.extend_from_slice(decimal.exponent.unsigned_abs().to_string().as_bytes()),
    }
    Some(())
}

/// The text that a number is as a name: numbers of one value have one. It is the decimal one, without an exponent and
/// without zeros that say nothing, as nearly all whole numbers are written; and that of [`canonical_number`] where the decimal
/// one would have more than `longest` bytes. A number that has no canonical spelling stays as it is written.
///
/// ```
/// use sealtrail_record::json::number_name;
///
/// assert_eq!(number_name("3", 512), "3");
/// assert_eq!(number_name("30e-1", 512), "3");
/// assert_eq!(number_name("-0.0", 512), "0");
/// assert_eq!(number_name("12.50", 512), "12.5");
/// assert_eq!(number_name("1e999999", 512), "1e999999");
/// ```
pub fn number_name(text: &str, longest: usize) -> Cow<'_, str> {
    let whole = text.strip_prefix('-').unwrap_or(text);
    if text.len() <= longest && text != "-0" && whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return Cow::Borrowed(text);
    }
    let Some(number) = Decimal::of(text) else { return Cow::Borrowed(text) };
    match number.plain(longest).or_else(|| canonical_number(text)) {
        Some(name) => Cow::Owned(name),
        None => Cow::Borrowed(text),
    }
}

/// A number as sign, significant digits without zeros at either end, and a power of ten.
struct Decimal<'a> {
    negative: bool,
    /// Digits before and after the point; what is trimmed is already off.
    whole: &'a [u8],
    fraction: &'a [u8],
    /// Power of ten of the last significant digit.
    exponent: i64,
}

impl<'a> Decimal<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(i) => (&text[..i], exponent(&text[i + 1..])?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction_len = i64::try_from(fraction.len()).ok()?;
        let mut fraction = fraction.trim_end_matches('0').as_bytes();
        let mut whole = whole.trim_start_matches('0').as_bytes();
        let mut exponent = exponent - fraction_len + (fraction_len - fraction.len() as i64);
        if whole.is_empty() {
            let zeros = fraction.iter().take_while(|&&b| b == b'0').count();
            fraction = &fraction[zeros..];
        }
        if fraction.is_empty() {
            let zeros = whole.iter().rev().take_while(|&&b| b == b'0').count();
            whole = &whole[..whole.len() - zeros];
            exponent += zeros as i64;
        }
        let zero = whole.is_empty() && fraction.is_empty();
        Some(Self {
            negative: negative && !zero,
            whole,
            fraction,
            exponent: if zero { 0 } else { exponent },
        })
    }

    fn same(&self, other: &Self) -> bool {
        self.negative == other.negative
            && self.exponent == other.exponent
            && self.whole.len() + self.fraction.len() == other.whole.len() + other.fraction.len()
            && self.digits().eq(other.digits())
    }

    fn digits(&self) -> impl Iterator<Item = &u8> {
        self.whole.iter().chain(self.fraction)
    }

    /// Without an exponent; `None` where that is longer than `longest`, and nothing is allocated.
    fn plain(&self, longest: usize) -> Option<String> {
        let count = self.whole.len() + self.fraction.len();
        if count == 0 {
            return Some("0".into());
        }
        // How many digits stand before the point; from 0 down, how many zeros stand behind it first.
        let before = self.exponent + i64::try_from(count).ok()?;
        let zeros = if before > 0 { self.exponent.max(0) } else { -before };
        let zeros = usize::try_from(zeros).ok()?;
        let point = if before > 0 { usize::from(self.exponent < 0) } else { "0.".len() };
        let around = usize::from(self.negative) + point;
        if count.checked_add(zeros)?.checked_add(around)? > longest {
            return None;
        }
        let digit = |digit: &u8| char::from(*digit);
        let mut out = String::from(if self.negative { "-" } else { "" });
        if before <= 0 {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', zeros));
            out.extend(self.digits().map(digit));
            return Some(out);
        }
        let whole = usize::try_from(before).ok()?;
        out.extend(self.digits().take(whole).map(digit));
        out.extend(std::iter::repeat_n('0', zeros));
        if count > whole {
            out.push('.');
            out.extend(self.digits().skip(whole).map(digit));
        }
        Some(out)
    }
}

fn exponent(text: &str) -> Option<i64> {
    let digits = text.trim_start_matches(['+', '-']).trim_start_matches('0');
    if digits.len() > 18 {
        return None;
    }
    let size = if digits.is_empty() { 0 } else { digits.parse::<i64>().ok()? };
    Some(if text.starts_with('-') { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::{canonical_number, number_name, same_number};

    #[test]
    fn one_name_for_one_number() {
        for (name, spellings) in [
            ("3", &["3", "3.0", "3e0", "30e-1", "0.3E+1", "0.03e2"][..]),
            ("-5", &["-5", "-5.00", "-50e-1"]),
            ("0", &["0", "-0", "0.0", "-0e9", "0e-3"]),
            ("1200", &["1200", "12e2", "1.2e3", "1200.000"]),
            ("12.5", &["12.5", "12.50", "1250e-2", "0.125e2"]),
            ("-0.0012", &["-0.0012", "-12e-4", "-0.00120", "-1.2E-3"]),
            ("12345678901234567890123", &["12345678901234567890123", "1234567890123456789012.3e1"]),
            ("1e20", &["1e20", "100000000000000000000", "10e19"]),
            ("-1e-19", &["-1e-19", "-0.0000000000000000001"]),
            ("1e999999999999999999", &["1e999999999999999999", "10e999999999999999998"]),
        ] {
            for spelling in spellings {
                // 20 bytes hold the numbers that are not this long, and those with many digits to say.
                let longest = if name.contains('e') { 20 } else { 23 };
                assert_eq!(number_name(spelling, longest), name, "{spelling}");
                assert_eq!(canonical_number(name), canonical_number(spelling), "{spelling}");
            }
        }
        // Only the spelling counts.
        assert_eq!(number_name("1E9999999999999999999", 512), "1E9999999999999999999");
        let bound = format!("1{}", "0".repeat(511));
        assert_eq!(number_name("1e511", 512), bound, "as long as may be");
        assert_eq!(number_name(&bound, 512), bound);
        assert_eq!(number_name("1e512", 512), "1e512");
        assert_eq!(number_name(&format!("{bound}0"), 512), "1e512");
    }

    #[test]
    fn compares_by_value() {
        for (a, b) in [
            ("1", "1.0"),
            ("0", "-0"),
            ("0.0e5", "0"),
            ("100", "1e2"),
            ("1.10", "1.1"),
            ("0.001", "1e-3"),
            ("0.0010", "10E-4"),
            ("-5", "-50e-1"),
            ("1e+05", "100000"),
            ("1200.3400", "12003.4e-1"),
            ("10.01", "1001e-2"),
            ("1e99999999999999999999", "1e99999999999999999999"),
        ] {
            assert!(same_number(a, b), "{a} {b}");
            assert!(same_number(b, a), "{b} {a}");
        }
        for (a, b) in [
            ("1", "-1"),
            ("1", "10"),
            ("0.1", "0.01"),
            ("1.01", "1.001"),
            ("101", "11"),
            ("9007199254740993", "9007199254740992"),
            ("1e99999999999999999999", "1e99999999999999999998"),
            ("0", "1e-400"),
        ] {
            assert!(!same_number(a, b), "{a} {b}");
            assert!(!same_number(b, a), "{b} {a}");
        }
    }
}
