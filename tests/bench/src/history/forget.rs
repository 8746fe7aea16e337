//! What an erasure takes: one name is taken out of every run that has it, while others ask.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use sealtrail_history::{Index, Name, Order, Search};

use super::lines::about;

/// So many names, one after the other: of some a block begins with.
const NAMES: u64 = 50;

/// In ms.
pub struct Forgot {
    pub p50: f64,
    pub slowest: f64,
    /// The longest that a question has taken meanwhile, with its wait for the index.
    pub slowest_question: f64,
}

pub fn names(index: Index, records: u64) -> Result<Forgot> {
    let (index, is_over) = (Mutex::new(index), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| ask(&index, records, &is_over));
        let times = (0..NAMES).map(|name| forget(&index, name)).collect::<Result<Vec<_>>>();
        is_over.store(true, Ordering::Relaxed);
        let slowest_question = asking.join().expect("who asks does not panic")?;
        let mut times = times?;
        times.sort_by(f64::total_cmp);
        Ok(Forgot {
            p50: times[times.len() / 2],
            slowest: times[times.len() - 1],
            slowest_question,
        })
    })
}

fn forget(index: &Mutex<Index>, name: u64) -> Result<f64> {
    let start = Instant::now();
    let key = format!("k_{:022}", about(1 + name * 7919).entity);
    let begun = lock(index).begin_to_forget(&[Name::Key(&key)])?;
    let forgotten = begun.context("nobody else writes")?.run()?;
    let gone = lock(index).take_forgotten(forgotten)?;
    anyhow::ensure!(gone > 0, "the index has no `{key}`");
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

fn ask(index: &Mutex<Index>, records: u64, is_over: &AtomicBool) -> Result<f64> {
    let (mut slowest, mut record) = (0_f64, 0);
    while !is_over.load(Ordering::Relaxed) {
        record = (record + 7919) % records;
        let id = about(record).entity.to_string();
        let start = Instant::now();
        let snapshot = Arc::new(lock(index).snapshot());
        let search = Search::all().with(Name::Entity { kind: "product", id: &id });
        let found = snapshot.candidates(search, 0..u64::MAX, Order::Oldest).next();
        found.context("nothing was found")??;
        slowest = slowest.max(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(slowest)
}

fn lock(index: &Mutex<Index>) -> MutexGuard<'_, Index> {
    index.lock().unwrap_or_else(PoisonError::into_inner)
}
