//! A difference for somebody to read: as a list of changes, as an RFC 6902 patch, as text.

use sealtrail_record::json::{self, Limits, Value, write_string};

use crate::Error;
use crate::diff::{Difference, compare};
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
    let mut before = json::parse(before, limits).map_err(|e| Error::json("before", e))?;
    let mut after = json::parse(after, limits).map_err(|e| Error::json("after", e))?;
    if fold || policy.is_some_and(|p| p.fold_keys) {
        fold_keys(&mut before);
        fold_keys(&mut after);
    }
    let mut found = compare(&before, &after, policy);
    found.retain(|difference| !policy.is_some_and(|p| p.ignores(&difference.steps)));
    let mut out = Vec::new();
    match format {
        Format::Changes => list(&found, &mut out, write_change),
        Format::Patch => list(&found, &mut out, write_operation),
        Format::Text => found.iter().for_each(|difference| write_text(difference, &mut out)),
    }
    Ok(out)
}

fn list<'d>(
    found: &'d [Difference<'d, 'd>],
    out: &mut Vec<u8>,
    write: fn(&Difference<'_, '_>, &mut Vec<u8>),
) {
    out.push(b'[');
    for (i, difference) in found.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"{\"op\":" } else { b",{\"op\":" });
        write_string(difference.op(), out);
        out.extend_from_slice(b",\"path\":");
        write_string(&difference.pointer(), out);
        if let Some(from) = difference.from() {
            out.extend_from_slice(b",\"from\":");
            write_string(&from, out);
        }
        write(difference, out);
        out.push(b'}');
    }
    out.push(b']');
}

fn write_change(difference: &Difference<'_, '_>, out: &mut Vec<u8>) {
    if difference.coarse {
        out.extend_from_slice(b",\"coarse\":true");
    }
    for (name, value) in [(",\"old\":", difference.before()), (",\"new\":", difference.after())] {
        if let Some(value) = value {
            out.extend_from_slice(name.as_bytes());
            value.write(out);
        }
    }
}

fn write_operation(difference: &Difference<'_, '_>, out: &mut Vec<u8>) {
    if let Some(value) = difference.after() {
        out.extend_from_slice(b",\"value\":");
        value.write(out);
    }
}

fn write_text(difference: &Difference<'_, '_>, out: &mut Vec<u8>) {
    let text = |value: Option<&Value<'_>>| value.map(Value::to_json).unwrap_or_default();
    let pointer = difference.pointer();
    // The root has an empty pointer, which a reader would not see.
    let path = if pointer.is_empty() { "(whole)" } else { pointer.as_str() };
    let (old, new) = (text(difference.before()), text(difference.after()));
    let line = match difference.op() {
        "add" => format!("+ {path}: {new}\n"),
        "remove" => format!("- {path}: {old}\n"),
        "move" => format!("> {path}: from {}\n", difference.from().unwrap_or_default()),
        _ => format!("~ {path}: {old} → {new}\n"),
    };
    out.extend_from_slice(line.as_bytes());
}
