use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::reveal::{Place, Why};
use super::{Style, output, remote};
use crate::acts::{self, Ended, Ending, Justification, Manner};
use crate::code::Code;
use crate::error::{Error, Result};

/// Destroys the keys of a data subject: what was sealed with them is unreadable everywhere, for ever
///
/// The log is not touched and still verifies. Of a subject without a key it says whether it was erased already (exit
/// code 8) or is not known (7). With a subject and --period only what is theirs in that month goes, where `keys.scope` is
/// `period`. Backups of the keyring must go too, or be made useless by --hard.
/// It is refused while a hold keeps a record of theirs, and answered when no lease of the keys is left. While
/// `serve` runs, give --url to ask it.
#[derive(Args)]
pub struct Shred {
    #[command(flatten)]
    place: Place,
    /// The data subject, `customer/3`: the type and the id of the entity, or as the policy's rule says
    #[arg(required_unless_present = "period")]
    subject: Option<String>,
    /// With a subject, only what is theirs in this month of a retention class, `standard-7y.2026-10`; without one, what is
    /// everybody's, before its time
    #[arg(long, value_name = "CLASS.MONTH")]
    period: Option<String>,
    /// With --period and no subject, also where the month is not over: nothing of the class can be sealed until it is
    #[arg(long, requires = "period", conflicts_with = "subject")]
    running: bool,
    /// Change the key-encryption key too: then copies of the keyring are of no use
    #[arg(long, requires = "subject")]
    hard: bool,
    /// Write a certificate of the erasure, which `verify-proof` checks; reads the whole log
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    why: Why,
}

impl Shred {
    pub fn run(self, style: Style) -> Result<u8> {
        let file = self.certificate.as_deref().map(CertificateFile::create).transpose()?;
        let Some(subject) = &self.subject else { return self.end_period(style, file) };
        let (actor, certificate) = (self.why.actor(), self.certificate.is_some());
        let mut answer: Value = if let Some(sidecar) = self.place.remote.sidecar()? {
            let mut body = json!({"reason": self.why.reason, "actor": actor, "hard": self.hard,
                "certificate": certificate});
            if let Some(period) = &self.period {
                body["period"] = period.as_str().into();
            }
            let path = format!("/v1/subjects/{}/shred", remote::segment(subject));
            serde_json::from_slice(&sidecar.post(&path, &body)?).unwrap_or_default()
        } else {
            let because = Justification::parse(actor, &self.why.reason)?;
            let manner = Manner { period: self.period.as_deref(), hard: self.hard, certificate };
            let trail = self.place.open("POST /v1/subjects/{id}/shred")?;
            let shredded = acts::shred(&trail, subject, &because, manner);
            trail.close()?;
            json!(shredded?.ended_blocking())
        };
        if let Some(file) = file {
            let certificate =
                answer.as_object_mut().and_then(|answer| answer.remove("certificate"));
            file.fill(&certificate, &answer["shred_index"])?;
        }
        if style.json {
            output::print_json(&answer)?;
            return Ok(0);
        }
        let within = self.period.as_ref().map(|period| format!(" in `{period}`"));
        let mut text = format!(
            "shredded `{}`{}: {} any more\nthe erasure is record {}",
            subject.escape_debug(),
            within.unwrap_or_default(),
            gone(&answer["kids"]),
            answer["shred_index"]
        );
        if self.hard {
            text += "\nthe key-encryption key is another one: copies of the keyring from before are of no use";
        }
        if let Some(shares) = answer["shares"].as_str() {
            text += &format!("\nwhat was sealed with the key of `{shares}` is still there");
        }
        if let Some(left) = answer["leases_end_in_ms"].as_u64().filter(|left| *left > 0) {
            text += &format!("\nleases of keys of single records are over in {left} ms");
        }
        if let Some(path) = &self.certificate {
            text += &format!("\nthe certificate is {}", path.display());
        }
        output::print_line(text.as_bytes())?;
        Ok(0)
    }

    fn end_period(&self, style: Style, file: Option<CertificateFile<'_>>) -> Result<u8> {
        let (kid, actor) =
            (format!("t_{}", self.period.as_deref().unwrap_or_default()), self.why.actor());
        let how = Ending { running: self.running, certificate: file.is_some() };
        let mut ended: Ended = if let Some(sidecar) = self.place.remote.sidecar()? {
            let body = json!({"reason": self.why.reason, "actor": actor, "running": how.running,
                "certificate": how.certificate});
            sidecar.ask(&format!("/v1/periods/{}/shred", remote::segment(&kid)), &body)?
        } else {
            let because = Justification::parse(actor, &self.why.reason)?;
            let trail = self.place.open("POST /v1/periods/{kid}/shred")?;
            let ended = acts::shred_period(&trail, &kid, &because, how);
            trail.close()?;
            ended?.ended_blocking()
        };
        if let Some(file) = file {
            file.fill(&ended.certificate.take(), &ended.expire_index.into())?;
        }
        if style.json {
            output::print_json(&ended)?;
            return Ok(0);
        }
        let mut text = format!(
            "the key {} does not exist any more\nthe erasure is record {}",
            ended.kid, ended.expire_index
        );
        if let Some(path) = &self.certificate {
            text += &format!("\nthe certificate is {}", path.display());
        }
        output::print_line(text.as_bytes())?;
        Ok(0)
    }
}

/// The keys that do not exist, for people: a data subject may have one for each month.
fn gone(kids: &Value) -> String {
    const TOLD: usize = 5;
    let kids: Vec<_> = kids.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match &kids[..] {
        [kid] => format!("the key {kid} does not exist"),
        _ if kids.len() <= TOLD => format!("the keys {} do not exist", kids.join(", ")),
        _ => format!("{} keys do not exist", kids.len()),
    }
}

/// Where the certificate is to go, made before the key is destroyed: afterwards nobody could ask for it again.
struct CertificateFile<'p> {
    path: &'p Path,
    /// None once the certificate is in it.
    empty: Option<File>,
}

impl<'p> CertificateFile<'p> {
    fn create(path: &'p Path) -> Result<Self> {
        let file = File::create_new(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                let message = "it is there already and is not overwritten";
                Error::new(Code::WrongUse, message).context(format_args!("`{}`", path.display()))
            }
            _ => {
                Error::from(error).context(format_args!("nothing is erased, `{}`", path.display()))
            }
        })?;
        Ok(Self { path, empty: Some(file) })
    }

    fn fill(mut self, certificate: &impl Serialize, index: &Value) -> Result<()> {
        let certificate = serde_json::to_string_pretty(certificate).unwrap_or_default() + "\n";
        let Some(mut file) = self.empty.take() else { return Ok(()) };
        let written = file.write_all(certificate.as_bytes()).and_then(|()| file.sync_all());
        written.or_else(|error| {
            output::print_line(certificate.trim_end().as_bytes())?;
            let done = format!(
                "the erasure is record {index}, its certificate is above and not in `{}`",
                self.path.display()
            );
            Err(Error::from(error).context(done))
        })
    }
}

impl Drop for CertificateFile<'_> {
    /// Nothing was erased, so nothing stays.
    fn drop(&mut self) {
        if self.empty.is_some() {
            let _ = std::fs::remove_file(self.path);
        }
    }
}
