use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Style, output, remote};
use crate::acts::{self, Justification, Revealed, Value};
use crate::config::Config;
use crate::engine::Actor;
use crate::error::Result;
use crate::trail::Trail;

/// Opens the sealed values of one data group of a record
///
/// The reveal is itself a record, on disk before the first value is opened. While `serve` runs, give
/// --url to ask it.
#[derive(Args)]
pub struct Reveal {
    #[command(flatten)]
    place: Place,
    /// The id of the record
    record: String,
    /// The data group
    #[arg(long)]
    group: String,
    #[command(flatten)]
    why: Why,
}

/// Where the log is: a configuration, or a running sidecar.
#[derive(Args)]
pub struct Place {
    /// The configuration
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "sealtrail.toml",
        conflicts_with = "url"
    )]
    pub config: PathBuf,
    #[command(flatten)]
    pub remote: remote::Remote,
}

/// Who, and why. Both stay in the log for ever.
#[derive(Args)]
pub struct Why {
    /// The reason, a ticket for example; without personal data
    #[arg(long)]
    pub reason: String,
    /// Who does it [default: the user of this session]
    #[arg(long, value_name = "ID")]
    pub actor: Option<String>,
}

impl Place {
    pub fn open(&self, call: &str) -> Result<Trail> {
        let config = Config::read(&self.config)?;
        let call = format!("`--url http://...`, or {call}");
        let opened = Trail::open(&config).map_err(|error| remote::hint(error, &call));
        Ok(opened?.0)
    }
}

impl Why {
    pub fn actor(&self) -> Actor {
        let user = || ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
        let id = self.actor.clone().or_else(user).filter(|id| !id.trim().is_empty());
        // Services and containers have no name in their environment.
        // SAFETY: it takes nothing and cannot fail (getuid(2)).
        let uid = || format!("uid {}", unsafe { libc::getuid() });
        Actor { kind: "operator".into(), id: id.unwrap_or_else(uid) }
    }
}

impl Reveal {
    pub fn run(self, style: Style) -> Result<u8> {
        let (record, actor) = (&self.record, self.why.actor());
        let answer = if let Some(sidecar) = self.place.remote.sidecar()? {
            let body = json!({"group": self.group, "reason": self.why.reason, "actor": actor});
            let path = format!("/v1/records/{}/reveal", remote::segment(record));
            sidecar.ask(&path, &body)?
        } else {
            let because = Justification::parse(actor, &self.why.reason)?;
            let trail = self.place.open("POST /v1/records/{id}/reveal")?;
            let revealed = acts::reveal(&trail, record, &self.group, &because);
            trail.close()?;
            revealed?
        };
        if style.json {
            output::print_json(&answer)?;
        } else {
            output::print(words(&answer).as_bytes())?;
        }
        Ok(0)
    }
}

fn words(revealed: &Revealed) -> String {
    let place = |value: &Value| value.path.as_ref().unwrap_or(&value.at).escape_debug().to_string();
    let width = revealed.values.iter().map(|value| place(value).chars().count()).max().unwrap_or(0);
    let mut words = String::new();
    for value in &revealed.values {
        let (place, side) = (place(value), value.side.as_deref().unwrap_or_default());
        let text = value.value.as_ref().map_or("[erased]", |value| value.get());
        words += &format!("{place:width$}  {side:3}  {text}\n");
    }
    words + &format!("\nthis reveal is record {}\n", revealed.reveal_index)
}
