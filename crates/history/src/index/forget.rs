//! What an erasure takes out of an index.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::Index;
use crate::error::{Error, Result};
use crate::folder;
use crate::name::{Name, OriginHash};
use crate::run::{Change, Journal, Run};

/// Names that are to be taken out of runs. The work needs nothing of the index, which can be asked meanwhile.
pub struct Forgetting {
    dir: PathBuf,
    origin: OriginHash,
    /// Ascending.
    hashes: Vec<u64>,
    /// Those that have them.
    runs: Vec<Arc<Run>>,
    gone: u64,
    under_way: Arc<UnderWay>,
}

/// Names that no run has any more. Until it is [taken](Index::take_forgotten), the index merges nothing.
pub struct Forgotten {
    gone: u64,
    /// Goes last.
    _under_way: Arc<UnderWay>,
}

/// The index merges nothing meanwhile.
pub(super) struct UnderWay {
    /// Whether the index was made anew since: then its runs are others. Held by whoever writes them.
    is_over: Mutex<bool>,
    /// No other process writes the folder before it has ended.
    _lock: Arc<File>,
}

/// So many blocks are written at a time, which bounds the journal. Few in the tests of this crate, so that they see it.
const TOGETHER: usize = if cfg!(test) { 8 } else { 2048 };

impl Index {
    /// Takes names out of the index, in memory and on disk: nothing is found by them any more, and no file has
    /// their hashes. Says how many entries went. False if another process writes this index.
    ///
    /// The blocks that have them are written in their place, and what a crash leaves of that is completed by whoever writes
    /// next; call it again then, for it may have come to a part of the names.
    ///
    /// ```
    /// # use sealtrail_history::{Index, Name};
    /// # let place = tempfile::tempdir().unwrap();
    /// # let (mut index, _) = Index::open(place.path(), "example.com/shop")?;
    /// index.add(0, br#"{"id":"0199","authid":"ps1.fYg0TCFhkP5JYXKA1NP8Mw"}"#)?;
    /// let tag = Name::Actor("ps1.fYg0TCFhkP5JYXKA1NP8Mw");
    /// assert_eq!(index.find(&tag)?, [0]);
    /// assert_eq!(index.forget(&[tag])?, Some(1));
    /// assert!(index.find(&tag)?.is_empty());
    /// assert_eq!(index.find(&Name::Record("0199"))?, [0]);
    /// # Ok::<(), sealtrail_history::Error>(())
    /// ```
    pub fn forget(&mut self, names: &[Name<'_>]) -> Result<Option<u64>> {
        let Some(forgetting) = self.begin_to_forget(names)? else { return Ok(None) };
        self.take_forgotten(forgetting.run()?).map(Some)
    }

    /// The same in three steps, of which only the first and the last need the index: the disk is waited for in the second.
    /// Only when the last one has returned, no file has the names any more. None if another process writes this
    /// index; an error if somebody works at the same, for there is one at a time.
    ///
    /// ```
    /// # use sealtrail_history::{Index, Name};
    /// # let place = tempfile::tempdir().unwrap();
    /// # let (mut index, _) = Index::open(place.path(), "example.com/shop")?;
    /// if let Some(forgetting) = index.begin_to_forget(&[Name::Key("k_1")])? {
    ///     let forgotten = forgetting.run()?;
    ///     index.take_forgotten(forgotten)?;
    /// }
    /// # Ok::<(), sealtrail_history::Error>(())
    /// ```
    pub fn begin_to_forget(&mut self, names: &[Name<'_>]) -> Result<Option<Forgetting>> {
        let mut hashes: Vec<u64> = names.iter().map(|name| self.hashes.of(name.parts())).collect();
        hashes.sort_unstable();
        hashes.dedup();
        if !self.become_writer()? {
            return Ok(None);
        }
        let Some(lock) = self.writer.clone() else { return Ok(None) };
        if self.is_forgetting() {
            let source = io::Error::new(io::ErrorKind::ResourceBusy, "somebody does this already");
            return Err(Error::io("take names out of", &self.dir, source));
        }
        self.remove_superseded()?;
        self.complete_forgetting()?;
        let under_way = Arc::new(UnderWay { is_over: Mutex::new(false), _lock: lock });
        self.forgetting = Arc::downgrade(&under_way);
        let (mut runs, mut gone) = (Vec::new(), 0);
        for run in &self.runs {
            let found = entries_of(run, &hashes)?;
            if found > 0 {
                gone += found;
                self.give_up_merge(run.first(), run.next())?;
                runs.push(run.clone());
            }
        }
        // What it has is in memory too, and counted there. Whoever rolls has nothing of it in the next one.
        if let Some(tail) = &self.tail
            && entries_of(tail, &hashes)? > 0
        {
            self.tail_has_gaps = true;
            runs.push(tail.clone());
        }
        gone += self.active.forget(&hashes);
        self.active.settle();
        let (dir, origin) = (self.dir.clone(), self.origin_hash);
        Ok(Some(Forgetting { dir, origin, hashes, runs, gone, under_way }))
    }

    /// To be told that names are forgotten; says how many entries went.
    pub fn take_forgotten(&mut self, forgotten: Forgotten) -> Result<u64> {
        let Forgotten { gone, _under_way } = forgotten;
        // Else the index was made anew since.
        let is_ours = std::ptr::eq(self.forgetting.as_ptr(), Arc::as_ptr(&_under_way));
        Ok(if is_ours { gone } else { 0 })
    }

    /// Does what a process, or this one, was doing when it ended or failed.
    pub(super) fn complete_forgetting(&mut self) -> Result<()> {
        let Some(mut journal) = Journal::read(&self.dir, self.origin_hash)? else { return Ok(()) };
        for run in self.runs.iter().chain(&self.tail) {
            let Some(edit) = journal.take(run) else { continue };
            self.tail_has_gaps |= self.tail.as_ref().is_some_and(|tail| Arc::ptr_eq(tail, run));
            if let Some(change) = Change::left(run, edit)? {
                change.carry_out()?;
            }
        }
        Journal::remove(&self.dir)
    }

    /// Waits until nobody takes names out of the runs, and lets nobody go on with it.
    pub(super) fn give_up_forgetting(&mut self) {
        if let Some(under_way) = self.forgetting.upgrade() {
            *under_way.is_over() = true;
        }
        self.forgetting = Weak::new();
    }

    /// Whether somebody takes names out of runs.
    pub(super) fn is_forgetting(&self) -> bool {
        self.forgetting.strong_count() > 0
    }

    /// Up to where somebody has looked for erasures and [forgotten](Self::forget) what they name.
    pub fn purged(&self) -> Result<u64> {
        let purged = folder::purged(&self.dir)?;
        // Of what was not on disk nothing was forgotten: it is read from the log again. Whoever writes has made it so.
        Ok(if self.writer.is_some() { purged } else { purged.min(self.opened.next) })
    }

    /// To be called when what the erasures before this record name is forgotten. It counts as far as the records are on
    /// disk.
    pub fn set_purged(&mut self, next: u64) -> Result<()> {
        let next = next.min(self.saved());
        if self.become_writer()? && folder::purged(&self.dir)? != next {
            folder::write_purged(&self.dir, next)?;
        }
        Ok(())
    }
}

impl Forgetting {
    /// Takes the names out of the runs that have them. Where that fails, some may be left, and it is to be done again.
    pub fn run(self) -> Result<Forgotten> {
        let is_over = self.under_way.is_over();
        if !*is_over {
            self.take_out()?;
        }
        drop(is_over);
        Ok(Forgotten { gone: self.gone, _under_way: self.under_way })
    }

    fn take_out(&self) -> Result<()> {
        let mut changes: Vec<Change> = Vec::new();
        for run in &self.runs {
            // The last blocks first: those before may have their fence from them.
            for (part, blocks) in run.blocks_with(&self.hashes).rchunks(TOGETHER).enumerate() {
                let count: usize = changes.iter().map(Change::len).sum();
                // One part of a run follows from the other.
                if part > 0 || count + blocks.len() > TOGETHER {
                    self.carry_out(std::mem::take(&mut changes))?;
                }
                changes.extend(Change::without(run, &self.hashes, blocks)?);
            }
        }
        self.carry_out(changes)
    }

    fn carry_out(&self, changes: Vec<Change>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        Journal::write(&self.dir, self.origin, changes.iter().map(Change::edit))?;
        // From here on it is done, whatever comes: whoever sees a part of it looks there.
        for change in changes {
            change.carry_out()?;
        }
        Journal::remove(&self.dir)
    }
}

impl UnderWay {
    fn is_over(&self) -> MutexGuard<'_, bool> {
        self.is_over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many entries of a run have one of these hashes.
fn entries_of(run: &Run, hashes: &[u64]) -> Result<u64> {
    let mut found = Vec::new();
    hashes.iter().try_for_each(|hash| run.find(*hash, &mut found))?;
    Ok(found.len() as u64)
}

pub(super) type IsForgetting = Weak<UnderWay>;
