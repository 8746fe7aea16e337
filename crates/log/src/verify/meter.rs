//! How far the audit is.

use std::sync::atomic::{AtomicU64, Ordering};

/// How much of a log was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of segments read so far.
    pub done: u64,
    /// Bytes to be read. It grows when something is found wrong, because then it is looked for line by line.
    pub all: u64,
}

/// Tells somebody about it, from any thread.
pub(super) struct Meter<'a> {
    done: AtomicU64,
    all: AtomicU64,
    told: Option<&'a (dyn Fn(Progress) + Sync)>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(told: Option<&'a (dyn Fn(Progress) + Sync)>) -> Self {
        Self { done: AtomicU64::new(0), all: AtomicU64::new(0), told }
    }

    /// Another `bytes` are going to be read, after what was read until now.
    pub(super) fn plan(&self, bytes: u64) {
        self.all.store(self.done.load(Ordering::Relaxed) + bytes, Ordering::Relaxed);
    }

    pub(super) fn read(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let Some(told) = self.told {
            // A segment that is written may have grown since it was measured.
            told(Progress { done, all: self.all.load(Ordering::Relaxed).max(done) });
        }
    }
}
