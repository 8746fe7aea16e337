use clap::{Args, Subcommand};
use sealtrail_log::Reader;

use super::{ConfigArg, Style, output, records};
use crate::counted::counted;
use crate::error::Result;
use crate::questions::Questions;

/// The index: what makes questions fast, and holds nothing that the log does not say
#[derive(Args)]
pub struct Index {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Rebuild(Rebuild),
}

/// Makes the index again from the log
///
/// An index follows its log by itself, after a crash too; this is for one that was damaged. The same log gives the
/// same files. Not beside a running server, which writes it.
#[derive(Args)]
struct Rebuild {
    #[command(flatten)]
    config: ConfigArg,
}

impl Index {
    pub fn run(self, style: Style) -> Result<u8> {
        match self.command {
            Command::Rebuild(command) => command.run(style),
        }
    }
}

impl Rebuild {
    fn run(self, style: Style) -> Result<u8> {
        let config = self.config.read()?;
        let reader = Reader::open(&config.log_dir)?;
        records::check_origin(&reader, &config)?;
        let rebuilt = Questions::rebuild(reader, &config.index_dir, &config.origin)?;
        if style.json {
            output::print_json(&rebuilt)?;
        } else {
            let (records, bytes) =
                (counted(rebuilt.records, "record"), counted(rebuilt.bytes, "byte"));
            output::print_line(format!("indexed {records} in {bytes}").as_bytes())?;
        }
        Ok(0)
    }
}
