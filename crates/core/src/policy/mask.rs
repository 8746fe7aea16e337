//! Masks: what is left of a value that may be recognised but not read.

use std::ops::RangeInclusive;

use sealtrail_record::json::Value;

use super::secrets::without_card_numbers;

/// How much of a text stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// Nothing: always `***`.
    Fixed,
    /// The first and the last characters, `***` between them; a text that has no more characters
    /// than would be shown becomes `***`.
    Ends { first: usize, last: usize },
    /// The shape of the text, with most of its letters and digits as `*`; a text of another shape
    /// becomes `***`.
    Shape(Shape),
    /// All but the payment card numbers in it.
    Cards,
}

/// Texts whose shape says what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `p****@*******.com`: the first letter, where there are more, and the last label of the domain stay.
    Email,
    /// `+** *** ****56`: the last two digits stay, and the separators.
    Phone,
    /// `**** **** **** 1111`: the last four digits stay, and the separators.
    Card,
}

impl Mask {
    /// Everything but text is masked whole: of a number or an object no part is harmless.
    pub fn apply(self, value: &Value<'_>) -> String {
        let mut shown = String::new();
        self.apply_to(value, &mut shown);
        shown
    }

    /// The same, appended.
    pub fn apply_to(self, value: &Value<'_>, out: &mut String) {
        let (first, last, text) = match (self, value) {
            (Mask::Ends { first, last }, Value::String(text)) => (first, last, text),
            (Mask::Shape(shape), Value::String(text)) => {
                return out.push_str(&shape.apply(text).unwrap_or_else(|| FIXED.into()));
            }
            (Mask::Cards, Value::String(text)) => {
                return out.push_str(&without_card_numbers(text));
            }
            _ => return out.push_str(FIXED),
        };
        let count = text.chars().count();
        if count <= first.saturating_add(last) {
            return out.push_str(FIXED);
        }
        out.extend(text.chars().take(first));
        out.push_str(FIXED);
        out.extend(text.chars().skip(count - last));
    }
}

impl Shape {
    fn apply(self, text: &str) -> Option<String> {
        match self {
            Shape::Email => email(text),
            // ITU-T E.164: 15 digits at most. The sign is that of an international number.
            Shape::Phone => match text.strip_prefix('+') {
                Some(rest) => Some(format!("+{}", digits(rest, 7..=15, " -()./", 2)?)),
                None => digits(text, 7..=15, " -()./", 2),
            },
            Shape::Card => digits(text, 14..=19, " -", 4),
        }
    }
}

/// An address and nothing else. Of what is shown each character is one that an address has there: whatever else
/// stands in the field, before it, behind it or in its place, could be read.
fn email(text: &str) -> Option<String> {
    let (local, domain) = text.split_once('@')?;
    let (hidden, last) = domain.rsplit_once('.')?;
    let in_local = |c: char| c.is_alphanumeric() || c.is_ascii_graphic();
    let is_address = text.chars().count() <= MAX_EMAIL
        && !local.is_empty()
        && !local.contains(QUOTING)
        && local.chars().all(in_local)
        && hidden.split('.').all(is_label);
    let last = last_label(last).filter(|_| is_address)?;
    let starred = |c: char| if matches!(c, '.' | '-' | '_' | '+') { c } else { '*' };
    // A letter that stands alone is the whole of it.
    let shown = if local.chars().nth(1).is_some() { local.chars().next() } else { None };
    let rest = local.chars().skip(usize::from(shown.is_some())).map(starred);
    let hidden = hidden.chars().map(starred);
    let head = shown.into_iter().chain(rest).chain(['@']).chain(hidden).chain(['.']);
    Some(head.chain(last.chars()).collect())
}

/// RFC 5321 section 4.5.3.1.3: a path of 256 octets has angle brackets around the address.
const MAX_EMAIL: usize = 254;

/// ASCII that no local part has outside of quotes, and a second `@`.
const QUOTING: [char; 11] = ['"', '(', ')', ',', ':', ';', '<', '>', '@', '[', ']'];

/// Of a domain as the DNS has it; in another alphabet it would be `xn--…` there.
fn is_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&label.len()) && label.bytes().all(plain)
}

/// What stays of a domain's last label: a name of letters, as they all are, whole. Of one in another alphabet only that it is
/// one, because its letters and digits could be those of anything.
fn last_label(label: &str) -> Option<String> {
    if let Some(encoded) = label.strip_prefix("xn--") {
        return is_label(label).then(|| format!("xn--{}", "*".repeat(encoded.len())));
    }
    let is_name = (2..=24).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphabetic());
    is_name.then(|| label.to_owned())
}

fn digits(text: &str, count: RangeInclusive<usize>, between: &str, kept: usize) -> Option<String> {
    let found = text.chars().filter(char::is_ascii_digit).count();
    let plain = text.chars().all(|c| c.is_ascii_digit() || between.contains(c));
    // More separators than digits separate nothing any more, and are shown.
    if !plain || !count.contains(&found) || text.len() > 2 * found {
        return None;
    }
    let mut left = found;
    let starred = text.chars().map(|c| {
        left -= usize::from(c.is_ascii_digit());
        // Of this digit and those behind it, as many as are kept.
        if c.is_ascii_digit() && left >= kept { '*' } else { c }
    });
    Some(starred.collect())
}

const FIXED: &str = "***";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let shown = |shape: Shape, text: &'static str| {
            Mask::Shape(shape).apply(&Value::String(text.into()))
        };
        assert_eq!(shown(Shape::Email, "pavan.k@example.co.uk"), "p****.*@*******.**.uk");
        assert_eq!(shown(Shape::Email, "éa@x.de"), "é*@*.de");
        assert_eq!(shown(Shape::Email, "é@x.de"), "*@*.de", "one letter is all of it");
        assert_eq!(shown(Shape::Email, "o'brien+shop@x-y.example"), "o******+****@*-*.example");
        assert_eq!(shown(Shape::Email, "a.b@x.xn--p1ai"), "a.*@*.xn--****");
        assert_eq!(shown(Shape::Phone, "+49 221 123456"), "+** *** ****56");
        assert_eq!(shown(Shape::Card, "4111 1111 1111 1111"), "**** **** **** 1111");
        for (shape, other) in [
            (Shape::Email, "pavan"),
            (Shape::Email, "@example.com"),
            (Shape::Email, "a b@example.com"),
            (Shape::Email, "a@example"),
            (Shape::Email, "ada@example.com, tel +49 221 123456"),
            (Shape::Email, "tel +49 221 123456, ada@example.com"),
            (Shape::Email, "Ada <ada@example.com>"),
            (Shape::Email, "ada@example.com,bob@example.com"),
            (Shape::Email, "ada@b@example.com"),
            (Shape::Email, "ada@example.com\n"),
            (Shape::Email, "a\u{a0}b@example.com"),
            (Shape::Email, "a\u{2801}\u{2819}@example.com"),
            (Shape::Email, "x@y.DE89370400440532013000"),
            (Shape::Email, "x@y.xn--89 37"),
            (Shape::Email, "x@y.c"),
            (Shape::Email, "x@y.abcdefghijklmnopqrstuvwxy"),
            (Shape::Email, "x@.com"),
            (Shape::Email, "x@y..com"),
            (Shape::Email, "x@y.com."),
            (Shape::Email, "x@münchen.de"),
            (Shape::Email, "x@y/secret.com"),
            (Shape::Email, "x@y.köln"),
            (Shape::Phone, "+49 221 call me"),
            (Shape::Phone, "123456"),
            (Shape::Phone, "+49 221 123456 +"),
            (Shape::Phone, "..- -. .../..- -. ... 1234567"),
            (Shape::Phone, "\u{664}\u{669}1234567"),
            (Shape::Phone, "+49\u{a0}221\u{a0}123456"),
            (Shape::Card, "4111"),
            (Shape::Card, "4111 1111 1111 1111 1111"),
            (Shape::Card, ""),
            (Shape::Card, "4111 1111 1111 1111 12/27"),
            (Shape::Card, "4111 1111 1111 1111 - --- - - - --- - -"),
        ] {
            assert_eq!(shown(shape, other), "***", "{other}");
        }
        let long = |local: usize| format!("{}@example.com", "a".repeat(local));
        let shown = |text: String| Mask::Shape(Shape::Email).apply(&Value::String(text.into()));
        assert_eq!(shown(long(242)).len(), 254);
        assert_eq!(shown(long(243)), "***");
        assert_eq!(Mask::Shape(Shape::Phone).apply(&Value::Number("49221123456")), "***");
    }

    #[test]
    fn keeps_ends_only_of_longer_texts() {
        let ends = Mask::Ends { first: 1, last: 2 };
        assert_eq!(ends.apply(&Value::String("Köln-Süd".into())), "K***üd");
        assert_eq!(ends.apply(&Value::String("Köl".into())), "***");
        assert_eq!(ends.apply(&Value::Number("123456")), "***");
        assert_eq!(Mask::Fixed.apply(&Value::String("Köln".into())), "***");
        assert_eq!(ends.apply(&Value::Null), "***");
    }
}
