//! The way from many callers to the one committer.

use std::mem;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Error;
use crate::batch::{Batch, Place};
use crate::submission::{Done, Submission};

/// Bounded by bytes; poisoned by the first failed write.
pub(crate) struct Queue {
    limit: usize,
    state: Mutex<State>,
    /// The commit thread waits here for submissions.
    work: Condvar,
    /// Blocking callers wait here for room.
    room: Condvar,
}

struct State {
    waiting: Batch,
    bytes: usize,
    /// Somebody commits: the thread, or a caller for himself.
    busy: bool,
    /// Submissions in the last batch.
    last_batch: usize,
    closing: bool,
    disk_full: Option<Error>,
    poisoned: Option<Error>,
}

/// What the commit thread has to do next. It says [`Queue::finished`] when it is done.
pub(crate) enum Work {
    Commit(Batch),
    /// The disk was full: look whether there is room again, for nobody may be trying.
    LookForRoom,
}

/// How often to look whether there is room again.
const LOOK_FOR_ROOM: Duration = Duration::from_millis(500);

impl Queue {
    pub(crate) fn new(limit: usize) -> Self {
        let state = State {
            waiting: Batch::default(),
            bytes: 0,
            busy: false,
            last_batch: 1,
            closing: false,
            disk_full: None,
            poisoned: None,
        };
        Self { limit, state: Mutex::new(state), work: Condvar::new(), room: Condvar::new() }
    }

    /// Queues, or calls `done` at once with the reason why not.
    pub(crate) fn offer(&self, mut submission: Submission, done: Done) {
        let state = self.lock();
        let refused = state
            .refusal()
            .or_else(|| (!self.has_room(&state, &submission)).then(|| Error::full(self.limit)));
        match refused {
            Some(error) => {
                // Never call a stranger with the lock held.
                drop(state);
                done(Err(error));
            }
            None => {
                submission.tell(done);
                self.push(state, submission);
            }
        }
    }

    /// Queues, waits for room if need be, and waits for the outcome. A caller who is alone is handed to
    /// `commit_alone` instead, on his own thread: two wake-ups less.
    pub(crate) fn submit(
        &self,
        submission: Submission,
        commit_alone: impl FnOnce(Submission) -> Result<Range<u64>, Error>,
    ) -> Result<Range<u64>, Error> {
        let mut state = self.lock();
        loop {
            if let Some(error) = state.refusal() {
                return Err(error);
            }
            if self.has_room(&state, &submission) {
                break;
            }
            state = wait(&self.room, state);
        }
        if !state.busy && state.waiting.is_empty() && state.last_batch == 1 {
            state.busy = true;
            drop(state);
            let _finished = Finished(self);
            return commit_alone(submission);
        }
        self.push(state, submission).wait()
    }

    /// Everything that waits, as one batch; waits for it. `None` when the queue is closed and empty, or poisoned.
    pub(crate) fn take(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            if state.poisoned.is_some() || state.closing && state.waiting.is_empty() && !state.busy
            {
                return None;
            }
            if !state.busy && !state.waiting.is_empty() {
                break;
            }
            if state.disk_full.is_some() && !state.busy {
                let (woken, timeout) = self
                    .work
                    .wait_timeout(state, LOOK_FOR_ROOM)
                    .unwrap_or_else(PoisonError::into_inner);
                state = woken;
                if timeout.timed_out() && !state.busy && state.waiting.is_empty() {
                    state.busy = true;
                    return Some(Work::LookForRoom);
                }
                continue;
            }
            state = wait(&self.work, state);
        }
        let batch = state.claim();
        drop(state);
        self.room.notify_all();
        Some(Work::Commit(batch))
    }

    /// What was taken has been dealt with.
    pub(crate) fn finished(&self) {
        let mut state = self.lock();
        state.busy = false;
        // A full disk changes how long the thread sleeps.
        let anything = !state.waiting.is_empty() || state.closing || state.disk_full.is_some();
        drop(state);
        if anything {
            self.work.notify_one();
        }
    }

    /// No more submissions; those that wait are still committed.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.work.notify_all();
        self.room.notify_all();
    }

    /// After a failed write nobody knows what is on disk: everything from here on is refused.
    pub(crate) fn poison(&self, why: &str) -> Error {
        let (error, waiting) = self.condemn(why);
        waiting.finish(Err(error.clone()));
        error
    }

    /// The same, for a caller who has something to do before those that wait are told, by code of theirs.
    pub(crate) fn condemn(&self, why: &str) -> (Error, Batch) {
        let mut state = self.lock();
        let error = state.poisoned.get_or_insert_with(|| Error::poisoned(why)).clone();
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        self.work.notify_all();
        self.room.notify_all();
        (error, waiting)
    }

    pub(crate) fn poisoned(&self) -> Option<Error> {
        self.lock().poisoned.clone()
    }

    /// Appends fail for want of room, or no longer do.
    pub(crate) fn set_disk_full(&self, error: Option<Error>) {
        self.lock().disk_full = error;
        self.work.notify_one();
    }

    pub(crate) fn disk_full(&self) -> Option<Error> {
        self.lock().disk_full.clone()
    }

    fn push(&self, mut state: MutexGuard<'_, State>, submission: Submission) -> Place {
        state.bytes += submission.bytes.len();
        let place = state.waiting.push(submission);
        // Whoever commits now looks again when he has finished.
        let first = state.waiting.len() == 1 && !state.busy;
        drop(state);
        if first {
            self.work.notify_one();
        }
        place
    }

    /// One submission always fits, or one larger than the bound would wait for ever.
    fn has_room(&self, state: &State, submission: &Submission) -> bool {
        state.waiting.is_empty() || state.bytes + submission.bytes.len() <= self.limit
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code of others runs under this lock, and every change under it is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn claim(&mut self) -> Batch {
        self.busy = true;
        self.bytes = 0;
        self.last_batch = self.waiting.len();
        let next = Batch::with_room(self.waiting.len());
        mem::replace(&mut self.waiting, next)
    }

    fn refusal(&self) -> Option<Error> {
        match &self.poisoned {
            Some(error) => Some(error.clone()),
            None => self.closing.then(Error::closed),
        }
    }
}

/// However a caller's own commit ends, the next one can begin.
struct Finished<'a>(&'a Queue);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        self.0.finished();
    }
}

fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::Options;

    fn taken(queue: &Queue) -> Option<Batch> {
        let work = queue.take()?;
        queue.finished();
        match work {
            Work::Commit(batch) => Some(batch),
            Work::LookForRoom => Some(Batch::default()),
        }
    }

    fn submission(bytes: usize) -> Submission {
        Submission::new(&[vec![b'x'; bytes - 1]], &Options::default()).unwrap()
    }

    #[test]
    fn a_full_queue_refuses_and_one_large_submission_always_fits() {
        let queue = Queue::new(10);
        let (sender, results) = mpsc::channel();
        let offer = |bytes| {
            let sender = sender.clone();
            queue.offer(submission(bytes), Box::new(move |result| sender.send(result).unwrap()));
        };
        offer(50);
        offer(2);
        assert!(results.try_recv().unwrap().unwrap_err().is_full());
        assert_eq!(taken(&queue).unwrap().len(), 1);
        offer(5);
        offer(5);
        offer(5);
        // The batch that was dropped without an outcome, then the third of five bytes.
        assert!(results.recv().unwrap().unwrap_err().is_poisoned());
        assert!(results.recv().unwrap().unwrap_err().is_full());
        assert!(results.try_recv().is_err());
        queue.poison("disk on fire");
        for _ in 0..2 {
            assert!(results.recv().unwrap().unwrap_err().is_poisoned());
        }
        offer(5);
        assert!(results.recv().unwrap().unwrap_err().is_poisoned());
    }

    #[test]
    fn closing_lets_what_waits_through() {
        let queue = Queue::new(10);
        queue.offer(submission(5), Box::new(|_| ()));
        queue.close();
        assert_eq!(taken(&queue).unwrap().len(), 1);
        assert!(taken(&queue).is_none());
        let alone = |_| panic!("the queue is closed");
        assert!(queue.submit(submission(5), alone).unwrap_err().is_closed());
    }
}
