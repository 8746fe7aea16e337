use clap::{Args, Subcommand};
use sealtrail_log::Reader;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::reveal::{Place, Why};
use super::{Style, output, remote};
use crate::acts::{self, Held, Justification};
use crate::config::Config;
use crate::error::Result;
use crate::position::Position;

/// Keeps records from being removed by `prune` and made unreadable by `expire`, whatever their age
#[derive(Args)]
pub struct Hold {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Keeps a record and all after it, until the hold is removed; the hold is itself a record
    Add(Add),
    /// Ends a hold; its end is itself a record
    Remove(Remove),
    /// Prints the holds; works beside a running server
    List(List),
}

#[derive(Args)]
struct Add {
    #[command(flatten)]
    place: Place,
    /// What it is called: 1 to 64 of a-z, 0-9 and `-`
    name: String,
    /// The first record that is kept, by its index or by the time when it was recorded
    #[arg(long, value_name = "INDEX|TIME", default_value = "0")]
    from: Position,
    #[command(flatten)]
    why: Why,
}

#[derive(Args)]
struct Remove {
    #[command(flatten)]
    place: Place,
    /// What it is called
    name: String,
    #[command(flatten)]
    why: Why,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    place: Place,
}

/// As the API lists them.
#[derive(Deserialize)]
struct Holds {
    holds: Vec<Listed>,
}

#[derive(Serialize, Deserialize)]
struct Listed {
    name: String,
    from: u64,
}

impl Hold {
    pub fn run(self, style: Style) -> Result<u8> {
        match self.what {
            What::Add(command) => command.run(style),
            What::Remove(command) => command.run(style),
            What::List(command) => command.run(style),
        }
    }
}

impl Add {
    fn run(self, style: Style) -> Result<u8> {
        let (name, from, actor) = (&self.name, &self.from, self.why.actor());
        let held: Held = if let Some(sidecar) = self.place.remote.sidecar()? {
            let (from, reason) = (from.to_string(), &self.why.reason);
            let body = json!({"name": name, "from": from, "reason": reason, "actor": actor});
            sidecar.ask("/v1/holds", &body)?
        } else {
            let because = Justification::parse(actor, &self.why.reason)?;
            let trail = self.place.open("POST /v1/holds")?;
            let held = acts::hold(&trail, name, from, &because);
            trail.close()?;
            held?
        };
        let from = held.from;
        say(&held, style, &format!("`{}` keeps record {from} and all after it", held.name), "hold")
    }
}

impl Remove {
    fn run(self, style: Style) -> Result<u8> {
        let (name, actor) = (&self.name, self.why.actor());
        let held: Held = if let Some(sidecar) = self.place.remote.sidecar()? {
            let body = json!({"reason": self.why.reason, "actor": actor});
            sidecar.ask(&format!("/v1/holds/{}/release", remote::segment(name)), &body)?
        } else {
            let because = Justification::parse(actor, &self.why.reason)?;
            let trail = self.place.open("POST /v1/holds/{name}/release")?;
            let held = acts::release(&trail, name, &because);
            trail.close()?;
            held?
        };
        say(&held, style, &format!("`{}` keeps nothing any more", held.name), "release")
    }
}

impl List {
    fn run(self, style: Style) -> Result<u8> {
        let holds = self.holds()?;
        if !style.json && holds.is_empty() {
            eprintln!("no holds");
        }
        for hold in holds {
            if style.json {
                output::print_json(&hold)?;
            } else {
                let text = format!("{}  keeps record {} and all after it", hold.name, hold.from);
                output::print_line(text.as_bytes())?;
            }
        }
        Ok(0)
    }

    fn holds(&self) -> Result<Vec<Listed>> {
        if let Some(sidecar) = self.place.remote.sidecar()? {
            return Ok(sidecar.look::<Holds>("/v1/holds")?.holds);
        }
        let holds = Reader::open(&Config::read(&self.place.config)?.log_dir)?.holds()?;
        Ok(holds.into_iter().map(|hold| Listed { name: hold.name, from: hold.from }).collect())
    }
}

fn say(held: &Held, style: Style, words: &str, what: &str) -> Result<u8> {
    if style.json {
        output::print_json(held)?;
    } else {
        let text = format!("{words}\nthe {what} is record {}", held.record_index);
        output::print_line(text.as_bytes())?;
    }
    Ok(0)
}
