//! Sealing in the sandbox, in a fresh instance for each record, against the core linked natively: records a
//! second of one core, and where the sandbox's time goes.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::goals::{Goal, Wanted};
use crate::machine::Process;
use crate::sealer::Sealer;
use crate::turns::{Contender, measure};
use crate::workloads::{self, Workload};
use crate::{Report, Row, median, sidecar};

const ROUNDS: usize = 5;
const STEPS: [&str; 5] = ["instance and policy", "read", "plan", "seal", "reset"];

pub fn run() -> Result<Report> {
    let folder = tempfile::tempdir()?;
    let mut report = Report::default();
    let mut figures = Vec::new();
    for workload in workloads::all() {
        let is_wanted = ["0.3 KB, 1 %", "2 KB, 1 %", "20 KB, 1 %", "2 KB, 100 %"];
        if !is_wanted.iter().any(|name| workload.name.starts_with(name)) {
            continue;
        }
        let (native, sandboxed) = in_turns(&workload, folder.path())?;
        let sandbox_us = median(sandboxed.iter().map(|value| number(&value["cpu_us"])).collect());
        let step = |name: &str| {
            median(sandboxed.iter().map(|value| number(&value["p50_us"][name])).collect())
        };
        let mut shown = vec![("records/core-second", 1e6 / sandbox_us), ("µs CPU", sandbox_us)];
        shown.extend(STEPS.map(|name| (name, step(name))));
        report.rows.push(Row {
            name: format!("sandbox, {}", workload.name),
            figures: shown,
            ratio: Some((native / sandbox_us, "native".into())),
        });
        report.rows.push(Row {
            name: format!("native core, {}", workload.name),
            figures: vec![("records/core-second", 1e6 / native), ("µs CPU", native)],
            ratio: None,
        });
        if workload.name.starts_with("2 KB") {
            figures.push((native / sandbox_us, workload.name.clone()));
        }
    }
    let what = "sealing in the sandbox to the native core, 2 KB";
    report.goals.push(Goal::worst("S3", what, Wanted::AtLeast(0.8), figures));
    Ok(report)
}

/// Natively (microseconds), and what `sealtrail time-engine` said, round by round.
fn in_turns(workload: &Workload, folder: &std::path::Path) -> Result<(f64, Vec<Value>)> {
    let (policy, change) = (folder.join("policy.json"), folder.join("change.json"));
    std::fs::write(&policy, &workload.policy)?;
    std::fs::write(&change, &workload.change)?;
    let sealer = Sealer::new(workload)?;
    let (mut native, mut sandboxed) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut contenders = [Contender::new("native", || _ = sealer.seal())];
        native.push(measure(&mut contenders, Duration::from_millis(300))[0].p50);
        let mut command: Command = Process::pinned("0", &sidecar::binary()?);
        command.args(["time-engine", "--calls", "4000", "--policy"]).arg(&policy).arg(&change);
        let output = command.output()?;
        if !output.status.success() {
            bail!("time-engine: {}", String::from_utf8_lossy(&output.stderr));
        }
        sandboxed.push(serde_json::from_slice(&output.stdout)?);
    }
    Ok((median(native), sandboxed))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}
