use sealtrail_record::json::{Document, Value, write_string};

use super::entry::Entry;
use super::text_difference::{Budget, Unit, text_difference};
use crate::Error;
use crate::diff::{Path, Sink, What, compare};
use crate::policy::Policy;

/// Of a replaced text, the words are told apart when the old or the new one has more bytes than this:
/// of a shorter one a reader sees the difference at once.
const LONG_TEXT: usize = 64;

/// `[{"op","path","from","coarse","old","new","words"}]`, each only where there is one, and
/// `"words_coarse":true` where the budget was too small to tell all words apart.
pub(super) fn list(entries: &[Entry<'_>], words: &mut Budget) -> Vec<u8> {
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
        if let (Some(Value::String(old)), Some(Value::String(new))) = (&entry.old, &entry.new)
            && old.len().max(new.len()) > LONG_TEXT
        {
            write_words(old, new, words, &mut out);
        }
        out.push(b'}');
    }
    out.push(b']');
    out
}

/// The same without words, written as the differences are found: no value is built.
pub(super) fn written(document: &Document<'_>, policy: Option<&Policy>) -> Result<Vec<u8>, Error> {
    let mut list = Written { document, out: b"[".to_vec() };
    compare(document, document.root(), document.second(), policy, &mut list)?;
    list.out.push(b']');
    Ok(list.out)
}

struct Written<'d> {
    document: &'d Document<'d>,
    out: Vec<u8>,
}

impl Sink for Written<'_> {
    fn take(&mut self, path: &mut Path<'_>, what: What, coarse: bool) -> Result<(), Error> {
        let out = &mut self.out;
        out.extend_from_slice(if out.len() == 1 { b"" } else { b"," });
        let from = match what {
            What::Move { from, .. } => Some(path.neighbour(from)),
            _ => None,
        };
        head(what.op(), path.pointer(), from.as_deref(), out);
        if coarse {
            out.extend_from_slice(b",\"coarse\":true");
        }
        for (name, value) in [(",\"old\":", what.before()), (",\"new\":", what.after())] {
            if let Some(value) = value {
                out.extend_from_slice(name.as_bytes());
                self.document.write(value, out);
            }
        }
        out.push(b'}');
        Ok(())
    }
}

/// `{"op":…,"path":…` and `from` where there is one.
pub(super) fn open(entry: &Entry<'_>, out: &mut Vec<u8>) {
    head(entry.op, &entry.path, entry.from.as_deref(), out);
}

fn head(op: &str, path: &str, from: Option<&str>, out: &mut Vec<u8>) {
    for part in ["{\"op\":\"", op, "\",\"path\":"] {
        out.extend_from_slice(part.as_bytes());
    }
    write_string(path, out);
    if let Some(from) = from {
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
