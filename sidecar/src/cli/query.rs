use clap::Args;
use serde::Deserialize;

use super::criteria::{Criteria, Entities, Given, Show, question_here};
use super::reveal::Place;
use super::{Style, output, records};
use crate::config::Config;
use crate::error::Result;
use crate::questions::{Grain, Touched};

/// Prints the records that fit all criteria
///
/// Works beside a running server. With --url it asks the server instead; --subject needs that while one runs, because
/// the server has the keyring. Who opened something, or was refused that: --acts-about.
#[derive(Args)]
pub struct Query {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    entities: Entities,
    #[command(flatten)]
    criteria: Criteria,
    #[command(flatten)]
    show: Show,
    /// Print what the records have changed instead, each once
    #[arg(long, value_enum, conflicts_with_all = ["format", "expand", "limit", "cursor", "acts_about"])]
    grain: Option<Grain>,
}

/// As the API lists it.
#[derive(Deserialize)]
struct AllTouched {
    touched: Vec<Touched>,
    #[serde(default)]
    shared_keys: Vec<String>,
}

impl Query {
    pub fn run(self, style: Style) -> Result<u8> {
        let given = self.criteria.among(&self.entities)?;
        match self.grain {
            None => self.print(&given, style)?,
            Some(grain) => {
                let touched = self.touched(given, grain)?;
                match style.json {
                    true => touched.iter().try_for_each(output::print_json)?,
                    false => output::print(Touched::words(&touched).as_bytes())?,
                }
            }
        }
        Ok(0)
    }

    fn print(&self, given: &Given, style: Style) -> Result<()> {
        if let Some(sidecar) = self.place.remote.sidecar()? {
            return records::print_from(&sidecar, given, &self.show, style);
        }
        let config = Config::read(&self.place.config)?;
        let question = question_here(given, &config)?;
        records::print(&records::open(&config)?, &question, &self.show, style)
    }

    fn touched(&self, mut given: Given, grain: Grain) -> Result<Vec<Touched>> {
        if let Some(sidecar) = self.place.remote.sidecar()? {
            given.push(("grain", grain.name().to_owned()));
            let all: AllTouched = sidecar.look(&records::target("/v1/touched", &given))?;
            records::tell_shared(&all.shared_keys);
            return Ok(all.touched);
        }
        let config = Config::read(&self.place.config)?;
        records::open(&config)?.touched(&question_here(&given, &config)?, grain)
    }
}
