//! The package in Node against what a Node developer writes today; the script is
//! `js/bench/pipeline.mjs`, which also checks that both give the same changes.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{Row, workloads};
pub fn run(root: &Path) -> Result<Vec<Row>> {
    let js = root.join("js");
    let folder = tempfile::tempdir()?;
    for workload in workloads::all() {
        let stem = workload.name.split(' ').next().unwrap_or(workload.name);
        fs::write(folder.path().join(format!("{stem}.policy.json")), &workload.policy)?;
        fs::write(folder.path().join(format!("{stem}.change.json")), &workload.change)?;
    }
    let output = Command::new("node")
        .arg("bench/pipeline.mjs")
        .arg(folder.path())
        .current_dir(&js)
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot run `node`")?;
    if !output.status.success() {
        bail!("the Node benchmark failed");
    }
    let results: Value = serde_json::from_slice(&output.stdout)?;
    let mut rows = Vec::new();
    for workload in workloads::all() {
        let stem = workload.name.split(' ').next().unwrap_or(workload.name);
        let figure = |what: &str| {
            let value = results[stem][what].as_f64();
            value.with_context(|| format!("the Node benchmark has no `{what}` for {stem}"))
        };
        let (wasm, javascript) = (figure("wasm")?, figure("javascript")?);
        let parse = figure("parse")?;
        rows.push(Row {
            name: format!("{}: sealed record, WASM in Node", workload.name),
            figures: vec![("µs", wasm)],
            ratio: Some((javascript / wasm, "the JavaScript pipeline".into())),
        });
        rows.push(Row {
            name: format!("{}: JSON.parse, microdiff, node:crypto", workload.name),
            figures: vec![("µs", javascript)],
            ratio: None,
        });
        rows.push(Row {
            name: format!("{}: JSON.parse of both alone", workload.name),
            figures: vec![("µs", parse)],
            ratio: None,
        });
    }
    Ok(rows)
}
