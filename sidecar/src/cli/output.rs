//! Standard output. A reader that has seen enough (`| head`) is no error.

use std::io::{ErrorKind, Write};

use crate::error::{Error, Result};

pub fn print(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(|e| Error::from(e).context("standard output")),
    }
}

/// The text and a line end, unless it has one.
pub fn print_line(bytes: &[u8]) -> Result<()> {
    print(bytes)?;
    if bytes.ends_with(b"\n") { Ok(()) } else { print(b"\n") }
}

pub fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print_line(&serde_json::to_vec(value).unwrap_or_default())
}
