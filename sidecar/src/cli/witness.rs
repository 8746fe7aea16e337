mod collect;
mod cosign;
mod init;
mod serve;

use clap::{Args, Subcommand};

use super::Style;
use crate::error::Result;

/// Holds the operator of a log to it: cosigns its checkpoints, as a second party
///
/// A witness remembers the last checkpoint that it cosigned of each log, and cosigns only what extends it.
/// An operator who rewrites the log, or shows different logs to different people, gets no cosignature, and
/// `verify-proof --policy` asks for one.
#[derive(Args)]
pub struct Witness {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Init),
    Cosign(cosign::Cosign),
    Serve(serve::Serve),
    Collect(collect::Collect),
}

impl Witness {
    pub fn run(self, style: Style) -> Result<u8> {
        match self.command {
            Command::Init(command) => command.run(style),
            Command::Cosign(command) => command.run(style),
            Command::Serve(command) => command.run(),
            Command::Collect(command) => command.run(style),
        }
    }

    pub fn is_service(&self) -> bool {
        matches!(self.command, Command::Serve(_))
    }
}
