//! `verify-proof` of a folder that `export --format bundle` has made.

use std::path::PathBuf;

use sealtrail_log::proof::{self, Checkpoint, Policy, Receipt, VerifierKey};
use sealtrail_log::verify::Class;
use serde_json::json;

use super::verify_proof::{VerifyProof, check, class_of};
use super::{Style, input, output};
use crate::code::Code;
use crate::counted::counted;
use crate::error::{Error, Result};
use crate::export::Bundled;

impl VerifyProof {
    pub(super) fn run_of_bundle(self, style: Style) -> Result<u8> {
        if self.line.is_some() {
            let message = "the folder of a bundle has the lines of its records; give no other one";
            return Err(Error::new(Code::WrongUse, message));
        }
        let key_file = self.vkey.as_deref().map(PathBuf::from);
        input::check_read_once(self.policy.iter().chain(&key_file))?;
        let key = self.vkey.as_deref().map(input::read_verifier_key).transpose()?;
        let read = |path| input::read_log_policy(path, key.as_ref());
        let policy = self.policy.as_deref().map(read).transpose()?;
        let bundle = Bundled::read(&self.proof)?;
        match check_all(&bundle, key.as_ref(), policy.as_ref()) {
            Ok(checkpoint) => {
                let (records, origin, size) =
                    (bundle.lines.len(), checkpoint.origin(), checkpoint.size());
                if style.json {
                    output::print_json(&json!({"class": "intact", "exit_code": 0,
                        "records": records, "origin": origin, "size": size}))?;
                } else {
                    let text = format!(
                        "intact: {} {} in the log of `{origin}` of size {size}",
                        counted(records as u64, "record"),
                        if records == 1 { "is" } else { "are" }
                    );
                    output::print_line(text.as_bytes())?;
                }
                Ok(0)
            }
            Err(Failure { record, class, message }) => {
                if style.json {
                    output::print_json(&json!({"class": class.describe().0,
                        "exit_code": class.exit_code(), "record": record, "message": message}))?;
                } else {
                    let of = record.map(|record| format!(", record {record}")).unwrap_or_default();
                    let text = format!("FAILED, {}{of}: {message}", class.describe().0);
                    output::print_line(text.as_bytes())?;
                }
                Ok(class.exit_code())
            }
        }
    }
}

/// What does not hold, and of which record.
struct Failure {
    record: Option<u64>,
    class: Class,
    message: String,
}

/// Every receipt of a bundle, each under the bundle's one checkpoint.
fn check_all(
    bundle: &Bundled,
    key: Option<&VerifierKey>,
    policy: Option<&Policy>,
) -> Result<Checkpoint, Failure> {
    let mut last = None;
    for (index, line, receipt) in &bundle.lines {
        let record = Some(*index);
        let failed = |error: proof::Error| Failure {
            record,
            class: class_of(&error),
            message: error.to_string(),
        };
        let checked = check(receipt, line, key, policy).map_err(failed)?;
        let receipt = Receipt::parse(receipt).map_err(failed)?;
        // A receipt of another record, or under another checkpoint, proves something else.
        if checked.index != *index || receipt.checkpoint_note().as_bytes() != bundle.note {
            let message = "the receipt is of another record, or under another checkpoint, than the \
                           bundle says";
            return Err(Failure { record, class: Class::Changed, message: message.to_owned() });
        }
        last = Some(checked.checkpoint);
    }
    let message = "the bundle has no records, so nothing is proven".to_owned();
    last.ok_or(Failure { record: None, class: Class::Unreadable, message })
}
