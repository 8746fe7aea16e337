//! Values as they stand in a sentence.

use super::clean::{push_clean, quoted};
use super::{Bounds, Teller, clean};
use crate::json::Value;

/// Where texts are cut, two that are no longer than this stand whole beside each other; of longer ones, what differs.
const SHORT: usize = 60;

/// How much is shown around a difference.
const AROUND: usize = 12;

impl Teller<'_> {
    /// A value in quotes. Null stands without, so that it is not taken for a text, and so does what is hidden.
    pub fn quoted(&self, value: &Value<'_>, at: &str) -> String {
        let longest = self.bounds.characters;
        match (self.hidden(value, at), value) {
            (Some(hidden), _) => hidden,
            (None, Value::Null) => "null".to_owned(),
            (None, Value::String(text)) => quoted(text, longest),
            (None, other) => quoted(&self.raw(other, at), longest),
        }
    }

    /// A value as JSON, what is hidden in it named.
    pub fn json(&self, value: &Value<'_>, at: &str) -> String {
        clean(&self.raw(value, at), self.bounds.characters)
    }

    /// A value and the one that took its place, so that they can be told apart.
    pub(super) fn beside(&self, [old, new]: [&Value<'_>; 2], at: [&str; 2]) -> (String, String) {
        let is_hidden = self.hidden(old, at[0]).is_some() || self.hidden(new, at[1]).is_some();
        if let (Value::String(old), Value::String(new), false) = (old, new, is_hidden) {
            return differing(old, new, self.bounds);
        }
        let (mut shown, mut other) = (self.quoted(old, at[0]), self.quoted(new, at[1]));
        // 1 and "1".
        if shown == other && !is_hidden && old.kind() != new.kind() {
            shown += &format!(" ({})", old.kind());
            other += &format!(" ({})", new.kind());
        }
        (shown, other)
    }

    fn hidden(&self, value: &Value<'_>, at: &str) -> Option<String> {
        (self.hidden)(at, value)
    }

    /// Stops some time after nobody reads on.
    fn raw(&self, value: &Value<'_>, at: &str) -> String {
        // Four bytes at most for a character.
        let end = self.bounds.characters.saturating_mul(4);
        let mut out = Vec::new();
        value.write_replacing(&mut at.to_owned(), &mut out, end, &|value, at, out| {
            self.hidden(value, at).map(|hidden| out.extend_from_slice(hidden.as_bytes())).is_some()
        });
        String::from_utf8(out).unwrap_or_default()
    }
}

/// Two texts in quotes; of long ones what differs, with a little of what is around it.
fn differing(old: &str, new: &str, bounds: Bounds) -> (String, String) {
    let is_short = |text: &str| text.chars().nth(SHORT).is_none();
    if bounds.characters == usize::MAX || (is_short(old) && is_short(new)) {
        return (quoted(old, bounds.characters), quoted(new, bounds.characters));
    }
    let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let before = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let after = old[before..].iter().rev().zip(new[before..].iter().rev());
    let after = after.take_while(|(old, new)| old == new).count();
    let part = |text: &[char]| {
        let from = before.saturating_sub(AROUND);
        let to = text.len() - after.saturating_sub(AROUND);
        let mut part = String::from(if from > 0 { "'…" } else { "'" });
        let middle: String = text[from..to].iter().collect();
        push_clean(&middle, true, bounds.characters, &mut part);
        if to < text.len() && !part.ends_with('…') {
            part.push('…');
        }
        part.push('\'');
        part
    };
    (part(&old), part(&new))
}
