//! `cargo xtask wasm`: the two wasm edges of the core, each where its reader looks for it.
//!
//! ```text
//! js/sealtrail/dist/wasm/  sealtrail.js, sealtrail_bg.wasm   the npm package (wasm-bindgen, target `web`)
//!                          proof.js, proof_bg.wasm           what checks proofs, for who needs that alone
//! js/console/dist/         the page, which `npm run build` makes of both wasm files
//! ```
//!
//! `guest.wasm` is built with the flags that `sidecar/build.rs` includes too, so both give the same bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use crate::machine;

include!("../../guest/flags.rs");

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds both edges, and the page around the guest.
pub fn run() -> Result<()> {
    let root = workspace_root()?;
    ensure_target(&root)?;

    let package = root.join("js/sealtrail");
    let edge = build(&root, "sealtrail-wasm")?;
    let glue = package.join("dist/wasm");
    fresh(&glue)?;
    bindgen(&edge, &glue, "sealtrail", Names::Removed)?;
    bindgen(&build(&root, "sealtrail-wasm-proof")?, &glue, "proof", Names::Removed)?;

    let guest = build(&root, "sealtrail-guest")?;
    build_page(&root.join("js"), &guest)?;

    report(&root, &glue.join("sealtrail_bg.wasm"))?;
    report(&root, &glue.join("proof_bg.wasm"))?;
    report(&root, &root.join("js/console/dist/guest.wasm"))
}

/// The module of the package with the names of its functions, for profiles, in a folder that is made anew.
pub fn with_names(folder: &Path) -> Result<PathBuf> {
    fresh(folder)?;
    bindgen(&build(&workspace_root()?, "sealtrail-wasm")?, folder, "sealtrail", Names::Kept)?;
    Ok(folder.join("sealtrail_bg.wasm"))
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
    let command = ["build", "--lib", "--profile", "wasm", "--target", TARGET, "--package", package];
    let output = machine::cargo(root, &command)
        .args(["--message-format", "json-render-diagnostics"])
        .env("CARGO_ENCODED_RUSTFLAGS", encoded_rustflags(root))
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

enum Names {
    Kept,
    Removed,
}

/// The glue is an ES module that asks for its wasm: the package's loaders give it, one per runtime.
fn bindgen(module: &Path, out: &Path, name: &str, names: Names) -> Result<()> {
    Bindgen::new()
        .input_path(module)
        .out_name(name)
        .web(true)?
        .omit_default_module_path(true)
        .typescript(false)
        .remove_name_section(matches!(names, Names::Removed))
        .remove_producers_section(true)
        .generate(out)
        .with_context(|| format!("wasm-bindgen failed on `{}`", module.display()))
}

/// The page runs this very file, and checks proofs with the module that the package has.
fn build_page(js: &Path, guest: &Path) -> Result<()> {
    machine::npm_packages(js)?;
    let status = Command::new("npm")
        .args(["run", "build", "--silent", "--workspace", "sealtrail-console"])
        .env("SEALTRAIL_GUEST", guest)
        .current_dir(js)
        .status()
        .context("cannot run `npm`: Node 20 or newer is needed")?;
    if !status.success() {
        bail!("the page (js/console) did not build");
    }
    Ok(())
}

fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot clear `{}`", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))
}

fn report(root: &Path, file: &Path) -> Result<()> {
    let bytes = fs::read(file)?;
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let name = file.strip_prefix(root).unwrap_or(file);
    println!("{:<44} {:>8} bytes  sha256 {digest}", name.display().to_string(), bytes.len());
    Ok(())
}
