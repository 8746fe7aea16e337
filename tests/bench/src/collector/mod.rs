//! The collector end to end: NDJSON in, the durable sealed line out, against a Node service that does the same
//! by hand (js/bench/collector.mjs). Each server has one core and the load the other.

mod changes;
mod load;

pub use changes::{change, policy};

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::goals::{Goal, Wanted};
use crate::machine::{Process, program};
use crate::sidecar::{self, Folder};
use crate::{Report, Row, median, target_folder};
use load::Load;

const CONNECTIONS: [usize; 3] = [1, 16, 64];
const RECORDS: [usize; 2] = [1, 64];
const ROUNDS: usize = 3;
const SPAN: Duration = Duration::from_millis(1500);

struct Measured {
    load: Load,
    cpu_us: f64,
}

pub fn run(root: &Path) -> Result<Report> {
    // The disk that is measured is the one that is built on: a temporary folder may be memory.
    let temporary = tempfile::tempdir_in(target_folder()?)?;
    let folder = Folder::init(&temporary.path().join("sealtrail"), "http://127.0.0.1:1")?;
    let policy_file = folder.path.join("policy.json");
    std::fs::write(&policy_file, policy().to_string())?;
    let ours = folder.serve(Some("0"))?;
    let node_file = temporary.path().join("node.jsonl");
    let (node, node_port) = node(root, &node_file, &policy_file)?;
    // Keys of all subjects, and code that is compiled while it runs.
    for port in [ours.api, node_port] {
        load::run(port, 16, 64, Duration::from_millis(700))?;
    }
    same_records(&folder.path.join("log/entries"), &node_file)?;

    let mut table: BTreeMap<(usize, usize, usize), Vec<Measured>> = BTreeMap::new();
    for (records, connections) in RECORDS.iter().flat_map(|r| CONNECTIONS.map(|c| (*r, c))) {
        for _ in 0..ROUNDS {
            for (i, (process, port)) in
                [(&ours.process, ours.api), (&node, node_port)].iter().enumerate()
            {
                let before = process.cpu_seconds()?;
                let load = load::run(*port, connections, records, SPAN)?;
                let cpu_us = (process.cpu_seconds()? - before) * 1e6 / load.records as f64;
                table.entry((records, connections, i)).or_default().push(Measured { load, cpu_us });
            }
        }
    }
    drop((ours, node));
    let log = folder.path.join("log");
    let verified = Command::new(sidecar::binary()?)
        .arg("verify")
        .arg(&log)
        .args(["--vkey", &folder.vkey])
        .output()?;
    // Killed, so the last lines may not be covered yet: they are counted as such, and are no failure.
    if !matches!(verified.status.code(), Some(0 | 10)) {
        bail!("the log does not verify: {}", String::from_utf8_lossy(&verified.stdout));
    }
    Ok(report(&table))
}

fn report(table: &BTreeMap<(usize, usize, usize), Vec<Measured>>) -> Report {
    let middle = |key, pick: fn(&Measured) -> f64| median(table[&key].iter().map(pick).collect());
    let mut report = Report::default();
    let (mut rates, mut cpus) = (Vec::new(), Vec::new());
    for (records, connections, i) in table.keys().copied() {
        let key = (records, connections, i);
        let place = format!("{records} a POST, {connections} connections");
        let over_node = |pick: fn(&Measured) -> f64| {
            middle((records, connections, 0), pick) / middle((records, connections, 1), pick)
        };
        if i == 0 {
            rates.push((over_node(|m| m.load.rate), place.clone()));
            cpus.push((1.0 / over_node(|m| m.cpu_us), place.clone()));
        }
        report.rows.push(Row {
            name: format!("{place}: {}", ["sealtrail serve", "Node by hand"][i]),
            figures: vec![
                ("records/s", middle(key, |m| m.load.rate)),
                ("µs CPU/record", middle(key, |m| m.cpu_us)),
                ("ms p50", middle(key, |m| m.load.p50_ms)),
                ("ms p99", middle(key, |m| m.load.p99_ms)),
            ],
            ratio: (i == 0).then(|| (over_node(|m| m.load.rate), "Node by records/s".into())),
        });
    }
    let wanted = Wanted::AtLeast(5.0);
    report.goals.push(Goal::worst("S4", "collector to Node by hand, records/s", wanted, rates));
    report.goals.push(Goal::worst("S4", "collector to Node by hand, CPU a record", wanted, cpus));
    report
}

fn node(root: &Path, file: &Path, policy: &Path) -> Result<(Process, u16)> {
    let mut command = Process::pinned("0", &program("node")?);
    command.arg(root.join("js/bench/collector.mjs")).arg(file).arg(policy).stdout(Stdio::piped());
    let mut process = Process::spawn(&mut command)?;
    let stdout = process.0.stdout.take().context("no output of node")?;
    let mut port = String::new();
    BufReader::new(stdout).read_line(&mut port)?;
    Ok((process, port.trim().parse().context("the Node service did not say its port")?))
}

/// Both must have done the same: for one change, the same attributes, in clear, masked and sealed alike.
fn same_records(ours: &Path, theirs: &Path) -> Result<()> {
    let first = std::fs::read_dir(ours)?.next().context("an empty log")??.path();
    let (ours, theirs) = (first_with("c-0", &first)?, first_with("c-0", theirs)?);
    let shape = |record: &Value| {
        let changes = record["data"]["changes"].as_array().cloned().unwrap_or_default();
        let shown = |value: &Value| match value.as_str() {
            Some(text) if text.starts_with("st1.") => Value::from(text.len()),
            _ => value.clone(),
        };
        let mut changes: Vec<_> = changes
            .iter()
            .map(|c| format!("{} {} {} {}", c["op"], c["path"], shown(&c["old"]), shown(&c["new"])))
            .collect();
        changes.sort();
        changes
    };
    if shape(&ours) != shape(&theirs) || shape(&ours).is_empty() {
        bail!("the two made different records: {ours} and {theirs}");
    }
    Ok(())
}

fn first_with(correlation: &str, file: &Path) -> Result<Value> {
    let wanted = format!("\"correlationid\":\"{correlation}\"");
    for line in BufReader::new(std::fs::File::open(file)?).lines() {
        let line = line?;
        if line.contains(&wanted) {
            return serde_json::from_str(&line).context("a line that is no record");
        }
    }
    bail!("no record of {correlation}")
}
