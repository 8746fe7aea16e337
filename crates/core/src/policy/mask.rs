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
    /// `p****@*******.com`: the first letter and the last label of the domain stay.
    Email,
    /// `+** *** ****56`: the last two digits stay.
    Phone,
    /// `**** **** **** 1111`: the last four digits stay.
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
            // ITU-T E.164: 15 digits at most.
            Shape::Phone => digits(text, 7..=15, " +-()./", 2),
            Shape::Card => digits(text, 14..=19, " -", 4),
        }
    }
}

fn email(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let (name, last) = domain.rsplit_once('.')?;
    if local.is_empty() || name.is_empty() || last.is_empty() || local.contains(['@', ' ']) {
        return None;
    }
    let starred = |c: char| if c.is_alphanumeric() { '*' } else { c };
    let mut local = local.chars();
    let first = local.next().into_iter();
    let head = first.chain(local.map(starred)).chain(['@']);
    Some(head.chain(name.chars().map(starred)).chain(['.']).chain(last.chars()).collect())
}

fn digits(text: &str, count: RangeInclusive<usize>, between: &str, kept: usize) -> Option<String> {
    let found = text.chars().filter(char::is_ascii_digit).count();
    let plain = text.chars().all(|c| c.is_ascii_digit() || between.contains(c));
    if !plain || !count.contains(&found) {
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
        assert_eq!(shown(Shape::Email, "é@x.de"), "é@*.de");
        assert_eq!(shown(Shape::Phone, "+49 221 123456"), "+** *** ****56");
        assert_eq!(shown(Shape::Card, "4111 1111 1111 1111"), "**** **** **** 1111");
        for (shape, other) in [
            (Shape::Email, "pavan"),
            (Shape::Email, "@example.com"),
            (Shape::Email, "a b@example.com"),
            (Shape::Email, "a@example"),
            (Shape::Phone, "+49 221 call me"),
            (Shape::Phone, "123456"),
            (Shape::Card, "4111"),
            (Shape::Card, "4111 1111 1111 1111 1111"),
            (Shape::Card, ""),
        ] {
            assert_eq!(shown(shape, other), "***", "{other}");
        }
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
