use clap::Args;
use serde_json::json;

use super::{ConfigArg, Style, output, tell};
use crate::error::Result;
use crate::preflight;

/// Prints a configuration with all defaults, secrets hidden, and says what `serve` would refuse of it
///
/// Reads what the configuration names, as `serve` does at its start: keys, tokens, certificate, policy, guest, keyring, and
/// what the last checkpoint of the log has signed. All that is wrong is listed, and the exit code is that of the first.
/// Nothing is made, changed, locked or listened on, so it may be asked beside a running server; ask as the user that the
/// server runs as. What is printed is a configuration again; relative paths in it are relative to the file that was read.
#[derive(Args)]
pub struct ConfigCommand {
    #[command(flatten)]
    config: ConfigArg,
    /// Look at the configuration alone, and at no file that it names
    #[arg(long)]
    no_files: bool,
}

impl ConfigCommand {
    pub fn run(self, style: Style) -> Result<u8> {
        let effective = self.config.read_effective()?.without_secrets();
        if style.json {
            output::print_json(effective.table())?;
        } else {
            output::print_line(effective.to_toml().as_bytes())?;
        }
        if self.no_files {
            return Ok(0);
        }
        let findings = preflight::look(&self.config.read()?);
        for error in &findings.refusals {
            tell(style, error);
        }
        for warning in &findings.warnings {
            match style.json {
                true => eprintln!("{}", json!({"warning": warning})),
                false => eprintln!("warning: {warning}"),
            }
        }
        if findings.refusals.is_empty() && !style.json {
            eprintln!("found nothing that `serve` would refuse");
        }
        Ok(findings.refusals.first().map_or(0, |error| error.code().exit_code()))
    }
}
