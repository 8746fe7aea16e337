//! `cargo xtask demo`: a shop behind the sidecar, and the life of its records.
//!
//! Every step is checked; the demo ends with an error where one does not hold.

mod shop;
mod show;
mod steps;

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::stage::Outcome;
use crate::{machine, wasm};

pub fn run() -> Result<()> {
    let root = machine::workspace()?;
    wasm::run()?;
    install(&root)?;
    if !machine::cargo(&root, &["build", "--release", "--package", "sealtrail"]).status()?.success()
    {
        bail!("the sidecar did not build");
    }
    let checks = steps::all(&root)?;
    println!("\nAll {checks} checks of the demo held.");
    Ok(())
}

/// The demo as the end-to-end test, with what the tests before it have built.
pub fn as_test(root: &Path) -> Result<Outcome> {
    println!("\n── end to end: the demo");
    let start = Instant::now();
    let done = install(root).and_then(|()| steps::all(root));
    let (ok, passed) = match &done {
        Ok(checks) => (true, *checks),
        Err(error) => {
            println!("FAILED: {error:#}");
            (false, 0)
        }
    };
    let failed = u64::from(!ok);
    Ok(Outcome { name: "end to end: the demo".into(), ok, passed, failed, took: start.elapsed() })
}

fn install(root: &Path) -> Result<()> {
    machine::npm_packages(&root.join("js"))?;
    machine::npm_packages(&root.join("examples/shop"))
}
