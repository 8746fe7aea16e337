//! The covering thread: durable lines → tiles → signed checkpoint, off the acknowledgement's path.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sealtrail_proof::{Checkpoint, Hash};

use crate::Error;
use crate::commit::PoisonOnPanic;
use crate::queue::Queue;
use crate::tree::Tree;

/// Durable lines that may wait for a checkpoint, 32 bytes each. Beyond it the commit thread waits.
const MAX_WAITING: usize = 1 << 20;

/// What the commit thread, the covering thread and whoever asks for a checkpoint share.
pub(crate) struct Cover {
    interval: Duration,
    state: Mutex<State>,
    /// The covering thread waits here.
    work: Condvar,
    /// Those who asked for a checkpoint, and the commit thread when too many lines wait, wait here.
    covered: Condvar,
}

struct State {
    /// Entries of durable lines that no checkpoint covers, in order.
    waiting: Vec<Hash>,
    since: Option<Instant>,
    /// Durable lines, waiting or being covered or covered.
    size: u64,
    wanted: bool,
    closing: bool,
    stopped: bool,
    checkpoint: Checkpoint,
}

impl Cover {
    /// Begins with the last checkpoint and the lines that recovery found after it.
    pub(crate) fn new(checkpoint: Checkpoint, recovered: Vec<Hash>, interval: Duration) -> Self {
        let state = State {
            size: checkpoint.size() + recovered.len() as u64,
            // What waited through a crash has waited long enough.
            wanted: !recovered.is_empty(),
            since: None,
            waiting: recovered,
            closing: false,
            stopped: false,
            checkpoint,
        };
        Self { interval, state: Mutex::new(state), work: Condvar::new(), covered: Condvar::new() }
    }

    /// Takes over durable lines.
    pub(crate) fn add<'a>(&self, lines: impl Iterator<Item = &'a [Hash]>) {
        let mut state = self.lock();
        while state.waiting.len() > MAX_WAITING && !state.stopped {
            state.wanted = true;
            self.work.notify_one();
            state = wait(&self.covered, state);
        }
        let before = state.waiting.len();
        for entries in lines {
            state.waiting.extend_from_slice(entries);
        }
        state.size += (state.waiting.len() - before) as u64;
        if state.since.is_none() {
            state.since = Some(Instant::now());
            // The thread sleeps without an alarm while nothing waits.
            self.work.notify_one();
        }
    }

    /// Covers all lines that are durable now; waits for it.
    pub(crate) fn now(&self, queue: &Queue) -> Result<Checkpoint, Error> {
        let mut state = self.lock();
        let size = state.size;
        while state.checkpoint.size() < size {
            if state.stopped {
                return Err(queue.poisoned().unwrap_or_else(Error::closed));
            }
            state.wanted = true;
            self.work.notify_one();
            state = wait(&self.covered, state);
        }
        Ok(state.checkpoint.clone())
    }

    /// The last checkpoint.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        self.lock().checkpoint.clone()
    }

    /// Covers what waits, then ends. Called after the commit thread has ended.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.work.notify_all();
    }

    /// The covering thread. A failure poisons the log: a tile that did not reach the disk must not be
    /// signed later as if it had.
    pub(crate) fn run(self: &Arc<Self>, mut tree: Tree, queue: &Queue) {
        let _stopped = Stopped(self);
        let _guard = PoisonOnPanic(queue);
        while let Some(lines) = self.take() {
            match tree.cover(&lines) {
                Ok(checkpoint) => {
                    self.lock().checkpoint = checkpoint.clone();
                    self.covered.notify_all();
                }
                Err(error) => {
                    queue.poison(&error.to_string());
                    return;
                }
            }
        }
    }

    fn take(&self) -> Option<Vec<Hash>> {
        let mut state = self.lock();
        loop {
            if state.closing || state.wanted {
                break;
            }
            state = match state.since.map(|since| since.elapsed()) {
                None => wait(&self.work, state),
                Some(waited) if waited >= self.interval => break,
                Some(waited) => {
                    self.work
                        .wait_timeout(state, self.interval - waited)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
        if state.closing && state.waiting.is_empty() {
            return None;
        }
        state.wanted = false;
        state.since = None;
        Some(mem::take(&mut state.waiting))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// However the covering thread ends, nobody waits for it any longer.
struct Stopped<'a>(&'a Cover);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.lock().stopped = true;
        self.0.covered.notify_all();
    }
}

fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
}
