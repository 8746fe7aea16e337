use std::path::PathBuf;

use clap::Args;

use super::{ConfigArg, input, output, serve};
use crate::collector::{collect_blocking, to_json};
use crate::error::Result;
use crate::trail::Trail;

/// Appends changes to the log: JSON or NDJSON in, receipts out
///
/// Each receipt is printed after its record is on disk. While `serve` runs, the log is its alone: send
/// the changes to `POST /v1/changes`.
#[derive(Args)]
pub struct Append {
    #[command(flatten)]
    config: ConfigArg,
    /// One change, or one on each line
    #[arg(default_value = "-")]
    changes: PathBuf,
}

/// So many changes share one wait for the disk.
const BATCH: usize = 1000;

impl Append {
    pub fn run(self) -> Result<u8> {
        let config = self.config.read()?;
        let changes = input::read(&self.changes)?;
        let (trail, recovery) =
            Trail::open(&config).map_err(|e| super::remote::hint(e, "POST /v1/changes"))?;
        serve::tell_torn_tail(&recovery);
        trail.returned.look(&trail)?;
        let mut code = 0;
        let (numbers, changes): (Vec<_>, Vec<_>) =
            input::split_numbered(&changes).into_iter().unzip();
        for (batch, numbers) in changes.chunks(BATCH).zip(numbers.chunks(BATCH)) {
            for (outcome, number) in collect_blocking(&trail, batch).into_iter().zip(numbers) {
                let outcome = outcome.map_err(|error| match number {
                    Some(number) => error.in_line(*number as u64),
                    None => error,
                });
                output::print_line(&to_json(&outcome))?;
                if let (0, Err(error)) = (code, &outcome) {
                    code = error.code().exit_code();
                }
            }
        }
        trail.close()?;
        Ok(code)
    }
}
