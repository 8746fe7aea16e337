use clap::Args;

use super::{ConfigArg, Style, output, records};
use crate::error::Result;

/// Prints what caused a record or a request and what it caused, across requests and services
#[derive(Args)]
pub struct Lineage {
    #[command(flatten)]
    config: ConfigArg,
    /// The id of a record or of a request
    id: String,
    /// Show each of many effects that are alike
    #[arg(long)]
    expand: bool,
}

impl Lineage {
    pub fn run(self, style: Style) -> Result<u8> {
        let questions = records::open(&self.config.read()?)?;
        let lineage = questions.lineage(&self.id)?;
        match style.json {
            true => output::print_json(&lineage)?,
            false => output::print(lineage.words(&self.id, self.expand).as_bytes())?,
        }
        Ok(0)
    }
}
