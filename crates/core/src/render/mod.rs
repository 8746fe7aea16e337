//! A difference for somebody to read: as a list of changes, as an RFC 6902 patch, as text, as rows.
//!
//! Nothing of this is stored. The renderings are made of [`entry::Entry`], and only
//! [`entry::entries`] knows how a difference is found.

mod changes;
mod entry;
mod patch;
mod rows;
mod table;
mod text;
mod text_difference;
mod words;

use sealtrail_record::json::{Buffers, Document, Limits};

use crate::Error;
use crate::fold::fold_keys;
use crate::policy::Policy;

pub use rows::{COLUMNS, rows};
pub use table::Table;
pub use text_difference::{Budget, Part, Run, TextDifference, Unit, text_difference, text_runs};

/// The forms of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format<'e> {
    /// `[{"op","path","old","new"}]`, as a record has it.
    Changes,
    /// The same, and beside the values of a long text that was replaced `"words"`: what stayed, went
    /// and came, as `[["=","…"],["-","…"],["+","…"]]`.
    ChangesWithWords,
    /// RFC 6902, to be applied to `before`.
    Patch,
    /// The same, with a `test` of the old value for every `remove`, `replace` and `move`: it fails
    /// where one of these has another value by now. RFC 6902 has no test that nothing is there.
    PatchWithTests,
    /// One line an attribute.
    Text,
    /// Sentences: what was added, removed and changed, collection by collection. The entity is
    /// `<type>/<id>`, or empty where there is none to name.
    Words { entity: &'e str },
}

impl<'e> Format<'e> {
    /// The form of this name: `changes` (also with `words`), `patch` (also with `tests`), `text`, or
    /// `words` (also with an entity). What does not belong to the form is refused.
    pub fn select(
        name: &str,
        tests: bool,
        words: bool,
        entity: Option<&'e str>,
    ) -> Result<Self, Error> {
        let format = match name {
            "changes" if words => Self::ChangesWithWords,
            "changes" => Self::Changes,
            "patch" if tests => Self::PatchWithTests,
            "patch" => Self::Patch,
            "text" => Self::Text,
            "words" => Self::Words { entity: entity.unwrap_or_default() },
            _ => {
                let expected = "`changes`, `patch`, `text` or `words`";
                return Err(Error::field("/format", expected, "another text"));
            }
        };
        let alone = |option: &str, of: &str| {
            let message = format!("`/{option}` belongs to the format `{of}` and to no other");
            Err(Error::new("invalid_field", message))
        };
        match format {
            _ if tests && format != Self::PatchWithTests => alone("tests", "patch"),
            _ if words && format != Self::ChangesWithWords => alone("words", "changes"),
            _ if entity.is_some() && !matches!(format, Self::Words { .. }) => {
                alone("entity", "words")
            }
            _ => Ok(format),
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
    format: Format<'_>,
    limits: &Limits,
) -> Result<Vec<u8>, Error> {
    let fold = fold || policy.is_some_and(|p| p.fold_keys);
    let joined = [before, after].concat();
    let mut document = Document::read_pair(&joined, before.len(), limits, Buffers::default())
        .map_err(|(second, e)| Error::json(if second { "after" } else { "before" }, e))?;
    if fold {
        for image in [document.root(), document.second()] {
            fold_keys(&mut document, image);
        }
    }
    if format == Format::Changes {
        return changes::written(&document, policy);
    }
    let found = entry::entries(&document, policy)?;
    Ok(match format {
        Format::Changes | Format::ChangesWithWords => changes::list(&found, &mut Budget::default()),
        Format::Patch => patch::list(&found),
        Format::PatchWithTests => {
            let tests = patch::tests_of_moves(&found, &document);
            patch::list_with_tests(&found, &tests)
        }
        Format::Text => text::lines(&found),
        Format::Words { entity } => words::sentences(entity, &found)?.into_bytes(),
    })
}
