//! What of an index goes to disk, and when.

use std::path::Path;
use std::sync::Arc;

use super::{Index, Opened, RUN};
use crate::active::{Active, Before};
use crate::error::{Error, Result};
use crate::folder::{self, State};
use crate::name::Repeated;
use crate::run::{Journal, Run, Writer, grouped};

impl Index {
    /// Writes what is only in memory, to be called before closing. False if another process writes this
    /// index; then its runs serve both.
    pub fn roll(&mut self) -> Result<bool> {
        // Whoever takes names out of the last run must find it.
        let has_gaps = self.tail_has_gaps && !self.is_forgetting();
        if self.saved() == self.next() && !has_gaps {
            return Ok(true);
        }
        if !self.become_writer()? {
            return Ok(false);
        }
        self.write_complete_runs()?;
        if self.active.first() < self.next() {
            let run = self.write(self.next())?;
            self.replace_tail(Some(run))?;
        }
        Ok(true)
    }

    /// The first record that is only in memory.
    pub(super) fn saved(&self) -> u64 {
        self.tail.as_ref().map_or(self.active.first(), |run| run.next())
    }

    /// Forgets everything, here and on disk, so that the log can be added again from its begin: for an index
    /// that does not [agree](Self::agrees) with the log. False if another process writes this index.
    ///
    /// Only the runs are deleted that this index has opened or written. Whatever else is in the folder is not
    /// its own.
    ///
    /// ```
    /// # use sealtrail_history::{Index, Name};
    /// # let place = tempfile::tempdir().unwrap();
    /// # let dir = place.path();
    /// # let (mut index, _) = Index::open(dir, "example.com/shop")?;
    /// index.add(0, br#"{"id":"0199"}"#)?;
    /// index.roll()?;
    /// assert!(index.clear()?);
    /// index.add(0, br#"{"id":"0200"}"#)?;
    /// assert!(index.find(&Name::Record("0199"))?.is_empty());
    /// # Ok::<(), sealtrail_history::Error>(())
    /// ```
    pub fn clear(&mut self) -> Result<bool> {
        if !self.become_writer()? {
            return Ok(false);
        }
        self.give_up_merge(0, u64::MAX)?;
        self.give_up_forgetting();
        folder::remove_purged(&self.dir)?;
        // Durably: it must not come back to an index that is built again, and has yet to forget.
        self.sync()?;
        self.remove_superseded()?;
        // The last one first: what a crash leaves is still the begin of an index.
        self.replace_tail(None)?;
        while let Some(run) = self.runs.last() {
            folder::remove(run.path())?;
            self.runs.pop();
            self.active = Active::new(self.runs.last().map_or(0, |run| run.next()));
        }
        self.active = Active::new(0);
        // What a crash leaves is completed until nothing is left of it.
        Journal::remove(&self.dir)?;
        // What it remembers are places in what was there.
        self.repeated = Repeated::new();
        self.sync()?;
        Ok(true)
    }

    /// An index of nothing, in the place of one that may be damaged: all runs in the folder are deleted. `None` if
    /// another process writes it; an error if it is another log's.
    ///
    /// ```
    /// # use sealtrail_history::Index;
    /// # let place = tempfile::tempdir().unwrap();
    /// # let dir = place.path();
    /// std::fs::write(dir.join("00000000000000000000-00000000000000000007.run"), "damaged").unwrap();
    /// let index = Index::create_anew(dir, "example.com/shop")?.unwrap();
    /// assert_eq!(index.next(), 0);
    /// drop(index);
    /// assert_eq!(Index::open(dir, "example.com/shop")?.1, 0);
    /// # Ok::<(), sealtrail_history::Error>(())
    /// ```
    pub fn create_anew(dir: &Path, origin: &str) -> Result<Option<Self>> {
        match folder::check_origin(dir, origin, false) {
            // What cannot be read belongs to nobody else, as far as anybody can tell.
            Err(error) if error.is_damaged() => {}
            checked => drop(checked?),
        }
        let Some(lock) = folder::lock(dir)? else { return Ok(None) };
        folder::remove_purged(dir)?;
        folder::sync_folder(dir).map_err(|source| Error::io("sync", dir, source))?;
        folder::remove_unfinished(dir)?;
        for path in folder::run_paths(dir)?.iter().rev() {
            folder::remove(path)?;
        }
        Journal::remove(dir)?;
        folder::write_origin(dir, origin)?;
        let (mut index, _) = Self::open(dir, origin)?;
        index.writer = Some(Arc::new(lock));
        Ok(Some(index))
    }

    /// Those whose records are all there; none while another process writes.
    pub(super) fn write_complete_runs(&mut self) -> Result<()> {
        while self.writes && self.next() - self.active.first() >= RUN {
            if !self.become_writer()? {
                self.writes = false;
                break;
            }
            let run = self.write(self.active.first() + RUN)?;
            self.active.drop_before(run.next());
            self.runs.push(Arc::new(run));
            self.replace_tail(None)?;
        }
        Ok(())
    }

    /// Writes the run of the records before `next`.
    pub(super) fn write(&mut self, next: u64) -> Result<Run> {
        let first = self.active.first();
        let Before { entries, lists, times } = self.active.before(next);
        let mut writer = Writer::new(&self.dir, self.origin_hash, (first, next), times)?;
        grouped(&entries, &lists, first, |hash, records| writer.group(hash, records))?;
        writer.complete()?.put()
    }

    /// The run of the last records is another one now, or none.
    pub(super) fn replace_tail(&mut self, by: Option<Run>) -> Result<()> {
        if let Some(old) = std::mem::replace(&mut self.tail, by.map(Arc::new))
            && self.tail.as_ref().is_none_or(|new| new.path() != old.path())
        {
            self.superseded.push(old.path().to_owned());
        }
        self.tail_has_gaps = false;
        self.remove_superseded()
    }

    /// The last one first. What cannot be deleted is so the next time.
    pub(super) fn remove_superseded(&mut self) -> Result<()> {
        while let Some(path) = self.superseded.last() {
            folder::remove(path)?;
            self.superseded.pop();
        }
        Ok(())
    }

    /// Lets no other process write the folder from now on, which otherwise begins with the first write. False if
    /// another one writes it.
    ///
    /// ```
    /// # use sealtrail_history::Index;
    /// # let place = tempfile::tempdir().unwrap();
    /// # let dir = place.path();
    /// let (mut index, _) = Index::open(dir, "example.com/shop")?;
    /// assert!(index.claim()?);
    /// assert!(Index::create_anew(dir, "example.com/shop")?.is_none());
    /// # Ok::<(), sealtrail_history::Error>(())
    /// ```
    pub fn claim(&mut self) -> Result<bool> {
        self.become_writer()
    }

    /// Takes the lock, once. Not if another process has it, or had it and wrote runs that this one does not know, or
    /// took names out of those that it knows.
    pub(super) fn become_writer(&mut self) -> Result<bool> {
        if self.writer.is_some() {
            return Ok(true);
        }
        let Some(lock) = folder::lock(&self.dir)? else { return Ok(false) };
        let runs = self.runs.iter().chain(&self.tail).map(|run| run.path());
        let mut known: Vec<&Path> =
            runs.chain(self.superseded.iter().map(|path| path.as_path())).collect();
        known.sort_unstable();
        if folder::run_paths(&self.dir)? != known || Opened::purged(&self.dir) != self.opened.purged
        {
            return Ok(false);
        }
        folder::remove_unfinished(&self.dir)?;
        self.remove_superseded()?;
        self.complete_forgetting()?;
        // Read again: another process may have made the folder its own since.
        let has_runs = !self.runs.is_empty() || self.tail.is_some();
        if folder::check_origin(&self.dir, &self.origin, has_runs)? != State::Known {
            folder::write_origin(&self.dir, &self.origin)?;
        }
        if self.opened.purged.is_some_and(|purged| purged > self.opened.next) {
            folder::write_purged(&self.dir, self.opened.next)?;
        }
        self.writer = Some(Arc::new(lock));
        Ok(true)
    }

    pub(super) fn sync(&self) -> Result<()> {
        folder::sync_folder(&self.dir).map_err(|source| Error::io("sync", &self.dir, source))
    }
}
