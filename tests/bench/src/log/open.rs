//! Opening: after a clean stop however long the log is, after a crash the tail only. And what the
//! writer needs of memory, for a short log and a long one.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use sealtrail_log::{Log, Options, Signer};

use super::append::{ORIGIN, key};
use super::part::{self, Outcome};
use crate::goals::{Goal, Wanted};
use crate::{Report, Row};

/// Lines of a short log and of a long one.
const SIZES: [usize; 2] = [1_000_000, 10_000_000];

/// Lines after the last checkpoint when the writer dies.
const TAIL: usize = 100_000;

pub fn run(folder: &Path, report: &mut Report) -> Result<()> {
    let mut memory = Vec::new();
    for lines in SIZES {
        let dir = folder.join(format!("long-{lines}"));
        let filled = part::start("fill", &dir, lines)?;
        memory.extend(filled.megabytes);
        let opened = part::start("open", &dir, 0)?;
        // A writer that dies with lines that no checkpoint covers.
        let died = part::command("fill", &dir, TAIL)?.env(DIES, "1").output()?.status;
        anyhow::ensure!(!died.success(), "the writer that should die did not");
        let recovered = part::start("open", &dir, 0)?;
        let name = format!("open a log of {lines} lines");
        report.rows.push(Row {
            name: format!("{name}, stopped cleanly"),
            figures: vec![("ms", opened.rate), ("MB", opened.megabytes.unwrap_or_default())],
            ratio: None,
        });
        report.rows.push(Row {
            name: format!("{name}, after a crash with {TAIL} lines not covered"),
            figures: vec![("ms", recovered.rate), ("MB", recovered.megabytes.unwrap_or_default())],
            ratio: None,
        });
        report.rows.push(Row {
            name: format!("fill a log with {lines} lines"),
            figures: vec![("lines/s", filled.rate), ("MB", filled.megabytes.unwrap_or_default())],
            ratio: None,
        });
        if lines == SIZES[1] {
            let at = format!("{lines} lines");
            let wanted = Wanted::AtMost(50.0);
            report.goals.push(Goal::worst(
                "L5",
                "open after a clean stop, ms",
                wanted,
                [(opened.rate, at)],
            ));
        }
        std::fs::remove_dir_all(dir)?;
    }
    if let [short, long] = memory[..] {
        let at = format!("{} lines to {}", SIZES[1], SIZES[0]);
        let what = "memory of the writer, long log to short";
        report.goals.push(Goal::worst("L7", what, Wanted::AtMost(1.5), [(long / short, at)]));
    }
    Ok(())
}

const DIES: &str = "SEALTRAIL_BENCH_WRITER_DIES";

/// The part: appends short lines to a log that may be there already.
pub fn fill(dir: &Path, lines: usize) -> Result<Outcome> {
    let dies = std::env::var_os(DIES).is_some();
    if !dir.exists() {
        Log::create(dir, ORIGIN, &key()?)?;
    }
    let checkpoint_interval = Duration::from_secs(if dies { 3600 } else { 1 });
    let options = Options { checkpoint_interval, ..Options::default() };
    let (log, _) = Log::open(dir, Signer::new(ORIGIN, key()?)?, options)?;
    let start = Instant::now();
    let batch = 2000;
    for first in (0..lines).step_by(batch) {
        let lines = (first..lines.min(first + batch))
            .map(|i| format!("{{\"id\":{i},\"of\":\"a short line\"}}").into_bytes());
        log.append(lines.collect())?;
    }
    let rate = lines as f64 / start.elapsed().as_secs_f64();
    if dies {
        std::process::abort();
    }
    log.close()?;
    Ok(Outcome { rate, ..Outcome::default() })
}

/// The part: milliseconds until the log can append.
pub fn open(dir: &Path) -> Result<Outcome> {
    let start = Instant::now();
    let (log, _) = Log::open(dir, Signer::new(ORIGIN, key()?)?, Options::default())?;
    let rate = start.elapsed().as_secs_f64() * 1e3;
    log.close()?;
    Ok(Outcome { rate, ..Outcome::default() })
}
