use clap::Args;

use super::{ConfigArg, Style, output};
use crate::error::Result;

/// Checks a configuration and prints it with all defaults, secrets hidden
///
/// What is printed is a configuration again; relative paths in it are relative to the file that was read.
#[derive(Args)]
pub struct ConfigCommand {
    #[command(flatten)]
    config: ConfigArg,
}

impl ConfigCommand {
    pub fn run(self, style: Style) -> Result<u8> {
        let effective = self.config.read_effective()?;
        if style.json {
            output::print_json(effective.table())?;
        } else {
            output::print_line(effective.to_toml().as_bytes())?;
        }
        Ok(0)
    }
}
