//! `cargo xtask bench`: gets what the benchmarks need, then runs `tests/bench` optimised.

use anyhow::{Result, bail};

use crate::{machine, wasm};

pub fn run(arguments: &[String]) -> Result<()> {
    let root = machine::workspace()?;
    let names = ["core", "node", "size", "log", "proxy"];
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    let wanted = |name: &str| named(name) || !names.iter().any(|name| named(name));
    if wanted("node") || wanted("size") || wanted("proxy") {
        // The page is embedded in the sidecar, so it comes first.
        wasm::run()?;
        machine::npm_packages(&root.join("js"))?;
    }
    if wanted("proxy") {
        for (name, package) in [("nginx", "nginx-light"), ("wrk", "wrk")] {
            if machine::program(name, &[], package)?.is_none() {
                bail!("the proxy benchmark needs {name}, and it could not be installed");
            }
        }
        if !machine::cargo(&root, &["build", "--release", "--package", "sealtrail"])
            .status()?
            .success()
        {
            bail!("the sidecar did not build");
        }
    }
    let run = ["run", "--release", "--quiet", "--package", "sealtrail-bench", "--"];
    let mut command = machine::cargo(&root, &run);
    if !command.args(arguments).status()?.success() {
        bail!("the benchmark failed");
    }
    Ok(())
}
