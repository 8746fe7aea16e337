//! One record from keys, a time and nonces that never change.

use std::sync::Arc;

use sealtrail_core::{
    Draft, Error, Key, KeyPair, Limits, Opening, Policy, Stamp, native_engine_sha256,
};

pub const ORIGIN: &str = "fuzz";

/// The line of a change, and how many seals it has; `None` where nothing changed.
pub fn record(
    policy: &Arc<Policy>,
    change: &[u8],
    context: &[u8],
) -> Result<Option<(Vec<u8>, usize)>, Error> {
    let plan = Draft::read(policy, change, &Limits::default())?.plan(context)?;
    if plan.is_unchanged() {
        return Ok(None);
    }
    let seals = plan.needs().len();
    let pair =
        || KeyPair { subject_kid: "k_1", subject: key(1), period_kid: "t_1", period: key(2) };
    let pairs: Vec<_> = (0..seals).map(|_| pair()).collect();
    let engine = native_engine_sha256();
    let stamp = Stamp {
        origin: ORIGIN,
        id: "019aa6c5-8f00-7000-8000-0000000000ab",
        recorded_time: "2026-11-21T19:45:00.047Z",
        engine_version: "fuzz",
        engine_sha256: &engine,
    };
    let entropy: Vec<u8> = (0..plan.nonces() * 12).map(|i| (i * 7) as u8).collect();
    Ok(Some((plan.seal(&stamp, &entropy, &pairs)?, seals)))
}

/// The keys that open all seals of such a record.
pub fn openings(seals: usize) -> Vec<Opening> {
    (0..seals).map(|seal| Opening { seal, subject: key(1), period: key(2) }).collect()
}

pub fn key(byte: u8) -> Key {
    Key::from_slice(&[byte; 32], "a key").unwrap_or_else(|_| unreachable!("32 bytes are a key"))
}
