//! For `cargo xtask bench engine`, which compares the sandbox with the core linked natively: the sidecar
//! does not link the core, and nothing but the sidecar has the sandbox as it runs in production.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use sealtrail_keyring::{Key, KeyId};
use serde_json::json;

use super::{input, output};
use crate::code::Code;
use crate::config::Limits;
use crate::engine::{Kids, Policy, Sandbox, Stamp};
use crate::error::{Error, Result};

/// Seals one change again and again in a fresh instance each, and prints what each step takes
#[derive(Args)]
pub struct TimeEngine {
    #[arg(long)]
    policy: PathBuf,
    #[arg(long, default_value_t = 1000)]
    calls: usize,
    change: PathBuf,
}

/// The steps of a record, in their order.
const STEPS: [&str; 5] = ["instance and policy", "read", "plan", "seal", "reset"];

impl TimeEngine {
    pub fn run(self) -> Result<u8> {
        let sandbox = Sandbox::new(&Limits::default())?;
        let policy = Policy::new(&sandbox, &input::read(&self.policy)?)?;
        let change = input::read(&self.change)?;
        // The same keys again are for a benchmark only; which ones a record needs is always the same.
        let context = br#"{"correlation_id":"bench"}"#;
        let mut guest = policy.guest()?;
        guest.read(&change)?;
        let needs = guest.plan(context)?.needs;
        let keys = needs.iter().map(|_| throw_away()).collect::<Result<Vec<_>>>()?;
        let stamp = Stamp {
            origin: "bench",
            id: "019aa6c5-8f00-7000-8000-0000000000ab",
            recorded_time: "2026-11-21T19:45:00.047Z",
            engine: sandbox.name(),
        };
        let mut taken = STEPS.map(|_| Vec::with_capacity(self.calls));
        let before = cpu_nanoseconds()?;
        for _ in 0..self.calls {
            let mut at = [Instant::now(); STEPS.len() + 1];
            let mut guest = policy.guest()?;
            at[1] = Instant::now();
            guest.read(&change)?;
            at[2] = Instant::now();
            let plan = guest.plan(context)?;
            at[3] = Instant::now();
            std::hint::black_box(guest.seal(&stamp, plan.nonces, &keys)?);
            at[4] = Instant::now();
            drop(guest);
            at[5] = Instant::now();
            for (step, two) in taken.iter_mut().zip(at.windows(2)) {
                step.push((two[1] - two[0]).as_nanos() as u64);
            }
        }
        let cpu = cpu_nanoseconds()? - before;
        let microseconds = |mut taken: Vec<u64>| {
            taken.sort_unstable();
            taken.get(taken.len() / 2).copied().unwrap_or_default() as f64 / 1e3
        };
        let steps: serde_json::Map<_, _> = STEPS
            .iter()
            .zip(taken)
            .map(|(name, taken)| ((*name).to_owned(), json!(microseconds(taken))))
            .collect();
        let whole = cpu as f64 / 1e3 / self.calls as f64;
        output::print_line(json!({"cpu_us": whole, "p50_us": steps}).to_string().as_bytes())?;
        Ok(0)
    }
}

fn throw_away() -> Result<Kids> {
    let kid = |text: &str| KeyId::parse(text).map_err(Error::from);
    Ok([
        (kid("k_AAAAAAAAAAAAAAAAAAAAAA")?, Key::random()?),
        (kid("t_standard.1970-01")?, Key::random()?),
    ])
}

/// Of this thread, from `schedstat` (Linux, Documentation/scheduler/sched-stats).
fn cpu_nanoseconds() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = text.split_whitespace().next().and_then(|number| number.parse().ok());
    first.ok_or_else(|| Error::new(Code::Internal, "no processor time in /proc"))
}
