//! `cargo xtask image`: the container image, from scratch around one static binary, built by buildah and tried
//! with podman and runc.
//!
//! Users get a binary that was linked as a whole. A test run compiles for musl with few optimisations, which is enough
//! to see that it is static, that it starts from nothing, and that it works there. `SEALTRAIL_IMAGE=0` leaves it out.

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
pub const NAME: &str = "operation: the container image";
/// Not optimised, which compiles fastest, and the guest in it is compiled as ever.
const TO_TRY: &[&str] = &[
    "--release",
    "--config",
    "profile.release.opt-level=0",
    "--config",
    "profile.release.debug=false",
];
/// The user of the Containerfile.
const USER: u32 = 65532;

pub fn run(arguments: &[String]) -> Result<()> {
    let how = match arguments {
        [] => Build::ForUsers,
        [quick] if quick == "--quick" => Build::ToTry,
        _ => bail!("usage: image [--quick]"),
    };
    let root = machine::workspace()?;
    let tools = match tools()? {
        Ok(tools) => tools,
        Err(why) => bail!("{why}"),
    };
    make(&root, &tools, how)?;
    println!("{IMAGE} is built and was tried");
    Ok(())
}

/// As part of a test run; `Err` says why it could not be tried on this machine.
pub fn as_test(root: &Path) -> Result<Result<Outcome, String>> {
    if std::env::var_os("SEALTRAIL_IMAGE").is_some_and(|value| value == "0") {
        return Ok(Err("SEALTRAIL_IMAGE=0".into()));
    }
    println!("\n── {NAME}");
    let start = Instant::now();
    let tools = match tools()? {
        Ok(tools) => tools,
        Err(why) => return Ok(Err(why)),
    };
    let made = make(root, &tools, Build::ToTry);
    if let Err(error) = &made {
        println!("FAILED: {error:#}");
    }
    let (passed, failed) = if made.is_ok() { (1, 0) } else { (0, 1) };
    let took = start.elapsed();
    Ok(Ok(Outcome { name: NAME.into(), ok: failed == 0, passed, failed, took }))
}

/// How much time the binary is worth.
#[derive(Clone, Copy)]
enum Build {
    ForUsers,
    ToTry,
}

struct Tools {
    buildah: PathBuf,
    podman: PathBuf,
    runc: PathBuf,
}

/// What builds images and runs them here, or why nothing does.
fn tools() -> Result<Result<Tools, String>> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(Err("the image is for Linux on x86-64".into()));
    }
    let mut found = Vec::new();
    for (tool, package) in
        [("musl-gcc", "musl-tools"), ("buildah", "buildah"), ("podman", "podman"), ("runc", "runc")]
    {
        let Some(path) = machine::program(tool, &[], package)? else {
            return Ok(Err(format!("there is no {tool}, and {package} could not be installed")));
        };
        found.push(path);
    }
    let [_, buildah, podman, runc] = <[PathBuf; 4]>::try_from(found).expect("one for each");
    let tools = Tools { buildah, podman, runc };
    // Before minutes of compiling.
    Ok(match tools.probe() {
        Ok(()) => Ok(tools),
        Err(error) => Err(format!("no container runs here: {error:#}")),
    })
}

impl Tools {
    /// Whether a container can be built and run on this machine, with a program that does nothing.
    fn probe(&self) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (source, containerfile) =
            (folder.path().join("probe.rs"), folder.path().join("Containerfile"));
        std::fs::write(&source, "fn main() {}")?;
        std::fs::write(
            &containerfile,
            "FROM scratch\nCOPY probe /probe\nENTRYPOINT [\"/probe\"]\n",
        )?;
        succeed(Command::new("rustup").args(["target", "add", TARGET]))?;
        let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        succeed(
            rustc.args(["--target", TARGET, "-o"]).arg(folder.path().join("probe")).arg(&source),
        )?;
        const PROBE: &str = "localhost/sealtrail-probe:latest";
        self.build(PROBE, &containerfile, folder.path())?;
        let ran = succeed(self.run().arg(PROBE));
        let removed = succeed(Command::new(&self.buildah).args(["rmi", PROBE]));
        ran.and(removed).map(drop)
    }

    fn build(&self, name: &str, containerfile: &Path, context: &Path) -> Result<()> {
        let mut build = Command::new(&self.buildah);
        build.args(["build", "--isolation=chroot", "--tag", name, "--file"]);
        succeed(build.arg(containerfile).arg(context)).map(drop)
    }

    /// With a root that cannot be written and no capability.
    fn run(&self) -> Command {
        let mut podman = Command::new(&self.podman);
        podman
            .arg("--runtime")
            .arg(&self.runc)
            .args(["run", "--rm", "--network=host", "--read-only", "--cap-drop=all"])
            .args(["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"]);
        podman
    }
}

fn make(root: &Path, tools: &Tools, how: Build) -> Result<()> {
    let sealtrail = build(root, how)?;
    expect_static(&sealtrail)?;
    let context = tempfile::tempdir()?;
    std::fs::copy(&sealtrail, context.path().join("sealtrail"))?;
    tools.build(IMAGE, &root.join("examples/deploy/container/Containerfile"), context.path())?;
    try_it(tools, &sealtrail)
}

fn build(root: &Path, how: Build) -> Result<PathBuf> {
    succeed(Command::new("rustup").args(["target", "add", TARGET]).current_dir(root))?;
    let start = Instant::now();
    let settings: &[&str] = match how {
        Build::ForUsers => &["--profile", "dist"],
        Build::ToTry => TO_TRY,
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

/// As nobody: it answers, records, and ends when it is told.
fn try_it(tools: &Tools, sealtrail: &Path) -> Result<()> {
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
    let mut server = Server::of(tools.run().args(["--volume", &mount, IMAGE]))?;
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
