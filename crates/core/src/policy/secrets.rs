//! What is never stored, whatever the rules keep: credentials by the name of their attribute and
//! payment card numbers by their check digit.

use sealtrail_record::json::Value;

/// Whether an attribute of this name holds a credential.
pub fn is_secret_name(name: &str) -> bool {
    let mut plain = String::with_capacity(name.len());
    plain.extend(
        name.chars()
            .filter(|c| !matches!(c, '_' | '-' | ' ' | '.'))
            .map(|c| c.to_ascii_lowercase()),
    );
    NAMES.contains(&plain.as_str()) || ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

const NAMES: &[&str] = &[
    "authorization",
    "proxyauthorization",
    "cookie",
    "setcookie",
    "cvc",
    "cvv",
    "otp",
    "pwd",
    "sessionid",
];

const ENDINGS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "cardnumber",
];

/// Whether a value reads as a payment card number: 14 to 19 digits, in groups or not, of the card
/// networks (first digit 2 to 6) and with a valid check digit (ISO/IEC 7812-1, Luhn).
///
/// Shorter numbers and other first digits are left alone: one in ten times in milliseconds or
/// order numbers has a valid check digit by chance, and a masked one is lost.
pub fn is_card_number(value: &Value<'_>) -> bool {
    let text: &str = match value {
        Value::String(text) => text,
        Value::Number(text) => text,
        _ => return false,
    };
    if !(14..=32).contains(&text.len()) {
        return false;
    }
    let mut digits = [0u8; 19];
    let mut count = 0;
    for b in text.bytes() {
        match b {
            b'0'..=b'9' if count < digits.len() => {
                digits[count] = b - b'0';
                count += 1;
            }
            b' ' | b'-' => {}
            _ => return false,
        }
    }
    count >= 14 && (2..=6).contains(&digits[0]) && luhn(&digits[..count])
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
        for name in
            ["password", "user_password", "Set-Cookie", "apiKey", "access_token", "client-secret"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["title", "passenger", "tokens_used", "cookie_consent", "secretary", ""] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn cards() {
        let text = |t: &'static str| is_card_number(&Value::String(t.into()));
        assert!(
            text("4111 1111 1111 1111") && text("378282246310005") && text("5555-5555-5555-4444")
        );
        assert!(is_card_number(&Value::Number("4111111111111111")));
        assert!(!text("4111 1111 1111 1112") && !text("0000000000000000") && !text("123"));
        assert!(!is_card_number(&Value::Number("1795290300047")));
        assert!(!is_card_number(&Value::Number("1111111111111117")));
        assert!(!text("4111-1111-1111-1111x"));
    }
}
