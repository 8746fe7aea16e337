//! What retention has removed, and says so itself.

use std::io::ErrorKind;

use sealtrail_proof::{Note, VerifierKey};

use super::{Class, Failure, checkpoint};
use crate::paths::Layout;
use crate::regular;

const FILE: &str = "pruned";
const TITLE: &str = "sealtrail.pruned.v1";

/// The statement of the file `pruned`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pruned {
    /// Records below may be gone.
    pub(super) first_kept: u64,
    /// The record that tells of it, if any may be gone.
    pub(super) told_at: Option<u64>,
}

/// Reads it, and believes it only if `key` signed it. A log from which nothing was removed has none.
pub(super) fn read(layout: &Layout, key: &VerifierKey) -> Result<Pruned, Failure> {
    let fail = |class, message: String| Failure::new(class, message).file(FILE);
    let note = match regular::read(&layout.pruned()) {
        Ok(note) => note,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Pruned::default()),
        Err(error) => return Err(fail(Class::Unreadable, error.to_string())),
    };
    let text = Note::parse(&note)
        .and_then(|note| note.verify(key).map(str::to_owned))
        .map_err(|error| fail(checkpoint::class(&error), error.to_string()))?;
    let malformed = |why: &str| fail(Class::Checkpoint, why.into());
    let lines: Vec<&str> = text.lines().collect();
    let [title, origin, first_kept, told_at] = lines[..] else {
        return Err(malformed("expected a title, an origin and two indices, each on its line"));
    };
    if title != TITLE {
        return Err(malformed("expected the title `sealtrail.pruned.v1`"));
    }
    if origin != key.name() {
        let message = format!("expected the origin `{}`, got `{origin}`", key.name());
        return Err(fail(Class::ForeignKey, message));
    }
    let number = |text: &str| {
        let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
        number.ok_or_else(|| malformed("expected an index, decimal"))
    };
    let (first_kept, told_at) = (number(first_kept)?, number(told_at)?);
    if told_at < first_kept {
        return Err(malformed("expected the record that tells of it to be one that is kept"));
    }
    Ok(Pruned { first_kept, told_at: Some(told_at) })
}
