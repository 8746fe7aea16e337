//! A difference in sentences, for somebody who asks what was done to an entity:
//!
//! ```text
//! changes on instance/5b: 'title' changed: 'a' -> 'b';
//!   'notes' collection changes: 1. 'notes/1' added; 'notes/1.note' = 'Test note'; 2. 'notes/0' removed; …
//! ```
//!
//! What changed within an array, or within its items, is told together and numbered. An attribute is
//! named by its keys with dots between them; items are counted from 0, as in the record.

use sealtrail_record::json::Value;
use sealtrail_record::pointer;
use sealtrail_record::sort::sorted;

use super::entry::Entry;
use crate::Error;

/// The sentences; empty where nothing changed. `entity` is `<type>/<id>` or empty.
///
/// Everything within an added object is told with its whole name, so the text may be far longer than
/// both images; its length has a bound.
pub(super) fn sentences(entity: &str, entries: &[Entry<'_>]) -> Result<String, Error> {
    if entries.is_empty() {
        return Ok(String::new());
    }
    let on = if entity.is_empty() { String::new() } else { format!(" on {}", clean(entity)) };
    let mut out = format!("changes{on}: ");
    for (i, group) in groups(entries).iter().enumerate() {
        out += if i == 0 { "" } else { ";\n  " };
        group.tell(&mut out);
        if out.len() > LONGEST {
            let message =
                format!("a difference in words has at most {LONGEST} bytes, and this one more");
            return Err(Error::new("too_large", message));
        }
    }
    out.push('\n');
    Ok(out)
}

/// As much as a record may have.
const LONGEST: usize = 64 << 20;

/// What is told in one go: one attribute, or all that happened in one array.
struct Group<'e, 'a> {
    collection: Option<String>,
    entries: Vec<&'e Entry<'a>>,
}

/// In the order in which each is first spoken of.
fn groups<'e, 'a>(entries: &'e [Entry<'a>]) -> Vec<Group<'e, 'a>> {
    let collections: Vec<Option<String>> = entries
        .iter()
        .map(|entry| Some(name(&entry.path, &entry.indices, *entry.indices.last()?)))
        .collect();
    // For each entry the first that speaks of the same collection.
    let mut first: Vec<usize> = (0..entries.len()).collect();
    let order = sorted(entries.len(), &mut |a, b| collections[a].cmp(&collections[b]));
    for same in
        order.chunk_by(|&a, &b| collections[a].is_some() && collections[a] == collections[b])
    {
        same.iter().for_each(|&entry| first[entry] = same[0]);
    }
    let mut groups: Vec<Group<'e, 'a>> = Vec::new();
    let mut group_of = vec![0; entries.len()];
    for ((i, entry), collection) in entries.iter().enumerate().zip(collections) {
        if first[i] == i {
            group_of[i] = groups.len();
            groups.push(Group { collection, entries: vec![entry] });
        } else {
            groups[group_of[first[i]]].entries.push(entry);
        }
    }
    groups
}

impl Group<'_, '_> {
    /// Stops some time after there is too much.
    fn tell(&self, out: &mut String) {
        if let Some(collection) = &self.collection {
            *out += &format!("'{collection}' collection changes: ");
        }
        for (i, entry) in self.entries.iter().enumerate() {
            if out.len() > LONGEST {
                return;
            }
            if self.collection.is_some() {
                *out += &format!("{}{}. ", if i == 0 { "" } else { "; " }, i + 1);
            }
            tell(entry, out);
        }
    }
}

fn tell(entry: &Entry<'_>, out: &mut String) {
    let mut name = whole_name(&entry.path, &entry.indices);
    *out += &format!("'{name}' ");
    match (entry.op, &entry.old, &entry.new) {
        ("move", ..) => {
            let from = entry.from.as_deref().unwrap_or_default();
            *out += &format!("moved from '{}'", whole_name(from, &entry.indices));
        }
        (_, Some(old), Some(new)) if entry.coarse => {
            let (old, new) = (old.items().len(), new.items().len());
            *out += &format!("changed as a whole: {old} items -> {new} items");
        }
        (_, Some(old), Some(new)) => {
            *out += &format!("changed: {} -> {}", quoted(old), quoted(new));
        }
        (_, Some(old), None) if is_leaf(old) => *out += &format!("removed: {}", quoted(old)),
        (_, None, Some(new)) if is_leaf(new) && is_item(entry) => {
            *out += &format!("added: {}", quoted(new));
        }
        (_, None, Some(new)) if is_leaf(new) => *out += &format!("= {}", quoted(new)),
        (_, Some(old), None) => {
            *out += "removed";
            leaves(old, &mut name, "was", out);
        }
        (_, None, Some(new)) => {
            *out += "added";
            leaves(new, &mut name, "=", out);
        }
        (_, None, None) => *out += "changed",
    }
}

/// Whether the entry is about an item of an array, not about something within one.
fn is_item(entry: &Entry<'_>) -> bool {
    let tokens = pointer::tokens(&entry.path).map_or(0, |tokens| tokens.len());
    entry.indices.last().is_some_and(|last| last + 1 == tokens)
}

fn is_leaf(value: &Value<'_>) -> bool {
    value.members().is_empty() && value.items().is_empty()
}

/// `; 'notes/1.note' = 'Test note'` for everything within. The depth of recursion is that of the JSON
/// reader's limit.
fn leaves(value: &Value<'_>, name: &mut String, verb: &str, out: &mut String) {
    if out.len() > LONGEST {
        return;
    }
    if is_leaf(value) {
        *out += &format!("; '{name}' {verb} {}", quoted(value));
    }
    let here = name.len();
    for (index, item) in value.items().iter().enumerate() {
        *name += &format!("/{index}");
        leaves(item, name, verb, out);
        name.truncate(here);
    }
    for member in value.members() {
        name.push('.');
        *name += &clean(&member.key);
        leaves(&member.value, name, verb, out);
        name.truncate(here);
    }
}

/// A value in quotes; null without, so that it is not taken for a text.
fn quoted(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => format!("'{}'", clean(text)),
        other => format!("'{}'", clean(&other.to_json())),
    }
}

fn whole_name(path: &str, indices: &[usize]) -> String {
    name(path, indices, usize::MAX)
}

/// The first tokens of a pointer as a name: `notes/1.note`.
fn name(path: &str, indices: &[usize], tokens: usize) -> String {
    let mut name = String::new();
    for (place, token) in pointer::tokens(path).unwrap_or_default().iter().take(tokens).enumerate()
    {
        if place > 0 {
            name.push(if indices.contains(&place) { '/' } else { '.' });
        }
        name += &clean(token);
    }
    if name.is_empty() { "(whole)".to_owned() } else { name }
}

/// A text that cannot end its quotes, break its line, turn its direction or command a terminal.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            '\n' => out += "\\n",
            '\r' => out += "\\r",
            '\t' => out += "\\t",
            c if c.is_control() || is_hidden(c) => {
                out += &format!("\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Line and paragraph separators, and what turns the direction of text.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use sealtrail_record::json::Limits;

    use super::super::{Format, diff};
    use crate::policy::Policy;

    fn told(entity: &str, before: &str, after: &str) -> String {
        with("", entity, before, after)
    }

    fn with(arrays: &str, entity: &str, before: &str, after: &str) -> String {
        let policy = format!(r#"{{"id":"t","version":"1","default":"keep","arrays":[{arrays}]}}"#);
        let policy = Policy::parse(policy.as_bytes()).unwrap();
        let (before, after) = (before.as_bytes(), after.as_bytes());
        let format = Format::Words { entity };
        let text = diff(before, after, Some(&policy), false, format, &Limits::default()).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn in_the_manner_of_the_first_users() {
        let before = r#"{"notes":[{"note":"First","staffOnly":true}]}"#;
        let after = r#"{"notes":[{"note":"First","staffOnly":true},{"note":"Test note","staffOnly":false}]}"#;
        assert_eq!(
            told("instance/5bf370e0", before, after),
            "changes on instance/5bf370e0: 'notes' collection changes: 1. 'notes/1' added; \
             'notes/1.note' = 'Test note'; 'notes/1.staffOnly' = 'false'\n"
        );
    }

    #[test]
    fn one_line_for_each_attribute_and_each_collection() {
        let before = r#"{"title":"a","gone":1,"tags":["x","y"],"copies":[{"at":{"shelf":1}},{"at":{"shelf":2}}]}"#;
        let after = r#"{"title":"b","tags":["y","z"],"copies":[{"at":{"shelf":1}},{"at":{"shelf":3}}],"fresh":null,"box":{"a":[],"b":{"c":1.10}}}"#;
        assert_eq!(
            told("", before, after),
            "changes: 'title' changed: 'a' -> 'b';\n\
             \x20 'gone' removed: '1';\n\
             \x20 'tags' collection changes: 1. 'tags/0' removed: 'x'; 2. 'tags/1' added: 'z';\n\
             \x20 'copies' collection changes: 1. 'copies/1.at.shelf' changed: '2' -> '3';\n\
             \x20 'fresh' = null;\n\
             \x20 'box' added; 'box.a' = '[]'; 'box.b.c' = '1.10'\n"
        );
    }

    #[test]
    fn what_moves_and_what_is_within_what() {
        let text = with(
            r#"{"select":"$.items","match":"key","key":"id"}"#,
            "o/1",
            r#"{"items":[{"id":1,"t":["a"]},{"id":2},{"id":3,"q":[{"x":1}]}]}"#,
            r#"{"items":[{"id":2},{"id":1,"t":["a","b"]}]}"#,
        );
        assert_eq!(
            text,
            "changes on o/1: 'items/0.t' collection changes: 1. 'items/0.t/1' added: 'b';\n\
             \x20 'items' collection changes: 1. 'items/2' removed; 'items/2.id' was '3'; \
             'items/2.q/0.x' was '1'; 2. 'items/1' moved from 'items/0'\n"
        );
    }

    #[test]
    fn whole_documents_and_no_change() {
        assert_eq!(told("a/1", "1", "1.0"), "");
        assert_eq!(
            told("a/1", "1", r#"{"b":[]}"#),
            "changes on a/1: '(whole)' changed: '1' -> '{\"b\":[]}'\n"
        );
        assert_eq!(
            told("", "[1]", "[1,2]"),
            "changes: '(whole)' collection changes: 1. '1' added: '2'\n"
        );
    }

    /// A long name above many attributes is told once for each of them.
    #[test]
    fn a_text_too_long_to_read_is_refused() {
        let many: String = (0..2000).map(|i| format!("\"k{i}\":1,")).collect();
        let after = format!(r#"{{"{}":{{{many}"z":1}}}}"#, "n".repeat(40_000));
        let words = Format::Words { entity: "" };
        let error = diff(b"{}", after.as_bytes(), None, false, words, &Limits::default());
        assert_eq!(error.unwrap_err().code(), "too_large");
    }

    #[test]
    fn values_cannot_pass_for_words() {
        assert_eq!(
            told("a/1'\n", r#"{"a'b":"x"}"#, r#"{"a'b":"y' -> 'z'\n\u001b[2J\u202e"}"#),
            "changes on a/1\\'\\n: 'a\\'b' changed: 'x' -> 'y\\' -> \\'z\\'\\n\\u{1b}[2J\\u{202e}'\n"
        );
    }
}
