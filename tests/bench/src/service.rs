//! What the npm package costs a service: `js/bench/service.mjs`, with this sidecar.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::goals::{Goal, Wanted};
use crate::node::script;
use crate::{Report, Row, sidecar};

const FIGURES: [(&str, &str); 3] =
    [("µs CPU", "CPU of a request, us"), ("requests/s", "requests/s"), ("ms p99", "p99, ms")];

pub fn run(root: &Path) -> Result<Report> {
    let results = script(root, "service.mjs", Some(&sidecar::binary()?))?;
    let ways = results.as_object().context("the benchmark of services gives an object")?;
    let mut report = Report::default();
    let (mut shares, mut by_hand) = (Vec::new(), Vec::new());
    for (name, way) in ways {
        let figures = FIGURES.iter().map(|(unit, key)| Ok((*unit, of(way, name, key)?)));
        let figures = figures.collect::<Result<Vec<_>>>()?;
        let is_bare = !name.contains(", ");
        let ratio = match is_bare {
            true => None,
            false => {
                Some((of(way, name, "requests for the same CPU")?, "without the package".into()))
            }
        };
        report.rows.push(Row { name: name.clone(), figures, ratio });
        if name.ends_with(", recording") {
            shares.push((of(way, name, "requests/s, share")?, name.clone()));
        }
        if let Some(share) = way["requests for the same CPU, against by hand"].as_f64() {
            by_hand.push((share, name.clone()));
        }
    }
    let what = "a service that records a change a request: requests/s against none";
    let instead = "the same, requests for the same CPU against an audit file kept by hand";
    report.goals = vec![
        Goal::worst("N1", what, Wanted::AtLeast(0.95), shares),
        Goal::worst("N1", instead, Wanted::AtLeast(0.95), by_hand),
    ];
    Ok(report)
}

fn of(way: &Value, name: &str, key: &str) -> Result<f64> {
    way[key].as_f64().with_context(|| format!("`{name}` has no `{key}`"))
}
