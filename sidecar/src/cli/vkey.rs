use clap::Args;
use serde_json::json;

use super::{ConfigArg, Style, output};
use crate::error::Result;
use crate::trail::read_signer;

/// Prints the verifier key of the log once more, as `init` did
///
/// It is derived from the signing key. Whoever checks the log should have it from before, from outside of this
/// machine: a key that came with a log proves nothing about it. Works beside a running server.
#[derive(Args)]
pub struct Vkey {
    #[command(flatten)]
    config: ConfigArg,
}

impl Vkey {
    pub fn run(self, style: Style) -> Result<u8> {
        let config = self.config.read()?;
        let vkey = read_signer(&config)?.1.to_string();
        if style.json {
            output::print_json(&json!({"origin": config.origin, "vkey": vkey}))?;
        } else {
            output::print_line(vkey.as_bytes())?;
        }
        Ok(0)
    }
}
