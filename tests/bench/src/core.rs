//! The core natively: one sealed record from bytes, against parsing both images with serde_json.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use sealtrail_core::{Draft, Key, KeyPair, Limits, Policy, Stamp, native_engine_sha256};

use crate::workloads::{self, Workload};
use crate::{Row, median};

pub fn run() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for workload in workloads::all() {
        let policy = Arc::new(Policy::parse(&workload.policy)?);
        let record = || record(&policy, &workload.change);
        let bytes = record()?.len();
        // In turns, so that a change of the machine's speed meets both alike.
        let (mut ours, mut parse) = (Vec::new(), Vec::new());
        for _ in 0..9 {
            ours.push(microseconds(&workload, || drop(black_box(record()))));
            parse.push(microseconds(&workload, || {
                drop(black_box(serde_json::from_slice::<serde_json::Value>(&workload.change)));
            }));
        }
        let (ours, parse) = (median(ours), median(parse));
        rows.push(Row {
            name: format!("{}: sealed record, native", workload.name),
            figures: vec![
                ("µs", ours),
                ("B in", workload.image_bytes as f64),
                ("B out", bytes as f64),
            ],
            ratio: Some((parse / ours, "serde_json parsing both images".into())),
        });
        rows.push(Row {
            name: format!("{}: serde_json parses both", workload.name),
            figures: vec![("µs", parse)],
            ratio: None,
        });
    }
    Ok(rows)
}

fn record(policy: &Arc<Policy>, change: &[u8]) -> Result<Vec<u8>> {
    let plan =
        Draft::read(policy, change, &Limits::default())?.plan(br#"{"correlation_id":"bench"}"#)?;
    let mut keys = Vec::with_capacity(plan.needs().len());
    for _ in plan.needs() {
        keys.push(KeyPair {
            subject_kid: "k_bench",
            subject: Key::from_slice(&[1; 32], "a key")?,
            period_kid: "t_standard.2026-11",
            period: Key::from_slice(&[2; 32], "a key")?,
        });
    }
    let engine = native_engine_sha256();
    let stamp = Stamp {
        origin: "bench",
        id: "019aa6c5-8f00-7000-8000-0000000000ab",
        recorded_time: "2026-11-21T19:45:00.047Z",
        engine_version: "0.1.0",
        engine_sha256: &engine,
    };
    // A fixed nonce is for a benchmark only.
    let entropy = vec![0; plan.nonces() * 12];
    Ok(plan.seal(&stamp, &entropy, &keys)?)
}

fn microseconds(workload: &Workload, work: impl Fn()) -> f64 {
    let rounds = (2_000_000 / workload.image_bytes).clamp(3, 2000);
    let start = Instant::now();
    for _ in 0..rounds {
        work();
    }
    start.elapsed().as_secs_f64() * 1e6 / rounds as f64
}
