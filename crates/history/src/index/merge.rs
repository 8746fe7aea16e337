//! Sixteen runs of one length become one, so that a question looks at few files however long the log is.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Index, RUN};
use crate::error::Result;
use crate::folder;
use crate::name::OriginHash;
use crate::run::{
    Entry, Groups, Run, Writer, Written, Zone, entry, file_name, hash_of, index_of, sorted,
};

/// How many runs become one.
const FAN: u64 = 16;

/// The longest run that is made: half an hour of a log at full speed, and minutes of work.
const LONGEST: u64 = RUN * FAN * FAN;

/// Runs that are to become one. The work needs nothing of the index, which can be asked meanwhile.
pub struct Merge {
    dir: PathBuf,
    origin: OriginHash,
    runs: Vec<Arc<Run>>,
    under_way: Arc<UnderWay>,
}

/// The one that they became. It is no part of the index before it is [taken](Index::take_merged), and deleted if it
/// never is.
pub struct Merged {
    run: Option<Written>,
    of: Vec<Arc<Run>>,
    /// Goes last.
    _under_way: Arc<UnderWay>,
}

/// What the index knows of a merge that somebody works at; there is one at a time.
pub(super) struct UnderWay {
    first: u64,
    next: u64,
    is_given_up: AtomicBool,
    /// No other process writes the folder before it has ended.
    _lock: Arc<File>,
}

impl Index {
    /// What is to be merged next, if this process writes the index, no other merge is under way, and no names are taken out
    /// of runs.
    ///
    /// ```
    /// # use sealtrail_history::Index;
    /// # let place = tempfile::tempdir().unwrap();
    /// # let (mut index, _) = Index::open(place.path(), "example.com/shop")?;
    /// while let Some(merge) = index.due_merge() {
    ///     let merged = merge.run()?;
    ///     index.take_merged(merged)?;
    /// }
    /// # Ok::<(), sealtrail_history::Error>(())
    /// ```
    pub fn due_merge(&mut self) -> Option<Merge> {
        let lock = self.writer.as_ref()?;
        if self.merging.strong_count() > 0 || self.is_forgetting() {
            return None;
        }
        let mut end = self.runs.len();
        while end >= FAN as usize {
            let last = &self.runs[end - 1];
            let same = &self.runs[end - FAN as usize..end];
            let length = last.records();
            // Where sixteen begin follows from the numbers of their records, whoever merges them and when.
            if length < LONGEST
                && last.next().is_multiple_of(length * FAN)
                && same.iter().all(|run| run.records() == length)
            {
                let under_way = Arc::new(UnderWay {
                    first: same[0].first(),
                    next: last.next(),
                    is_given_up: AtomicBool::new(false),
                    _lock: lock.clone(),
                });
                self.merging = Arc::downgrade(&under_way);
                let (dir, runs) = (self.dir.clone(), same.to_vec());
                return Some(Merge { dir, origin: self.origin_hash, runs, under_way });
            }
            end -= 1;
        }
        None
    }

    /// Puts a run in the place of those that it was made of. If names were taken out of one of those meanwhile, the merged
    /// run may have them: then it is deleted, and the merge is due again.
    pub fn take_merged(&mut self, merged: Merged) -> Result<()> {
        let Merged { run, of, _under_way } = merged;
        let run = run.filter(|_| !_under_way.is_given_up.load(Ordering::SeqCst));
        let at = self.runs.windows(of.len()).position(|runs| {
            runs.iter().zip(&of).all(|(present, merged)| Arc::ptr_eq(present, merged))
        });
        let (Some(run), Some(at)) = (run, at) else { return Ok(()) };
        let run = Arc::new(run.put()?);
        let old = self.runs.splice(at..at + of.len(), [run]);
        self.superseded.extend(old.map(|run| run.path().to_owned()));
        self.remove_superseded()?;
        self.sync()
    }

    /// Makes an end of a merge that reads some of these records, because they are to be read no more: when this
    /// returns there is nothing of it on disk, and whoever works at it writes no more.
    pub(super) fn give_up_merge(&self, first: u64, next: u64) -> Result<()> {
        let Some(merge) = self.merging.upgrade() else { return Ok(()) };
        if merge.next <= first || next <= merge.first {
            return Ok(());
        }
        merge.is_given_up.store(true, Ordering::SeqCst);
        let place = self.dir.join(file_name(merge.first, merge.next));
        folder::remove(&place.with_extension("tmp"))
    }
}

impl Merge {
    /// Writes the run that the others become.
    pub fn run(self) -> Result<Merged> {
        let written = self.write();
        // Where it was given up, writing may have failed because the file was taken away.
        let run = if self.is_given_up() { None } else { written? };
        Ok(Merged { run, of: self.runs, _under_way: self.under_way })
    }

    fn is_given_up(&self) -> bool {
        self.under_way.is_given_up.load(Ordering::SeqCst)
    }

    fn write(&self) -> Result<Option<Written>> {
        let (first, next) = (self.runs[0].first(), self.runs[self.runs.len() - 1].next());
        let times: Vec<Zone> = self.runs.iter().flat_map(|run| run.times()).copied().collect();
        let mut writer = Writer::new(&self.dir, self.origin, (first, next), &times)?;
        // Who gives it up from here on finds the file.
        if self.is_given_up() {
            return Ok(None);
        }
        let groups = |run: &Arc<Run>| run.groups((run.first() - first) as u32);
        let mut sources: Vec<Groups> = self.runs.iter().map(groups).collect();
        while write_next(&mut sources, &mut writer)? {}
        writer.complete().map(Some)
    }
}

/// Writes the groups that are in memory of all runs; false behind the end.
fn write_next(sources: &mut [Groups], writer: &mut Writer) -> Result<bool> {
    let mut bound = None;
    for source in sources.iter_mut() {
        let known = source.known()?;
        bound = bound.into_iter().chain(known).min();
    }
    let mut found = Vec::new();
    let mut counts = Vec::with_capacity(sources.len());
    for (number, source) in sources.iter().enumerate() {
        let before = found.len();
        // The records of an earlier run come first.
        let place = |(hash, place)| entry(hash, (number << 32 | place) as u64);
        found.extend(source.before(bound).map(place));
        counts.push(found.len() - before);
    }
    let found = sorted(found);
    let records_of = |found: &Entry| {
        let place = index_of(*found);
        sources[(place >> 32) as usize].records(place as u32 as usize)
    };
    let mut together = Vec::new();
    for same in found.chunk_by(|a, b| hash_of(*a) == hash_of(*b)) {
        let hash = hash_of(same[0]);
        if let [one] = same {
            writer.group(hash, records_of(one))?;
        } else {
            together.clear();
            same.iter().for_each(|one| together.extend_from_slice(records_of(one)));
            writer.group(hash, &together)?;
        }
    }
    for (source, count) in sources.iter_mut().zip(counts) {
        source.pass(count);
    }
    Ok(!found.is_empty())
}
