mod import;
mod lint;
mod samples;
mod test;

use clap::{Args, Subcommand};

use super::{Style, output};
use crate::error::Result;

/// Works on policies
#[derive(Args)]
pub struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Import(import::Import),
    Lint(lint::Lint),
    Test(test::Test),
    /// Prints the JSON Schema of a policy, for editors
    Schema,
}

static SCHEMA: &str = include_str!("../../../crates/core/policy.schema.json");

impl Policy {
    pub fn run(self, style: Style) -> Result<u8> {
        match self.command {
            Command::Import(command) => command.run(),
            Command::Lint(command) => command.run(style),
            Command::Test(command) => command.run(style),
            Command::Schema => output::print(SCHEMA.as_bytes()).map(|()| 0),
        }
    }
}
