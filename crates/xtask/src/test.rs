//! `cargo xtask test`: installs what it needs and runs everything that must hold.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{demo, deploy, fuzz, image, machine, soak, stage, wasm};

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

    // Without them the read model is tested with SQLite alone, and its tests say so.
    for (server, others, package) in
        [("postgres", &["pg_ctlcluster"][..], "postgresql"), ("mariadbd", &[], "mariadb-server")]
    {
        if machine::program(server, others, package)?.is_none() {
            println!("NOT TESTED  the read model with {package}: it could not be installed");
        }
    }

    let mut outcomes = Vec::new();
    // Optimised, because Cranelift and the ciphers are slow enough without that to hide a hang.
    let rust = [
        "test",
        "--release",
        "--workspace",
        "--exclude",
        "sealtrail-wasm",
        "--exclude",
        "sealtrail-wasm-proof",
        "--exclude",
        "xtask",
        "--no-fail-fast",
    ];
    outcomes.push(stage::run(
        "Rust: every room, vectors natively and under wasmtime",
        &mut machine::cargo(&root, &rust),
        true,
    )?);
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
    outcomes.extend(image::as_test(&root)?);
    match stage::summary(&outcomes) {
        true => Ok(()),
        false => bail!("not everything held"),
    }
}
