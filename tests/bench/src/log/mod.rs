//! Durable appends of 1 KB lines by many writers, against the raw loop of write + fdatasync on the same
//! disk and against what a team would use instead; `verify` against plain SHA-256 over the same bytes;
//! opening a long log; and the memory of each.
//!
//! Whatever runs in this program runs as a process of its own ([`part`]), so that its memory is its own.

mod append;
mod audit;
mod open;
mod part;
mod raw;
mod servers;
#[cfg(feature = "peers")]
mod sqlite;
mod wire;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::goals::{Goal, Wanted};
use crate::{Report, Row, median, target_folder};
use part::Outcome;
pub use part::run as run_part;
use servers::Servers;

const LINE: usize = 1024;
const SPAN: Duration = Duration::from_millis(1000);
const ROUNDS: usize = 3;
const WRITERS: [usize; 4] = [1, 16, 256, 1024];

const OURS: &str = "sealtrail-log, in process";
const RAW_GROWING: &str = "raw loop at the same lines a sync, growing file";
const RAW_FILLED: &str = "raw loop at the same lines a sync, file filled with zeros before";
const OVER_HTTP: &str = "sealtrail-log behind HTTP";
const OVER_HTTP_64: &str = "sealtrail-log behind HTTP, 64 a request";
const SQLITE: &str = "SQLite, WAL, synchronous=FULL, one transaction for all that wait";
const NODE: &str = "Node, appendFile and fsync";
const REDIS: &str = "Redis, appendfsync always";
const NATS: &str = "NATS JetStream, sync always";
const NATS_DEFAULT: &str = "NATS JetStream, acknowledges before the disk has it";
const POSTGRES: &str = "PostgreSQL, one insert a commit";
const POSTGRES_64: &str = "PostgreSQL, 64 rows an insert";

/// What one of them came to, over all rounds.
#[derive(Default)]
struct Figures {
    rates: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    megabytes: Vec<f64>,
    lines_a_sync: Vec<f64>,
}

/// By name and number of writers.
type Table = BTreeMap<(&'static str, usize), Figures>;

pub fn run(root: &Path) -> Result<Report> {
    // The disk that is measured is the one that is built on: a temporary folder may be memory.
    let folder = tempfile::tempdir_in(target_folder()?)?;
    let mut table = Table::new();
    let servers = Servers::start(&folder.path().join("servers"))?;
    for writers in WRITERS {
        for round in 0..ROUNDS {
            let dir = folder.path().join(format!("{writers}-{round}"));
            std::fs::create_dir(&dir)?;
            let mut note = |name, outcome: Option<Outcome>| {
                if let Some(outcome) = outcome {
                    table.entry((name, writers)).or_default().add(outcome);
                }
            };
            let ours = part::start("append", &dir.join("log"), writers)?;
            // As many lines a sync as the writers made together, so that the raw loop has no other
            // advantage, and at once, because disks are busy and idle by turns.
            let batch = ours.lines_a_sync.unwrap_or(1.0).round().max(1.0) as usize;
            note(RAW_GROWING, Some(raw::growing(&dir.join("raw"), batch)?));
            note(RAW_FILLED, Some(raw::filled(&dir.join("raw"), batch)?));
            note(OURS, Some(ours));
            #[cfg(feature = "peers")]
            note(SQLITE, Some(part::start("sqlite", &dir, writers)?));
            note(NODE, servers::node(root, &dir, writers)?);
            note(OVER_HTTP, Some(servers::over_http(&dir.join("http"), writers, 1)?));
            note(OVER_HTTP_64, Some(servers::over_http(&dir.join("http-64"), writers, 64)?));
            note(REDIS, servers.redis(writers)?);
            note(NATS, servers.nats(writers)?);
            note(NATS_DEFAULT, servers.nats_by_default(writers)?);
            note(POSTGRES, servers.postgres(writers, 1)?);
            note(POSTGRES_64, servers.postgres(writers, 64)?);
            std::fs::remove_dir_all(&dir)?;
        }
    }
    drop(servers);

    let mut report = Report::default();
    for writers in WRITERS {
        report.rows.extend(rows(&table, writers));
    }
    goals(&table, &mut report);
    audit::run(folder.path(), &mut report)?;
    open::run(folder.path(), &mut report)?;
    Ok(report)
}

fn rows(table: &Table, writers: usize) -> Vec<Row> {
    let ours = table[&(OURS, writers)].rate();
    let of_these = table.iter().filter(|((_, of), _)| *of == writers);
    of_these
        .map(|((name, _), figures)| Row {
            name: format!("{writers} writers: {name}"),
            figures: figures.shown(),
            ratio: (*name != OURS).then(|| (ours / figures.rate(), "in process to this".into())),
        })
        .collect()
}

/// The goals of the log (CONTRIBUTING.md) that appends decide.
fn goals(table: &Table, report: &mut Report) {
    let rate = |name, writers| table.get(&(name, writers)).map(Figures::rate);
    let mut goal = |number, what: &str, wanted, pairs: &[(&'static str, &'static str, usize)]| {
        let figures = pairs.iter().filter_map(|(ours, peer, writers)| {
            let ratio = rate(ours, *writers)? / rate(peer, *writers)?;
            Some((ratio, format!("{writers} writers, {peer}")))
        });
        report.goals.push(Goal::worst(number, what, Wanted::AtLeast(wanted), figures));
    };
    goal("L1", "over HTTP, 256 clients, to Redis", 1.25, &[(OVER_HTTP, REDIS, 256)]);
    goal("L1", "over HTTP, 256 clients, to PostgreSQL", 5.0, &[(OVER_HTTP, POSTGRES, 256)]);
    goal("L1", "over HTTP, 256 clients, to NATS", 10.0, &[(OVER_HTTP, NATS, 256)]);
    goal("L1", "64 lines a POST to 64 rows an insert", 4.0, &[(OVER_HTTP_64, POSTGRES_64, 256)]);
    let peers: Vec<_> = [16, 256, 1024]
        .into_iter()
        .flat_map(|n| [SQLITE, NODE, REDIS, NATS, POSTGRES].map(|peer| (OURS, peer, n)))
        .collect();
    goal("L2", "in process to the best peer, from 16 writers", 1.5, &peers);
    let to_raw = |writers| {
        let raw = rate(RAW_GROWING, writers)?.max(rate(RAW_FILLED, writers)?);
        Some((rate(OURS, writers)? / raw, format!("{writers} writers")))
    };
    for (wanted, of) in [(0.75, &[1][..]), (0.5, &[256, 1024])] {
        let what = "in process to the best raw loop at the same lines a sync";
        let figures = of.iter().filter_map(|writers| to_raw(*writers));
        report.goals.push(Goal::worst("L2", what, Wanted::AtLeast(wanted), figures));
    }
}

impl Figures {
    fn add(&mut self, outcome: Outcome) {
        self.rates.push(outcome.rate);
        self.p50.extend(outcome.p50_ms);
        self.p99.extend(outcome.p99_ms);
        self.megabytes.extend(outcome.megabytes);
        self.lines_a_sync.extend(outcome.lines_a_sync);
    }

    fn rate(&self) -> f64 {
        median(self.rates.clone())
    }

    fn shown(&self) -> Vec<(&'static str, f64)> {
        let mut figures = vec![("lines/s", self.rate())];
        for (unit, values) in [
            ("ms p50", &self.p50),
            ("ms p99", &self.p99),
            ("MB", &self.megabytes),
            ("lines a sync", &self.lines_a_sync),
        ] {
            if !values.is_empty() {
                figures.push((unit, median(values.clone())));
            }
        }
        figures
    }
}

/// A line as a record is one: 1 KB in all, with its line feed.
fn line() -> Vec<u8> {
    let mut line = vec![b'x'; LINE - 1];
    line[0] = b'"';
    line[LINE - 2] = b'"';
    line
}
