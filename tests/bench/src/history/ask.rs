//! The latency of each question, from the index: which records. The first page of a hundred.
//!
//! By the clock on the wall, and by the CPU that it took: the one has in it what other programs on the machine took, the
//! other would leave out a wait for the disk, so waits are counted. The files are in the memory of the system first, as
//! they are where somebody asks often; the history of an entity is asked for once more when they are not, and then a
//! question is as fast as the disk.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use rustix::fs::{Advice, fadvise};
use sealtrail_history::{Index, Name, Order, Search};

use super::cpu_time;
use super::lines::{about, attribute};

const ASKED: u64 = 2000;
const PAGE: usize = 100;

/// How long a question took.
pub struct Asked {
    pub question: &'static str,
    /// In µs.
    pub p50: f64,
    pub p99: f64,
    pub cpu_p99: f64,
    /// How often the thread waited for something, as the disk.
    pub waits: u64,
}

pub fn all(index: &mut Index, dir: &Path, records: u64) -> Result<Vec<Asked>> {
    let text = |number: u64| number.to_string();
    let mut figures = Vec::new();
    let mut ask = |question, order, search: &dyn Fn(u64) -> Search| -> Result<()> {
        let (mut times, mut cpu_times) = (Vec::new(), Vec::new());
        let waited = waits()?;
        for number in 0..ASKED {
            let record = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % records;
            let search = search(record);
            let (start, cpu_start) = (Instant::now(), cpu_time());
            let snapshot = Arc::new(index.snapshot());
            let found = snapshot.candidates(search, 0..u64::MAX, order).take(PAGE);
            let found: Vec<u64> = found.collect::<Result<_, _>>()?;
            cpu_times.push((cpu_time() - cpu_start).as_secs_f64() * 1e6);
            times.push(start.elapsed().as_secs_f64() * 1e6);
            anyhow::ensure!(!found.is_empty(), "{question}: nothing was found of record {record}");
        }
        let waits = waits()? - waited;
        times.sort_by(f64::total_cmp);
        cpu_times.sort_by(f64::total_cmp);
        let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        let cpu_p99 = cpu_times[cpu_times.len() * 99 / 100];
        figures.push(Asked { question, p50, p99, cpu_p99, waits });
        Ok(())
    };
    let entity = |record| text(about(record).entity);
    let history = |r| Search::all().with(Name::Entity { kind: "product", id: &entity(r) });
    each_file(dir, |file| Ok(fadvise(file, 0, None, Advice::DontNeed)?))?;
    ask("entity, not in memory", Order::Oldest, &history)?;
    each_file(dir, |mut file| Ok(std::io::copy(&mut file, &mut std::io::sink()).map(drop)?))?;
    ask("entity", Order::Oldest, &history)?;
    ask("entity and attribute, newest", Order::Newest, &|r| {
        let search = Search::all().with(Name::Entity { kind: "product", id: &entity(r) });
        search.attribute(attribute(about(r).attributes[1]))
    })?;
    ask("record", Order::Oldest, &|r| Search::all().with(Name::Record(&about(r).id)))?;
    ask("correlation", Order::Oldest, &|r| {
        Search::all().with(Name::Correlation(&about(r).correlation))
    })?;
    ask("key of a data subject", Order::Oldest, &|r| {
        Search::all().with(Name::Key(&format!("k_{:022}", about(r).entity)))
    })?;
    ask("actor", Order::Oldest, &|r| {
        Search::all().with(Name::Actor(&format!("ps1.{:022}", about(r).actor)))
    })?;
    ask("actor and attribute", Order::Oldest, &|r| {
        let about = about(r);
        let search = Search::all().with(Name::Actor(&format!("ps1.{:022}", about.actor)));
        search.attribute(attribute(about.attributes[0]))
    })?;
    ask("attribute, newest", Order::Newest, &|r| {
        Search::all().attribute(attribute(about(r).attributes[0]))
    })?;
    ask("tenant and action", Order::Oldest, &|r| {
        let tenant = format!("t-{}", about(r).entity % 50);
        Search::all().with(Name::Tenant(&tenant)).with(Name::Action("update"))
    })?;
    ask("time", Order::Oldest, &|r| {
        // The day on which record 0 is, to the millisecond of the record.
        Search::all().since(1_795_219_200_000 + (r % 86_400_000) as i64)
    })?;
    Ok(figures)
}

fn each_file(dir: &Path, work: impl Fn(File) -> Result<()>) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        work(File::open(entry?.path())?)?;
    }
    Ok(())
}

/// How often this thread has waited since it began.
fn waits() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/thread-self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    Ok(line.context("the kernel does not count waits")?.trim().parse()?)
}
