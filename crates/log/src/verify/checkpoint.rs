//! What was signed, and by whom.

use std::io::{ErrorKind, Read};

use sealtrail_proof::note::MAX_BYTES;
use sealtrail_proof::{Checkpoint, VerifierKey};

use super::{Class, Failure};
use crate::paths::Layout;
use crate::regular;

const FILE: &str = "checkpoint";

/// Reads the checkpoint and believes it only if `key` signed it. Gives the note too.
pub(super) fn read(layout: &Layout, key: &VerifierKey) -> Result<(Checkpoint, Vec<u8>), Failure> {
    let fail = |class, message: String| Failure::new(class, message).file(FILE);
    let mut note = Vec::new();
    regular::open(&layout.checkpoint())
        .and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut note))
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => fail(Class::Checkpoint, "the file is missing".into()),
            _ => fail(Class::Unreadable, error.to_string()),
        })?;
    match Checkpoint::verify(&note, key) {
        Ok(checkpoint) => Ok((checkpoint, note)),
        Err(error) => Err(fail(class(&error), error.to_string())),
    }
}

/// What it is called that a note is not believed.
pub(super) fn class(error: &sealtrail_proof::Error) -> Class {
    if error.is_bad_signature() {
        Class::Signature
    } else if error.is_unknown_key() || error.is_other_origin() {
        Class::ForeignKey
    } else {
        Class::Checkpoint
    }
}
