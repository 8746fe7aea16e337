//! What a fresh machine lacks, and how it gets it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub fn workspace() -> Result<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::canonicalize(&crates)
        .with_context(|| format!("cannot find the workspace at `{}`", crates.display()))
}

/// Where cargo puts what it builds.
pub fn target_folder(root: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root.join(folder),
        None => root.join("target"),
    }
}

/// The cargo that runs this, as if somebody had typed it: what it says of this very package would make build scripts
/// that look at it (ring's does) run again, and half of the sidecar be built anew, here and by the next plain cargo.
pub fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    command.args(arguments).current_dir(root);
    command
}

/// npm packages as the lock file names them; nothing to do where they are there already.
pub fn npm_packages(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let installed = folder.join("node_modules/.package-lock.json");
    let modified = |path: &Path| path.metadata().and_then(|m| m.modified()).ok();
    if modified(&installed).is_some_and(|at| Some(at) >= modified(&lock)) {
        return Ok(());
    }
    println!("installing npm packages in {}", folder.display());
    let status = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(folder)
        .status()
        .context("cannot run `npm`: Node 20 or newer is needed")?;
    if !status.success() {
        bail!("`npm ci` failed in `{}`", folder.display());
    }
    Ok(())
}

/// Finds a program of this system, or installs the Debian package that has it.
///
/// `Ok(None)` where it is missing and cannot be installed; the caller says what that means.
pub fn program(name: &str, alternatives: &[&str], package: &str) -> Result<Option<PathBuf>> {
    let find = || std::iter::once(&name).chain(alternatives).find_map(|name| on_path(name));
    if let Some(found) = find() {
        return Ok(Some(found));
    }
    Ok(if install(package)? { find() } else { None })
}

/// A Debian package, where that is allowed.
fn install(package: &str) -> Result<bool> {
    if on_path("apt-get").is_none() || !is_root() {
        return Ok(false);
    }
    println!("installing the Debian package {package}");
    for arguments in
        [&["update", "-qq"][..], &["install", "-y", "-qq", "--no-install-recommends", package]]
    {
        let status = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null())
            .status()?;
        if !status.success() {
            println!("apt-get {} failed", arguments[0]);
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether there is a Python that makes environments of its own, or one could be installed.
pub fn python_with_venv() -> Result<bool> {
    let has = |program: &Path| {
        let mut python = Command::new(program);
        python.args(["-c", "import ensurepip, venv"]).stderr(Stdio::null());
        python.status().is_ok_and(|status| status.success())
    };
    if on_path("python3").is_some_and(|python| has(&python)) {
        return Ok(true);
    }
    // Debian has the program without the module.
    let found = install("python3-venv")?.then(|| on_path("python3")).flatten();
    Ok(found.is_some_and(|python| has(&python)))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // nginx lives where a plain user's path does not look.
    let more = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).map(|folder| folder.join(name)).find(|p| p.is_file())
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|o| o.stdout.trim_ascii() == b"0")
}
