//! The package in Node against what is written in JavaScript: `js/bench` has the scripts, which
//! check that all give the same record. And what adversaries send.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::goals::{ALL, FROM_20_KB, Figures, Goal, SMALL, Wanted};
use crate::sealer::Sealer;
use crate::turns::{Contender, measure};
use crate::{Report, Row, workloads};

const PEERS: [&str; 4] = ["microdiff", "jsondiffpatch", "fast-json-patch", "deep-diff"];

pub fn run(root: &Path) -> Result<Report> {
    let folder = write_workloads()?;
    let results = script(root, "pipeline.mjs", Some(folder.path()))?;
    let mut report = Report::default();
    let [mut best, mut best99, mut today, mut today99, mut parse, mut objects, mut native] =
        [(); 7].map(|()| Figures::default());
    for workload in workloads::all() {
        let of = |what: &str, figure: &str| {
            let value = results[&workload.stem][what][figure].as_f64();
            value.with_context(|| {
                format!("the Node benchmark has no `{what}` for {}", workload.stem)
            })
        };
        let (ours, diff) = (of("ours", "cpu50")?, of("diff", "cpu50")?);
        let sealer = Sealer::new(&workload)?;
        let mut alone = [Contender::new("seal", || drop(black_box(sealer.seal())))];
        let natively = measure(&mut alone, Duration::from_millis(100))[0].p50;
        best.push(of("best", "cpu50")? / ours, &workload);
        best99.push(of("best", "cpu99")? / of("ours", "cpu99")?, &workload);
        today.push(of("today", "cpu50")? / ours, &workload);
        today99.push(of("today", "cpu99")? / of("ours", "cpu99")?, &workload);
        parse.push(of("parse", "cpu50")? / ours, &workload);
        objects.push(of("bestObjects", "cpu50")? / of("ourObjects", "cpu50")?, &workload);
        native.push(ours / natively, &workload);

        let row = |what: &str, label: &str, ratio: Option<(f64, &str)>| -> Result<Row> {
            Ok(Row {
                name: format!("{}: {label}", workload.name),
                figures: vec![
                    ("µs p50", of(what, "cpu50")?),
                    ("p99", of(what, "cpu99")?),
                    ("wall p50", of(what, "wall50")?),
                    ("wall p99", of(what, "wall99")?),
                ],
                ratio: ratio.map(|(ratio, against)| (ratio, against.to_owned())),
            })
        };
        let rows = &mut report.rows;
        let record = "the time of our sealed record";
        rows.push(row(
            "ours",
            "sealed record",
            Some((ours / natively, "the time of it natively")),
        )?);
        rows.push(row("best", "the best JavaScript", Some((of("best", "cpu50")? / ours, record)))?);
        rows.push(row(
            "today",
            "JavaScript of today",
            Some((of("today", "cpu50")? / ours, record)),
        )?);
        rows.push(row(
            "parse",
            "JSON.parse of both alone",
            Some((of("parse", "cpu50")? / ours, record)),
        )?);
        rows.push(row("ourObjects", "sealed record from objects", None)?);
        let ratio = of("bestObjects", "cpu50")? / of("ourObjects", "cpu50")?;
        rows.push(row(
            "bestObjects",
            "the best JavaScript from objects",
            Some((ratio, "the time of ours")),
        )?);
        rows.push(row("diff", "difference alone", None)?);
        for peer in PEERS {
            let ratio = (of(peer, "cpu50")? / diff, "the time of our difference");
            rows.push(row(peer, &format!("JSON.parse of both, {peer}"), Some(ratio))?);
        }
    }
    let [ten, twenty] = [Wanted::AtLeast(10.0), Wanted::AtLeast(20.0)];
    for goals in [
        best.goals("1", "Node: best JavaScript / our record, p50", ALL, ten),
        best99.goals("1", "Node: best JavaScript / our record, p99", ALL, ten),
        today.goals("1", "Node: JavaScript of today / our record, p50", ALL, twenty),
        today99.goals("1", "Node: JavaScript of today / our record, p99", ALL, twenty),
        parse.goals("2", "Node: JSON.parse / our record, 0.3 KB", SMALL, Wanted::AtLeast(1.0)),
        parse.goals(
            "2",
            "Node: JSON.parse / our record, ≥ 20 KB",
            FROM_20_KB,
            Wanted::AtLeast(8.0),
        ),
        objects.goals("4", "Node, objects in: best JavaScript / ours", ALL, Wanted::AtLeast(2.0)),
        native.goals("7", "our record, Node / native, ≥ 20 KB", FROM_20_KB, Wanted::AtMost(1.3)),
        native.goals("7", "our record, Node / native, 0.3 KB", SMALL, Wanted::AtMost(2.0)),
    ] {
        report.goals.extend(goals);
    }
    adversarial(root, &mut report)?;
    Ok(report)
}

fn adversarial(root: &Path, report: &mut Report) -> Result<()> {
    let results = script(root, "adversarial.mjs", None)?;
    let limit = results["limit"].as_f64().unwrap_or(f64::NAN);
    let (mut slowest, mut against) = (Vec::new(), Vec::new());
    for (name, case) in results["cases"].as_object().context("no adversarial cases")? {
        let of = |what: &str| {
            let value = case[what]["cpu50"].as_f64();
            value.with_context(|| format!("the Node benchmark has no `{what}` for {name}"))
        };
        let peer = of("microdiff")?;
        for matching in ["sequence", "key", "set"] {
            let (ours, place) = (of(matching)?, format!("{name}, by {matching}"));
            if name.starts_with("20,000") {
                slowest.push((ours / 1000.0, place.clone()));
            }
            against.push((peer / ours, place.clone()));
            let p99 = case[matching]["cpu99"].as_f64().unwrap_or(f64::NAN);
            report.rows.push(Row {
                name: place,
                figures: vec![("µs p50", ours), ("p99", p99)],
                ratio: None,
            });
        }
        let plain = of("sequence")?;
        report.rows.push(Row {
            name: format!("{name}: JSON.parse, microdiff"),
            figures: vec![("µs p50", peer)],
            ratio: Some((peer / plain, "the time of ours by sequence".into())),
        });
        for other in &PEERS[1..] {
            let row = match &case[*other] {
                Value::Number(took) => {
                    let took = took.as_f64().unwrap_or(f64::NAN);
                    let ratio = (took / plain, "the time of ours by sequence".to_owned());
                    (format!("{name}: JSON.parse, {other}"), vec![("µs wall", took)], Some(ratio))
                }
                Value::Null => {
                    let name = format!("{name}: JSON.parse, {other}: over {limit} s");
                    (
                        name,
                        Vec::new(),
                        Some((limit * 1e6 / plain, "the time of ours and more".into())),
                    )
                }
                failed => (format!("{name}: {other}: {failed}"), Vec::new(), None),
            };
            report.rows.push(Row { name: row.0, figures: row.1, ratio: row.2 });
        }
    }
    report.goals.extend([
        Goal::worst("5", "20,000 items, the worst, ms", Wanted::AtMost(20.0), slowest),
        Goal::worst(
            "5",
            "adversarial: JSON.parse and microdiff / ours",
            Wanted::AtLeast(1.0),
            against,
        ),
    ]);
    Ok(())
}

/// A folder with every workload, as the scripts read it.
pub fn write_workloads() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let mut stems = Vec::new();
    for workload in workloads::all() {
        let file = |part: &str| folder.path().join(format!("{}.{part}.json", workload.stem));
        fs::write(file("policy"), &workload.policy)?;
        fs::write(file("change"), &workload.change)?;
        fs::write(file("before"), &workload.before)?;
        fs::write(file("after"), &workload.after)?;
        stems.push(json!({"stem": workload.stem}));
    }
    fs::write(folder.path().join("workloads.json"), Value::Array(stems).to_string())?;
    Ok(folder)
}

/// Runs a script of `js/bench`, which prints JSON.
pub fn script(root: &Path, name: &str, folder: Option<&Path>) -> Result<Value> {
    let mut command = Command::new("node");
    command.arg(format!("bench/{name}")).args(folder).current_dir(root.join("js"));
    let output = command.stderr(Stdio::inherit()).output().context("cannot run `node`")?;
    if !output.status.success() {
        bail!("`js/bench/{name}` failed");
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
