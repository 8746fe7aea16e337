//! The index of a log: how fast it is built and asked, beside SQLite, with lines of three changes each.

mod ask;
mod forget;
mod lines;
#[cfg(feature = "peers")]
mod sqlite;

use std::ops::Range;
use std::time::Duration;

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};
use sealtrail_history::{Index, Name};

use ask::Asked;

use crate::goals::{Goal, Wanted};
use crate::{Report, Row};
use lines::{CHANGES, about, attribute, line};

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
        let name = |given: &Given| format!("index of {rows} rows, {}", given.words());
        let (mut built, dir) = (None, folder.path().join("index"));
        for given in [Given::Rows, Given::Lines] {
            drop(built.take());
            if dir.exists() {
                std::fs::remove_dir_all(&dir)?;
            }
            let (index, seconds) = build(&dir, records, given)?;
            let rate = rows as f64 / seconds;
            let bytes = index.bytes_on_disk() as f64 / rows as f64;
            let ratio = beside_sqlite(&mut report, folder.path(), rows, given, rate)?;
            let figures = vec![("rows/s of CPU", rate), ("bytes/row", bytes)];
            report.rows.push(Row { name: name(&given), figures, ratio });
            built = Some((index, bytes));
        }
        let Some((mut index, bytes)) = built else { continue };
        let reached = [(bytes, format!("{rows} rows"))];
        report.goals.push(Goal::worst("H2", "index: bytes/row", Wanted::AtMost(25.0), reached));
        for Asked { question, p50, p99, cpu_p99, waits } in ask::all(&mut index, &dir, records)? {
            if question == "entity" {
                let reached = [(p99, format!("{rows} rows"))];
                let what = "history of an entity from the index, p99 in µs";
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
        let forgot = forget::names(index, records)?;
        report.rows.push(Row {
            name: format!("forget a name, {rows} rows"),
            figures: vec![
                ("ms p50", forgot.p50),
                ("ms of the slowest", forgot.slowest),
                ("ms of the slowest question meanwhile", forgot.slowest_question),
            ],
            ratio: None,
        });
    }
    Ok(report)
}

/// Builds the same in SQLite, where it was built with it; the ratio of the index to that.
#[cfg(feature = "peers")]
fn beside_sqlite(
    report: &mut Report,
    dir: &std::path::Path,
    rows: u64,
    given: Given,
    rate: f64,
) -> Result<Option<(f64, String)>> {
    let peer = sqlite::build(dir, rows / CHANGES, given)?;
    let what = "text columns and two indexes";
    report.rows.push(Row {
        name: format!("SQLite, {what}, {rows} rows, {}", given.words()),
        figures: vec![("rows/s of CPU", peer.rate), ("bytes/row", peer.bytes_a_row)],
        ratio: None,
    });
    let ratio = rate / peer.rate;
    if rows == SIZES[1] {
        let what = format!("index: rows/s of CPU to SQLite, both {}", given.words());
        let reached = [(ratio, format!("{rows} rows"))];
        report.goals.push(Goal::worst("H1", &what, Wanted::AtLeast(20.0), reached));
    }
    Ok(Some((ratio, "SQLite".to_owned())))
}

#[cfg(not(feature = "peers"))]
fn beside_sqlite(
    _: &mut Report,
    _: &std::path::Path,
    _: u64,
    _: Given,
    _: f64,
) -> Result<Option<(f64, String)>> {
    println!("without the feature `peers` the index is measured without SQLite");
    Ok(None)
}

/// What an index is made of.
#[derive(Clone, Copy)]
enum Given {
    /// The values of what is to be found, as they are in memory of whoever made the record.
    Rows,
    /// The lines of the log, as after a crash or for a rebuild.
    Lines,
}

impl Given {
    fn words(self) -> &'static str {
        match self {
            Self::Rows => "from values",
            Self::Lines => "from lines",
        }
    }
}

/// The index of so many records, and the seconds of CPU that it took, merging included.
fn build(dir: &std::path::Path, records: u64, given: Given) -> Result<(Index, f64)> {
    let (mut index, _) = Index::open(dir, ORIGIN)?;
    let mut spent = Duration::ZERO;
    for first in (0..records).step_by(TOGETHER as usize) {
        let numbers = first..records.min(first + TOGETHER);
        spent += match given {
            Given::Rows => add_values(&mut index, numbers)?,
            Given::Lines => add_lines(&mut index, numbers)?,
        };
        let start = cpu_time();
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

fn add_lines(index: &mut Index, numbers: Range<u64>) -> Result<Duration> {
    let lines: Vec<_> = numbers.map(|record| (record, line(record))).collect();
    let start = cpu_time();
    for (number, line) in &lines {
        index.add(*number, line)?;
    }
    Ok(cpu_time() - start)
}

/// The values that SQLite is given.
fn add_values(index: &mut Index, numbers: Range<u64>) -> Result<Duration> {
    let values: Vec<_> = numbers
        .map(|record| (record, about(record)))
        .map(|(record, about)| {
            (record, about.entity.to_string(), format!("ps1.{:022}", about.actor), about)
        })
        .collect();
    let start = cpu_time();
    for (record, entity, actor, about) in &values {
        let [a, b, c] = about.attributes.map(|number| Name::Attribute(attribute(number)));
        let entity = Name::Entity { kind: "product", id: entity };
        let (id, correlation) = (Name::Record(&about.id), Name::Correlation(&about.correlation));
        let (kind, action, actor) =
            (Name::Type("product"), Name::Action("update"), Name::Actor(actor));
        let names = [id, entity, kind, correlation, actor, action, a, b, c];
        index.add_named(*record, &names, Some(*record as i64))?;
    }
    Ok(cpu_time() - start)
}

/// Of this thread: other programs on the machine are not in it.
fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
