use clap::Args;
use serde_json::{Value, json};

use super::reveal::{Place, Why};
use super::{Style, output, remote};
use crate::acts::{self, Justification};
use crate::error::Result;

/// Destroys the key of a data subject: what was sealed with it is unreadable everywhere, for ever
///
/// The log is not touched and still verifies. Backups of the keyring must go too. While `serve` runs,
/// give --url to ask it.
#[derive(Args)]
pub struct Shred {
    #[command(flatten)]
    place: Place,
    /// The data subject, `customer/3`
    subject: String,
    #[command(flatten)]
    why: Why,
}

impl Shred {
    pub fn run(self, style: Style) -> Result<u8> {
        let (subject, actor) = (&self.subject, self.why.actor());
        let answer: Value = if let Some(sidecar) = self.place.remote.sidecar()? {
            let body = json!({"reason": self.why.reason, "actor": actor});
            let path = format!("/v1/subjects/{}/shred", remote::segment(subject));
            serde_json::from_slice(&sidecar.post(&path, &body)?).unwrap_or_default()
        } else {
            let because = Justification::parse(actor, &self.why.reason)?;
            let trail = self.place.open("POST /v1/subjects/{id}/shred")?;
            let shredded = acts::shred(&trail, subject, &because);
            trail.close()?;
            json!(shredded?)
        };
        if style.json {
            output::print_json(&answer)?;
            return Ok(0);
        }
        let kids = answer["kids"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let kids = kids.collect::<Vec<_>>().join(", ");
        let text = format!(
            "shredded `{}`: the key {kids} does not exist any more\nthe erasure is record {}",
            subject.escape_debug(),
            answer["shred_index"]
        );
        output::print_line(text.as_bytes())?;
        Ok(0)
    }
}
