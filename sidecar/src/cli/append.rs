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
        let mut code = 0;
        for batch in split(&changes).chunks(BATCH) {
            for outcome in collect_blocking(&trail, batch) {
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

/// One change for each line, unless the first line is not a whole value: then the file is one change
/// that was written over several lines.
fn split(input: &[u8]) -> Vec<&[u8]> {
    let lines = input.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
    let is_whole = |line: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
    match lines[..] {
        [first, _, ..] if !is_whole(first) => vec![input],
        _ => lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_many() {
        assert_eq!(split(b"{\"a\":1}\n\n{\"a\":2}\n"), [b"{\"a\":1}", b"{\"a\":2}"]);
        let pretty: &[u8] = b"{\n  \"a\": 1\n}\n";
        assert_eq!(split(pretty), [pretty]);
        assert_eq!(split(b"{not json"), [b"{not json"]);
        assert!(split(b"\n \n").is_empty());
    }
}
