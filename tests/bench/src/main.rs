//! `cargo xtask bench [core|node|size|log|history|proxy|collector|engine|keyring|page|service|logs|profile] [--json FILE]`:
//! figures, and ratios within one run.
//! The task installs and builds what is needed, then runs this.
//!
//! Machines differ and are busy, so a figure by itself says little; the ratio to a peer or to the
//! physical limit, measured in the same run in turns, travels.

mod allocations;
mod collector;
mod core;
mod engine;
mod goals;
mod history;
mod keyring;
mod log;
mod logs;
mod machine;
mod node;
mod page;
mod profile;
mod proxy;
mod sealer;
mod service;
mod sidecar;
mod size;
mod soak;
mod turns;
mod workloads;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use goals::Goal;

/// What a benchmark came to.
#[derive(Default)]
pub struct Report {
    pub rows: Vec<Row>,
    /// Of the core, of the log (`L1` and on) and of the sidecar (`S1` and on).
    pub goals: Vec<Goal>,
}

/// One line of the table.
pub struct Row {
    pub name: String,
    pub figures: Vec<(&'static str, f64)>,
    /// How many times better than what it is compared with, or none for a bound or a peer.
    pub ratio: Option<(f64, String)>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((first, part)) if first == "--part" => log::run_part(part),
        Some((first, part)) if first == "--keys" => keyring::run_fill(part),
        Some((first, part)) if first == "--keys-in-use" => keyring::run_in_use(part),
        Some((first, part)) if first == "--again" => profile::again(part),
        Some((first, arguments)) if first == "soak" => soak::run(arguments),
        _ => run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let (mut which, mut json_file) = (Vec::new(), None);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => {
                let file = arguments.next().context("`--json` needs a file name")?;
                json_file = Some(PathBuf::from(file));
            }
            name @ ("core" | "node" | "size" | "log" | "history" | "proxy" | "collector"
            | "engine" | "keyring" | "page" | "service" | "logs" | "profile") => {
                which.push(name.to_owned());
            }
            other => bail!(
                "no benchmark `{other}`; there are core, node, size, log, history, proxy, collector, engine, keyring, page, service, logs and profile"
            ),
        }
    }
    if which.is_empty() {
        let all = "core node size log history proxy collector engine keyring page service logs";
        which = all.split(' ').map(str::to_owned).collect();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut document = serde_json::Map::new();
    let mut goals = Vec::new();
    for name in &which {
        let report = match name.as_str() {
            "core" => core::run()?,
            "node" => node::run(&root)?,
            "size" => size::run(&root)?,
            "log" => log::run(&root)?,
            "proxy" => proxy::run(&root)?,
            "history" => history::run()?,
            "collector" => collector::run(&root)?,
            "keyring" => keyring::run()?,
            "page" => page::run(&root)?,
            "service" => service::run(&root)?,
            "logs" => logs::run(&root)?,
            "profile" => profile::run(&root)?,
            _ => engine::run()?,
        };
        print(name, &report.rows);
        document.insert(name.clone(), report.rows.iter().map(Row::json).collect());
        goals.extend(report.goals);
    }
    if !goals.is_empty() {
        goals.sort_by_key(|goal| goal.number);
        goals::print(&goals);
        document.insert("goals".into(), goals.iter().map(Goal::json).collect());
    }
    if let Some(file) = json_file {
        let text = serde_json::to_string_pretty(&Value::Object(document))? + "\n";
        std::fs::write(&file, text)
            .with_context(|| format!("cannot write `{}`", file.display()))?;
    }
    Ok(())
}

impl Row {
    fn json(&self) -> Value {
        let figures: serde_json::Map<String, Value> =
            self.figures.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let ratio = self.ratio.as_ref().map(|(ratio, _)| ratio);
        let against = self.ratio.as_ref().map(|(_, against)| against);
        json!({"name": self.name, "figures": figures, "ratio": ratio, "against": against})
    }
}

fn print(name: &str, rows: &[Row]) {
    println!("\n── {name}");
    for row in rows {
        let figures: Vec<String> =
            row.figures.iter().map(|(unit, value)| format!("{} {unit}", short(*value))).collect();
        let ratio = match &row.ratio {
            Some((ratio, against)) => format!("{ratio:>8.2} × {against}"),
            None => String::new(),
        };
        println!("{:<56} {:<58} {ratio}", row.name, figures.join(", "));
    }
}

pub fn short(value: f64) -> String {
    match value {
        v if v >= 1000.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

/// The middle of several measurements.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Where cargo puts what it builds; this very program is in one of its folders.
pub fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.parent().and_then(Path::parent);
    Ok(folder.context("the benchmark is not in a target folder")?.to_owned())
}
