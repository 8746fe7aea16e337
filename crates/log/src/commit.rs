//! The committer: lines → fdatasync → acknowledgement.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::batch::Batch;
use crate::commits::Commits;
use crate::cover::Cover;
use crate::disk::Disk;
use crate::mark::Mark;
use crate::paths::Layout;
use crate::queue::{Queue, Work};
use crate::segment::Segment;
use crate::{Error, Options};

/// The end of the log. Whoever has it commits: the commit thread, or a caller who is alone.
pub(crate) struct Committer {
    pub(crate) disk: Disk,
    pub(crate) layout: Layout,
    pub(crate) options: Options,
    pub(crate) queue: Arc<Queue>,
    pub(crate) cover: Arc<Cover>,
    pub(crate) segment: Segment,
    /// Records in the log, which is the index of the next one.
    pub(crate) size: u64,
    /// The same number for everybody else, raised only after the sync.
    pub(crate) durable: Arc<AtomicU64>,
    /// How often lines were synced.
    pub(crate) commits: Arc<Commits>,
    /// The same for other processes.
    pub(crate) mark: Mark,
    /// The last append failed for want of room.
    pub(crate) is_disk_full: bool,
}

/// The commit thread: commits until the queue is closed and empty, or until the first failure.
///
/// There is no timer: while one batch is being synced the next one gathers, so batches are as large as the
/// load.
pub(crate) fn run(committer: &Mutex<Committer>, queue: &Queue) {
    let _guard = PoisonOnPanic(queue);
    while let Some(work) = queue.take() {
        let mut committer = committer.lock().unwrap_or_else(PoisonError::into_inner);
        match work {
            Work::Commit(batch) => drop(committer.turn(batch)),
            Work::LookForRoom => committer.look_for_room(),
        }
        drop(committer);
        queue.finished();
    }
    if queue.poisoned().is_none() {
        committer.lock().unwrap_or_else(PoisonError::into_inner).close();
    }
}

impl Committer {
    /// Commits one batch and tells everybody in it; returns what it told.
    pub(crate) fn turn(&mut self, batch: Batch) -> Result<Range<u64>, Error> {
        match self.commit(&batch) {
            Ok(()) => {
                if self.is_disk_full {
                    self.set_disk_full(None);
                }
                Ok(self.acknowledge(batch))
            }
            Err(error) => {
                let error = match error.is_disk_full() {
                    true => {
                        self.set_disk_full(Some(error.clone()));
                        error
                    }
                    false => self.queue.poison(&error.to_string()),
                };
                batch.finish(Err(error.clone()));
                Err(error)
            }
        }
    }

    /// If the disk is full, everything is as it was; after any other failure nobody knows what is on disk.
    fn commit(&mut self, batch: &Batch) -> Result<(), Error> {
        if let Some(error) = self.cover.refusal() {
            return Err(error);
        }
        if self.segment.bytes() >= self.options.segment_bytes {
            // Everything in the old segment is synced, and nothing was filled ahead beyond its limit, so a new one
            // never hides a torn line.
            self.segment = Segment::create(&self.disk, &self.layout, self.size)?;
        }
        self.segment.write(batch.bytes(), self.options.fill_ahead, self.options.segment_bytes)?;
        self.segment.sync()
    }

    fn acknowledge(&mut self, batch: Batch) -> Range<u64> {
        let first = self.size;
        self.size += batch.lines();
        self.mark.set(self.size);
        self.durable.store(self.size, Ordering::Release);
        self.commits.add(batch.lines());
        // Before the callers hear of it, so that a checkpoint they ask for covers their lines.
        self.cover.add(batch.entries());
        batch.finish(Ok(first));
        first..self.size
    }

    /// Nobody may be trying to append while it is known that appends fail.
    pub(crate) fn look_for_room(&mut self) {
        let room = self.cover.refusal().map_or_else(|| self.segment.try_room(ROOM_TO_GO_ON), Err);
        match room {
            Ok(()) => self.set_disk_full(None),
            Err(error) if error.is_disk_full() => self.set_disk_full(Some(error)),
            Err(error) => drop(self.queue.poison(&error.to_string())),
        }
    }

    /// Leaves the segment as a reader expects one that nobody writes.
    pub(crate) fn close(&mut self) {
        if self.segment.is_filled_ahead()
            && let Err(error) = self.segment.cut_back()
        {
            self.queue.poison(&error.to_string());
        }
    }

    fn set_disk_full(&mut self, error: Option<Error>) {
        self.is_disk_full = error.is_some();
        self.queue.set_disk_full(error);
    }
}

/// Room for some lines and a few tiles.
const ROOM_TO_GO_ON: u64 = 256 << 10;

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
