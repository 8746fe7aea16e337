use clap::Args;

use super::{ConfigArg, Style, records};
use crate::error::Result;
use crate::questions::Page;

/// Prints the records that belong to one request
///
/// Works beside a running server.
#[derive(Args)]
pub struct Query {
    #[command(flatten)]
    config: ConfigArg,
    /// The correlation id
    #[arg(long, value_name = "ID")]
    correlation: String,
    /// Print a table instead, sealed values as `[sealed contact]`
    #[arg(long, value_enum)]
    format: Option<records::Format>,
}

impl Query {
    pub fn run(self, style: Style) -> Result<u8> {
        let questions = records::open(&self.config.read()?)?;
        let records = questions.correlation(&self.correlation, Page::ALL)?;
        records::print(&questions, &records, self.format, style)?;
        Ok(0)
    }
}
