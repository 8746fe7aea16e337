//! The one way to a cosignature.

use std::fmt;
use std::path::{Path, PathBuf};

use sealtrail_log::proof::hash::empty_root;
use sealtrail_log::proof::{self, Checkpoint, CosigningKey, Note, Submission, VerifierKey};
use sealtrail_log::proof::{WitnessKey, consistency};

use super::state::{Folder, Last};
use crate::error::{Error, Result};

/// A witness that has its folder to itself.
pub struct Witness {
    folder: Folder,
    key: CosigningKey,
}

/// What a witness gives away, after it remembered it.
pub struct Cosigned {
    /// The signature line, with its LF.
    pub line: String,
    /// The note as it was presented, and the line.
    pub note: Note,
    pub checkpoint: Checkpoint,
    pub time: u64,
}

/// Why a witness does not cosign.
#[derive(Debug)]
pub enum Refusal {
    /// The log did not sign it.
    NotSigned(proof::Error),
    /// It cannot be read, or asks for the impossible.
    Malformed(String),
    /// It does not begin where this witness ended.
    Elsewhere { known: u64 },
    /// It contradicts what was cosigned; or the proof does not show that it does not.
    Inconsistent { why: String, evidence: Option<PathBuf> },
    /// The witness cannot do its work.
    Failed(Error),
}

impl Witness {
    pub fn open(folder: &Path) -> Result<Self> {
        let (folder, key) = Folder::open(folder)?;
        Ok(Self { folder, key })
    }

    pub fn key(&self) -> WitnessKey {
        self.key.witness_key()
    }

    /// The last checkpoint of a log that was cosigned.
    pub fn last(&self, origin: &str) -> Result<Option<Last>> {
        self.folder.last(origin)
    }

    /// The note of it, by the digest of the origin.
    pub fn note_of_digest(&self, digest: &str) -> Result<Option<String>> {
        self.folder.note_of_digest(digest)
    }

    /// Keeps a checkpoint that contradicts the last one; says where.
    pub fn keep_evidence(
        &self,
        last: &Last,
        note: &Note,
        submission: Option<&str>,
    ) -> Result<PathBuf> {
        self.folder.keep_evidence(last, note, submission)
    }

    /// Checks in the order of C2SP tlog-witness; remembers; and only then signs.
    ///
    /// Needs the witness to itself, so that nothing comes between the check and what is remembered.
    pub fn cosign(
        &mut self,
        submission: &Submission,
        log: &VerifierKey,
        time: u64,
    ) -> Result<Cosigned, Refusal> {
        let note = submission.note();
        let checkpoint = Checkpoint::of_note(note, log).map_err(|error| {
            if error.is_malformed() {
                Refusal::Malformed(error.to_string())
            } else {
                Refusal::NotSigned(error)
            }
        })?;
        let (old, size) = (submission.old(), checkpoint.size());
        if old > size {
            let why = format!("a tree of {size} cannot extend a tree of {old}");
            return Err(Refusal::Malformed(why));
        }
        let last = self.last(checkpoint.origin()).map_err(Refusal::Failed)?;
        let known = last.as_ref().map_or(0, |last| last.checkpoint.size());
        if old != known {
            return Err(Refusal::Elsewhere { known });
        }
        let known_root = last.as_ref().map_or_else(empty_root, |last| *last.checkpoint.root());
        if size == known
            && *checkpoint.root() != known_root
            && let Some(last) = &last
        {
            // Two signatures by the log under two histories: no proof is needed to see it.
            let evidence = self.folder.keep_evidence(last, note, None).map_err(Refusal::Failed)?;
            let why = format!("the log signed two different trees of {size}");
            return Err(Refusal::Inconsistent { why, evidence: Some(evidence) });
        }
        if size == 0 && *checkpoint.root() != empty_root() {
            let why = "a tree of 0 has the root of nothing".into();
            return Err(Refusal::Inconsistent { why, evidence: None });
        }
        consistency::verify(old, &known_root, size, checkpoint.root(), submission.proof())
            .map_err(|e| Refusal::Inconsistent { why: e.to_string(), evidence: None })?;

        let sign = |note: &mut Note| {
            let line = self.key.cosign(note, log, time)?;
            note.add(&line)?;
            Ok(line)
        };
        // What is remembered holds the two signatures that count, not what a stranger added.
        let (mut kept, mut given) = (note.only_by(log), note.clone());
        let line = sign(&mut given)
            .and_then(|line| kept.add(&line).map(|()| line))
            .map_err(|error: proof::Error| Refusal::Malformed(error.to_string()))?;
        self.folder.remember(checkpoint.origin(), &kept).map_err(Refusal::Failed)?;
        Ok(Cosigned { line, note: given, checkpoint, time })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotSigned(error) => error.fmt(f),
            Refusal::Malformed(why) => f.write_str(why),
            Refusal::Elsewhere { known } => {
                write!(f, "the last tree that was cosigned has {known} records")
            }
            Refusal::Inconsistent { why, evidence: None } => f.write_str(why),
            Refusal::Inconsistent { why, evidence: Some(path) } => {
                write!(f, "{why}; both checkpoints are kept in `{}`", path.display())
            }
            Refusal::Failed(error) => error.fmt(f),
        }
    }
}
