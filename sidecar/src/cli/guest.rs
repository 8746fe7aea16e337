use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Style, output};
use crate::code::Code;
use crate::engine::{embedded, sha256_of};
use crate::error::{Error, Result};

/// Writes the guest of this binary into a file, for another sidecar to run in place of its own
///
/// Both must be of one version and for one kind of machine. The other one runs it if its configuration names the
/// file and allows the digest that is printed: `[engine] guest` and `allow`.
#[derive(Args)]
pub struct GuestCommand {
    /// A file that is not there yet
    file: PathBuf,
}

impl GuestCommand {
    pub fn run(self, style: Style) -> Result<u8> {
        let code = embedded::CODE;
        let named = |e: std::io::Error| Error::new(Code::WrongUse, e.to_string());
        let named = |e| named(e).context(self.file.display());
        let mut file = std::fs::File::create_new(&self.file).map_err(named)?;
        file.write_all(code).and_then(|()| file.sync_all()).map_err(named)?;
        let sha256 = sha256_of(code);
        if style.json {
            output::print_json(&json!({"sha256": sha256}))?;
        } else {
            output::print_line(sha256.as_bytes())?;
        }
        Ok(0)
    }
}
