//! Bytes of a change in, bytes of its record out: the one place that knows which calls that takes.

use std::sync::Arc;

use anyhow::Result;
use sealtrail_core::{
    Draft, Format, Key, KeyPair, Limits, Policy, Stamp, diff, native_engine_sha256,
};

use crate::workloads::Workload;

pub struct Sealer<'a> {
    policy: Arc<Policy>,
    workload: &'a Workload,
    engine: String,
}

impl<'a> Sealer<'a> {
    pub fn new(workload: &'a Workload) -> Result<Self> {
        let policy = Arc::new(Policy::parse(&workload.policy)?);
        Ok(Self { policy, workload, engine: native_engine_sha256() })
    }

    pub fn seal(&self) -> Result<Vec<u8>> {
        let plan = Draft::read(&self.policy, &self.workload.change, &Limits::default())?
            .plan(br#"{"correlation_id":"bench"}"#)?;
        let mut keys = Vec::with_capacity(plan.needs().len());
        for _ in plan.needs() {
            keys.push(KeyPair {
                subject_kid: "k_bench",
                subject: Key::from_slice(&[1; 32], "a key")?,
                period_kid: "t_standard.2026-11",
                period: Key::from_slice(&[2; 32], "a key")?,
            });
        }
        let stamp = Stamp {
            origin: "bench",
            id: "019aa6c5-8f00-7000-8000-0000000000ab",
            recorded_time: "2026-11-21T19:45:00.047Z",
            engine_version: "0.1.0",
            engine_sha256: &self.engine,
        };
        // A fixed nonce is for a benchmark only.
        let entropy = vec![0; plan.nonces() * 12];
        Ok(plan.seal(&stamp, &entropy, &keys)?)
    }

    pub fn diff(&self) -> Result<Vec<u8>> {
        self.diff_of(&self.workload.before, &self.workload.after)
    }

    /// The difference of an image and a copy of it: everything is read, nothing is found.
    pub fn scan(&self, copy: &[u8]) -> Result<Vec<u8>> {
        self.diff_of(&self.workload.before, copy)
    }

    fn diff_of(&self, before: &[u8], after: &[u8]) -> Result<Vec<u8>> {
        let (policy, limits) = (Some(&*self.policy), Limits::default());
        Ok(diff(before, after, policy, false, Format::Changes, &limits)?)
    }
}
