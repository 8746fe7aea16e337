use std::path::PathBuf;

use clap::Args;
use sealtrail_log::proof::policy::Cosigned;
use sealtrail_log::proof::{self, Checkpoint, Policy, Receipt, VerifierKey};
use sealtrail_log::verify::Class;
use serde_json::json;

use super::{Style, input, output};
use crate::acts::Certificate;
use crate::clock::Moment;
use crate::code::Code;
use crate::error::{Error, Result};

/// Checks a receipt against the line of its record, or every one of an export's bundle
///
/// Needs nothing but these: no log, no server, no network. With a policy the checkpoint in the receipt must be
/// cosigned too: then no other history was shown to the witnesses.
#[derive(Args)]
pub struct VerifyProof {
    /// The receipt, a .tlog-proof; a certificate of erasure, which holds receipt and line; or the folder of a bundle
    pub(super) proof: PathBuf,
    /// The line of the record, byte for byte; one line end after it is ignored
    pub(super) line: Option<PathBuf>,
    /// The verifier key, or a file that holds it; with a policy that names the log it is not needed
    #[arg(long, value_name = "KEY|FILE", required_unless_present = "policy")]
    pub(super) vkey: Option<String>,
    /// The witnesses that must have cosigned (C2SP tlog-policy)
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
}

impl VerifyProof {
    pub fn run(self, style: Style) -> Result<u8> {
        if self.proof.is_dir() {
            return self.run_of_bundle(style);
        }
        let key_file = self.vkey.as_deref().map(PathBuf::from);
        let files =
            [&self.proof].into_iter().chain(&self.line).chain(&self.policy).chain(&key_file);
        input::check_read_once(files)?;
        let key = self.vkey.as_deref().map(input::read_verifier_key).transpose()?;
        let read = |path| input::read_log_policy(path, key.as_ref());
        let policy = self.policy.as_deref().map(read).transpose()?;
        let receipt = input::read(&self.proof)?;
        let certificate = Certificate::parse(&receipt)
            .transpose()
            .map_err(|error| error.context(self.proof.display()))?;
        let (receipt, line) = match (&certificate, &self.line) {
            (Some(certificate), None) => (certificate.proof().into(), certificate.record().into()),
            (None, Some(line)) => (receipt, input::read(line)?),
            (Some(_), Some(_)) => {
                let message = "a certificate holds the line of its record; give no other one";
                return Err(Error::new(Code::WrongUse, message));
            }
            (None, None) => {
                let message =
                    "a receipt needs the line of its record, and this is no certificate of erasure";
                return Err(Error::new(Code::WrongUse, message));
            }
        };
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        match check(&receipt, line, key.as_ref(), policy.as_ref()) {
            Ok(checked) => {
                let certificate = certificate.as_ref();
                if let Some(certificate) = certificate.filter(|it| !checked.is_of(it)) {
                    let (origin, index) = (certificate.origin(), certificate.index());
                    let message = format!(
                        "the certificate says record {index} of `{origin}`, its receipt is of another one"
                    );
                    return Err(Error::new(Code::InvalidField, message));
                }
                if style.json {
                    let mut json = checked.to_json();
                    if let Some(certificate) = certificate {
                        json["certificate"] = json!(certificate);
                    }
                    output::print_json(&json)?;
                } else {
                    let said = certificate.map(|it| format!("\n{}", it.words()));
                    let text = checked.words() + &said.unwrap_or_default();
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

/// What the receipt proves.
pub(super) struct Checked {
    pub(super) index: u64,
    pub(super) checkpoint: Checkpoint,
    /// None when no policy was given.
    witnesses: Option<Vec<Cosigned>>,
}

pub(super) fn check(
    receipt: &[u8],
    line: &[u8],
    key: Option<&VerifierKey>,
    policy: Option<&Policy>,
) -> Result<Checked, proof::Error> {
    let receipt = Receipt::parse(receipt)?;
    let index = receipt.index();
    let verified = match (policy, key) {
        (Some(policy), Some(key)) => receipt.verify_policy_log(line, policy, key)?,
        (Some(policy), None) => receipt.verify_policy(line, policy)?,
        (None, key) => {
            let key = key.expect("the command line asks for one of the two");
            let checkpoint = receipt.verify(line, key)?;
            return Ok(Checked { index, checkpoint, witnesses: None });
        }
    };
    let (checkpoint, witnesses) = (verified.checkpoint().clone(), verified.witnesses().to_vec());
    Ok(Checked { index, checkpoint, witnesses: Some(witnesses) })
}

impl Checked {
    fn is_of(&self, certificate: &Certificate) -> bool {
        (self.index, self.checkpoint.origin()) == (certificate.index(), certificate.origin())
    }

    fn words(&self) -> String {
        let (origin, size) = (self.checkpoint.origin(), self.checkpoint.size());
        let mut text =
            format!("intact: record {} is in the log of `{origin}` of size {size}", self.index);
        for witness in self.witnesses.iter().flatten() {
            text += &format!("\n  cosigned by `{}`", witness.name());
            if let Some(moment) = Moment::of_posix_seconds(witness.time()) {
                text += &format!(" at {moment}");
            }
        }
        text
    }

    fn to_json(&self) -> serde_json::Value {
        let mut json = json!({"class": "intact", "exit_code": 0, "index": self.index,
            "origin": self.checkpoint.origin(), "size": self.checkpoint.size()});
        if let Some(witnesses) = &self.witnesses {
            let witness = |w: &Cosigned| json!({"name": w.name(), "time": w.time()});
            json["witnesses"] = witnesses.iter().map(witness).collect();
        }
        json
    }
}

pub(super) fn class_of(error: &proof::Error) -> Class {
    match () {
        () if error.is_not_witnessed() => Class::Witness,
        () if error.is_unknown_key() || error.is_other_origin() => Class::ForeignKey,
        () if error.is_bad_signature() => Class::Signature,
        () if error.is_mismatch() => Class::Changed,
        () => Class::Unreadable,
    }
}
