use std::collections::HashMap;
use std::fmt;

use sealtrail_record::json::Value;
use sealtrail_record::pointer;

use super::clean::{Quotes, clean};

/// The longest value that is shown whole.
const LONGEST: usize = 100;

/// Two texts up to this length are shown whole beside each other; of longer ones, what differs.
const SHORT: usize = 60;

/// How much is shown around a difference.
const AROUND: usize = 12;

/// Which values of a record are sealed, and for which data group: the pointers that its seals list. User text
/// that looks like a sealed field stays text.
pub(super) struct Sealed<'r>(HashMap<&'r str, &'r str>);

impl<'r> Sealed<'r> {
    pub(super) fn of(record: &'r Value<'_>) -> Self {
        let seals = record.pointer("/data/seals").map(Value::items).unwrap_or_default();
        let listed = seals.iter().flat_map(|seal| {
            let group = seal.get("group").and_then(Value::as_str).unwrap_or("(no group)");
            let at = seal.get("at").map(Value::items).unwrap_or_default();
            at.iter().filter_map(Value::as_str).map(move |at| (at, group))
        });
        Self(listed.collect())
    }

    /// `[sealed contact]`, if the value at this pointer is sealed.
    pub(super) fn group(&self, pointer: &str, value: &Value<'_>) -> Option<String> {
        let group = self.0.get(pointer)?;
        value.as_str()?.strip_prefix("st1.")?;
        Some(format!("[sealed {}]", clean(group, Quotes::None, 40)))
    }
}

/// A value of a record, as it is shown.
pub(super) struct Shown<'v, 'r> {
    pub(super) value: &'v Value<'v>,
    pub(super) pointer: String,
    pub(super) sealed: &'v Sealed<'r>,
}

impl Shown<'_, '_> {
    pub(super) fn is_sealed(&self) -> bool {
        self.sealed.group(&self.pointer, self.value).is_some()
    }

    /// The value and another that took its place. Of two long texts only the part that differs is shown.
    pub(super) fn beside(&self, other: &Self) -> (String, String) {
        match (self.value, other.value) {
            (Value::String(old), Value::String(new)) if !self.is_sealed() && !other.is_sealed() => {
                differing(old, new)
            }
            _ => (self.to_string(), other.to_string()),
        }
    }
}

impl fmt::Display for Shown<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let mut pointer = self.pointer.clone();
        write(self.value, &mut pointer, self.sealed, &mut text);
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => write!(f, "{}…", &text[..end]),
            None => f.write_str(&text),
        }
    }
}

/// Writes a value, and stops some time after nobody reads on.
fn write(value: &Value<'_>, at: &mut String, sealed: &Sealed<'_>, out: &mut String) {
    if let Some(group) = sealed.group(at, value) {
        return out.push_str(&group);
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(digits) => out.push_str(digits),
        Value::String(text) => out.push_str(&clean(text, Quotes::Double, LONGEST)),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            parts(items, ['[', ']'], at, out, |(index, item), at, out| {
                pointer::push_index(at, index);
                write(item, at, sealed, out);
            });
        }
        Value::Object(members) => parts(members.iter(), ['{', '}'], at, out, |member, at, out| {
            out.push_str(&clean(&member.key, Quotes::Double, LONGEST));
            out.push_str(": ");
            pointer::push_key(at, &member.key);
            write(&member.value, at, sealed, out);
        }),
    }
}

fn parts<T>(
    all: impl Iterator<Item = T>,
    [open, close]: [char; 2],
    at: &mut String,
    out: &mut String,
    write: impl Fn(T, &mut String, &mut String),
) {
    let here = at.len();
    out.push(open);
    for (number, part) in all.enumerate() {
        // Four bytes at most for a character: what follows is cut off.
        if out.len() > 4 * LONGEST {
            break;
        }
        if number > 0 {
            out.push_str(", ");
        }
        write(part, at, out);
        at.truncate(here);
    }
    out.push(close);
}

/// Two texts, quoted; of long ones what differs, with a little of what is around it.
fn differing(old: &str, new: &str) -> (String, String) {
    let shown = |text: &str| clean(text, Quotes::Double, LONGEST);
    if old.chars().nth(SHORT).is_none() && new.chars().nth(SHORT).is_none() {
        return (shown(old), shown(new));
    }
    let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let before = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let after = old[before..].iter().rev().zip(new[before..].iter().rev());
    let after = after.take_while(|(old, new)| old == new).count();
    let part = |text: &[char]| {
        let from = before.saturating_sub(AROUND);
        let to = text.len() - after.saturating_sub(AROUND);
        let start = if from > 0 { "…" } else { "" };
        let end = if to < text.len() { "…" } else { "" };
        let middle: String = text[from..to].iter().collect();
        shown(&format!("{start}{middle}{end}"))
    };
    (part(&old), part(&new))
}

#[cfg(test)]
mod tests {
    use sealtrail_record::json::{Limits, parse};

    use super::*;

    fn shown(value: &str, at: &[(&str, &str)]) -> String {
        let value = parse(value.as_bytes(), &Limits::default()).unwrap();
        let sealed = Sealed(at.iter().copied().collect());
        Shown { value: &value, pointer: "/v".into(), sealed: &sealed }.to_string()
    }

    #[test]
    fn values_keep_their_spelling() {
        assert_eq!(
            shown(r#"{ "a b" : [1.10, null,true, "x\ny"] }"#, &[]),
            r#"{"a b": [1.10, null, true, "x\ny"]}"#
        );
    }

    #[test]
    fn what_a_seal_lists_is_sealed_at_any_depth_and_nothing_else() {
        let value = r#"{"a/b":"st1.0.AA","c":[0,"st1.1.BB"],"d":"st1.0.user text"}"#;
        assert_eq!(
            shown(
                value,
                &[("/v/a~1b", "contact"), ("/v/c/1", "he\u{1b}alth"), ("/v/c/0", "never")]
            ),
            r#"{"a/b": [sealed contact], "c": [0, [sealed he\u{1b}alth]], "d": "st1.0.user text"}"#
        );
    }

    #[test]
    fn a_long_value_is_cut() {
        let long = format!("[{}]", vec!["12345"; 100_000].join(","));
        let text = shown(&long, &[]);
        assert_eq!(text.chars().count(), LONGEST + 1);
        assert!(text.starts_with("[12345, 12345") && text.ends_with('…'));

        // What nobody will see is not even written.
        let value = parse(long.as_bytes(), &Limits::default()).unwrap();
        let mut out = String::new();
        write(&value, &mut "/v".into(), &Sealed(HashMap::new()), &mut out);
        assert!(out.len() < 5 * LONGEST, "{} bytes", out.len());
    }

    #[test]
    fn of_long_texts_the_difference_is_shown() {
        let title = |ram| {
            format!(
                "Redmi note 9 max with a very long description | {ram} Ram | 128gb Storage, new"
            )
        };
        assert_eq!(
            differing(&title("6gb"), &title("14gb")),
            (r#""…scription | 6gb Ram | 128…""#.into(), r#""…scription | 14gb Ram | 128…""#.into())
        );
        assert_eq!(differing("6gb", "4gb"), ("\"6gb\"".into(), "\"4gb\"".into()));
        // One inside the other, repeated, empty: the parts never overlap.
        for (old, new) in [
            ("a".repeat(70), "a".repeat(140)),
            ("a".repeat(70), String::new()),
            ("ab".repeat(50), "ba".repeat(50)),
        ] {
            differing(&old, &new);
            differing(&new, &old);
        }
    }
}
