use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use http::StatusCode;
use sealtrail_log::proof::policy::Witness;
use sealtrail_log::proof::{Checkpoint, Note, Submission};
use sealtrail_log::verify::Class;
use serde_json::json;

use super::super::{Style, input, output};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::http_client::Client;
use crate::witness::{Source, replace};

/// Collects the cosignatures of a policy's witnesses for the newest checkpoint of a log
///
/// For the operator: asks every witness that has a URL in the policy (C2SP tlog-witness), and writes the
/// checkpoint with the cosignatures, for `prove --checkpoint` and for whoever reads the log. Ends with code 26,
/// and writes nothing, if the quorum of the policy is not met. Works beside a running server.
#[derive(Args)]
pub struct Collect {
    /// The log: its directory, or the URL of its API
    #[arg(value_name = "LOGDIR|URL")]
    log: String,
    /// The log and its witnesses (C2SP tlog-policy)
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The verifier key of the log, or a file that holds it; for a policy that names no log
    #[arg(long, value_name = "KEY|FILE")]
    vkey: Option<String>,
    /// Write the cosigned checkpoint here instead of to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A witness slower than this is given up.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest answer of a witness that is read.
const MAX_ANSWER: usize = 64 << 10;

/// Another log server may submit between the answer of a witness and the next question.
const ATTEMPTS: usize = 4;

impl Collect {
    pub fn run(self, style: Style) -> Result<u8> {
        let key_file = self.vkey.as_deref().map(PathBuf::from);
        input::check_read_once([&self.policy].into_iter().chain(&key_file))?;
        let key = self.vkey.as_deref().map(input::read_verifier_key).transpose()?;
        let policy = input::read_log_policy(&self.policy, key.as_ref())?;
        let source = Source::open(&self.log)?;
        let bytes = source.checkpoint()?;
        let damaged = |e: sealtrail_log::proof::Error| {
            Error::new(Code::LogDamaged, e.to_string()).context("checkpoint")
        };
        let mut note = Note::parse(&bytes).map_err(damaged)?;
        let checkpoint = Checkpoint::parse(note.unverified_text()).map_err(damaged)?;
        let mut failures = Vec::new();
        for witness in policy.witnesses() {
            let Some(url) = witness.url() else { continue };
            match ask(witness, url, &source, &note, &checkpoint) {
                Ok(line) => note.add(&line).map_err(damaged)?,
                Err(error) => {
                    eprintln!("witness `{}`: {error}", witness.name());
                    failures.push(json!({"name": witness.name(), "message": error.to_string()}));
                }
            }
        }
        let verified = match &key {
            Some(key) => policy.check_log(&note, key),
            None => policy.check(&note),
        };
        let (class, message) = match &verified {
            Ok(_) => (Class::Intact, None),
            Err(error) if error.is_not_witnessed() => (Class::Witness, Some(error.to_string())),
            Err(error) if error.is_bad_signature() => (Class::Signature, Some(error.to_string())),
            Err(error) => (Class::ForeignKey, Some(error.to_string())),
        };
        let word = class.describe().0;
        if let (Ok(_), Some(path)) = (&verified, &self.out) {
            replace(path, &note.to_string())?;
        }
        if style.json {
            let witnesses = verified.iter().flat_map(|v| v.witnesses());
            let witnesses: Vec<_> =
                witnesses.map(|w| json!({"name": w.name(), "time": w.time()})).collect();
            output::print_json(&json!({"class": word, "exit_code": class.exit_code(),
                "origin": checkpoint.origin(), "size": checkpoint.size(), "message": message,
                "witnesses": witnesses, "failures": failures, "note": note.to_string()}))?;
        } else if let Some(message) = message {
            eprintln!("FAILED, {word}: {message}");
        } else if self.out.is_none() {
            output::print(note.to_string().as_bytes())?;
        }
        Ok(class.exit_code())
    }
}

/// The signature line of one witness. It says itself from where it wants the proof.
fn ask(
    witness: &Witness,
    url: &str,
    source: &Source,
    note: &Note,
    checkpoint: &Checkpoint,
) -> Result<String> {
    let client = Client::new("the URL of a witness", url, TIMEOUT)?;
    let mut old = 0;
    for _ in 0..ATTEMPTS {
        let proof = source.prove_consistency(old, checkpoint)?;
        let body = Submission::new(old, proof, note.clone()).to_text();
        let reply =
            client.post("/add-checkpoint", "text/plain; charset=utf-8", body, MAX_ANSWER)?;
        let text = str::from_utf8(&reply.body).unwrap_or_default();
        match (reply.status, known(text)) {
            (StatusCode::OK, _) => {
                return line_by(witness, note, text)
                    .ok_or_else(|| client.failed("the answer holds no cosignature by its key"));
            }
            // Another tree of this size was cosigned, if it tells something else than a size.
            (StatusCode::CONFLICT, Some(known)) => {
                if known > checkpoint.size() {
                    return Err(client.failed(format!(
                        "it has cosigned {known} records, more than the {} of this log",
                        checkpoint.size()
                    )));
                }
                old = known;
            }
            (status, _) => {
                let why: String = text.trim().chars().take(200).collect();
                return Err(client.failed(format!("{status}: {}", why.escape_debug())));
            }
        }
    }
    Err(client.failed("it is asked by somebody else at the same time"))
}

/// The size that a witness tells.
fn known(answer: &str) -> Option<u64> {
    answer.strip_suffix('\n')?.parse().ok()
}

/// Lines of keys that the policy does not know are ignored.
fn line_by(witness: &Witness, note: &Note, answer: &str) -> Option<String> {
    let is_by_it = |line: &&str| {
        let alone = format!("{}\n{line}", note.unverified_text());
        Note::parse(alone.as_bytes())
            .is_ok_and(|alone| alone.verify_cosignature(witness.key()).is_ok())
    };
    answer.split_inclusive('\n').find(is_by_it).map(str::to_owned)
}
