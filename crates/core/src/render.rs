//! A difference for somebody to read: as a list of changes, as an RFC 6902 patch, as text.

use sealtrail_record::json::{Buffers, Document, Limits, Value, write_string};

use crate::Error;
use crate::diff::{Path, Sink, What, compare};
use crate::fold::fold_keys;
use crate::policy::Policy;

/// The forms of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `[{"op","path","old","new"}]`, as a record has it.
    Changes,
    /// RFC 6902, to be applied to `before`.
    Patch,
    /// One line an attribute.
    Text,
}

impl Format {
    pub fn parse(name: &str) -> Result<Self, Error> {
        match name {
            "changes" => Ok(Self::Changes),
            "patch" => Ok(Self::Patch),
            "text" => Ok(Self::Text),
            _ => Err(Error::field("/format", "`changes`, `patch` or `text`", "another text")),
        }
    }
}

/// The difference of two JSON texts. A policy adds its folding and what it ignores; it protects
/// nothing here, because both texts are the caller's own.
pub fn diff(
    before: &[u8],
    after: &[u8],
    policy: Option<&Policy>,
    fold: bool,
    format: Format,
    limits: &Limits,
) -> Result<Vec<u8>, Error> {
    let joined = [before, after].concat();
    let mut document = Document::read_pair(&joined, before.len(), limits, Buffers::default())
        .map_err(|(second, e)| Error::json(if second { "after" } else { "before" }, e))?;
    let (before, after) = (document.root(), document.second());
    if fold || policy.is_some_and(|p| p.fold_keys) {
        fold_keys(&mut document, before);
        fold_keys(&mut document, after);
    }
    let mut entries = Entries { document: &document, found: Vec::new() };
    compare(&document, before, after, policy, &mut entries)?;
    let found = entries.found;
    let mut out = Vec::new();
    match format {
        Format::Changes => list(&found, &mut out, write_change),
        Format::Patch => list(&found, &mut out, write_operation),
        Format::Text => found.iter().for_each(|entry| write_text(entry, &mut out)),
    }
    Ok(out)
}

/// One difference.
struct Entry<'d> {
    op: &'static str,
    path: String,
    from: Option<String>,
    coarse: bool,
    old: Option<Value<'d>>,
    new: Option<Value<'d>>,
}

struct Entries<'d> {
    document: &'d Document<'d>,
    found: Vec<Entry<'d>>,
}

impl Sink for Entries<'_> {
    fn take(&mut self, path: &mut Path<'_>, what: What, coarse: bool) -> Result<(), Error> {
        let mut pointer = String::new();
        path.write(&mut pointer);
        let from = match what {
            What::Move { from, .. } => {
                let mut origin = String::new();
                path.write_neighbour(from, &mut origin);
                Some(origin)
            }
            _ => None,
        };
        let value = |node| self.document.to_value(node);
        self.found.push(Entry {
            op: what.op(),
            path: pointer,
            from,
            coarse,
            old: what.before().map(value),
            new: what.after().map(value),
        });
        Ok(())
    }
}

fn list(found: &[Entry<'_>], out: &mut Vec<u8>, write: fn(&Entry<'_>, &mut Vec<u8>)) {
    out.push(b'[');
    for (i, entry) in found.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"{\"op\":" } else { b",{\"op\":" });
        write_string(entry.op, out);
        out.extend_from_slice(b",\"path\":");
        write_string(&entry.path, out);
        if let Some(from) = &entry.from {
            out.extend_from_slice(b",\"from\":");
            write_string(from, out);
        }
        write(entry, out);
        out.push(b'}');
    }
    out.push(b']');
}

fn write_change(entry: &Entry<'_>, out: &mut Vec<u8>) {
    if entry.coarse {
        out.extend_from_slice(b",\"coarse\":true");
    }
    for (name, value) in [(",\"old\":", &entry.old), (",\"new\":", &entry.new)] {
        if let Some(value) = value {
            out.extend_from_slice(name.as_bytes());
            value.write(out);
        }
    }
}

fn write_operation(entry: &Entry<'_>, out: &mut Vec<u8>) {
    if let Some(value) = &entry.new {
        out.extend_from_slice(b",\"value\":");
        value.write(out);
    }
}

fn write_text(entry: &Entry<'_>, out: &mut Vec<u8>) {
    let text = |value: &Option<Value<'_>>| value.as_ref().map(Value::to_json).unwrap_or_default();
    let pointer = &entry.path;
    // The root has an empty pointer, which a reader would not see.
    let path = if pointer.is_empty() { "(whole)" } else { pointer.as_str() };
    let (old, new) = (text(&entry.old), text(&entry.new));
    let line = match entry.op {
        "add" => format!("+ {path}: {new}\n"),
        "remove" => format!("- {path}: {old}\n"),
        "move" => format!("> {path}: from {}\n", entry.from.as_deref().unwrap_or_default()),
        _ => format!("~ {path}: {old} → {new}\n"),
    };
    out.extend_from_slice(line.as_bytes());
}
