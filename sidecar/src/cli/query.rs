use clap::Args;

use super::criteria::{Criteria, Entities, Show};
use super::{ConfigArg, Style, output, records};
use crate::error::Result;
use crate::questions::{Grain, Touched};

/// Prints the records that fit all criteria
///
/// Works beside a running server; --subject needs the keyring, which a running server has: then ask its API.
#[derive(Args)]
pub struct Query {
    #[command(flatten)]
    config: ConfigArg,
    #[command(flatten)]
    entities: Entities,
    #[command(flatten)]
    criteria: Criteria,
    #[command(flatten)]
    show: Show,
    /// Print what the records have changed instead, each once
    #[arg(long, value_enum, conflicts_with_all = ["format", "expand", "limit", "cursor"])]
    grain: Option<Grain>,
}

impl Query {
    pub fn run(self, style: Style) -> Result<u8> {
        let config = self.config.read()?;
        let question = self.criteria.among(&self.entities, &config)?;
        let questions = records::open(&config)?;
        match self.grain {
            None => records::print(&questions, &question, &self.show, style)?,
            Some(grain) => {
                let touched = questions.touched(&question, grain)?;
                match style.json {
                    true => touched.iter().try_for_each(output::print_json)?,
                    false => output::print(Touched::words(&touched).as_bytes())?,
                }
            }
        }
        Ok(0)
    }
}
