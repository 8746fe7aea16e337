use std::path::PathBuf;

use clap::Args;
use sealtrail_log::verify::{Class, Failure, Report, verify};
use serde_json::json;

use super::{Style, input, output};
use crate::error::Result;

/// Re-hashes every byte of a log and compares it with what was signed
///
/// Needs the verifier key from outside of the log's directory. Names the first bad record with its file
/// and offset. A directory that was put back whole to an earlier state is intact: only a checkpoint or receipt that
/// was kept elsewhere shows that. Works beside a running server.
#[derive(Args)]
pub struct Verify {
    /// The log directory
    #[arg(value_name = "LOGDIR")]
    log: PathBuf,
    /// The verifier key, or a file that holds it
    #[arg(long, value_name = "KEY|FILE")]
    vkey: String,
}

impl Verify {
    pub fn run(self, style: Style) -> Result<u8> {
        let key = input::read_verifier_key(&self.vkey)?;
        let verdict = verify(&self.log, &key);
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
            text +=
                &format!("  read         {} bytes in {} segments", report.bytes, report.segments);
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
    fn classes_have_codes_of_their_own() {
        for class in Class::ALL.iter().filter(|class| class.exit_code() != 0) {
            let listed = format!("\n  {:>2}  ", class.exit_code());
            assert!(!EXIT_CODES.contains(&listed), "{}", class.describe().0);
        }
    }
}
