//! One entry of a difference, as every rendering takes it.

use sealtrail_record::json::{self, Limits, Value};

use crate::Error;
use crate::diff::{Difference, compare};
use crate::fold::fold_keys;
use crate::policy::{Policy, Step};

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

/// The differences of two JSON texts, but for what the policy ignores. The one way from a comparison
/// to its renderings.
pub(super) fn entries<'a>(
    before: &'a [u8],
    after: &'a [u8],
    policy: Option<&Policy>,
    fold: bool,
    limits: &Limits,
) -> Result<Vec<Entry<'a>>, Error> {
    let (before, after) =
        (image(before, "before", fold, limits)?, image(after, "after", fold, limits)?);
    let mut found = compare(&before, &after, policy);
    found.retain(|difference| !policy.is_some_and(|p| p.ignores(&difference.steps)));
    Ok(found.iter().map(entry).collect())
}

/// An image as it is compared.
pub(super) fn image<'a>(
    text: &'a [u8],
    what: &str,
    fold: bool,
    limits: &Limits,
) -> Result<Value<'a>, Error> {
    let mut image = json::parse(text, limits).map_err(|e| Error::json(what, e))?;
    if fold {
        fold_keys(&mut image);
    }
    Ok(image)
}

fn entry<'a>(difference: &Difference<'_, 'a>) -> Entry<'a> {
    let steps = difference.steps.iter().enumerate();
    let indices = steps.filter(|(_, step)| matches!(step, Step::Index { .. }));
    Entry {
        op: difference.op(),
        path: difference.pointer(),
        indices: indices.map(|(place, _)| place).collect(),
        from: difference.from(),
        coarse: difference.coarse,
        old: difference.before().cloned(),
        new: difference.after().cloned(),
    }
}
