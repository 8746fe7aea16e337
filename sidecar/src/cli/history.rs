use clap::Args;

use super::criteria::{Criteria, Show, question_here};
use super::reveal::Place;
use super::{Style, output, records, remote, terminal};
use crate::clock::Moment;
use crate::code::Code;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::questions::StateText;

/// Prints the life of an entity, newest last
///
/// Sealed values show as `[sealed contact]`, and as `[erased]` once their key was shredded. Works beside a
/// running server; with --url it asks the server instead. Who changed an attribute last: --attribute PTR --newest --limit 1.
#[derive(Args)]
pub struct History {
    #[command(flatten)]
    place: Place,
    /// The type of the entity
    #[arg(value_name = "TYPE")]
    kind: String,
    /// The id of the entity
    id: String,
    /// What it was at this time: the fold of its changes, under the newest checkpoint
    #[arg(long, value_name = "TIME", conflicts_with_all = ["attribute", "actor", "correlation",
        "causation", "tenant", "action", "from", "to", "newest", "format", "expand", "limit", "cursor"])]
    at: Option<String>,
    #[command(flatten)]
    criteria: Criteria,
    #[command(flatten)]
    show: Show,
}

impl History {
    pub fn run(self, style: Style) -> Result<u8> {
        let given = self.criteria.of_entity(&self.kind, &self.id)?;
        if let Some(at) = &self.at {
            let message = "`--at` must be a time like `2026-11-21T19:45:00Z`";
            let moment = Moment::parse(at).ok_or_else(|| Error::new(Code::WrongUse, message))?;
            return self.state(moment, style);
        }
        match self.place.remote.sidecar()? {
            Some(sidecar) => records::print_from(&sidecar, &given, &self.show, style)?,
            None => {
                let config = Config::read(&self.place.config)?;
                let question = question_here(&given, &config)?;
                records::print(&records::open(&config)?, &question, &self.show, style)?;
            }
        }
        Ok(0)
    }

    fn state(&self, at: Moment, style: Style) -> Result<u8> {
        let colour = terminal::wants_colour();
        let (text, is_waiting) = if let Some(sidecar) = self.place.remote.sidecar()? {
            let (kind, id) = (remote::segment(&self.kind), remote::segment(&self.id));
            let path = format!("/v1/entities/{kind}/{id}/state");
            let mut given = vec![("at", at.to_string())];
            if style.json {
                (sidecar.get(&records::target(&path, &given))?, false)
            } else {
                given.push(("format", if colour { "colour" } else { "words" }.to_owned()));
                let told: StateText = sidecar.look(&records::target(&path, &given))?;
                (told.text.into_bytes(), told.is_waiting)
            }
        } else {
            let questions = records::open(&Config::read(&self.place.config)?)?;
            let state = questions.state(&self.kind, &self.id, at)?;
            let text = if style.json { state.to_json() } else { state.words(colour).into() };
            (text, state.is_waiting)
        };
        if is_waiting {
            eprintln!("note: later records of it wait for the next checkpoint and are not in this");
        }
        output::print_line(&text)?;
        Ok(0)
    }
}
