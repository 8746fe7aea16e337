//! `cargo xtask test`: installs what it needs and runs everything that must hold.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{demo, deploy, fuzz, image, machine, soak, stage, wasm};

/// One after the other, because packages that are built together share the features of what they depend on. With its
/// neighbours the sidecar would have those that a schema checker asks for; it would not be what users run, and be built
/// anew for them.
const STAGES: [(&str, &[&str]); 2] = [
    (
        "Rust: every room, vectors under wasmtime",
        &[
            "--workspace",
            "--exclude=sealtrail-tests",
            "--exclude=sealtrail-bench",
            "--exclude=sealtrail-wasm",
            "--exclude=sealtrail-wasm-proof",
            "--exclude=xtask",
        ],
    ),
    ("Rust: across rooms, vectors natively", &["--package=sealtrail-tests"]),
];

const SERVERS: &str = "the read model with a server";

pub fn run() -> Result<()> {
    let root = machine::workspace()?;
    let js = root.join("js");
    wasm::run()?;
    let chromium =
        machine::program("chromium", &["chromium-browser", "google-chrome"], "chromium")?;
    let Some(chromium) = chromium else {
        bail!("no Chromium was found and none could be installed: the browser tests need one");
    };
    if !machine::python_with_venv()? {
        bail!(
            "no Python 3 with venv was found and none could be installed: the tests of the KMS need it"
        );
    }

    let mut untried = Vec::new();
    // Without them the read model is tested with SQLite alone, and its tests say so.
    for (server, others, package) in
        [("postgres", &["pg_ctlcluster"][..], "postgresql"), ("mariadbd", &[], "mariadb-server")]
    {
        if machine::program(server, others, package)?.is_none() {
            let why = format!("{package} could not be installed");
            println!("NOT TRIED  {SERVERS}: {why}");
            untried.push((SERVERS, why));
        }
    }

    let mut outcomes = Vec::new();
    let notes = machine::target_folder(&root).join("not-tried");
    let _ = std::fs::remove_file(&notes);
    for (name, packages) in STAGES {
        // Optimised, because Cranelift and the ciphers are slow enough without that to hide a hang.
        let mut tests = machine::cargo(&root, &["test", "--release", "--no-fail-fast"]);
        tests.args(packages).env("SEALTRAIL_NOT_TRIED", &notes);
        outcomes.push(stage::run(name, &mut tests, true)?);
    }
    untried.extend(stage::notes(&notes).into_iter().map(|why| ("tests that returned early", why)));
    let tasks = ["test", "--package", "xtask"];
    outcomes.push(stage::run("Rust: the tasks", &mut machine::cargo(&root, &tasks), true)?);
    outcomes.push(fuzz::as_test(&root)?);
    let mut node = Command::new("npm");
    node.arg("test").current_dir(&js).env("CHROMIUM", chromium);
    node.env("SEALTRAIL_BIN", machine::target_folder(&root).join("release/sealtrail"));
    outcomes.push(stage::run(
        "JavaScript: package, vectors in Node and Chromium",
        &mut node,
        true,
    )?);
    let shop = root.join("examples/shop");
    machine::npm_packages(&shop)?;
    let mut shop_tests = Command::new("npm");
    shop_tests.arg("test").current_dir(&shop);
    outcomes.push(stage::run("examples: the shop", &mut shop_tests, true)?);
    outcomes.push(demo::as_test(&root)?);
    outcomes.push(soak::as_test(&root)?);
    outcomes.push(deploy::as_test(&root)?);
    match image::as_test(&root)? {
        Ok(outcome) => outcomes.push(outcome),
        Err(why) => untried.push((image::NAME, why)),
    }
    match stage::summary(&outcomes, &untried) {
        true => Ok(()),
        false => bail!("not everything held"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What a build links, each package with its features.
    fn linked(edges: &str, packages: &[&str]) -> BTreeSet<String> {
        let root = machine::workspace().unwrap();
        let mut tree = machine::cargo(&root, &["tree", "--locked", "--prefix=none"]);
        tree.args(["--format={p} {f}", "--edges", edges]).args(packages);
        let printed = crate::deploy::succeed(&mut tree).unwrap();
        printed.lines().map(|line| line.trim_end_matches("(*)").trim_end().to_owned()).collect()
    }

    #[test]
    fn the_binary_that_is_tested_is_the_one_that_users_build() {
        let users = linked("normal", &["--package=sealtrail"]);
        let tested = linked("normal,dev", STAGES[0].1);
        assert!(users.len() > 100, "{users:?}");
        let others: Vec<_> = users.difference(&tested).collect();
        assert!(others.is_empty(), "the tests build these with other features: {others:#?}");
    }
}
