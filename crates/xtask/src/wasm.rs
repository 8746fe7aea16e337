//! `cargo xtask wasm`: the two wasm edges of the core, each where its reader looks for it.
//!
//! ```text
//! js/sealtrail/dist/wasm/  sealtrail.js, sealtrail_bg.wasm   the npm package (wasm-bindgen, target `web`)
//!                          proof.js, proof_bg.wasm           what checks proofs, for who needs that alone
//! js/console/dist/         the static page, guest.wasm, and the package's check of proofs below package/
//! ```
//!
//! `guest.wasm` is built with the flags that `sidecar/build.rs` includes too, so both give the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

include!("../../guest/flags.rs");

const TARGET: &str = "wasm32-unknown-unknown";

/// The module of the package that the page checks records with, and the files that it loads.
const PAGE_ENTRY: &str = "proof.browser.js";
const PAGE_WASM: [&str; 2] = ["proof.js", "proof_bg.wasm"];

/// Builds both edges and puts them, with what they need, into the two `dist` folders.
pub fn run() -> Result<()> {
    let root = workspace_root()?;
    ensure_target(&root)?;

    let package = root.join("js/sealtrail");
    let edge = build(&root, "sealtrail-wasm")?;
    let glue = package.join("dist/wasm");
    fresh(&glue)?;
    bindgen(&edge, &glue, "sealtrail")?;
    bindgen(&build(&root, "sealtrail-wasm-proof")?, &glue, "proof")?;

    let guest = build(&root, "sealtrail-guest")?;
    let page = root.join("js/console/dist");
    assemble_page(&root.join("js/console/page"), &package, &guest, &page)?;

    report(&root, &glue.join("sealtrail_bg.wasm"))?;
    report(&root, &glue.join("proof_bg.wasm"))?;
    report(&root, &page.join("guest.wasm"))
}

fn workspace_root() -> Result<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::canonicalize(&crates)
        .with_context(|| format!("cannot find the workspace at `{}`", crates.display()))
}

/// rust-toolchain.toml names the target, but rustup installs it only where auto-install is on.
fn ensure_target(root: &Path) -> Result<()> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(root)
        .output()
        .context("cannot run `rustc`")?;
    let libdir = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && Path::new(&libdir).is_dir() {
        return Ok(());
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).current_dir(root).status();
    match added {
        Ok(status) if status.success() => Ok(()),
        _ => bail!("the target `{TARGET}` is missing: `rustup target add {TARGET}`"),
    }
}

/// Builds one crate for wasm and returns the path of the module.
fn build(root: &Path, package: &str) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--lib", "--profile", "wasm", "--target", TARGET, "--package", package])
        .args(["--message-format", "json-render-diagnostics"])
        .env("CARGO_ENCODED_RUSTFLAGS", encoded_rustflags(root))
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run `cargo`")?;
    if !output.status.success() {
        bail!("`{package}` did not build for {TARGET}");
    }
    // Cargo says where it wrote the module: CARGO_TARGET_DIR and the configuration may put it anywhere.
    String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter_map(|message| message["filenames"].as_array().cloned())
        .flatten()
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .rfind(|file| file.extension().is_some_and(|extension| extension == "wasm"))
        .ok_or_else(|| anyhow!("cargo built `{package}` but named no .wasm file"))
}

/// The glue is an ES module that asks for its wasm: the package's loaders give it, one per runtime.
fn bindgen(module: &Path, out: &Path, name: &str) -> Result<()> {
    Bindgen::new()
        .input_path(module)
        .out_name(name)
        .web(true)?
        .omit_default_module_path(true)
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(out)
        .with_context(|| format!("wasm-bindgen failed on `{}`", module.display()))
}

/// The page works from any static server: everything it loads is below its own folder.
fn assemble_page(source: &Path, package: &Path, guest: &Path, out: &Path) -> Result<()> {
    fresh(out)?;
    copy_folder(source, out)?;
    fs::copy(guest, out.join("guest.wasm"))?;
    fs::create_dir_all(out.join("package/src"))?;
    for (module, text) in reached(&package.join("src"), PAGE_ENTRY)? {
        fs::write(out.join("package/src").join(module), text)?;
    }
    let wasm = "dist/wasm";
    fs::create_dir_all(out.join("package").join(wasm))?;
    for file in PAGE_WASM {
        fs::copy(package.join(wasm).join(file), out.join("package").join(wasm).join(file))?;
    }
    Ok(())
}

/// A module of the package and all that it imports from its own folder, with their texts.
fn reached(folder: &Path, entry: &str) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut left = vec![entry.to_owned()];
    while let Some(module) = left.pop() {
        if found.contains_key(&module) {
            continue;
        }
        let text = fs::read_to_string(folder.join(&module))
            .with_context(|| format!("cannot read `{module}` of the package"))?;
        let imports = text.split(" from './").skip(1).filter_map(|rest| rest.split('\'').next());
        left.extend(imports.map(str::to_owned));
        found.insert(module, text);
    }
    Ok(found)
}

fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot clear `{}`", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read `{}`", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn report(root: &Path, file: &Path) -> Result<()> {
    let bytes = fs::read(file)?;
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let name = file.strip_prefix(root).unwrap_or(file);
    println!("{:<44} {:>8} bytes  sha256 {digest}", name.display().to_string(), bytes.len());
    Ok(())
}
