use std::path::PathBuf;

use clap::{Args, Subcommand};
use sealtrail_keyring::{Count, Keyring, Listed};
use serde_json::{Value, json};

use super::reveal::{Place, Why};
use super::{Style, output};
use crate::acts::{self, Justification, Rotated};
use crate::clock::Moment;
use crate::config::Config;
use crate::counted::counted;
use crate::error::Result;

/// Lists the keys of the keyring, or changes the key that they are wrapped with
#[derive(Args)]
pub struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(List),
    Rotate(Rotate),
}

/// Prints the id, the state and the age of every key, never a byte of one
///
/// Where `keys.scope` is `period`, a subject is counted once for each month of each retention class. Whose a key is stands
/// nowhere.
/// Works beside a running `serve`.
#[derive(Args)]
struct List {
    /// The configuration
    #[arg(long, short, value_name = "FILE", default_value = "sealtrail.toml")]
    config: PathBuf,
}

/// Wraps every key with a new key-encryption key and destroys the old one
///
/// The new one takes the place of the old in the file that `kek` names. Where it is in the environment, it is
/// given as `<NAME>_NEXT` and afterwards as `<NAME>`. What is interrupted is completed by the next start. A copy of the
/// keyring from before opens with the old one only. The change is itself a record. While `serve` runs, give --url to ask
/// it.
#[derive(Args)]
struct Rotate {
    #[command(flatten)]
    place: Place,
    /// The reason, which stays in the log for ever; without personal data
    #[arg(long, default_value = acts::ROUTINE)]
    reason: String,
    /// Who does it [default: the user of this session]
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
}

impl Keys {
    pub fn run(self, style: Style) -> Result<u8> {
        match self.command {
            Command::List(list) => list.run(style),
            Command::Rotate(rotate) => rotate.run(style),
        }
    }
}

impl List {
    fn run(self, style: Style) -> Result<u8> {
        let config = Config::read(&self.config)?;
        let (mut told, mut out) = (Ok(()), Vec::new());
        let count = Keyring::list(&config.keyring_dir, |key| {
            let line = if style.json { to_json(&key).to_string() } else { words(&key) };
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
            // A million keys are not held to be printed.
            if out.len() > 1 << 16 && told.is_ok() {
                told = output::print(&out);
                out.clear();
            }
        })?;
        told?;
        let Count { subjects, subject_keys, period_keys, shredded, .. } = count;
        let last = match style.json {
            true => json!({"subjects": subjects, "subject_keys": subject_keys,
                "period_keys": period_keys, "shredded": shredded})
            .to_string(),
            false => {
                let subjects = counted(subjects, "subject");
                let of_subjects = counted(subject_keys, "subject key");
                let of_periods = counted(period_keys, "period key");
                format!("{subjects}, {of_subjects}, {of_periods}, {shredded} shredded")
            }
        };
        out.extend_from_slice(last.as_bytes());
        output::print_line(&out)?;
        Ok(0)
    }
}

impl Rotate {
    fn run(self, style: Style) -> Result<u8> {
        let Self { place, reason, actor } = self;
        let why = Why { reason, actor };
        let actor = why.actor();
        let rotated: Rotated = if let Some(sidecar) = place.remote.sidecar()? {
            sidecar.ask("/v1/keys/rotate", &json!({"reason": why.reason, "actor": actor}))?
        } else {
            let because = Justification::parse(actor, &why.reason)?;
            let trail = place.open("POST /v1/keys/rotate")?;
            let rotated = acts::rotate(&trail, &because);
            trail.close()?;
            rotated?
        };
        if style.json {
            output::print_json(&rotated)?;
        } else {
            let Rotated { keys, rotate_index, .. } = rotated;
            let text = format!(
                "{} {} wrapped with another key-encryption key, the old one opens nothing here any more\nthe change is \
                 record {rotate_index}",
                counted(keys, "key"),
                if keys == 1 { "is" } else { "are" }
            );
            output::print_line(text.as_bytes())?;
        }
        Ok(0)
    }
}

fn to_json(key: &Listed) -> Value {
    let mut json = json!({"kid": key.kid.as_str(), "state": "alive"});
    if let Some(created) = created(key) {
        json["created"] = created.into();
    }
    if let Some(marker) = &key.shredded {
        json["state"] = "shredded".into();
        json["shredded"] = json!({"when": marker.when, "who": marker.who, "reason": marker.reason});
    }
    json
}

fn words(key: &Listed) -> String {
    match (&key.shredded, created(key)) {
        (Some(marker), _) => format!(
            "{}  shredded  {}  by {}: {}",
            key.kid,
            marker.when,
            marker.who.escape_debug(),
            marker.reason.escape_debug()
        ),
        (None, Some(created)) => format!("{}  alive     {created}", key.kid),
        (None, None) => format!("{}  alive", key.kid),
    }
}

fn created(key: &Listed) -> Option<String> {
    let seconds = key.created?.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    Some(Moment::of_posix_seconds(seconds)?.to_string())
}
