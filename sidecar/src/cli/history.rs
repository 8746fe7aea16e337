use clap::Args;

use super::{ConfigArg, Style, records};
use crate::error::Result;
use crate::questions::Page;

/// Prints the life of an entity, newest last
///
/// Sealed values show as `[sealed contact]`, and as `[erased]` once their key was shredded. Works beside a
/// running server.
#[derive(Args)]
pub struct History {
    #[command(flatten)]
    config: ConfigArg,
    /// The type of the entity
    #[arg(value_name = "TYPE")]
    kind: String,
    /// The id of the entity
    id: String,
    /// Print a table instead, sealed values as `[sealed contact]`
    #[arg(long, value_enum)]
    format: Option<records::Format>,
}

impl History {
    pub fn run(self, style: Style) -> Result<u8> {
        let questions = records::open(&self.config.read()?)?;
        let records = questions.entity(&self.kind, &self.id, Page::ALL)?;
        records::print(&questions, &records, self.format, style)?;
        Ok(0)
    }
}
