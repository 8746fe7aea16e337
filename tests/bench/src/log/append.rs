//! Blocking writers on threads, on the log itself.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::Result;
use sealtrail_log::proof::SigningKey;
use sealtrail_log::{Log, Options, Signer};

use super::part::Outcome;
use super::{SPAN, line};

pub const ORIGIN: &str = "bench/log";

pub fn run(dir: &Path, writers: usize) -> Result<Outcome> {
    let log = create(dir)?;
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut outcome, mut latencies) = (Outcome::default(), Vec::new());
    thread::scope(|scope| -> Result<()> {
        let start = Instant::now();
        let threads: Vec<_> = (0..writers)
            .map(|_| {
                scope.spawn(|| -> Result<Vec<u32>> {
                    let mut latencies = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let before = Instant::now();
                        log.append(vec![line()])?;
                        latencies.push(before.elapsed().as_micros() as u32);
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(latencies)
                })
            })
            .collect();
        thread::sleep(SPAN);
        outcome.rate = done.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            latencies.extend(thread.join().expect("a writer does not panic")?);
        }
        Ok(())
    })?;
    outcome.lines_a_sync = Some(done.load(Ordering::Relaxed) as f64 / log.commits().max(1) as f64);
    log.close()?;
    (outcome.p50_ms, outcome.p99_ms) = percentiles(latencies);
    Ok(outcome)
}

pub fn create(dir: &Path) -> Result<Log> {
    let key = key()?;
    Log::create(dir, ORIGIN, &key)?;
    Ok(Log::open(dir, Signer::new(ORIGIN, key)?, Options::default())?.0)
}

pub fn key() -> Result<SigningKey> {
    Ok(SigningKey::from_seed(ORIGIN, &[7; 32])?)
}

/// The middle and the 99th percentile of microseconds, in milliseconds.
pub fn percentiles(mut micros: Vec<u32>) -> (Option<f64>, Option<f64>) {
    micros.sort_unstable();
    let at = |share: usize| {
        let i = (micros.len() * share / 100).min(micros.len().checked_sub(1)?);
        Some(f64::from(micros[i]) / 1e3)
    };
    (at(50), at(99))
}
