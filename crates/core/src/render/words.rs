//! A difference in [sentences](sealtrail_record::sentences), for somebody who asks what was done to an entity:
//!
//! ```text
//! changes on instance/5b: 'title' changed: 'a' -> 'b';
//!   'notes' collection changes: 1. 'notes/1' added; 'notes/1.note' = 'Test note'; 2. 'notes/0' removed; …
//! ```

use sealtrail_record::sentences::{Bounds, Change, Teller, groups, inside};

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
    let teller =
        Teller { hidden: &|_, _| None, bounds: Bounds { bytes: LONGEST, ..Bounds::default() } };
    let changes: Vec<Change<'_>> = entries.iter().map(change).collect();
    let mut out = String::from("changes");
    if !entity.is_empty() {
        out += &format!(" on {}", inside(entity));
    }
    out += ": ";
    for (i, group) in groups(&changes).iter().enumerate() {
        out += if i == 0 { "" } else { ";\n  " };
        if let Some(collection) = &group.collection {
            out += &teller.collection(collection);
        }
        for (i, &change) in group.changes.iter().enumerate() {
            if group.collection.is_some() {
                out += &format!("{} {}. ", if i == 0 { "" } else { ";" }, i + 1);
            }
            out += &teller.name(&changes[change]);
            out.push(' ');
            teller.tell(&changes[change], &mut out);
            if out.len() > LONGEST {
                let message =
                    format!("a difference in words has at most {LONGEST} bytes, and this one more");
                return Err(Error::new("too_large", message));
            }
        }
    }
    out.push('\n');
    Ok(out)
}

/// As much as a record may have.
const LONGEST: usize = 64 << 20;

fn change<'c>(entry: &'c Entry<'_>) -> Change<'c> {
    Change {
        op: entry.op,
        path: &entry.path,
        indices: entry.indices.as_slice().into(),
        from: entry.from.as_deref(),
        coarse: entry.coarse,
        old: entry.old.as_ref(),
        new: entry.new.as_ref(),
        at: String::new(),
    }
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
