//! Two images that have much in common, each text and long number of them unlike any other.

use serde_json::{Map, Value, json};

use crate::choices::Choices;

/// With members that rules name, spellings that fold to one, and what pointers escape.
pub const KEYS: [&str; 14] = [
    "a", "b", "c", "id", "items", "tags", "email", "password", "_id", " A", "e/f", "g~h", "", "é😀",
];

/// Deepest nesting of what is made up.
const DEPTH: usize = 5;

/// Gives out values that are recognised wherever they turn up.
#[derive(Default)]
pub struct Canaries(u32);

impl Canaries {
    pub fn text(&mut self, choices: &mut Choices<'_>) -> Value {
        self.0 += 1;
        let end = choices.of(&["", "é", "\"\\", "\n\u{1}", "😀@example.com"]);
        json!(format!("canary{:05}{end}", self.0))
    }

    fn number(&mut self) -> Value {
        self.0 += 1;
        json!(880_000_000_000u64 + u64::from(self.0))
    }
}

/// Whether a value is a canary, so that its text in a record tells where it is from.
pub fn is_canary(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with("canary"),
        Value::Number(number) => number.as_u64().is_some_and(|n| n > 880_000_000_000),
        _ => false,
    }
}

pub fn pair(choices: &mut Choices<'_>, canaries: &mut Canaries) -> (Value, Value) {
    let before = Value::Object(object(choices, canaries, DEPTH));
    let after = match choices.below(8) {
        7 => value(choices, canaries, DEPTH),
        _ => edited(&before, choices, canaries, DEPTH),
    };
    (before, after)
}

fn value(choices: &mut Choices<'_>, canaries: &mut Canaries, depth: usize) -> Value {
    match choices.below(if depth == 0 { 6 } else { 12 }) {
        0 | 1 => canaries.text(choices),
        2 => canaries.number(),
        3 => Value::Null,
        4 => json!(choices.below(2) == 0),
        5 => json!(choices.below(4)),
        6 | 7 => {
            let count = choices.below(6);
            Value::Array((0..count).map(|_| value(choices, canaries, depth - 1)).collect())
        }
        8 => items(choices, canaries, depth - 1),
        _ => Value::Object(object(choices, canaries, depth - 1)),
    }
}

fn object(choices: &mut Choices<'_>, canaries: &mut Canaries, depth: usize) -> Map<String, Value> {
    let count = choices.below(8);
    let mut members = Map::new();
    for _ in 0..count {
        let key = choices.of(&KEYS).to_owned();
        members.insert(key, value(choices, canaries, depth));
    }
    members
}

/// Items with an identity, now and then the same twice.
fn items(choices: &mut Choices<'_>, canaries: &mut Canaries, depth: usize) -> Value {
    let count = choices.below(7);
    let item = |i: usize, choices: &mut Choices<'_>, canaries: &mut Canaries| {
        let id = if choices.one_in(9) { 0 } else { i };
        json!({"id": id, "a": value(choices, canaries, depth.saturating_sub(1))})
    };
    Value::Array((0..count).map(|i| item(i, choices, canaries)).collect())
}

fn edited(
    before: &Value,
    choices: &mut Choices<'_>,
    canaries: &mut Canaries,
    depth: usize,
) -> Value {
    if choices.one_in(6) {
        return value(choices, canaries, depth);
    }
    let below = depth.saturating_sub(1);
    match before {
        Value::Object(members) => {
            let mut kept: Vec<_> = members.iter().filter(|_| !choices.one_in(7)).collect();
            if choices.one_in(4) {
                kept.reverse();
            }
            let edit = |(key, value): (&String, &Value)| {
                (key.clone(), edited(value, choices, canaries, below))
            };
            let mut members: Map<String, Value> = kept.into_iter().map(edit).collect();
            if choices.one_in(4) {
                members.insert(choices.of(&KEYS).into(), value(choices, canaries, below));
            }
            Value::Object(members)
        }
        Value::Array(items) => {
            let mut items: Vec<Value> =
                items.iter().map(|item| edited(item, choices, canaries, below)).collect();
            for _ in 0..choices.below(4) {
                edit_array(&mut items, choices, canaries, below);
            }
            Value::Array(items)
        }
        other => other.clone(),
    }
}

fn edit_array(
    items: &mut Vec<Value>,
    choices: &mut Choices<'_>,
    canaries: &mut Canaries,
    depth: usize,
) {
    let at = choices.below(items.len() + 1);
    match (choices.below(5), items.get(at).cloned()) {
        (0, Some(_)) => drop(items.remove(at)),
        (1, Some(item)) => items.push(item),
        (2, Some(_)) => items.rotate_left(at),
        (3, _) => items.reverse(),
        _ => items.insert(at, value(choices, canaries, depth)),
    }
}

/// One text of a value: white space, escapes and the spelling of numbers are chosen too.
pub fn write(value: &Value, choices: &mut Choices<'_>, out: &mut String) {
    let space = |choices: &mut Choices<'_>, out: &mut String| {
        out.push_str(choices.of(&["", "", "", "", "", "", " ", "\n\t"]));
    };
    space(choices, out);
    match value {
        Value::String(text) => write_text(text, choices, out),
        Value::Number(number) => {
            out.push_str(&number.to_string());
            out.push_str(choices.of(&["", "", "", "", "", ".0", "e0", ".00E+00"]));
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                write(item, choices, out);
            }
            space(choices, out);
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (i, (key, value)) in members.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                space(choices, out);
                write_text(key, choices, out);
                space(choices, out);
                out.push(':');
                write(value, choices, out);
            }
            space(choices, out);
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
    space(choices, out);
}

fn write_text(text: &str, choices: &mut Choices<'_>, out: &mut String) {
    if !choices.one_in(5) {
        out.push_str(&json!(text).to_string());
        return;
    }
    out.push('"');
    for unit in text.encode_utf16() {
        out.push_str(&format!("\\u{unit:04x}"));
    }
    out.push('"');
}
