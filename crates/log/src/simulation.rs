//! Power cuts by the thousand: the writer without its threads, on a disk that is simulated.
//!
//! A life is a log under one seed: it is created, opened, appended to, covered, closed; some step on the way goes
//! wrong in one of six ways; the power is cut or the process dies; and it is opened again. After each opening
//! everything that was promised is looked at ([`check`]). What a disk may do is the business of
//! [`crate::disk::simulated`].

mod check;
mod life;
mod order;
mod retention;
mod room;

use std::{env, thread};

use life::{Counts, Life};

/// Cuts of every test run, some seconds of them; fewer where they take longer. `SEALTRAIL_POWER_CUTS` asks for
/// another number.
const CUTS: u64 = if cfg!(debug_assertions) { 1_000 } else { 20_000 };

/// The first seed; `SEALTRAIL_POWER_CUT_SEED` runs the one life that a failure named.
const FIRST_SEED: u64 = 1;

#[test]
fn power_cuts_lose_nothing_acknowledged_and_contradict_nothing_signed() {
    let number = |name| env::var(name).ok().map(|value| value.parse().expect("a number"));
    if let Some(seed) = number("SEALTRAIL_POWER_CUT_SEED") {
        println!("{:?}", Life::lead(seed));
        return;
    }
    let wanted = number("SEALTRAIL_POWER_CUTS").unwrap_or(CUTS);
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let counts = thread::scope(|scope| {
        let lives: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mut counts = Counts::default();
                    let mut seed = FIRST_SEED + thread;
                    while counts.power_cuts < wanted.div_ceil(threads) {
                        let _says = SaysSeed(seed);
                        counts.add(&Life::lead(seed));
                        seed += threads;
                    }
                    counts
                })
            })
            .collect();
        let mut all = Counts::default();
        for life in lives {
            match life.join() {
                Ok(counts) => all.add(&counts),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    println!("{counts:?}");
    // A simulation in which nothing happens proves nothing.
    assert!(counts.power_cuts >= wanted && counts.acknowledged > counts.power_cuts);
    assert!(counts.breaks > wanted / 2 && counts.torn > wanted / 100);
    assert!(counts.disk_full > wanted / 100 && counts.checkpoints > wanted / 4);
}

/// Names the life that failed.
struct SaysSeed(u64);

impl Drop for SaysSeed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the life that failed: SEALTRAIL_POWER_CUT_SEED={}", self.0);
        }
    }
}
