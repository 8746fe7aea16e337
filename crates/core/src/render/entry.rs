//! One entry of a difference, as every rendering takes it.

use sealtrail_record::json::{Document, Value};

use crate::Error;
use crate::diff::{Path, Sink, What, compare};
use crate::policy::Policy;

/// What happened at one place. Carried out in their order, entries lead from `before` to `after`.
pub(super) struct Entry<'a> {
    /// The RFC 6902 name of what happened: `add`, `remove`, `replace` or `move`.
    pub(super) op: &'static str,
    /// Where, as an RFC 6901 pointer.
    pub(super) path: String,
    /// Which reference tokens of `path` are indices of an array, counted from 0.
    pub(super) indices: Vec<usize>,
    /// Where a moved item was before this move.
    pub(super) from: Option<String>,
    /// An array that is given whole, because there were too many differences to tell apart.
    pub(super) coarse: bool,
    /// The value before a `remove` or `replace`.
    pub(super) old: Option<Value<'a>>,
    /// The value after an `add` or `replace`.
    pub(super) new: Option<Value<'a>>,
}

/// The differences of the two texts of a [pair](Document::read_pair), but for what the policy ignores.
/// The one way from a comparison to its renderings.
pub(super) fn entries<'d>(
    document: &'d Document<'d>,
    policy: Option<&Policy>,
) -> Result<Vec<Entry<'d>>, Error> {
    let mut entries = Entries { document, found: Vec::new() };
    compare(document, document.root(), document.second(), policy, &mut entries)?;
    Ok(entries.found)
}

struct Entries<'d> {
    document: &'d Document<'d>,
    found: Vec<Entry<'d>>,
}

impl Sink for Entries<'_> {
    fn take(&mut self, path: &mut Path<'_>, what: What, coarse: bool) -> Result<(), Error> {
        let from = match what {
            What::Move { from, .. } => Some(path.neighbour(from)),
            _ => None,
        };
        let value = |node| self.document.to_value(node);
        self.found.push(Entry {
            op: what.op(),
            path: path.pointer().to_owned(),
            indices: path.indices().collect(),
            from,
            coarse,
            old: what.before().map(value),
            new: what.after().map(value),
        });
        Ok(())
    }
}
