//! `cargo xtask soak`: the sidecar under load while things break around it.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::stage::Outcome;
use crate::{machine, stage, wasm};

/// A share of it is part of every test run.
const AS_TEST: u64 = 20;

pub fn run(arguments: &[String]) -> Result<()> {
    let seconds = match arguments {
        [] => 120,
        [name, minutes] if name == "--minutes" => {
            let minutes: u64 = minutes.parse().context("`--minutes` needs a number")?;
            minutes * 60
        }
        _ => bail!("usage: soak [--minutes N]"),
    };
    let root = machine::workspace()?;
    // The page is embedded in the sidecar, so it comes first.
    wasm::run()?;
    build(&root, "sealtrail")?;
    build(&root, "sealtrail-bench")?;
    if !command(&root, seconds).status()?.success() {
        bail!("the soak failed");
    }
    Ok(())
}

/// With the sidecar that the tests before it have built.
pub fn as_test(root: &std::path::Path) -> Result<Outcome> {
    build(root, "sealtrail-bench")?;
    stage::run("soak: load while things break", &mut command(root, AS_TEST), false)
}

/// One package at a time: together they would share features, and be built anew with them.
fn build(root: &std::path::Path, package: &str) -> Result<()> {
    if !machine::cargo(root, &["build", "--release", "--package", package]).status()?.success() {
        bail!("`{package}` did not build");
    }
    Ok(())
}

fn command(root: &std::path::Path, seconds: u64) -> Command {
    let mut command = Command::new(machine::target_folder(root).join("release/sealtrail-bench"));
    command.args(["soak", "--seconds", &seconds.to_string()]);
    command
}
