use std::path::PathBuf;

use clap::Args;
use sealtrail_log::proof::consistency;
use sealtrail_log::proof::{self, Checkpoint, Note, Submission, VerifierKey};
use sealtrail_log::verify::Class;
use serde_json::json;

use super::super::{Style, input, output};
use crate::clock::Moment;
use crate::error::Result;
use crate::witness::{Cosigned, Refusal, Source, Witness, replace};

/// Cosigns the newest checkpoint of a log, if it extends the last one that was cosigned
///
/// Prints the cosigned checkpoint, after it remembered it. A log that is shorter than before ends with code
/// 24, one that contradicts what was cosigned with 25, and both checkpoints are kept as evidence. The first
/// checkpoint of a log is taken as it is: there is nothing to compare it with.
#[derive(Args)]
pub struct Cosign {
    /// The folder of the witness
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The verifier key of the log, or a file that holds it
    #[arg(long, value_name = "KEY|FILE")]
    vkey: String,
    /// The log: its directory, or the URL of a service that serves its checkpoint and tiles, as the API of
    /// every sidecar does
    #[arg(value_name = "LOGDIR|URL")]
    log: String,
    /// Write the cosigned checkpoint here instead of to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A refusal that is a verdict on the log.
struct Verdict {
    class: Class,
    message: String,
    evidence: Option<PathBuf>,
}

impl Cosign {
    pub fn run(self, style: Style) -> Result<u8> {
        let key = input::read_verifier_key(&self.vkey)?;
        let mut witness = Witness::open(&self.state)?;
        let source = Source::open(&self.log)?;
        match cosign(&mut witness, &source, &key)? {
            Ok((cosigned, known)) => self.give(style, &cosigned, known),
            Err(verdict) => verdict.tell(style),
        }
    }

    fn give(&self, style: Style, cosigned: &Cosigned, known: Option<u64>) -> Result<u8> {
        let note = cosigned.note.to_string();
        if known.is_none() {
            eprintln!(
                "note: the first checkpoint of `{}` that this witness saw; what was before it is not vouched for",
                cosigned.checkpoint.origin()
            );
        }
        if let Some(path) = &self.out {
            replace(path, &note)?;
        }
        if style.json {
            output::print_json(&json!({"class": "intact", "exit_code": 0,
                "origin": cosigned.checkpoint.origin(), "size": cosigned.checkpoint.size(),
                "known": known, "time": cosigned.time, "note": note}))?;
        } else if self.out.is_none() {
            output::print(note.as_bytes())?;
        }
        Ok(0)
    }
}

/// The outer error says that nothing can be said of the log.
fn cosign(
    witness: &mut Witness,
    source: &Source,
    key: &VerifierKey,
) -> Result<Result<(Cosigned, Option<u64>), Verdict>> {
    let verdict = |class, message: String| Ok(Err(Verdict { class, message, evidence: None }));
    let read = Note::parse(&source.checkpoint()?).and_then(|note| {
        let checkpoint = Checkpoint::of_note(&note, key)?;
        Ok((note, checkpoint))
    });
    let (note, checkpoint) = match read {
        Ok(read) => read,
        Err(error) => return verdict(class_of(&error), error.to_string()),
    };
    let last = witness.last(checkpoint.origin())?;
    let known = last.as_ref().map(|last| last.checkpoint.size());
    let size = checkpoint.size();
    if let Some(last) = &last
        && size < last.checkpoint.size()
    {
        let evidence = Some(witness.keep_evidence(last, &note, None)?);
        let seen = Moment::of_posix_seconds(last.time);
        let message = format!(
            "the log shows {size} records, but {} were cosigned{}",
            last.checkpoint.size(),
            seen.map_or_else(String::new, |seen| format!(" at {seen}"))
        );
        return Ok(Err(Verdict { class: Class::RolledBack, message, evidence }));
    }
    // Tiles that do not lead to the signed root say nothing about the history that was signed.
    let is_same_tree = last.as_ref().is_some_and(|last| {
        last.checkpoint.size() == size && last.checkpoint.root() != checkpoint.root()
    });
    let mut path = Vec::new();
    if !is_same_tree {
        source.check_root(&checkpoint)?;
        path = source.prove_consistency(known.unwrap_or(0), &checkpoint)?;
    }
    let submission = Submission::new(known.unwrap_or(0), path, note);
    if let Some(last) = &last
        && size > last.checkpoint.size()
        && let Err(error) = consistency::verify(
            last.checkpoint.size(),
            last.checkpoint.root(),
            size,
            checkpoint.root(),
            submission.proof(),
        )
    {
        // The proof leads from another tree to the root that the log signed: it goes with the evidence.
        let text = submission.to_text();
        let evidence = Some(witness.keep_evidence(last, submission.note(), Some(&text))?);
        let message = error.to_string();
        return Ok(Err(Verdict { class: Class::Fork, message, evidence }));
    }
    match witness.cosign(&submission, key, Moment::now().posix_seconds()) {
        Ok(cosigned) => Ok(Ok((cosigned, known))),
        Err(Refusal::Inconsistent { why, evidence }) => {
            Ok(Err(Verdict { class: Class::Fork, message: why, evidence }))
        }
        Err(Refusal::NotSigned(error)) => verdict(class_of(&error), error.to_string()),
        Err(Refusal::Failed(error)) => Err(error),
        Err(refusal) => verdict(Class::Checkpoint, refusal.to_string()),
    }
}

fn class_of(error: &proof::Error) -> Class {
    match () {
        () if error.is_bad_signature() => Class::Signature,
        () if error.is_unknown_key() || error.is_other_origin() => Class::ForeignKey,
        () => Class::Checkpoint,
    }
}

impl Verdict {
    fn tell(&self, style: Style) -> Result<u8> {
        let (word, code) = (self.class.describe().0, self.class.exit_code());
        if style.json {
            let evidence = self.evidence.as_ref().map(|path| path.display().to_string());
            output::print_json(&json!({"class": word, "exit_code": code,
                "message": self.message, "evidence": evidence}))?;
            return Ok(code);
        }
        // Standard output is for the cosigned checkpoint, and there is none.
        eprintln!("REFUSED, {word}: {}", self.message);
        if let Some(path) = &self.evidence {
            eprintln!("  both checkpoints are kept in {}", path.display());
        }
        Ok(code)
    }
}
