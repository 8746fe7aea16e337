//! What is never stored, whatever the rules keep: credentials by the name of their attribute and
//! payment card numbers by their check digit.

use std::ops::Range;

use sealtrail_record::json::canonical_number;

/// Whether an attribute of this name holds a credential.
pub fn is_secret_name(name: &str) -> bool {
    // Nearly no name has all the letters of one of the words, and this is asked of every name.
    let letters = letters(name.as_bytes());
    if !WORDS.iter().any(|word| letters & word == *word) {
        return false;
    }
    let mut plain = String::with_capacity(name.len());
    let kept = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '.'));
    plain.extend(kept.map(|c| c.to_ascii_lowercase()));
    NAMES.contains(&plain.as_str())
        || ENDINGS.iter().any(|ending| plain.ends_with(ending))
        || PARTS.iter().any(|part| plain.contains(part))
}

/// A bit for each letter of the alphabet that is in a text, whatever its case.
const fn letters(text: &[u8]) -> u32 {
    let (mut all, mut at) = (0, 0);
    while at < text.len() {
        // Bytes that are no letters only add bits, which does no harm.
        all |= 1 << (text[at] & 31);
        at += 1;
    }
    all
}

const WORDS: [u32; NAMES.len() + ENDINGS.len() + PARTS.len()] = {
    let mut all = [0; NAMES.len() + ENDINGS.len() + PARTS.len()];
    let (lists, mut list, mut at) = ([NAMES, ENDINGS, PARTS], 0, 0);
    while list < lists.len() {
        let mut word = 0;
        while word < lists[list].len() {
            all[at] = letters(lists[list][word].as_bytes());
            (word, at) = (word + 1, at + 1);
        }
        list += 1;
    }
    all
};

const NAMES: &[&str] = &[
    "authorization",
    "proxyauthorization",
    "bearer",
    "cookie",
    "cookies",
    "setcookie",
    "cvc",
    "cvv",
    "jwt",
    "otp",
    "pin",
    "pincode",
    "pwd",
    "sessionid",
];

const ENDINGS: &[&str] = &["secret", "secrets", "token", "tokens", "accesskey", "pwdhash"];

/// Whatever stands around these: `password_hash`, `old_passwords`, `private_key_pem`.
const PARTS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "credential",
    "secretkey",
    "apikey",
    "privatekey",
    "cardnumber",
];

/// Whether a text holds a payment card number.
pub fn text_has_card_number(text: &str) -> bool {
    card_number(text).is_some()
}

/// Whether a number, as written, is a payment card number by its value.
pub fn is_card_number(number: &str) -> bool {
    let whole = |text: &str| card_number(text) == Some(0..text.len());
    if number.len() < 14 || whole(number) {
        return number.len() >= 14;
    }
    // `4.111e15` and `4111.0` are other spellings; no card number ends with so many zeros.
    let canonical = canonical_number(number).unwrap_or_default();
    match canonical.split_once('e') {
        Some((digits, "0")) => whole(digits),
        Some((digits, exponent)) if exponent.len() == 1 => {
            let zeros = exponent.parse().unwrap_or(0);
            whole(&format!("{digits}{}", "0".repeat(zeros)))
        }
        _ => false,
    }
}

/// A text without the card numbers in it.
pub fn without_card_numbers(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(found) = card_number(rest) {
        out.push_str(&rest[..found.start]);
        out.push_str("***");
        rest = &rest[found.end..];
    }
    out + rest
}

/// The first place that reads as a payment card number: 14 to 19 digits, in groups or not, of the
/// card networks (first digit 2 to 6) and with a valid check digit (ISO/IEC 7812-1, Luhn).
///
/// Shorter numbers and other first digits are left alone: one in ten times in milliseconds or
/// order numbers has a valid check digit by chance, and a masked one is lost.
fn card_number(text: &str) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        let group_begins = bytes[start].is_ascii_digit()
            && start.checked_sub(1).is_none_or(|before| !bytes[before].is_ascii_digit());
        if group_begins && let Some(end) = card_number_at(bytes, start) {
            return Some(start..end);
        }
        start += 1;
    }
    None
}

/// The longest card number that begins here and ends with its group of digits.
fn card_number_at(bytes: &[u8], start: usize) -> Option<usize> {
    let mut digits = [0u8; 19];
    let (mut count, mut at, mut found) = (0, start, None);
    loop {
        while let Some(digit) = bytes.get(at).filter(|b| b.is_ascii_digit()) {
            // What was found before a digit too many stays found.
            let Some(place) = digits.get_mut(count) else { return found };
            *place = digit - b'0';
            (count, at) = (count + 1, at + 1);
        }
        if count >= 14 && (2..=6).contains(&digits[0]) && luhn(&digits[..count]) {
            found = Some(at);
        }
        // One separator, and another group behind it.
        let separated = matches!(bytes.get(at), Some(b' ' | b'-'));
        if !separated || !bytes.get(at + 1).is_some_and(u8::is_ascii_digit) || count == 19 {
            return found;
        }
        at += 1;
    }
}

fn luhn(digits: &[u8]) -> bool {
    let doubled = |d: u8| if d > 4 { d * 2 - 9 } else { d * 2 };
    let weigh = |(i, &d): (usize, &u8)| u32::from(if i % 2 == 1 { doubled(d) } else { d });
    digits.iter().rev().enumerate().map(weigh).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in [
            "password",
            "user_password",
            "passwords",
            "password_hash",
            "Set-Cookie",
            "apiKey",
            "access_token",
            "tokens",
            "client-secret",
            "secret_key",
            "private_key_pem",
            "credentials",
            "passcode",
            "PIN",
            "jwt",
            "Bearer",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "title",
            "passenger",
            "tokens_used",
            "cookie_consent",
            "secretary",
            "pinned",
            "spin",
            "",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn cards() {
        for (text, shown) in [
            ("4111111111111111 2027", "*** 2027"),
            ("4111 1111 1111 1111 12 27", "*** 12 27"),
            ("4111111111111111 5555555555554444", "*** ***"),
        ] {
            assert_eq!(without_card_numbers(text), shown);
        }
        for number in [
            "4111111111111111",
            "4111111111111111.0",
            "4.111111111111111e15",
            "41111111111111110e-1",
        ] {
            assert!(is_card_number(number), "{number}");
        }
        for number in ["4111111111111112", "1", "4.1e300", "12345678901234567890123"] {
            assert!(!is_card_number(number), "{number}");
        }
        let without = |text: &str| without_card_numbers(text);
        assert_eq!(without("4111 1111 1111 1111"), "***");
        assert_eq!(without("378282246310005"), "***");
        assert_eq!(without("5555-5555-5555-4444"), "***");
        assert_eq!(without("pay with 4111111111111111, please"), "pay with ***, please");
        assert_eq!(without("order 12 4111 1111 1111 1111 of 2"), "order 12 *** of 2");
        assert_eq!(without("4111111111111111 and 5555555555554444"), "*** and ***");
        for plain in [
            "4111 1111 1111 1112",
            "0000000000000000",
            "1795290300047",
            "1111111111111117",
            "12345678901234567890123",
            "4111  1111  1111  1111",
            "Köln 50667",
        ] {
            assert_eq!(without(plain), plain);
        }
        assert!(is_card_number("4111111111111111"));
        assert!(!is_card_number("41111111111111110000"));
        assert!(!is_card_number("4111111111111111.5"));
    }
}
