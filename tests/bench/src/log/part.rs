//! A part of the benchmark that runs as a process of its own: this very program, called with `--part`.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::{append, audit, open, wire};

/// What a part says at its end, as JSON on standard output.
#[derive(Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Lines acknowledged a second, or what the part measures.
    pub rate: f64,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// The most memory that was resident.
    pub megabytes: Option<f64>,
    pub lines_a_sync: Option<f64>,
}

/// Runs `--part NAME DIR NUMBER`.
pub fn run(arguments: &[String]) -> Result<()> {
    let [name, dir, number] = arguments else {
        bail!("expected a part, a folder and a number");
    };
    let (dir, number) = (Path::new(dir), number.parse()?);
    let mut outcome = match name.as_str() {
        "append" => append::run(dir, number)?,
        #[cfg(feature = "peers")]
        "sqlite" => super::sqlite::run(dir, number)?,
        "verify" => audit::verify(dir)?,
        "fill" => open::fill(dir, number)?,
        "open" => open::open(dir)?,
        "serve-http" => return wire::serve_http(dir),
        other => bail!("there is no part `{other}`"),
    };
    outcome.megabytes = megabytes("self").ok();
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

/// Runs a part to its end.
pub fn start(name: &str, dir: &Path, number: usize) -> Result<Outcome> {
    let output = command(name, dir, number)?.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("the part `{name}` failed");
    }
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the part `{name}` said nothing that can be read"))
}

pub fn command(name: &str, dir: &Path, number: usize) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--part").arg(name).arg(dir).arg(number.to_string());
    Ok(command)
}

/// The most memory that a process had resident (`VmHWM` of proc(5)).
pub fn megabytes(pid: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.context("no `VmHWM`")?.parse::<f64>()? / 1024.0)
}

/// Memory of a process and of all below it now, each page shared by its users (`Pss` of proc(5)).
pub fn megabytes_of_all_below(pid: u32) -> Result<f64> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(child) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end while it is looked at.
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        parents.extend(parent.and_then(|parent| Some((child, parent.parse::<u32>().ok()?))));
    }
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        next += 1;
    }
    let kilobytes = family.iter().filter_map(|pid| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    });
    Ok(kilobytes.sum::<f64>() / 1024.0)
}
