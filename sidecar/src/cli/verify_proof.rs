use std::path::PathBuf;

use clap::Args;
use sealtrail_log::proof::{self, Receipt};
use sealtrail_log::verify::Class;
use serde_json::json;

use super::{Style, input, output};
use crate::error::Result;

/// Checks a receipt against the line of its record
///
/// Needs nothing but the three: no log, no server, no network.
#[derive(Args)]
pub struct VerifyProof {
    /// The receipt, a .tlog-proof
    proof: PathBuf,
    /// The line of the record, byte for byte; one line end after it is ignored
    line: PathBuf,
    /// The verifier key, or a file that holds it
    #[arg(long, value_name = "KEY|FILE")]
    vkey: String,
}

impl VerifyProof {
    pub fn run(self, style: Style) -> Result<u8> {
        let key = input::read_verifier_key(&self.vkey)?;
        let (receipt, line) = (input::read(&self.proof)?, input::read(&self.line)?);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let checked = Receipt::parse(&receipt)
            .and_then(|receipt| Ok((receipt.index(), receipt.verify(line, &key)?)));
        match checked {
            Ok((index, checkpoint)) => {
                let (origin, size) = (checkpoint.origin(), checkpoint.size());
                if style.json {
                    output::print_json(&json!({"class": "intact", "exit_code": 0,
                        "origin": origin, "index": index, "size": size}))?;
                } else {
                    let text = format!(
                        "intact: record {index} is in the log of `{origin}` of size {size}"
                    );
                    output::print_line(text.as_bytes())?;
                }
                Ok(0)
            }
            Err(error) => {
                let class = class_of(&error);
                if style.json {
                    output::print_json(&json!({"class": class.describe().0,
                        "exit_code": class.exit_code(), "message": error.to_string()}))?;
                } else {
                    let text = format!("FAILED, {}: {error}", class.describe().0);
                    output::print_line(text.as_bytes())?;
                }
                Ok(class.exit_code())
            }
        }
    }
}

fn class_of(error: &proof::Error) -> Class {
    match () {
        () if error.is_unknown_key() || error.is_other_origin() => Class::ForeignKey,
        () if error.is_bad_signature() => Class::Signature,
        () if error.is_mismatch() => Class::Changed,
        () => Class::Unreadable,
    }
}
