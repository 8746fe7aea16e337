//! What looks personal: by the name of its attribute, or by its value.

use core::net::IpAddr;

use sealtrail_record::json::Value;

use super::super::secrets;

/// How sure a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) what: &'static str,
    /// `name` may be that of a product.
    pub(super) is_common: bool,
}

/// What an attribute of this name holds.
pub(super) fn of_name(key: &str) -> Option<Kind> {
    let words = words(key);
    let joined = words.concat();
    let sure = |what| Some(Kind { what, is_common: false });
    if let Some((_, what)) = NAMES.iter().find(|(name, _)| words.iter().any(|word| word == name)) {
        return sure(what);
    }
    if let Some((_, what)) = PARTS.iter().find(|(part, _)| joined.contains(part)) {
        return sure(what);
    }
    let is_name = |pair: &[String]| pair[1] == "name" && OF_PERSONS.contains(&pair[0].as_str());
    if words.windows(2).any(is_name) {
        return sure("a person's name");
    }
    let common = COMMON.iter().find(|(name, _)| words.last().is_some_and(|word| word == name));
    let alone = |name: &str| name != "name" || words.len() == 1;
    common.filter(|(name, _)| alone(name)).map(|(_, what)| Kind { what, is_common: true })
}

/// What a value reads as, whatever its name.
pub(super) fn of_value(value: &Value<'_>) -> Option<&'static str> {
    let text = value.as_str().filter(|text| text.len() <= LONGEST);
    // Before the cards: the digits of an IBAN may have their check digit by chance.
    if text.is_some_and(is_iban) {
        return Some("an IBAN");
    }
    if has_card_number(value) {
        return Some("a payment card number");
    }
    let text = text?;
    if is_phone(text.trim()) {
        return Some("a phone number");
    }
    let between = |c: char| c.is_whitespace() || ",;<>()[]{}\"'".contains(c);
    text.split(between).map(|word| word.trim_end_matches(['.', ':', '!', '?'])).find_map(|word| {
        if is_email(word) {
            return Some("an e-mail address");
        }
        if is_iban(word) {
            return Some("an IBAN");
        }
        is_address(word).then_some("an IP address")
    })
}

/// As production looks for them.
pub(super) fn has_card_number(value: &Value<'_>) -> bool {
    match value {
        Value::String(text) => secrets::text_has_card_number(text),
        Value::Number(text) => secrets::is_card_number(text),
        _ => false,
    }
}

/// A longer text is a document, and was named by its author.
const LONGEST: usize = 64 << 10;

const NAMES: &[(&str, &str)] = &[
    ("email", "an e-mail address"),
    ("emails", "an e-mail address"),
    ("mail", "an e-mail address"),
    ("phone", "a phone number"),
    ("phones", "a phone number"),
    ("telephone", "a phone number"),
    ("mobile", "a phone number"),
    ("msisdn", "a phone number"),
    ("fax", "a phone number"),
    ("iban", "an IBAN"),
    ("ssn", "a social security number"),
    ("nino", "a social security number"),
    ("passport", "a passport number"),
    ("dob", "a date of birth"),
    ("birth", "a date of birth"),
    ("birthday", "a date of birth"),
    ("birthdate", "a date of birth"),
    ("birthplace", "a place of birth"),
    ("surname", "a person's name"),
    ("firstname", "a person's name"),
    ("lastname", "a person's name"),
    ("forename", "a person's name"),
    ("fullname", "a person's name"),
    ("nickname", "a person's name"),
    ("username", "a person's name"),
    ("street", "a postal address"),
    ("postcode", "a postal address"),
    ("zipcode", "a postal address"),
];

const PARTS: &[(&str, &str)] = &[
    ("emailaddress", "an e-mail address"),
    ("phonenumber", "a phone number"),
    ("dateofbirth", "a date of birth"),
    ("socialsecurity", "a social security number"),
    ("nationalid", "a number of an identity document"),
    ("identitycard", "a number of an identity document"),
    ("driverlicen", "a number of an identity document"),
    ("drivinglicen", "a number of an identity document"),
    ("taxid", "a tax number"),
    ("taxnumber", "a tax number"),
    ("accountnumber", "an account number"),
    ("ipaddress", "an IP address"),
    ("postalcode", "a postal address"),
];

/// Before `name`.
const OF_PERSONS: &[&str] = &[
    "first", "last", "middle", "full", "given", "family", "maiden", "birth", "legal", "contact",
    "customer", "patient", "holder", "user", "person", "employee", "member", "client",
];

const COMMON: &[(&str, &str)] = &[
    ("name", "a person's name"),
    ("address", "a postal address"),
    ("city", "a postal address"),
    ("zip", "a postal address"),
    ("gender", "the gender of a person"),
    ("nationality", "the nationality of a person"),
    ("religion", "the religion of a person"),
    ("diagnosis", "health data"),
    ("salary", "what a person earns"),
    ("ip", "an IP address"),
];

/// `customerEMail`, `customer_e-mail`: words in lower case. One letter is a part of the next word.
fn words(key: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut was_lower, mut open) = (false, false);
    for c in key.chars() {
        if !c.is_alphanumeric() {
            (was_lower, open) = (false, false);
            continue;
        }
        let starts = !open || (c.is_uppercase() && was_lower);
        let single = words.last().is_some_and(|word| word.chars().count() == 1);
        if starts && !single {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        (was_lower, open) = (c.is_lowercase() || c.is_numeric(), true);
    }
    words
}

fn is_email(word: &str) -> bool {
    let Some((local, domain)) = word.split_once('@') else { return false };
    let plain = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    let labels = domain.split('.').count();
    let last = domain.rsplit('.').next().unwrap_or_default();
    !local.is_empty()
        && local.chars().all(plain)
        && labels >= 2
        && domain.chars().all(|c| c.is_alphanumeric() || c == '.' || c == '-')
        && last.chars().count() >= 2
        && last.chars().all(char::is_alphabetic)
}

/// ISO 13616: two letters, two check digits, up to 30 more; the remainder by 97 is 1 (ISO 7064).
fn is_iban(text: &str) -> bool {
    let mut plain = [0u8; 34];
    let mut count = 0;
    for byte in text.bytes().filter(|byte| *byte != b' ') {
        let Some(place) = plain.get_mut(count) else { return false };
        (*place, count) = (byte.to_ascii_uppercase(), count + 1);
    }
    let plain = &plain[..count];
    if count < 15
        || !plain[..2].iter().all(u8::is_ascii_uppercase)
        || !plain[2..4].iter().all(u8::is_ascii_digit)
        || !plain.iter().all(u8::is_ascii_alphanumeric)
    {
        return false;
    }
    let rearranged = plain[4..].iter().chain(&plain[..4]);
    let remainder = rearranged.fold(0u32, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    remainder == 1
}

/// In the international form only (ITU-T E.164): other digits may count anything.
fn is_phone(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('+') else { return false };
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    (7..=15).contains(&digits) && rest.chars().all(|c| c.is_ascii_digit() || " -()./".contains(c))
}

fn is_address(word: &str) -> bool {
    // Any `::` is one; what has no digit is a word of some language or notation.
    if !word.contains(|c: char| c.is_ascii_digit()) {
        return false;
    }
    word.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback() && !address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (key, common) in [
            ("email", false),
            ("customerEMail", false),
            ("contact_e-mail", false),
            ("Phone Number", false),
            ("firstName", false),
            ("user_name", false),
            ("date_of_birth", false),
            ("IBAN", false),
            ("SSN", false),
            ("ipAddress", false),
            ("name", true),
            ("shipping_address", true),
            ("city", true),
        ] {
            assert_eq!(of_name(key).map(|kind| kind.is_common), Some(common), "{key}");
        }
        for key in ["title", "file_name", "product_name", "mailing", "phonetic", "ibanez", "", "_"]
        {
            assert_eq!(of_name(key), None, "{key}");
        }
    }

    #[test]
    fn values() {
        let of = |text: &str| of_value(&Value::String(text.to_owned().into()));
        for (text, what) in [
            ("ada@example.com", "an e-mail address"),
            ("write to <ada.l+x@mail.example.co.uk>.", "an e-mail address"),
            ("DE89 3704 0044 0532 0130 00", "an IBAN"),
            ("paid from GB82WEST12345698765432, thanks", "an IBAN"),
            ("+49 221 123456", "a phone number"),
            ("4111 1111 1111 1111", "a payment card number"),
            ("203.0.113.86", "an IP address"),
            ("from 2001:db8::1", "an IP address"),
        ] {
            assert_eq!(of(text), Some(what), "{text}");
        }
        for text in [
            "",
            "Köln",
            "a@b",
            "@handle",
            "user@host",
            "DE88 3704 0044 0532 0130 00",
            "2026-11-21",
            "+1",
            "127.0.0.1",
            "1.2.3",
            "::",
            "a::b",
            "12345678901234",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(of_value(&Value::Number("4111111111111111")), Some("a payment card number"));
        assert_eq!(of_value(&Value::Number("42")), None);
    }
}
