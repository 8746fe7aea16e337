//! The files of `examples/deploy`, checked by the tools that read them: systemd, the schemas of Kubernetes, and
//! the sidecar for its own configuration. `/metrics` of a running sidecar goes through `promtool`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::machine;
use crate::stage::Outcome;

/// Of PyPI; it carries the schemas that it checks against.
const KUBERNETES_VALIDATE: &str = "kubernetes-validate==1.37.0";
/// The oldest release with sidecar containers, and one of today.
const KUBERNETES: [&str; 2] = ["1.29", "1.37"];
/// In tenths, as `systemd-analyze security` takes it: 0 is closed, 100 is open.
const EXPOSURE: &str = "20";

pub fn as_test(root: &Path) -> Result<Outcome> {
    const NAME: &str = "operation: unit, manifests, metrics";
    println!("\n── {NAME}");
    let start = Instant::now();
    let files = root.join("examples/deploy");
    let sealtrail = machine::target_folder(root).join("release/sealtrail");
    let kubernetes = files.join("kubernetes");
    let checks = [
        ("the systemd unit", check_unit(&files.join("systemd/sealtrail.service"), &sealtrail)),
        ("the Kubernetes manifests", check_manifests(root, &kubernetes)),
        ("their configuration", check_configuration(&kubernetes, &sealtrail)),
        ("the metrics", check_metrics(&sealtrail)),
    ];
    let (mut passed, mut failed) = (0, 0);
    for (what, check) in checks {
        match check {
            Ok(Some(())) => {
                println!("ok          {what}");
                passed += 1;
            }
            Ok(None) => println!("NOT TESTED  {what}: the tool is missing and cannot be installed"),
            Err(error) => {
                println!("FAILED      {what}: {error:#}");
                failed += 1;
            }
        }
    }
    Ok(Outcome { name: NAME.into(), ok: failed == 0, passed, failed, took: start.elapsed() })
}

fn check_unit(unit: &Path, sealtrail: &Path) -> Result<Option<()>> {
    let Some(analyze) = machine::program("systemd-analyze", &[], "systemd")? else {
        return Ok(None);
    };
    // Its program is not installed here.
    let text = std::fs::read_to_string(unit)?;
    let text = text.replace("/usr/local/bin/sealtrail", &sealtrail.display().to_string());
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("sealtrail.service");
    std::fs::write(&copy, text)?;
    succeed(Command::new(&analyze).arg("verify").arg(&copy))?;
    let threshold = format!("--threshold={EXPOSURE}");
    succeed(Command::new(&analyze).args(["security", "--offline=true", &threshold]).arg(&copy))?;
    Ok(Some(()))
}

fn check_manifests(root: &Path, folder: &Path) -> Result<Option<()>> {
    let environment = machine::target_folder(root).join("kubernetes-validate");
    let tool = environment.join("bin/kubernetes-validate");
    if !tool.is_file() {
        let python = machine::program("python3", &[], "python3-venv")?;
        let Some(python) = python else { return Ok(None) };
        let made = succeed(Command::new(python).args(["-m", "venv"]).arg(&environment));
        let pip = environment.join("bin/pip");
        let installed = made
            .and_then(|_| succeed(Command::new(pip).args(["install", "-q", KUBERNETES_VALIDATE])));
        if let Err(error) = installed {
            println!("{error:#}");
            return Ok(None);
        }
    }
    let manifest = folder.join("sealtrail.yaml");
    for version in KUBERNETES {
        succeed(Command::new(&tool).args(["--strict", "-k", version]).arg(&manifest))?;
    }
    Ok(Some(()))
}

/// The sidecar takes it, and Kubernetes waits longer than the sidecar drains.
fn check_configuration(folder: &Path, sealtrail: &Path) -> Result<Option<()>> {
    let configuration = folder.join("sealtrail.toml");
    let printed = succeed(
        Command::new(sealtrail)
            .args(["--json", "config", "--no-files", "--config"])
            .arg(configuration),
    )?;
    let printed: serde_json::Value = serde_json::from_str(&printed)?;
    let drain = printed["limits"]["drain"].as_str().and_then(|drain| drain.strip_suffix('s'));
    let drain: u64 = drain.context("the drain is not in seconds")?.parse()?;
    let manifest = std::fs::read_to_string(folder.join("sealtrail.yaml"))?;
    let number = |key: &str| -> Result<u64> {
        let line = manifest.lines().find_map(|line| line.trim().strip_prefix(key));
        Ok(line.with_context(|| format!("there is no `{key}`"))?.trim().parse()?)
    };
    let (grace, sleep) = (number("terminationGracePeriodSeconds:")?, number("seconds:")?);
    if grace < sleep + drain + 10 {
        bail!("{grace} s are too short for {sleep} s of preStop, {drain} s of drain, and the end");
    }
    Ok(Some(()))
}

fn check_metrics(sealtrail: &Path) -> Result<Option<()>> {
    let Some(promtool) = machine::program("promtool", &[], "prometheus")? else {
        return Ok(None);
    };
    let folder = tempfile::tempdir()?;
    let trail = folder.path().join("trail");
    succeed(
        Command::new(sealtrail)
            .args(["init", "--origin", "shop.example/audit", "--proxy-listen", "127.0.0.1:0"])
            .args(["--api-listen", "127.0.0.1:0"])
            .arg(&trail),
    )?;
    let mut server = Server::start(sealtrail, &trail.join("sealtrail.toml"))?;
    let url = format!("http://{}/metrics", server.address("api")?);
    let text = ureq::get(&url).call()?.body_mut().read_to_string()?;
    let file = folder.path().join("metrics");
    std::fs::write(&file, text)?;
    let mut check = Command::new(promtool);
    succeed(check.args(["check", "metrics"]).stdin(std::fs::File::open(file)?))?;
    Ok(Some(()))
}

/// A sidecar that ends with the check.
pub struct Server {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Server {
    fn start(sealtrail: &Path, config: &PathBuf) -> Result<Self> {
        let mut command = Command::new(sealtrail);
        Self::of(command.args(["serve", "--config"]).arg(config))
    }

    pub fn of(command: &mut Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn()?;
        let lines = BufReader::new(child.stdout.take().context("it is piped")?).lines();
        Ok(Self { child, lines })
    }

    /// What it prints when it is bound.
    pub fn address(&mut self, of: &str) -> Result<String> {
        for line in self.lines.by_ref() {
            if let Some(address) = line?.strip_prefix(&format!("{of} listening on ")) {
                return Ok(address.to_owned());
            }
        }
        bail!("it ended before it listened")
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs it; gives what it printed, and all that it said where it failed.
pub fn succeed(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let output = command.output().with_context(|| format!("cannot run `{name}`"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("`{name}` failed:\n{text}{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(text)
}
