//! The package under V8's profiler.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::{SECONDS, Share};

pub fn shares(root: &Path, folder: &Path, stem: &str, work: &str) -> Result<Vec<Share>> {
    let output = Command::new("node")
        .arg("bench/again.mjs")
        .arg(folder)
        .args([stem, work, SECONDS])
        .current_dir(root.join("js"))
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run `node`")?;
    if !output.status.success() {
        bail!("`js/bench/again.mjs` failed");
    }
    let shares: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&output.stdout)?;
    let share =
        |(name, share): (String, serde_json::Value)| Some(Share { name, share: share.as_f64()? });
    Ok(shares.into_iter().filter_map(share).collect())
}
