//! `cargo xtask image`: the container image, from scratch around one static binary, built by buildah and tried
//! with podman and runc.
//!
//! The binary is built for musl, which compiles everything once more, so `cargo xtask test` tries the image only
//! where `SEALTRAIL_IMAGE` is set, with few optimisations, and says so where it does not.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::deploy::{Server, succeed};
use crate::machine;
use crate::stage::Outcome;

const TARGET: &str = "x86_64-unknown-linux-musl";
const IMAGE: &str = "localhost/sealtrail:latest";
/// The user of the Containerfile.
const USER: u32 = 65532;

pub fn run() -> Result<()> {
    let root = machine::workspace()?;
    match make(&root, Build::ForUsers)? {
        Some(()) => {
            println!("{IMAGE} is built and was tried");
            Ok(())
        }
        None => bail!("x86-64 Linux, musl-tools, buildah, podman, runc and root are needed"),
    }
}

pub fn as_test(root: &Path) -> Result<Option<Outcome>> {
    if std::env::var_os("SEALTRAIL_IMAGE").is_none() {
        println!(
            "\nNOT TESTED  the container image: `cargo xtask image`, or SEALTRAIL_IMAGE=1 here"
        );
        return Ok(None);
    }
    const NAME: &str = "operation: the container image";
    println!("\n── {NAME}");
    let start = Instant::now();
    let (passed, failed) = match make(root, Build::ToTry) {
        Ok(Some(())) => (1, 0),
        Ok(None) => {
            println!("NOT TESTED  the container image: a tool is missing, or this is not root");
            return Ok(None);
        }
        Err(error) => {
            println!("FAILED: {error:#}");
            (0, 1)
        }
    };
    let took = start.elapsed();
    Ok(Some(Outcome { name: NAME.into(), ok: failed == 0, passed, failed, took }))
}

/// How much time the binary is worth.
#[derive(Clone, Copy)]
enum Build {
    ForUsers,
    ToTry,
}

fn make(root: &Path, how: Build) -> Result<Option<()>> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(None);
    }
    let mut tools = Vec::new();
    for (tool, package) in
        [("musl-gcc", "musl-tools"), ("buildah", "buildah"), ("podman", "podman"), ("runc", "runc")]
    {
        let Some(tool) = machine::program(tool, &[], package)? else { return Ok(None) };
        tools.push(tool);
    }
    let sealtrail = build(root, how)?;
    expect_static(&sealtrail)?;
    let context = tempfile::tempdir()?;
    std::fs::copy(&sealtrail, context.path().join("sealtrail"))?;
    let containerfile = root.join("examples/deploy/container/Containerfile");
    succeed(
        Command::new(&tools[1])
            .args(["build", "--isolation=chroot", "--tag", IMAGE, "--file"])
            .arg(containerfile)
            .arg(context.path()),
    )?;
    try_it(&tools[2], &tools[3], &sealtrail)?;
    Ok(Some(()))
}

fn build(root: &Path, how: Build) -> Result<PathBuf> {
    succeed(Command::new("rustup").args(["target", "add", TARGET]).current_dir(root))?;
    let start = Instant::now();
    let settings: &[&str] = match how {
        Build::ForUsers => &["--profile", "dist"],
        Build::ToTry => &[
            "--release",
            "--config",
            "profile.release.opt-level=1",
            "--config",
            "profile.release.debug=false",
        ],
    };
    let mut cargo = machine::cargo(root, &["build", "--package", "sealtrail", "--target", TARGET]);
    // zstd and ring are C.
    cargo.args(settings).env("CC_x86_64_unknown_linux_musl", "musl-gcc");
    if !cargo.status()?.success() {
        bail!("the sidecar did not build for {TARGET}");
    }
    let folder = machine::target_folder(root).join(TARGET);
    let built = match how {
        Build::ForUsers => folder.join("dist/sealtrail"),
        Build::ToTry => folder.join("release/sealtrail"),
    };
    let size = built.metadata()?.len() >> 20;
    println!("built for {TARGET} in {:.0} s, {size} MiB", start.elapsed().as_secs_f64());
    Ok(built)
}

/// An image from scratch has no loader.
fn expect_static(binary: &Path) -> Result<()> {
    let bytes = std::fs::read(binary)?;
    if bytes.windows(9).any(|window| window == b"/ld-musl-" || window == b"/ld-linux") {
        bail!("{} is linked dynamically", binary.display());
    }
    Ok(())
}

/// As nobody, with a root that cannot be written and no capability: it answers, records, and ends when it is told.
fn try_it(podman: &Path, runc: &Path, sealtrail: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    let trail = folder.path().join("trail");
    succeed(
        Command::new(sealtrail)
            .args(["init", "--json", "--origin", "shop.example/audit"])
            .args(["--proxy-listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0"])
            .arg(&trail),
    )?;
    give(&trail)?;
    let mount = format!("{}:/etc/sealtrail", trail.display());
    let mut server = Server::of(
        Command::new(podman)
            .arg("--runtime")
            .arg(runc)
            .args(["run", "--rm", "--network=host", "--read-only", "--cap-drop=all"])
            .args(["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"])
            .args(["--volume", &mount, IMAGE]),
    )?;
    let api = server.address("api")?;
    let ready = ureq::get(format!("http://{api}/readyz")).call()?;
    if ready.status() != 200 {
        bail!("/readyz answers {}", ready.status());
    }
    let change = r#"{"entity":{"type":"t","id":"1"},"action":"create","after":{"a":1}}"#;
    let answer = ureq::post(format!("http://{api}/v1/changes"))
        .header("content-type", "application/json")
        .send(change)?;
    if answer.status() != 200 {
        bail!("a change is answered with {}", answer.status());
    }
    let pid = server.child().id().to_string();
    succeed(Command::new("kill").args(["-TERM", &pid]))?;
    let status = server.child().wait()?;
    if !status.success() {
        bail!("it ended with {status}");
    }
    let checkpoint = std::fs::read_to_string(trail.join("log/checkpoint"))?;
    let size = checkpoint.lines().nth(1).context("a checkpoint has a size")?;
    if size != "1" {
        bail!("the last checkpoint covers {size} records, not 1");
    }
    Ok(())
}

/// Everything below a folder to the user of the image.
fn give(folder: &Path) -> Result<()> {
    chown(folder, Some(USER), Some(USER))?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            give(&entry.path())?;
        } else {
            chown(entry.path(), Some(USER), Some(USER))?;
        }
    }
    Ok(())
}
