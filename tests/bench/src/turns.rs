//! Timing in turns: what is compared is measured in one run, a sample of each after the other.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Something to be timed.
pub struct Contender<'a> {
    pub name: &'static str,
    pub work: Box<dyn FnMut() + 'a>,
}

/// Microseconds of CPU time of one call.
#[derive(Clone, Copy)]
pub struct Times {
    pub p50: f64,
    pub p99: f64,
}

impl<'a> Contender<'a> {
    pub fn new(name: &'static str, work: impl FnMut() + 'a) -> Self {
        Self { name, work: Box::new(work) }
    }
}

/// Gives each contender about this much time, and its times in the same order.
pub fn measure(contenders: &mut [Contender<'_>], each: Duration) -> Vec<Times> {
    let plans: Vec<(u32, usize)> = contenders.iter_mut().map(|c| pace(&mut c.work, each)).collect();
    let rounds = plans.iter().map(|plan| plan.1).max().unwrap_or(0);
    let mut samples = vec![Vec::new(); contenders.len()];
    for round in 1..=rounds {
        for ((contender, plan), samples) in contenders.iter_mut().zip(&plans).zip(&mut samples) {
            // Spread over the whole run: those with few samples are not all done when it is young.
            if samples.len() < (round * plan.1).div_ceil(rounds) {
                samples.push(microseconds(&mut contender.work, plan.0));
            }
        }
    }
    samples.into_iter().map(Times::of).collect()
}

/// Calls in a sample, so that the clock counts for little, and samples.
fn pace(work: &mut dyn FnMut(), each: Duration) -> (u32, usize) {
    let (mut calls, mut took) = (0, 0.0);
    while took < 20_000.0 && calls < 1000 {
        took += microseconds(work, 1);
        calls += 1;
    }
    let one = (took / f64::from(calls)).max(0.01);
    let batch = (100.0 / one).round().clamp(1.0, 20_000.0);
    let samples = each.as_secs_f64() * 1e6 / (one * batch);
    (batch as u32, (samples as usize).clamp(5, 400))
}

fn microseconds(work: &mut dyn FnMut(), calls: u32) -> f64 {
    let start = cpu_time();
    for _ in 0..calls {
        work();
    }
    (cpu_time() - start).as_secs_f64() * 1e6 / f64::from(calls)
}

/// Of this thread: other programs on the machine are not in it.
fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

impl Times {
    fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let at =
            |share: f64| samples[((samples.len() as f64 * share) as usize).min(samples.len() - 1)];
        Self { p50: at(0.5), p99: at(0.99) }
    }
}
