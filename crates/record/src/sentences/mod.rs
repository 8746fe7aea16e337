//! What changed, in sentences: `'title' changed: 'a' -> 'b'`, and what happened within an array together:
//! `'notes' collection changes: 1. 'notes/1' added; 'notes/1.note' = 'Test note'`.
//!
//! The one place of this form. The difference of two images and a record that is stored are told by it alike; who asks
//! says what is hidden, how much is told, and sets the sentences on one line or on many.
//!
//! An attribute is named by its keys with dots between them; the items of an array stand behind a slash and are counted from 0,
//! as in the record.
//!
//! ```
//! use sealtrail_record::json::Value;
//! use sealtrail_record::sentences::{Bounds, Change, Teller};
//!
//! let (old, new) = (Value::String("red".into()), Value::String("blue".into()));
//! let change = Change { op: "replace", path: "/car/colour", old: Some(&old), new: Some(&new), ..Change::default() };
//! let teller = Teller { hidden: &|_, _| None, bounds: Bounds::default() };
//! let mut told = teller.name(&change) + " ";
//! teller.tell(&change, &mut told);
//! assert_eq!(told, "'car.colour' changed: 'red' -> 'blue'");
//! ```

mod clean;
mod groups;
mod value;

use std::borrow::Cow;

use crate::json::Value;
use crate::pointer;

pub use clean::{clean, inside};
pub use groups::{Group, groups};

/// What happened at one place.
#[derive(Debug, Clone, Default)]
pub struct Change<'c> {
    /// The RFC 6902 name of what happened: `add`, `remove`, `replace` or `move`.
    pub op: &'c str,
    /// Where, as an RFC 6901 pointer.
    pub path: &'c str,
    /// Which reference tokens of `path` are indices of an array, counted from 0.
    pub indices: Cow<'c, [usize]>,
    /// Where a moved item was before this move.
    pub from: Option<&'c str>,
    /// An array that is given whole, because there were too many differences to tell apart.
    pub coarse: bool,
    pub old: Option<&'c Value<'c>>,
    pub new: Option<&'c Value<'c>>,
    /// Where the change itself stands, as a pointer: its values are below it as `old` and `new`.
    pub at: String,
}

/// How much is told.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Of a name and of a value; of two longer texts what differs.
    pub characters: usize,
    /// Of what is within a value that was added or removed; the rest is counted.
    pub leaves: usize,
    /// A sentence ends some time after a text of so many bytes.
    pub bytes: usize,
}

impl Default for Bounds {
    /// None.
    fn default() -> Self {
        Self { characters: usize::MAX, leaves: usize::MAX, bytes: usize::MAX }
    }
}

/// Tells changes.
#[derive(Clone, Copy)]
pub struct Teller<'t> {
    /// What stands for the value at a pointer, where it is not to be shown itself.
    pub hidden: &'t dyn Fn(&str, &Value<'_>) -> Option<String>,
    pub bounds: Bounds,
}

impl Teller<'_> {
    /// The name of what changed, in quotes. A sentence begins with it.
    pub fn name(&self, change: &Change<'_>) -> String {
        format!("'{}'", self.cut(&whole_name(change.path, &change.indices)))
    }

    /// What all that happened in an array begins with.
    pub fn collection(&self, name: &str) -> String {
        format!("'{}' collection changes:", self.cut(name))
    }

    /// The sentence behind the name.
    pub fn tell(&self, change: &Change<'_>, out: &mut String) {
        let at = ["old", "new"].map(|side| format!("{}/{side}", change.at));
        let [old_at, new_at] = &at;
        match (change.op, change.old, change.new) {
            ("move", ..) => {
                let from = whole_name(change.from.unwrap_or_default(), &change.indices);
                *out += &format!("moved from '{}'", self.cut(&from));
            }
            (_, Some(Value::Array(old)), Some(Value::Array(new))) if change.coarse => {
                let (old, new) = (old.len(), new.len());
                *out += &format!("changed as a whole: {old} items -> {new} items");
            }
            (_, Some(old), Some(new)) => {
                let (old, new) = self.beside([old, new], [old_at, new_at]);
                *out += &format!("changed: {old} -> {new}");
            }
            (_, Some(old), None) if is_leaf(old) => {
                *out += &format!("removed: {}", self.quoted(old, old_at));
            }
            (_, None, Some(new)) if is_leaf(new) && is_item(change) => {
                *out += &format!("added: {}", self.quoted(new, new_at));
            }
            (_, None, Some(new)) if is_leaf(new) => {
                *out += &format!("= {}", self.quoted(new, new_at))
            }
            (_, Some(old), None) => {
                *out += "removed";
                self.within(change, old, ("was", old_at), out);
            }
            (_, None, Some(new)) => {
                *out += "added";
                self.within(change, new, ("=", new_at), out);
            }
            (_, None, None) => *out += "changed",
        }
    }

    /// `; 'notes/1.note' = 'Test note'` for everything within.
    fn within(
        &self,
        change: &Change<'_>,
        value: &Value<'_>,
        (verb, at): (&str, &str),
        out: &mut String,
    ) {
        let Bounds { leaves, bytes, .. } = self.bounds;
        let (mut found, mut told) = (0, 0);
        let mut name = whole_name(change.path, &change.indices);
        self.leaves(value, &mut name, &mut at.to_owned(), &mut |name, value, at| {
            found += 1;
            if told < leaves && out.len() <= bytes {
                told += 1;
                *out += &format!("; {name} {verb} {}", self.quoted(value, at));
            }
            // Who asks for all of it gives a text up that is too long, and wants no count.
            leaves < usize::MAX || found == told
        });
        if found > told {
            *out += &format!("; and {} more", found - told);
        }
    }

    /// Every single value within one, with its name in quotes and its pointer, as long as `each` wants more. The depth
    /// of recursion is that of the JSON reader's limit.
    pub fn leaves(
        &self,
        value: &Value<'_>,
        name: &mut String,
        at: &mut String,
        each: &mut dyn FnMut(&str, &Value<'_>, &str) -> bool,
    ) -> bool {
        if is_leaf(value) {
            return each(&format!("'{}'", self.cut(name)), value, at);
        }
        let (name_end, at_end) = (name.len(), at.len());
        for (index, item) in value.items().iter().enumerate() {
            *name += &format!("/{index}");
            pointer::push_index(at, index);
            let go_on = self.leaves(item, name, at, each);
            name.truncate(name_end);
            at.truncate(at_end);
            if !go_on {
                return false;
            }
        }
        for member in value.members() {
            *name += if name_end > 0 { "." } else { "" };
            *name += &inside(&member.key);
            pointer::push_key(at, &member.key);
            let go_on = self.leaves(&member.value, name, at, each);
            name.truncate(name_end);
            at.truncate(at_end);
            if !go_on {
                return false;
            }
        }
        true
    }

    /// The beginning of a name that is longer than anybody reads.
    fn cut<'n>(&self, name: &'n str) -> Cow<'n, str> {
        match name.char_indices().nth(self.bounds.characters) {
            Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
            None => Cow::Borrowed(name),
        }
    }
}

/// Whether the change is about an item of an array, not about something within one.
fn is_item(change: &Change<'_>) -> bool {
    let tokens = pointer::tokens(change.path).map_or(0, |tokens| tokens.len());
    change.indices.last().is_some_and(|last| last + 1 == tokens)
}

fn is_leaf(value: &Value<'_>) -> bool {
    value.members().is_empty() && value.items().is_empty()
}

fn whole_name(path: &str, indices: &[usize]) -> String {
    name(path, indices, usize::MAX)
}

/// The first tokens of a pointer as a name: `notes/1.note`.
fn name(path: &str, indices: &[usize], tokens: usize) -> String {
    let Some(all) = pointer::tokens(path) else { return inside(path) };
    let mut name = String::new();
    for (place, token) in all.iter().take(tokens).enumerate() {
        if place > 0 {
            name.push(if indices.contains(&place) { '/' } else { '.' });
        }
        name += &inside(token);
    }
    if name.is_empty() { "(whole)".to_owned() } else { name }
}

#[cfg(test)]
mod tests;
