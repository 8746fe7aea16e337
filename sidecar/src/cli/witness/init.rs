use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::super::{Style, output};
use crate::error::Result;
use crate::witness;

/// Makes a witness: a key and a folder for what it remembers
///
/// Prints the witness's verifier key, and the line for the policy of whoever relies on it. Nothing that is
/// there already is overwritten. Belongs on a machine that the operator of the log has no hand on.
#[derive(Args)]
pub struct Init {
    /// Where to
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The name of the witness, part of every cosignature: a URL without scheme, `auditor.example/w1`
    #[arg(long)]
    name: String,
}

impl Init {
    pub fn run(self, style: Style) -> Result<u8> {
        let key = witness::create(&self.dir, &self.name)?;
        if style.json {
            output::print_json(&json!({"name": key.name(), "vkey": key.to_string()}))?;
            return Ok(0);
        }
        let dir = self.dir.display();
        let text = format!(
            "the witness `{name}` is ready in {dir}\n\nverifier key:\n\n  {key}\n\nfor a policy:\n\n  \
             witness {name} {key}\n\nGive the key to whoever reads the log. Never put the folder back from a \
             backup:\na witness that forgets may cosign two histories.\n\nnext: sealtrail witness cosign --state \
             {dir} --vkey KEY LOG\n",
            name = key.name(),
        );
        output::print(text.as_bytes())?;
        Ok(0)
    }
}
