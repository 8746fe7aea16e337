//! Bytes of a change in, bytes of its record out: the one place that knows which calls that takes.

use std::cell::RefCell;
use std::hint::black_box;

use anyhow::{Result, bail};
use sealtrail_core::{Format, Key, Limits, Policy, Recorded, Session, diff, native_engine_sha256};

use crate::workloads::Workload;

pub struct Sealer<'a> {
    session: RefCell<Session>,
    policy: Policy,
    workload: &'a Workload,
    stamp: String,
    entropy: Vec<u8>,
}

impl<'a> Sealer<'a> {
    pub fn new(workload: &'a Workload) -> Result<Self> {
        let mut session = Session::default();
        session.policy(&workload.policy)?;
        session.lend_subject("thing/1", "k_bench", Key::from_slice(&[1; 32], "a key")?);
        let period = Key::from_slice(&[2; 32], "a key")?;
        session.lend_period("standard", "t_standard.2026-11", period);
        let stamp = serde_json::json!({
            "origin": "bench", "id": "019aa6c5-8f00-7000-8000-0000000000ab",
            "recorded_time": "2026-11-21T19:45:00.047Z",
            "engine": {"version": "0.1.0", "sha256": native_engine_sha256()},
        });
        Ok(Self {
            session: RefCell::new(session),
            policy: Policy::parse(&workload.policy)?,
            workload,
            stamp: stamp.to_string(),
            // Nonces that come again are for a benchmark only.
            entropy: vec![0; 12 << 17],
        })
    }

    /// The length of the record: its bytes stay where the next one will be.
    pub fn seal(&self) -> Result<usize> {
        let context = br#"{"correlation_id":"bench"}"#;
        let (stamp, change) = (self.stamp.as_bytes(), &self.workload.change);
        match self.session.borrow_mut().record(change, context, stamp, &self.entropy)? {
            Recorded::Line { line, .. } => Ok(black_box(line).len()),
            Recorded::Unchanged | Recorded::Needs(_) => bail!("the workload gives no record"),
        }
    }

    pub fn diff(&self) -> Result<Vec<u8>> {
        self.diff_of(&self.workload.before, &self.workload.after)
    }

    /// The difference of an image and a copy of it: everything is read, nothing is found.
    pub fn scan(&self, copy: &[u8]) -> Result<Vec<u8>> {
        self.diff_of(&self.workload.before, copy)
    }

    fn diff_of(&self, before: &[u8], after: &[u8]) -> Result<Vec<u8>> {
        let (policy, limits) = (Some(&self.policy), Limits::default());
        Ok(diff(before, after, policy, false, Format::Changes, &limits)?)
    }
}
