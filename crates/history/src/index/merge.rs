//! Sixteen runs of one length become one, so that a question looks at few files however long the log is.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Index, RUN};
use crate::error::Result;
use crate::folder;
use crate::name::OriginHash;
use crate::run::{Entry, Groups, Run, Writer, Zone, entry, hash_of, index_of, sorted};

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
        let groups = |run: &Arc<Run>| run.groups((run.first() - first) as u32);
        let mut sources: Vec<Groups> = self.runs.iter().map(groups).collect();
        while write_next(&mut sources, &mut writer)? {}
        Ok(Merged(writer.finish()?))
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
