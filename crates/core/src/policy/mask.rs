//! Masks: what is left of a value that may be recognised but not read.

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
    /// All but the payment card numbers in it.
    Cards,
}

impl Mask {
    /// Everything but text is masked whole: of a number or an object no part is harmless.
    pub fn apply(self, value: &Value<'_>) -> String {
        let (first, last, text) = match (self, value) {
            (Mask::Ends { first, last }, Value::String(text)) => (first, last, text),
            (Mask::Cards, Value::String(text)) => return without_card_numbers(text),
            _ => return FIXED.into(),
        };
        let count = text.chars().count();
        if count <= first.saturating_add(last) {
            return FIXED.into();
        }
        let head = text.chars().take(first);
        head.chain(FIXED.chars()).chain(text.chars().skip(count - last)).collect()
    }
}

const FIXED: &str = "***";

#[cfg(test)]
mod tests {
    use super::*;

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
