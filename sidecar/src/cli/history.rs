use clap::Args;

use super::criteria::{Criteria, Show};
use super::{ConfigArg, Style, output, records, terminal};
use crate::clock::Moment;
use crate::code::Code;
use crate::error::{Error, Result};

/// Prints the life of an entity, newest last
///
/// Sealed values show as `[sealed contact]`, and as `[erased]` once their key was shredded. Works beside a
/// running server. Who changed an attribute last: --attribute PTR --newest --limit 1.
#[derive(Args)]
pub struct History {
    #[command(flatten)]
    config: ConfigArg,
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
        let question = self.criteria.of_entity(&self.kind, &self.id)?;
        let at = self.at.as_deref().map(|text| {
            let message = "`--at` must be a time like `2026-11-21T19:45:00Z`";
            Moment::parse(text).ok_or_else(|| Error::new(Code::WrongUse, message))
        });
        let at = at.transpose()?;
        let questions = records::open(&self.config.read()?)?;
        match at {
            None => records::print(&questions, &question, &self.show, style)?,
            Some(at) => {
                let state = questions.state(&self.kind, &self.id, at)?;
                if state.is_waiting {
                    eprintln!(
                        "note: later records of it wait for the next checkpoint and are not in this"
                    );
                }
                match style.json {
                    true => output::print_line(&state.to_json())?,
                    false => output::print(state.words(terminal::wants_colour()).as_bytes())?,
                }
            }
        }
        Ok(0)
    }
}
