//! The index of a log: how fast it is built and asked, beside SQLite, with lines of three changes each.

mod ask;
mod lines;
#[cfg(feature = "peers")]
mod sqlite;

use std::time::Duration;

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};
use sealtrail_history::Index;

use ask::Asked;

use crate::goals::{Goal, Wanted};
use crate::{Report, Row};
use lines::{CHANGES, line};

pub const ORIGIN: &str = "bench.example/history";

/// Rows (changes) of a short log and of a long one.
const SIZES: [u64; 2] = [1_000_000, 10_000_000];

/// Lines are made, and then indexed, so many at a time: making them is not counted.
const TOGETHER: u64 = 1 << 14;

pub fn run() -> Result<Report> {
    let mut report = Report::default();
    for rows in SIZES {
        let folder = tempfile::tempdir()?;
        let records = rows / CHANGES;
        let (mut index, seconds) = build(folder.path(), records)?;
        let rate = rows as f64 / seconds;
        let bytes = index.bytes_on_disk() as f64 / rows as f64;
        let name = format!("index of {rows} rows");
        let ratio = beside_sqlite(&mut report, folder.path(), rows, rate)?;
        let figures = vec![("rows/s of CPU", rate), ("bytes/row", bytes)];
        report.rows.push(Row { name, figures, ratio });
        let reached = [(bytes, format!("{rows} rows"))];
        report.goals.push(Goal::worst("H2", "index: bytes/row", Wanted::AtMost(25.0), reached));
        for Asked { question, p50, p99, cpu_p99, waits } in ask::all(&mut index, records)? {
            if question == "entity" {
                let reached = [(cpu_p99, format!("{rows} rows"))];
                let what = "history of an entity from the index, p99 in µs of CPU";
                report.goals.push(Goal::worst("H3", what, Wanted::AtMost(50.0), reached));
            }
            let name = format!("{question}, {rows} rows");
            let figures = vec![
                ("µs p50", p50),
                ("µs p99", p99),
                ("µs of CPU p99", cpu_p99),
                ("waits", waits as f64),
            ];
            report.rows.push(Row { name, figures, ratio: None });
        }
    }
    Ok(report)
}

/// Builds the same in SQLite, where it was built with it; the ratio of the index to that.
#[cfg(feature = "peers")]
fn beside_sqlite(
    report: &mut Report,
    dir: &std::path::Path,
    rows: u64,
    rate: f64,
) -> Result<Option<(f64, String)>> {
    let peer = sqlite::build(dir, rows / CHANGES)?;
    report.rows.push(Row {
        name: format!("SQLite, text columns and two indexes, {rows} rows"),
        figures: vec![("rows/s of CPU", peer.rate), ("bytes/row", peer.bytes_a_row)],
        ratio: None,
    });
    let ratio = rate / peer.rate;
    if rows == SIZES[1] {
        let what = "index: rows/s of CPU to SQLite";
        let reached = [(ratio, format!("{rows} rows"))];
        report.goals.push(Goal::worst("H1", what, Wanted::AtLeast(20.0), reached));
    }
    Ok(Some((ratio, "SQLite".to_owned())))
}

#[cfg(not(feature = "peers"))]
fn beside_sqlite(
    _: &mut Report,
    _: &std::path::Path,
    _: u64,
    _: f64,
) -> Result<Option<(f64, String)>> {
    println!("without the feature `peers` the index is measured without SQLite");
    Ok(None)
}

/// The index of so many records, and the seconds of CPU that it took, merging included.
fn build(dir: &std::path::Path, records: u64) -> Result<(Index, f64)> {
    let (mut index, _) = Index::open(&dir.join("index"), ORIGIN)?;
    let mut spent = Duration::ZERO;
    for first in (0..records).step_by(TOGETHER as usize) {
        let lines: Vec<_> = (first..records.min(first + TOGETHER)).map(line).collect();
        let start = cpu_time();
        for (number, line) in (first..).zip(&lines) {
            index.add(number, line)?;
        }
        while let Some(merge) = index.due_merge() {
            let merged = merge.run()?;
            index.take_merged(merged)?;
        }
        spent += cpu_time() - start;
    }
    let start = cpu_time();
    index.roll()?;
    Ok((index, (spent + (cpu_time() - start)).as_secs_f64()))
}

/// Of this thread: other programs on the machine are not in it.
fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
