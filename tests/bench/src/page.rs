//! The page that the sidecar serves, in Chromium: `js/bench/page.mjs` loads it and previews a megabyte.

use std::path::Path;

use anyhow::{Context, Result};

use crate::goals::{Goal, Wanted};
use crate::node::script;
use crate::{Report, Row, sidecar};

pub fn run(root: &Path) -> Result<Report> {
    let folder = tempfile::tempdir()?;
    let place = sidecar::Folder::init(&folder.path().join("trail"), "http://127.0.0.1:1")?;
    let sidecar = place.serve(None)?;
    let url = format!("http://127.0.0.1:{}/console/", sidecar.api);
    let results = script(root, "page.mjs", Some(Path::new(&url)))?;
    let of = |what: &str, figure: &str| {
        let value = results[what][figure].as_f64();
        value.with_context(|| format!("the benchmark of the page has no `{figure}`"))
    };
    let kilobytes = |figure: &str| Ok::<_, anyhow::Error>(of("first", figure)? / 1024.0);

    let mut report = Report::default();
    let mut row = |name: &str, figures: Vec<(&'static str, f64)>| {
        report.rows.push(Row { name: name.into(), figures, ratio: None });
    };
    let (first, slowest) = (of("first", "ms")?, of("first", "slowest")?);
    row("from navigation to the first preview", vec![("ms", first), ("ms slowest", slowest)]);
    row("transferred until the first preview", vec![("KB", kilobytes("preview")?)]);
    row("transferred with the editors", vec![("KB", kilobytes("editors")?)]);
    row("transferred with the check of proofs too", vec![("KB", kilobytes("verify")?)]);
    let (idle, drop, key) = (of("large", "idle")?, of("large", "drop")?, of("large", "type")?);
    row("longest frame while nothing happens", vec![("ms", idle)]);
    row(
        "longest frame, 1 MB dropped",
        vec![("ms", drop), ("ms until shown", of("large", "dropMs")?)],
    );
    row(
        "longest frame, a key beside 1 MB",
        vec![("ms", key), ("ms until shown", of("large", "typeMs")?)],
    );
    let task = of("large", "task")?;
    row("longest task of these, CPU", vec![("ms", task)]);

    let goal = |what: &str, most: f64, reached: f64, at: &str| {
        Goal::worst("P1", what, Wanted::AtMost(most), [(reached, at.to_owned())])
    };
    report.goals = vec![
        goal("the first preview after navigation, ms", 1000.0, first, "Chromium"),
        goal("transferred, with the editors, KB", 300.0, kilobytes("editors")?, "brotli"),
        goal("longest frame of a 1 MB preview, ms", 50.0, drop.max(key), "Chromium"),
    ];
    Ok(report)
}
