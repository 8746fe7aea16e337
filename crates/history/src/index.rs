use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::peek::Names;
use crate::question::{OriginHash, Question};
use crate::run::{self, Entry, Run};

/// Entries in memory before they are written by themselves: some 30 MB.
const ACTIVE: usize = 1 << 20;

/// The index of one log: which records belong to an entity, a correlation id, a record id.
///
/// On disk it is a folder:
///
/// ```text
/// origin                                    whose log this is: "sealtrail index 1" LF, the origin, LF
/// <first record>-<record after the last>.run  the entries of consecutive records; 20 digits each
/// lock                                      held by the process that has written
/// ```
///
/// The runs follow each other without a gap, from record 0. Nothing is written until [`roll`](Self::roll).
/// Any number of processes may have the folder open; the first that rolls or clears is the one that writes.
pub struct Index {
    dir: PathBuf,
    origin: String,
    origin_hash: OriginHash,
    runs: Vec<Run>,
    /// The entries of the records since the last run.
    active: BTreeSet<Entry>,
    /// The first record that was not added yet.
    next: u64,
    /// The lock, once this process writes.
    writer: Option<File>,
}

impl Index {
    /// Opens the index of the log with this origin, and says from which record on the log has to be
    /// [added](Self::add). A folder that does not exist is an index of nothing.
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
        let origin_hash = OriginHash::new(origin);
        let paths = run_paths(dir)?;
        check_origin(dir, origin, !paths.is_empty())?;
        let mut runs = Vec::with_capacity(paths.len());
        let mut next = 0;
        for path in paths {
            let run = Run::open(&path, origin_hash)?;
            if run.first() != next {
                return Err(Error::damaged(&path, format!("the run that begins at record {next}")));
            }
            next = run.next();
            runs.push(run);
        }
        let index = Self {
            dir: dir.to_owned(),
            origin: origin.to_owned(),
            origin_hash,
            runs,
            active: BTreeSet::new(),
            next,
            writer: None,
        };
        Ok((index, next))
    }

    /// Adds the next record of the log. A line that is no record counts as one that nothing finds.
    ///
    /// When a million entries are in memory they are [rolled](Self::roll) by themselves.
    pub fn add(&mut self, index: u64, line: &[u8]) -> Result<()> {
        if index != self.next {
            return Err(Error::new(Kind::OutOfOrder { expected: self.next, got: index }));
        }
        for hash in self.hashes(line) {
            self.active.insert((hash, index));
        }
        self.next += 1;
        if self.active.len() >= ACTIVE {
            self.roll()?;
        }
        Ok(())
    }

    /// Counts all records before `next` as added, though nothing finds them: those that retention has removed
    /// before they were read.
    ///
    /// ```
    /// # use sealtrail_history::Index;
    /// # let place = tempfile::tempdir().unwrap();
    /// # let (mut index, _) = Index::open(place.path(), "example.com/shop")?;
    /// index.skip(300);
    /// index.add(300, br#"{"id":"0199"}"#)?;
    /// assert_eq!(index.record("0199")?, [300]);
    /// # Ok::<(), sealtrail_history::Error>(())
    /// ```
    pub fn skip(&mut self, next: u64) {
        self.next = self.next.max(next);
    }

    /// The records that say they are about this entity, oldest first.
    pub fn entity(&self, kind: &str, id: &str) -> Result<Vec<u64>> {
        self.find(&Question::Entity { kind, id })
    }

    /// The records with this correlation id, oldest first.
    pub fn correlation(&self, id: &str) -> Result<Vec<u64>> {
        self.find(&Question::Correlation(id))
    }

    /// The record with this id. Ids are unique, so more than one answer means that all but one are chance.
    pub fn record(&self, id: &str) -> Result<Vec<u64>> {
        self.find(&Question::Record(id))
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
        for hash in self.hashes(line) {
            if !self.find_hash(hash)?.contains(&index) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes what is in memory to a run of its own, to be called when a segment of the log is complete and
    /// before closing. False if another process writes this index; then its runs serve both.
    pub fn roll(&mut self) -> Result<bool> {
        let first = self.runs.last().map_or(0, Run::next);
        if first == self.next {
            return Ok(true);
        }
        if !self.become_writer()? {
            return Ok(false);
        }
        let run = Run::write(&self.dir, self.origin_hash, (first, self.next), self.active.iter())?;
        self.runs.push(run);
        self.active.clear();
        Ok(true)
    }

    /// Forgets everything, here and on disk, so that the log can be added again from its begin: for an index
    /// that does not [agree](Self::agrees) with the log. False if another process writes this index.
    ///
    /// Only the runs are deleted that this index has opened or written. Whatever else is in the folder is not
    /// its own.
    ///
    /// ```
    /// # use sealtrail_history::Index;
    /// # let place = tempfile::tempdir().unwrap();
    /// # let dir = place.path();
    /// # let (mut index, _) = Index::open(dir, "example.com/shop")?;
    /// index.add(0, br#"{"id":"0199"}"#)?;
    /// index.roll()?;
    /// assert!(index.clear()?);
    /// index.add(0, br#"{"id":"0200"}"#)?;
    /// assert!(index.record("0199")?.is_empty());
    /// # Ok::<(), sealtrail_history::Error>(())
    /// ```
    pub fn clear(&mut self) -> Result<bool> {
        if !self.become_writer()? {
            return Ok(false);
        }
        self.active.clear();
        // The last one first: what a crash leaves is still the begin of an index.
        while let Some(run) = self.runs.last() {
            let path = run.path();
            fs::remove_file(path).map_err(|source| Error::io("delete", path, source))?;
            self.runs.pop();
            self.next = self.runs.last().map_or(0, Run::next);
        }
        self.next = 0;
        run::sync_folder(&self.dir).map_err(|source| Error::io("sync", &self.dir, source))?;
        Ok(true)
    }

    fn hashes(&self, line: &[u8]) -> impl Iterator<Item = u64> + use<> {
        let Names { id, correlation, entity } = Names::of(line);
        let hash = |question: Question<'_>| question.hash(&self.origin_hash);
        let hashes = [
            id.map(|id| hash(Question::Record(&id))),
            correlation.map(|id| hash(Question::Correlation(&id))),
            entity.map(|(kind, id)| hash(Question::Entity { kind: &kind, id: &id })),
        ];
        hashes.into_iter().flatten()
    }

    fn find(&self, question: &Question<'_>) -> Result<Vec<u64>> {
        self.find_hash(question.hash(&self.origin_hash))
    }

    fn find_hash(&self, hash: u64) -> Result<Vec<u64>> {
        let mut found = Vec::new();
        for run in &self.runs {
            run.find(hash, &mut found)?;
        }
        found.extend(self.active.range((hash, 0)..=(hash, u64::MAX)).map(|(_, index)| *index));
        Ok(found)
    }

    /// Takes the lock, once. Not if another process has it, or had it and wrote runs that this one does not know.
    fn become_writer(&mut self) -> Result<bool> {
        if self.writer.is_some() {
            return Ok(true);
        }
        fs::create_dir_all(&self.dir)
            .map_err(|source| Error::io("create folder", &self.dir, source))?;
        let path = self.dir.join("lock");
        let lock = fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(|source| Error::io("open", &path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(false),
            Err(fs::TryLockError::Error(source)) => return Err(Error::io("lock", &path, source)),
        }
        if !run_paths(&self.dir)?.iter().eq(self.runs.iter().map(Run::path)) {
            return Ok(false);
        }
        // Read again: another process may have made the folder its own since.
        if !check_origin(&self.dir, &self.origin, !self.runs.is_empty())? {
            let path = self.dir.join("origin");
            let temporary = self.dir.join("origin.tmp");
            fs::write(&temporary, origin_text(&self.origin))
                .and_then(|()| File::open(&temporary)?.sync_all())
                .and_then(|()| fs::rename(&temporary, &path))
                .and_then(|()| run::sync_folder(&self.dir))
                .map_err(|source| Error::io("write", &path, source))?;
        }
        self.writer = Some(lock);
        Ok(true)
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("dir", &self.dir)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// The files of the runs in the order of their records; none if there is no folder.
fn run_paths(dir: &Path) -> Result<Vec<PathBuf>> {
    let failed = |source| Error::io("list", dir, source);
    let mut paths = Vec::new();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(paths),
        Err(source) => return Err(failed(source)),
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "run") {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

/// Whether the folder says whose it is. An error if it is another log's, or if it has runs and says nothing.
fn check_origin(dir: &Path, origin: &str, has_runs: bool) -> Result<bool> {
    let path = dir.join("origin");
    let mut text = Vec::new();
    match File::open(&path).and_then(|file| file.take(64 << 10).read_to_end(&mut text)) {
        Ok(_) => {}
        Err(source) if source.kind() == io::ErrorKind::NotFound && !has_runs => return Ok(false),
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            return Err(Error::damaged(&path, "the origin of the runs beside it"));
        }
        Err(source) => return Err(Error::io("read", &path, source)),
    }
    let found = str::from_utf8(&text)
        .ok()
        .and_then(|text| text.strip_prefix("sealtrail index 1\n")?.strip_suffix('\n'));
    match found {
        Some(found) if found == origin => Ok(true),
        Some(found) => Err(Error::new(Kind::OtherOrigin {
            path: dir.to_owned(),
            expected: origin.to_owned(),
            got: found.to_owned(),
        })),
        None => Err(Error::damaged(&path, "`sealtrail index 1` and an origin on two lines")),
    }
}

fn origin_text(origin: &str) -> String {
    format!("sealtrail index 1\n{origin}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "example.com/shop";

    /// Record `n` of a log in which 7 products are changed by requests of three changes each.
    fn line(n: u64) -> Vec<u8> {
        format!(
            r#"{{"specversion":"1.0","id":"rec-{n}","correlationid":"req-{}","data":{{"entity":{{"type":"product","id":"{}"}},"changes":[]}}}}"#,
            n / 3,
            n % 7
        )
        .into_bytes()
    }

    fn filled(dir: &Path, records: u64, roll_every: u64) -> Index {
        let (mut index, next) = Index::open(dir, ORIGIN).unwrap();
        for n in next..records {
            index.add(n, &line(n)).unwrap();
            if (n + 1) % roll_every == 0 {
                assert!(index.roll().unwrap());
            }
        }
        index
    }

    /// Every answer that an index of so many records can give.
    fn answers(index: &Index, records: u64) -> Vec<Vec<u64>> {
        (0..records + 2)
            .flat_map(|n| {
                [
                    index.record(&format!("rec-{n}")).unwrap(),
                    index.correlation(&format!("req-{n}")).unwrap(),
                    index.entity("product", &n.to_string()).unwrap(),
                    index.entity("customer", &n.to_string()).unwrap(),
                ]
            })
            .collect()
    }

    #[test]
    fn answers_are_what_a_look_at_every_line_gives() {
        let dir = tempfile::tempdir().unwrap();
        let index = filled(dir.path(), 100, 30);
        let expected: Vec<Vec<u64>> = (0..102)
            .flat_map(|n| {
                [
                    (0..100).filter(|r| *r == n).collect(),
                    (0..100).filter(|r| *r / 3 == n).collect(),
                    (0..100).filter(|r| *r % 7 == n).collect(),
                    vec![],
                ]
            })
            .collect();
        assert_eq!(answers(&index, 100), expected);
    }

    #[test]
    fn equal_after_a_rebuild_and_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("index");
        let before = answers(&filled(&place, 100, 30), 100);
        let (index, next) = Index::open(&place, ORIGIN).unwrap();
        assert_eq!(next, 90, "what was not rolled is read from the log again");
        drop(index);
        assert_eq!(answers(&filled(&place, 100, 30), 100), before);

        let files = |dir: &Path| {
            let mut files: Vec<_> = fs::read_dir(dir)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .map(|path| (path.file_name().unwrap().to_owned(), fs::read(path).unwrap()))
                .collect();
            files.sort();
            files
        };
        let bytes = files(&place);
        fs::remove_dir_all(&place).unwrap();
        assert_eq!(answers(&filled(&place, 100, 30), 100), before);
        assert_eq!(files(&place), bytes, "the same log gives the same files");
        fs::remove_dir_all(&place).unwrap();
        assert_eq!(answers(&filled(&place, 100, 7), 100), before, "however it is cut");
    }

    #[test]
    fn a_record_left_out_or_added_twice_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let mut index = filled(dir.path(), 10, 4);
        for wrong in [0, 9, 11, u64::MAX] {
            let error = index.add(wrong, &line(wrong % 10)).unwrap_err().to_string();
            assert!(error.contains("expected record 10"), "{error}");
        }
        index.add(10, &line(10)).unwrap();
    }

    #[test]
    fn a_line_that_is_no_record_takes_its_number() {
        let dir = tempfile::tempdir().unwrap();
        let (mut index, _) = Index::open(dir.path(), ORIGIN).unwrap();
        index.add(0, b"\xff\xfe not JSON").unwrap();
        index.add(1, &line(1)).unwrap();
        index.roll().unwrap();
        assert_eq!(Index::open(dir.path(), ORIGIN).unwrap().0.record("rec-1").unwrap(), [1]);
    }

    #[test]
    fn nothing_is_written_before_a_roll() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("index");
        let mut index = filled(&place, 5, 100);
        assert!(!place.exists());
        index.roll().unwrap();
        let before = fs::read_dir(&place).unwrap().count();
        assert!(index.roll().unwrap(), "a roll of nothing");
        assert_eq!(fs::read_dir(&place).unwrap().count(), before);
    }

    #[test]
    fn an_index_of_another_log_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path(), 10, 5);
        let error = Index::open(dir.path(), "example.com/library").unwrap_err();
        assert!(error.is_other_origin());
        let error = error.to_string();
        assert!(
            error.contains("expected origin `example.com/library`, got `example.com/shop`"),
            "{error}"
        );

        // A single run of another log, moved in.
        let other = tempfile::tempdir().unwrap();
        let (mut index, _) = Index::open(other.path(), "example.com/library").unwrap();
        index.add(0, &line(0)).unwrap();
        index.roll().unwrap();
        fs::rename(
            other.path().join(run::file_name(0, 1)),
            dir.path().join(run::file_name(10, 11)),
        )
        .unwrap();
        let error = Index::open(dir.path(), ORIGIN).unwrap_err();
        assert!(error.is_damaged() && error.to_string().contains("another origin"), "{error}");
    }

    #[test]
    fn a_lost_run_or_origin_is_named() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path(), 15, 5);
        let middle = dir.path().join(run::file_name(5, 10));
        let content = fs::read(&middle).unwrap();
        fs::remove_file(&middle).unwrap();
        let error = Index::open(dir.path(), ORIGIN).unwrap_err();
        assert!(error.is_damaged() && error.to_string().contains("begins at record 5"), "{error}");
        fs::write(&middle, content).unwrap();

        for text in ["", "example.com/shop", "sealtrail index 2\nexample.com/shop\n"] {
            fs::write(dir.path().join("origin"), text).unwrap();
            let error = Index::open(dir.path(), ORIGIN).unwrap_err();
            assert!(error.is_damaged() && error.to_string().contains("origin"), "{error}");
        }
        fs::remove_file(dir.path().join("origin")).unwrap();
        assert!(Index::open(dir.path(), ORIGIN).unwrap_err().is_damaged());
    }

    #[test]
    fn one_process_writes_and_the_others_follow() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = filled(dir.path(), 10, 10);
        let mut reader = filled(dir.path(), 12, 100);
        writer.add(10, &line(10)).unwrap();
        assert!(!reader.roll().unwrap(), "the writer has the lock");
        assert!(writer.roll().unwrap());
        drop(writer);
        assert!(!reader.roll().unwrap(), "the writer has left a run that this one does not know");
        assert_eq!(reader.record("rec-11").unwrap(), [11]);
        drop(reader);
        assert_eq!(Index::open(dir.path(), ORIGIN).unwrap().1, 11);
    }

    #[test]
    fn a_log_that_was_made_anew_does_not_agree() {
        let dir = tempfile::tempdir().unwrap();
        let index = filled(dir.path(), 10, 5);
        assert!(index.agrees(9, &line(9)).unwrap());
        assert!(!index.agrees(9, &line(8)).unwrap());
        assert!(!index.agrees(3, &line(9)).unwrap());
    }

    #[test]
    fn clearing_deletes_the_runs_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let mut index = filled(dir.path(), 12, 5);
        let others = ["keyring/key", "run", "notes.txt", "a.tmp", "log/checkpoint"];
        for other in others {
            let path = dir.path().join(other);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, other).unwrap();
        }
        assert!(index.clear().unwrap());
        for other in others {
            assert_eq!(fs::read_to_string(dir.path().join(other)).unwrap(), other);
        }
        assert!(run_paths(dir.path()).unwrap().is_empty());
        assert_eq!(index.record("rec-3").unwrap(), []);
        drop(index);
        assert_eq!(answers(&filled(dir.path(), 7, 5), 7), {
            let other = tempfile::tempdir().unwrap();
            answers(&filled(other.path(), 7, 5), 7)
        });

        let writer = filled(dir.path(), 10, 5);
        let (mut reader, _) = Index::open(dir.path(), ORIGIN).unwrap();
        assert!(!reader.clear().unwrap(), "the writer has the lock");
        drop(writer);
    }

    #[test]
    fn what_is_left_of_an_interrupted_roll_does_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path(), 10, 5);
        fs::write(dir.path().join(run::file_name(10, 20)).with_extension("tmp"), "half").unwrap();
        fs::write(dir.path().join("origin.tmp"), "half").unwrap();
        let index = filled(dir.path(), 20, 10);
        assert_eq!(index.record("rec-15").unwrap(), [15]);
    }
}
