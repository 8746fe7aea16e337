use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use sealtrail_log::proof::{Checkpoint, Note, Policy, VerifierKey};
use sealtrail_log::verify::{Audit, Class, Failure, Report};
use serde_json::json;

use super::progress::Bar;
use super::{Style, input, output};
use crate::code::Code;
use crate::error::{Error, Result};

/// Re-hashes every byte of a log and compares it with what was signed
///
/// Needs the verifier key from outside of the log's directory. Names the first bad record with its file
/// and offset. A directory that was put back whole to an earlier state is intact to whoever knows nothing
/// else: give a checkpoint that was kept elsewhere. Works beside a running server.
#[derive(Args)]
pub struct Verify {
    /// The log directory
    #[arg(value_name = "LOGDIR")]
    log: PathBuf,
    /// The verifier key, or a file that holds it
    #[arg(long, value_name = "KEY|FILE")]
    vkey: String,
    /// A checkpoint of this log that was kept elsewhere, which the log must extend; may be repeated
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// The witnesses that must have cosigned every checkpoint that is given (C2SP tlog-policy)
    #[arg(long, value_name = "FILE", requires = "checkpoint")]
    policy: Option<PathBuf>,
    /// How many threads hash; all processors, up to 16, if not said
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

impl Verify {
    pub fn run(self, style: Style) -> Result<u8> {
        let key_file = PathBuf::from(&self.vkey);
        input::check_read_once(self.checkpoint.iter().chain(&self.policy).chain([&key_file]))?;
        let policy = self.policy.as_deref().map(input::read_witness_policy).transpose()?;
        let key = input::read_verifier_key(&self.vkey)?;
        let known = self.checkpoint.iter().map(|file| Ok((file, input::read(file)?)));
        let known = known.collect::<Result<Vec<_>>>()?;
        self.expect_folder()?;
        let verdict = self.verdict(&key, policy.as_ref(), &known);
        if style.json {
            output::print_json(&to_json(&verdict))?;
        } else {
            output::print_line(words(&verdict).as_bytes())?;
        }
        Ok(match verdict {
            Ok(report) => report.exit_code(),
            Err(failure) => failure.exit_code(),
        })
    }
}

impl Verify {
    /// A mistyped path is no verdict on a log.
    fn expect_folder(&self) -> Result<()> {
        let why = match std::fs::metadata(&self.log) {
            Ok(found) if found.is_dir() => return input::expect_log(&self.log),
            Ok(_) => "it is no directory".to_owned(),
            Err(error) => error.to_string(),
        };
        let message = format!("no log in `{}`: {why}", self.log.display());
        Err(Error::new(Code::LogUnavailable, message))
    }

    fn verdict(
        &self,
        key: &VerifierKey,
        policy: Option<&Policy>,
        known: &[(&PathBuf, Vec<u8>)],
    ) -> Result<Report, Failure> {
        let bar = Bar::on_terminal();
        let mut audit = Audit::new(&self.log, key);
        if let Some(threads) = self.threads {
            audit = audit.threads(threads.get());
        }
        for (file, note) in known {
            audit = audit.known(known_checkpoint(file, note, key, policy)?);
        }
        if let Some(bar) = &bar {
            audit = audit.progress(|now| bar.draw(now.done, now.all));
        }
        audit.run()
    }
}

/// Somebody may have kept another log's checkpoint, or a forged one, or one that no witness saw.
fn known_checkpoint(
    file: &Path,
    note: &[u8],
    key: &VerifierKey,
    policy: Option<&Policy>,
) -> Result<Checkpoint, Failure> {
    let checkpoint = Note::parse(note).and_then(|note| match policy {
        Some(policy) => Ok(policy.check_log(&note, key)?.checkpoint().clone()),
        None => Checkpoint::of_note(&note, key),
    });
    checkpoint.map_err(|error| Failure {
        class: match () {
            () if error.is_not_witnessed() => Class::Witness,
            () if error.is_bad_signature() => Class::Signature,
            () if error.is_unknown_key() || error.is_other_origin() => Class::ForeignKey,
            () => Class::Checkpoint,
        },
        record: None,
        file: None,
        offset: None,
        message: format!("the checkpoint `{}` that was given: {error}", file.display()),
    })
}

/// The list of classes for `--help`.
pub fn classes() -> String {
    let line = |class: &Class| {
        let (word, sentence) = class.describe();
        format!("  {:>2}  {word}: {sentence}", class.exit_code())
    };
    Class::ALL.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn words(verdict: &Result<Report, Failure>) -> String {
    match verdict {
        Ok(report) => {
            let (word, sentence) = report.class().describe();
            let mut text = format!("{word}: {sentence}\n");
            text += &format!("  origin       {}\n", report.origin);
            text += &format!("  records      {} covered by the checkpoint\n", report.covered);
            if report.uncovered > 0 {
                text += &format!("  not covered  {} after the checkpoint\n", report.uncovered);
            }
            if report.torn_bytes > 0 {
                text +=
                    &format!("  torn         {} bytes of an unfinished line\n", report.torn_bytes);
            }
            text += &format!("  root         {}\n", report.root);
            if let Some(removed) = &report.removed {
                text += &format!(
                    "  removed      {} to {} by retention",
                    removed.start,
                    removed.end - 1
                );
                if let Some(record) = report.removal_told_at {
                    text += &format!(", told by record {record}");
                }
                text += "\n";
            }
            let (old, known) = (report.old_checkpoints, report.known_checkpoints);
            if old > 0 || known > 0 {
                text += &format!("  checkpoints  {old} kept by the log and {known} given agree\n");
            }
            let segments = if report.segments == 1 { "segment" } else { "segments" };
            text +=
                &format!("  read         {} bytes in {} {segments}", report.bytes, report.segments);
            text
        }
        Err(failure) => {
            let mut text = format!("FAILED, {failure}");
            if let Some(record) = failure.record {
                text += &format!("\n  record  {record}");
            }
            if let Some(file) = &failure.file {
                text += &format!("\n  file    {}", file.display());
            }
            if let Some(offset) = failure.offset {
                text += &format!("\n  offset  {offset}");
            }
            text
        }
    }
}

fn to_json(verdict: &Result<Report, Failure>) -> serde_json::Value {
    match verdict {
        Ok(report) => json!({
            "class": report.class().describe().0,
            "exit_code": report.exit_code(),
            "origin": report.origin,
            "covered": report.covered,
            "uncovered": report.uncovered,
            "torn_bytes": report.torn_bytes,
            "root": report.root,
            "segments": report.segments,
            "bytes": report.bytes,
            "removed": report.removed.as_ref().map(|removed| {
                json!({"from": removed.start, "to": removed.end, "told_at": report.removal_told_at})
            }),
            "old_checkpoints": report.old_checkpoints,
            "known_checkpoints": report.known_checkpoints,
        }),
        Err(failure) => json!({
            "class": failure.class.describe().0,
            "exit_code": failure.exit_code(),
            "record": failure.record,
            "file": failure.file,
            "offset": failure.offset,
            "message": failure.message,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::EXIT_CODES;

    #[test]
    fn a_failure_says_its_class_once() {
        let failure = Failure {
            class: Class::Truncated,
            record: Some(3),
            file: Some("entries/0.jsonl".into()),
            offset: Some(10),
            message: "the lines end here".into(),
        };
        assert_eq!(
            words(&Err(failure)),
            "FAILED, truncated: record 3, `entries/0.jsonl` at byte 10: the lines end here\n  \
             record  3\n  file    entries/0.jsonl\n  offset  10"
        );
    }

    #[test]
    fn what_was_removed_is_told_in_words_and_in_json() {
        let report = Report {
            origin: "shop.example/trail".into(),
            covered: 20,
            uncovered: 0,
            torn_bytes: 0,
            root: "AAAA".into(),
            segments: 2,
            bytes: 300,
            removed: Some(0..10),
            removal_told_at: Some(12),
            old_checkpoints: 5,
            known_checkpoints: 1,
        };
        let text = words(&Ok(report.clone()));
        assert!(
            text.contains("\n  removed      0 to 9 by retention, told by record 12\n"),
            "{text}"
        );
        assert!(text.contains("\n  checkpoints  5 kept by the log and 1 given agree\n"), "{text}");
        let json = to_json(&Ok(report));
        assert_eq!(json["removed"], json!({"from": 0, "to": 10, "told_at": 12}));
        assert_eq!((&json["old_checkpoints"], &json["known_checkpoints"]), (&json!(5), &json!(1)));
    }

    #[test]
    fn a_known_checkpoint_must_be_the_logs() {
        use sealtrail_log::proof::SigningKey;

        let key = |origin: &str, seed| SigningKey::from_seed(origin, &[seed; 32]).unwrap();
        let note = |origin: &str, seed| {
            Checkpoint::new(origin, 3, [7; 32]).sign(&key(origin, seed)).unwrap()
        };
        let vkey = key("a.example", 1).verifier_key();
        let class = |note: String| {
            known_checkpoint(Path::new("kept"), note.as_bytes(), &vkey, None).map_err(|f| f.class)
        };
        let good = note("a.example", 1);
        assert_eq!(class(good.clone()).unwrap().size(), 3);
        assert_eq!(class(good.replace("\n3\n", "\n4\n")).unwrap_err(), Class::Signature);
        assert_eq!(class(note("a.example", 2)).unwrap_err(), Class::ForeignKey);
        assert_eq!(class(note("b.example", 1)).unwrap_err(), Class::ForeignKey);
        assert_eq!(class("nonsense".into()).unwrap_err(), Class::Checkpoint);
    }

    #[test]
    fn classes_have_codes_of_their_own() {
        for class in Class::ALL.iter().filter(|class| class.exit_code() != 0) {
            let listed = format!("\n  {:>2}  ", class.exit_code());
            assert!(!EXIT_CODES.contains(&listed), "{}", class.describe().0);
        }
    }
}
