//! Sixteen runs of one length become one, so that a question looks at few files however long the log is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Index, RUN};
use crate::error::Result;
use crate::folder;
use crate::name::OriginHash;
use crate::run::{Group, Run, Writer, Zone};

/// How many runs become one.
const FAN: u64 = 16;

/// The longest run that is made: half an hour of a log at full speed, and minutes of work.
const LONGEST: u64 = RUN * FAN * FAN;

/// Runs that are to become one. The work needs nothing of the index, which can be asked meanwhile.
pub struct Merge {
    dir: PathBuf,
    origin: OriginHash,
    runs: Vec<Arc<Run>>,
}

/// The one that they became.
pub struct Merged(Run);

impl Index {
    /// What is to be merged next, if this process writes the index.
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
    pub fn due_merge(&self) -> Option<Merge> {
        self.writer.as_ref()?;
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
                let runs = same.to_vec();
                return Some(Merge { dir: self.dir.clone(), origin: self.origin_hash, runs });
            }
            end -= 1;
        }
        None
    }

    /// Puts a run in the place of those that it was made of. What has changed since they were taken is not
    /// lost: then the merged run is deleted, and the merge is due again.
    pub fn take_merged(&mut self, Merged(run): Merged) -> Result<()> {
        let at = self.runs.iter().position(|old| old.first() == run.first());
        let end = self.runs.iter().position(|old| old.next() == run.next());
        let (Some(at), Some(end)) = (at, end) else { return folder::remove(run.path()) };
        let old: Vec<Arc<Run>> = self.runs.splice(at..=end, [Arc::new(run)]).collect();
        // The last one first: what a crash leaves is superseded, and has no gap.
        for run in old.iter().rev() {
            folder::remove(run.path())?;
        }
        self.sync()
    }
}

impl Merge {
    /// Writes the run that the others become.
    pub fn run(self) -> Result<Merged> {
        let (first, next) = (self.runs[0].first(), self.runs[self.runs.len() - 1].next());
        let times: Vec<Zone> = self.runs.iter().flat_map(|run| run.times()).copied().collect();
        let mut writer = Writer::new(&self.dir, self.origin, (first, next), &times)?;
        let mut sources: Vec<_> = self.runs.iter().map(Run::groups).collect();
        let offset = |run: &Run| (run.first() - first) as u32;
        let offsets: Vec<u32> = self.runs.iter().map(|run| offset(run)).collect();
        let mut order = BinaryHeap::new();
        for (number, source) in sources.iter_mut().enumerate() {
            order.extend(source.hash()?.map(|hash| Reverse((hash, number))));
        }
        let mut group = Group::default();
        while let Some(mut top) = order.peek_mut() {
            let Reverse((hash, number)) = *top;
            if hash != group.hash {
                writer.group(group.hash, &group.records)?;
                group.hash = hash;
                group.records.clear();
            }
            sources[number].take(offsets[number], &mut group.records)?;
            match sources[number].hash()? {
                Some(next) => *top = Reverse((next, number)),
                None => drop(PeekMut::pop(top)),
            }
        }
        writer.group(group.hash, &group.records)?;
        Ok(Merged(writer.finish()?))
    }
}
