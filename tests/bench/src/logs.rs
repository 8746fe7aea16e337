//! What it costs to keep personal data out of the lines of pino: `js/bench/logs.mjs`.

use std::path::Path;

use anyhow::{Context, Result};

use crate::node::script;
use crate::{Report, Row};

const PEER: &str = "pino, redact";

pub fn run(root: &Path) -> Result<Report> {
    let results = script(root, "logs.mjs", None)?;
    let sizes = results.as_object().context("the benchmark of logs gives an object")?;
    let mut report = Report::default();
    for (size, of_size) in sizes {
        let bytes = of_size["bytes"].as_u64().unwrap_or_default();
        let ways = of_size.as_object().context("a size has ways")?;
        let time = |name: &str| of_size[name]["cpu50"].as_f64();
        let peer = time(PEER).with_context(|| format!("no figures of {PEER}"))?;
        for name in ways.keys() {
            let Some(own) = time(name) else { continue };
            let ratio = (name == "sealtrail/pino").then(|| (peer / own, PEER.to_owned()));
            let name = format!("a {size} line of {bytes} bytes: {name}");
            report.rows.push(Row { name, figures: vec![("µs CPU", own)], ratio });
        }
    }
    Ok(report)
}
