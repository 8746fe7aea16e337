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
    /// How often the covering was begun, and why the last one was put off, if it was.
    attempts: u64,
    put_off: Option<(u64, Error)>,
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
            attempts: 0,
            put_off: None,
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
        while state.waiting.len() > MAX_WAITING && !state.stopped && state.put_off.is_none() {
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

    /// Why no more lines may come: too many wait, because there is no room for their tiles.
    pub(crate) fn refusal(&self) -> Option<Error> {
        let state = self.lock();
        let (_, error) = state.put_off.as_ref()?;
        (state.waiting.len() > MAX_WAITING).then(|| error.clone())
    }

    /// Why lines wait for a checkpoint longer than they should.
    pub(crate) fn put_off(&self) -> Option<Error> {
        self.lock().put_off.as_ref().map(|(_, error)| error.clone())
    }

    /// Covers all lines that are durable now; waits for it.
    pub(crate) fn now(&self, queue: &Queue) -> Result<Checkpoint, Error> {
        let mut state = self.lock();
        let size = state.size;
        // The one under way may have begun without them.
        let next = state.attempts + 1;
        while state.checkpoint.size() < size {
            if state.stopped {
                return Err(queue.poisoned().unwrap_or_else(Error::closed));
            }
            if let Some((attempt, error)) = &state.put_off
                && *attempt >= next
            {
                return Err(error.clone());
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
    /// signed later as if it had. A full disk does not: the lines wait for the next interval.
    pub(crate) fn run(self: &Arc<Self>, mut tree: Tree, queue: &Queue) {
        let _stopped = Stopped(self);
        let _guard = PoisonOnPanic(queue);
        while let Some(lines) = self.take() {
            if !self.turn(&mut tree, queue, lines) {
                return;
            }
        }
    }

    /// Covers lines that were taken. False if there is nothing more to be done.
    pub(crate) fn turn(&self, tree: &mut Tree, queue: &Queue, lines: Vec<Hash>) -> bool {
        let covered = tree.cover(&lines).cloned();
        let mut state = self.lock();
        let goes_on = match covered {
            Ok(checkpoint) => {
                (state.checkpoint, state.put_off) = (checkpoint, None);
                true
            }
            Err(error) if error.is_disk_full() => {
                let later = mem::replace(&mut state.waiting, lines);
                state.waiting.extend(later);
                state.since = Some(Instant::now());
                state.put_off = Some((state.attempts, error));
                !state.closing
            }
            Err(error) => {
                drop(state);
                let (error, waiting) = queue.condemn(&error.to_string());
                // Nobody waits here for us any more: those who are told now may ask for a checkpoint.
                self.lock().stopped = true;
                self.covered.notify_all();
                waiting.finish(Err(error));
                return false;
            }
        };
        drop(state);
        self.covered.notify_all();
        goes_on
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
        state.claim()
    }

    /// What waits, without waiting for it.
    #[cfg(test)]
    pub(crate) fn take_now(&self) -> Option<Vec<Hash>> {
        self.lock().claim()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn claim(&mut self) -> Option<Vec<Hash>> {
        if self.closing && self.waiting.is_empty() {
            return None;
        }
        self.wanted = false;
        self.since = None;
        self.attempts += 1;
        Some(mem::take(&mut self.waiting))
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use sealtrail_proof::{SigningKey, entry_hash};

    use super::*;
    use crate::disk::Disk;
    use crate::paths::Layout;
    use crate::submission::Submission;
    use crate::{Options, Signer, writer};

    /// Those who are told that the log is poisoned may ask for what only this thread could have done.
    #[test]
    fn who_is_told_of_a_failure_may_ask_for_a_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let key = SigningKey::from_seed("log.example", &[1; 32]).unwrap();
        let signer = Signer::new("log.example", key).unwrap();
        writer::create(&Disk::Real, &layout, &signer).unwrap();
        let mut tree = Tree::load(&Disk::Real, &layout, signer).unwrap();
        let cover = Cover::new(tree.checkpoint().clone(), Vec::new(), Duration::MAX);
        let (cover, queue) = (Arc::new(cover), Arc::new(Queue::new(10)));
        let entries = [entry_hash(b"a")];
        cover.add([&entries[..]].into_iter());
        let (sender, receiver) = mpsc::channel();
        let (asked, of) = (Arc::clone(&cover), Arc::clone(&queue));
        let submission = Submission::new(&[b"b".to_vec()], &Options::default()).unwrap();
        queue.offer(
            submission,
            Box::new(move |result| sender.send((result.is_err(), asked.now(&of))).unwrap()),
        );
        std::fs::write(layout.checkpoint(), "another").unwrap();
        assert!(!cover.turn(&mut tree, &queue, cover.take_now().unwrap()));
        let (is_err, checkpoint) = receiver.recv().unwrap();
        assert!(is_err && checkpoint.unwrap_err().is_poisoned());
    }
}
