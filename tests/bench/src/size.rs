//! What is loaded of the core, and how soon the first record is there.

use std::path::Path;

use anyhow::{Context, Result};

use crate::goals::{Goal, Wanted};
use crate::node::{script, write_workloads};
use crate::{Report, Row};

pub fn run(root: &Path) -> Result<Report> {
    let folder = write_workloads()?;
    let results = script(root, "size.mjs", Some(folder.path()))?;
    let mut report = Report::default();
    // The page has the guest for previews, and a module for proofs when one is checked.
    let mut brotli = 0.0;
    for (place, files) in results["files"].as_object().context("no files")? {
        for (name, sizes) in files.as_object().context("no files")? {
            let of = |what: &str| sizes[what].as_f64().unwrap_or(f64::NAN);
            if place == "page" {
                brotli += of("brotli");
            }
            let figures =
                ["raw", "gzip", "brotli"].map(|what| (what, of(what))).into_iter().collect();
            report.rows.push(Row { name: format!("{place}: {name}"), figures, ratio: None });
        }
    }
    let mut first = Vec::new();
    for (name, times) in results["first"].as_object().context("no first records")? {
        let of = |what: &str| times[what].as_f64().unwrap_or(f64::NAN);
        let label = format!("{name}: first record after compile");
        let figures = vec![("ms", of("middle")), ("ms in a young process", of("first"))];
        report.rows.push(Row { name: label, figures, ratio: None });
        first.push((of("middle"), name.clone()));
    }
    let all = [(brotli / 1024.0, "guest and proofs".to_owned())];
    report.goals = vec![
        Goal::worst(
            "6",
            "all that the page loads of the core, brotli, KB",
            Wanted::AtMost(45.0),
            all,
        ),
        Goal::worst("6", "the first record after compile, ms", Wanted::AtMost(2.0), first),
    ];
    Ok(report)
}
