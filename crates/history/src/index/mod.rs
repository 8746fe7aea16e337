mod forget;
mod merge;
mod save;
#[cfg(test)]
mod tests;

use forget::IsForgetting;
pub use forget::{Forgetting, Forgotten};
use merge::UnderWay;
pub use merge::{Merge, Merged};

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use crate::active::Active;
use crate::error::{Error, Kind, Result};
use crate::folder::{self, State};
use crate::name::{Hashes, Kind as NameKind, Name, OriginHash, Repeated};
use crate::names;
use crate::run::{Run, entry};
use crate::snapshot::Snapshot;

/// The records of a run. Those of sixteen are made one, and so on, so that a question looks at few files.
///
/// Not the segments of the log: those can be compressed and removed, and an index that is built again must
/// come out the same. In the tests of this crate they are shorter, so that they see many.
pub(crate) const RUN: u64 = if cfg!(test) { 256 } else { 1 << 16 };

/// The index of one log: which records have a [`Name`].
///
/// On disk it is a folder:
///
/// ```text
/// origin                                    whose log this is: "sealtrail index 2" LF, the origin, LF
/// <first record>-<record after the last>.run  the names of consecutive records; 20 digits each
/// purged                                    "sealtrail index purged 1" LF, a number, LF: erasures before it are done here too
/// forgetting                                what is being done to runs, while names are taken out of them
/// lock                                      held by the process that has written
/// ```
///
/// The runs follow each other without a gap, from record 0. All but the last have 65,536 records, or sixteen
/// times as many, or sixteen times that. The last has what is left when the index is
/// [rolled](Self::roll), and is replaced when there is more. So the files of an index say nothing but what the
/// log says and how far it was read: built again from the same log, they are the same bytes. Names that are
/// [forgotten](Self::forget) leave gaps in a run until it is merged, which is all that tells when that was.
///
/// Any number of processes may have the folder open; the first that rolls or clears is the one that writes.
pub struct Index {
    dir: PathBuf,
    origin: String,
    origin_hash: OriginHash,
    hashes: Arc<Hashes>,
    repeated: Repeated,
    /// Complete ones.
    runs: Vec<Arc<Run>>,
    active: Active,
    /// What of `active` is on disk.
    tail: Option<Arc<Run>>,
    /// Whether names were taken out of it.
    tail_has_gaps: bool,
    /// Files that are of no use any more; they go when this process writes.
    superseded: Vec<PathBuf>,
    /// Whether complete runs are written as soon as there are some.
    writes: bool,
    /// The lock, once this process writes.
    writer: Option<Arc<File>>,
    merging: Weak<UnderWay>,
    forgetting: IsForgetting,
    opened: Opened,
}

/// What was on disk when an index was opened.
struct Opened {
    /// The record after the last.
    next: u64,
    /// What the folder said of erasures, if that can be read.
    purged: Option<u64>,
}

impl Opened {
    fn purged(dir: &Path) -> Option<u64> {
        folder::purged(dir).ok()
    }
}

impl Index {
    /// Opens the index of the log with this origin, and says from which record on the log has to be
    /// [added](Self::add). A folder that does not exist is an index of nothing, and so is one of an earlier
    /// version.
    ///
    /// ```
    /// # use sealtrail_history::Index;
    /// # let place = tempfile::tempdir().unwrap();
    /// # let dir = place.path();
    /// let (mut index, _) = Index::open(dir, "example.com/shop")?;
    /// index.add(0, b"{}")?;
    /// index.roll()?;
    /// let error = Index::open(dir, "example.com/library").unwrap_err();
    /// assert!(error.is_other_origin());
    /// # Ok::<(), sealtrail_history::Error>(())
    /// ```
    pub fn open(dir: &Path, origin: &str) -> Result<(Self, u64)> {
        // A writer may put longer runs in the place of those that were just seen.
        for _ in 0..8 {
            match Self::open_once(dir, origin) {
                Err(error) if error.is_not_found() => continue,
                opened => return opened,
            }
        }
        Self::open_once(dir, origin)
    }

    /// The same, never to write.
    pub fn open_to_read(dir: &Path, origin: &str) -> Result<(Self, u64)> {
        let (mut index, next) = Self::open(dir, origin)?;
        index.writes = false;
        Ok((index, next))
    }

    fn open_once(dir: &Path, origin: &str) -> Result<(Self, u64)> {
        let origin_hash = OriginHash::new(origin);
        // Before the runs, which may forget more meanwhile, and not less.
        let opened = Opened { next: 0, purged: Opened::purged(dir) };
        let mut paths = folder::run_paths(dir)?;
        let mut superseded = Vec::new();
        if folder::check_origin(dir, origin, !paths.is_empty())? == State::Outdated {
            superseded = std::mem::take(&mut paths);
        }
        let chosen = folder::choose(paths)?;
        superseded.extend(chosen.superseded);
        let mut index = Self {
            dir: dir.to_owned(),
            origin: origin.to_owned(),
            origin_hash,
            hashes: Arc::new(Hashes::new(&origin_hash)),
            repeated: Repeated::new(),
            runs: Vec::with_capacity(chosen.runs.len()),
            active: Active::new(0),
            tail: None,
            tail_has_gaps: false,
            superseded,
            writes: true,
            writer: None,
            merging: Weak::new(),
            forgetting: Weak::new(),
            opened,
        };
        for path in chosen.runs {
            index.take_run(Arc::new(Run::open(&path, origin_hash)?))?;
        }
        let next = index.next();
        index.opened.next = next;
        Ok((index, next))
    }

    /// A complete run is asked where it is; the last one is read, for it will be written again.
    fn take_run(&mut self, run: Arc<Run>) -> Result<()> {
        if !run.first().is_multiple_of(RUN) {
            let expected = format!("the run that begins at a multiple of {RUN}");
            return Err(Error::damaged(run.path(), expected));
        }
        if run.next().is_multiple_of(RUN) {
            self.active = Active::new(run.next());
            self.runs.push(run);
            return Ok(());
        }
        if run.records() > RUN {
            return Err(Error::damaged(run.path(), format!("at most {RUN} records")));
        }
        let mut entries = Vec::new();
        let mut groups = run.groups(0);
        while let Some(group) = groups.next()? {
            let records = group.records.iter().map(|record| run.first() + u64::from(*record));
            entries.extend(records.map(|record| entry(group.hash, record)));
        }
        self.active = Active::new(run.first());
        self.active.load(entries, run.times(), run.next());
        self.tail = Some(run);
        Ok(())
    }

    /// The first record that was not added yet.
    pub fn next(&self) -> u64 {
        self.active.next()
    }

    /// Adds the next record of the log. A line that is no record counts as one that nothing finds.
    ///
    /// Every 65,536 records are written by themselves.
    pub fn add(&mut self, index: u64, line: &[u8]) -> Result<()> {
        self.expect(index)?;
        let Self { active, hashes, repeated, .. } = self;
        let time = names::each(line, &mut |name| active.name(repeated.of(hashes, name)));
        active.end_record(time);
        self.write_complete_runs()
    }

    /// The same of a record whose names and time (in milliseconds since 1970) the caller knows.
    ///
    /// ```
    /// # use sealtrail_history::{Index, Name};
    /// # let place = tempfile::tempdir().unwrap();
    /// # let (mut index, _) = Index::open(place.path(), "example.com/shop")?;
    /// index.add_named(0, &[Name::Record("0199"), Name::Action("update")], None)?;
    /// assert_eq!(index.find(&Name::Record("0199"))?, [0]);
    /// # Ok::<(), sealtrail_history::Error>(())
    /// ```
    pub fn add_named(&mut self, index: u64, names: &[Name<'_>], time: Option<i64>) -> Result<()> {
        self.expect(index)?;
        let Self { active, hashes, repeated, .. } = self;
        for name in names {
            active.name(repeated.of(hashes, name.parts()));
        }
        active.end_record(time);
        self.write_complete_runs()
    }

    fn expect(&self, index: u64) -> Result<()> {
        if index == self.next() {
            return Ok(());
        }
        Err(Error::new(Kind::OutOfOrder { expected: self.next(), got: index }))
    }

    /// Counts all records before `next` as added, though nothing finds them: those that retention has removed
    /// before they were read.
    ///
    /// ```
    /// # use sealtrail_history::{Index, Name};
    /// # let place = tempfile::tempdir().unwrap();
    /// # let (mut index, _) = Index::open(place.path(), "example.com/shop")?;
    /// index.skip(300)?;
    /// index.add(300, br#"{"id":"0199"}"#)?;
    /// assert_eq!(index.find(&Name::Record("0199"))?, [300]);
    /// # Ok::<(), sealtrail_history::Error>(())
    /// ```
    pub fn skip(&mut self, next: u64) -> Result<()> {
        while self.next() < next {
            let end = (self.next() / RUN + 1).saturating_mul(RUN);
            self.active.skip_to(end.min(next));
            self.write_complete_runs()?;
        }
        Ok(())
    }

    /// The records that have this name, oldest first.
    pub fn find(&self, name: &Name<'_>) -> Result<Vec<u64>> {
        let hash = self.hashes.of(name.parts());
        let mut found = Vec::new();
        for run in &self.runs {
            run.find(hash, &mut found)?;
        }
        self.active.find(hash, &mut found);
        Ok(found)
    }

    /// The index as it is now, to be asked while it grows.
    pub fn snapshot(&mut self) -> Snapshot {
        self.active.settle();
        Snapshot::new(self.runs.clone(), self.active.clone(), self.hashes.clone())
    }

    /// Whether this line is what the index was told about the record with this number.
    ///
    /// An index outlives a log that is made anew under the same origin, or restored from an older copy. The
    /// last record that the index knows tells: if it is not in the log, or does not agree, the index has to
    /// be built again.
    ///
    /// ```
    /// # use sealtrail_history::Index;
    /// # let place = tempfile::tempdir().unwrap();
    /// # let (mut index, _) = Index::open(place.path(), "example.com/shop")?;
    /// index.add(0, br#"{"id":"0199"}"#)?;
    /// assert!(index.agrees(0, br#"{"id":"0199"}"#)?);
    /// assert!(!index.agrees(0, br#"{"id":"0200"}"#)?);
    /// # Ok::<(), sealtrail_history::Error>(())
    /// ```
    pub fn agrees(&self, index: u64, line: &[u8]) -> Result<bool> {
        let mut hashes = Vec::new();
        // Others are of many records, or are forgotten in time.
        names::each(line, &mut |name| {
            if matches!(name.0, NameKind::Record | NameKind::Entity | NameKind::Correlation) {
                hashes.push(self.hashes.of(name));
            }
        });
        for hash in hashes {
            let mut found = Vec::new();
            match self.runs.iter().find(|run| run.next() > index) {
                Some(run) => run.find(hash, &mut found)?,
                None => self.active.find(hash, &mut found),
            }
            if !found.contains(&index) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How much of the disk it takes, in bytes.
    pub fn bytes_on_disk(&self) -> u64 {
        let paths = self.runs.iter().chain(&self.tail).map(|run| run.path());
        paths.filter_map(|path| path.metadata().ok()).map(|file| file.len()).sum()
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("dir", &self.dir)
            .field("next", &self.next())
            .finish_non_exhaustive()
    }
}
