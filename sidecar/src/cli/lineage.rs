use clap::Args;

use super::{ConfigArg, Style, output, records};
use crate::error::Result;

/// Prints what caused a record and what it caused, across requests and services
#[derive(Args)]
pub struct Lineage {
    #[command(flatten)]
    config: ConfigArg,
    /// The id of the record
    record: String,
}

impl Lineage {
    pub fn run(self, style: Style) -> Result<u8> {
        let questions = records::open(&self.config.read()?)?;
        let lineage = questions.lineage(&self.record)?;
        match style.json {
            true => output::print_json(&lineage)?,
            false => output::print(lineage.words(&self.record).as_bytes())?,
        }
        Ok(0)
    }
}
