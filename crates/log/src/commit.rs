//! The commit thread: lines → fdatasync → acknowledgement.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::Error;
use crate::cover::Cover;
use crate::mark::Mark;
use crate::paths::Layout;
use crate::queue::{Queue, Submission};
use crate::segment::Segment;

/// What the commit thread owns: the end of the log.
pub(crate) struct Committer {
    pub(crate) layout: Layout,
    pub(crate) queue: Arc<Queue>,
    pub(crate) cover: Arc<Cover>,
    pub(crate) segment: Segment,
    pub(crate) segment_bytes: u64,
    /// Records in the log, which is the index of the next one.
    pub(crate) size: u64,
    /// The same number for everybody else, raised only after the sync.
    pub(crate) durable: Arc<AtomicU64>,
    /// And for readers of other processes.
    pub(crate) mark: Mark,
}

impl Committer {
    /// Commits until the queue is closed and empty, or until the first failure.
    ///
    /// There is no timer: while one batch is being synced the next one gathers, so batches are as
    /// large as the load and a lone writer waits for nobody.
    pub(crate) fn run(mut self) {
        let queue = Arc::clone(&self.queue);
        let _guard = PoisonOnPanic(&queue);
        while let Some(batch) = self.queue.take() {
            if let Err(error) = self.commit(&batch) {
                let error = self.queue.poison(&error.to_string());
                for submission in batch {
                    submission.finish(Err(error.clone()));
                }
                return;
            }
            self.acknowledge(batch);
        }
    }

    fn commit(&mut self, batch: &[Submission]) -> Result<(), Error> {
        if self.segment.bytes() >= self.segment_bytes {
            // Everything in the old segment is synced, so a new one never hides a torn line.
            self.segment = Segment::create(&self.layout, self.size)?;
        }
        self.segment.write(batch.iter().map(|submission| submission.bytes.as_slice()))?;
        self.segment.sync()
    }

    fn acknowledge(&mut self, batch: Vec<Submission>) {
        let ranges: Vec<Range<u64>> = batch
            .iter()
            .map(|submission| {
                let first = self.size;
                self.size += submission.entries.len() as u64;
                first..self.size
            })
            .collect();
        self.mark.set(self.size);
        self.durable.store(self.size, Ordering::Release);
        // Before the callers hear of it, so that a checkpoint they ask for covers their lines.
        self.cover.add(batch.iter().map(|submission| submission.entries.as_slice()));
        for (submission, range) in batch.into_iter().zip(ranges) {
            submission.finish(Ok(range));
        }
    }
}

/// Poisons the queue if the thread that holds it panics.
pub(crate) struct PoisonOnPanic<'a>(pub(crate) &'a Queue);

impl Drop for PoisonOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.poison("a thread of the log panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_poisons() {
        let queue = Queue::new(10);
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let _guard = PoisonOnPanic(&queue);
            });
            thread.join().unwrap();
            assert!(queue.poisoned().is_none());
            let thread = scope.spawn(|| {
                let _guard = PoisonOnPanic(&queue);
                panic!("a mistake in the log");
            });
            thread.join().unwrap_err();
        });
        assert!(queue.poisoned().unwrap().is_poisoned());
    }
}
