use sealtrail_record::json::{Value, write_string};

use super::entry::Entry;
use super::text_difference::{Budget, Unit, text_difference};

/// Of a replaced text, the words are told apart when the old or the new one has more bytes than this:
/// of a shorter one a reader sees the difference at once.
const LONG_TEXT: usize = 64;

/// `[{"op","path","from","coarse","old","new"}]`, each only where there is one. With a budget also
/// `"words"`, and `"words_coarse":true` where the budget was too small to tell all of them apart.
pub(super) fn list(entries: &[Entry<'_>], mut words: Option<&mut Budget>) -> Vec<u8> {
    let mut out = b"[".to_vec();
    for (i, entry) in entries.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"" } else { b"," });
        open(entry, &mut out);
        if entry.coarse {
            out.extend_from_slice(b",\"coarse\":true");
        }
        for (name, value) in [(",\"old\":", &entry.old), (",\"new\":", &entry.new)] {
            if let Some(value) = value {
                out.extend_from_slice(name.as_bytes());
                value.write(&mut out);
            }
        }
        if let (Some(budget), Some(Value::String(old)), Some(Value::String(new))) =
            (words.as_deref_mut(), &entry.old, &entry.new)
            && old.len().max(new.len()) > LONG_TEXT
        {
            write_words(old, new, budget, &mut out);
        }
        out.push(b'}');
    }
    out.push(b']');
    out
}

/// `{"op":…,"path":…` and `from` where there is one.
pub(super) fn open(entry: &Entry<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"op\":");
    write_string(entry.op, out);
    out.extend_from_slice(b",\"path\":");
    write_string(&entry.path, out);
    if let Some(from) = &entry.from {
        out.extend_from_slice(b",\"from\":");
        write_string(from, out);
    }
}

fn write_words(old: &str, new: &str, budget: &mut Budget, out: &mut Vec<u8>) {
    let difference = text_difference(old, new, Unit::Word, budget);
    out.extend_from_slice(b",\"words\":[");
    for (i, run) in difference.runs.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"[" } else { b",[" });
        write_string(run.part.sign(), out);
        out.push(b',');
        write_string(run.text, out);
        out.push(b']');
    }
    out.push(b']');
    if difference.coarse {
        out.extend_from_slice(b",\"words_coarse\":true");
    }
}
