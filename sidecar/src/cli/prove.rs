use std::path::PathBuf;

use clap::Args;
use sealtrail_log::Reader;
use sealtrail_record::json::{self, Value};

use super::{input, output};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::export::Prover;
use crate::questions::{STORED, no_record};

/// Writes the receipt of a record, a C2SP .tlog-proof
///
/// With it, the line and the verifier key anybody can check that the record is in the log.
#[derive(Args)]
pub struct Prove {
    /// The log directory
    #[arg(value_name = "LOGDIR")]
    log: PathBuf,
    /// The index of the record, or its id
    record: String,
    /// Write the receipt here instead of to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the line of the record here too, byte for byte
    #[arg(long, value_name = "FILE")]
    line: Option<PathBuf>,
    /// Prove it under this checkpoint of the log, one that witnesses cosigned, and not under the newest
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

impl Prove {
    pub fn run(self) -> Result<u8> {
        input::expect_log(&self.log)?;
        let reader = Reader::open(&self.log)?;
        let index = match self.record.parse() {
            Ok(index) => index,
            Err(_) => find(&reader, &self.record)?,
        };
        let receipt = match &self.checkpoint {
            None => reader.prove(index)?,
            Some(path) => Prover::under(&input::read(path)?, reader.clone())
                .and_then(|prover| prover.receipt(index))
                .map_err(|error| error.context(path.display()))?,
        };
        let receipt = receipt.to_text();
        let write = |path: &PathBuf, bytes: &[u8]| {
            std::fs::write(path, bytes).map_err(|e| Error::from(e).context(path.display()))
        };
        if let Some(path) = &self.line {
            let mut line = reader.read(index)?;
            line.push(b'\n');
            write(path, &line)?;
        }
        match &self.out {
            Some(path) => write(path, receipt.as_bytes())?,
            None => output::print(receipt.as_bytes())?,
        }
        Ok(0)
    }
}

/// Reads the log from its first line: a directory alone has no index.
fn find(reader: &Reader, id: &str) -> Result<u64> {
    let quoted = format!("\"{id}\"");
    for line in reader.lines(reader.first()?)? {
        let (index, line) = line?;
        if memchr::memmem::find(&line, quoted.as_bytes()).is_none() {
            continue;
        }
        let record = json::parse(&line, &STORED).map_err(|error| {
            Error::new(Code::LogDamaged, format!("record {index} cannot be read: {error}"))
        })?;
        if record.get("id").and_then(Value::as_str) == Some(id) {
            return Ok(index);
        }
    }
    Err(no_record(id, reader))
}
