//! What an erasure takes out of an index.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use super::Index;
use super::save::write;
use crate::active::Active;
use crate::error::{Error, Result};
use crate::folder;
use crate::name::{Name, OriginHash};
use crate::run::{Run, Written};

/// Names that are to be taken out of runs. The work needs nothing of the index, which can be asked meanwhile.
pub struct Forgetting {
    dir: PathBuf,
    origin: OriginHash,
    hashes: Vec<u64>,
    /// Those that have them.
    runs: Vec<Arc<Run>>,
    /// What the last one is made of, where that has them, and where it ends.
    tail: Option<(Active, u64)>,
    gone: u64,
    under_way: Arc<UnderWay>,
}

/// The runs without the names. They are no part of the index before they are [taken](Index::take_forgotten), and deleted
/// if they never are.
pub struct Forgotten {
    runs: Vec<(Arc<Run>, Written)>,
    tail: Option<(Written, u64)>,
    gone: u64,
    /// Goes last.
    _under_way: Arc<UnderWay>,
}

/// The index merges nothing meanwhile.
pub(super) struct UnderWay {
    /// No other process writes the folder before it has ended.
    _lock: Arc<File>,
}

impl Index {
    /// Takes names out of the index, in memory and on disk: nothing is found by them any more, and no file has
    /// their hashes. Says how many entries went. False if another process writes this index.
    ///
    /// The runs that have them are written again, each whole or not at all; call it again after a crash.
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

    /// The same in three steps, of which only the first and the last need the index: writing long runs again takes
    /// seconds. Only when the last one has returned, no file has the names any more. None if another process writes this
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
        let under_way = Arc::new(UnderWay { _lock: lock });
        self.forgetting = Arc::downgrade(&under_way);
        let (mut runs, mut gone) = (Vec::new(), 0);
        for run in &self.runs {
            let mut found = Vec::new();
            for hash in &hashes {
                run.find(*hash, &mut found)?;
            }
            if !found.is_empty() {
                gone += found.len() as u64;
                self.give_up_merge(run.first(), run.next())?;
                runs.push(run.clone());
            }
        }
        let forgotten = self.active.forget(&hashes);
        // Until it is written: if that fails, nothing is left in memory that tells of it the next time.
        self.tail_is_stale |= forgotten > 0;
        let saved = self.tail.as_ref().filter(|_| self.tail_is_stale).map(|(_, next)| *next);
        self.active.settle();
        let tail = saved.map(|saved| (self.active.clone(), saved));
        let (dir, origin, gone) = (self.dir.clone(), self.origin_hash, gone + forgotten);
        Ok(Some(Forgetting { dir, origin, hashes, runs, tail, gone, under_way }))
    }

    /// Puts runs in the place of those that had the names; says how many entries went.
    pub fn take_forgotten(&mut self, forgotten: Forgotten) -> Result<u64> {
        let Forgotten { runs, tail, gone, _under_way } = forgotten;
        // The index was made anew since.
        if !std::ptr::eq(self.forgetting.as_ptr(), Arc::as_ptr(&_under_way)) {
            return Ok(0);
        }
        for (old, written) in runs {
            // Meanwhile nobody merges it or writes it again.
            if let Some(run) = self.runs.iter_mut().find(|run| Arc::ptr_eq(run, &old)) {
                self.is_unsynced = true;
                *run = Arc::new(written.replace()?);
            }
        }
        // One that was written meanwhile has nothing of them.
        if let Some((written, next)) = tail
            && self.tail.as_ref().is_some_and(|(_, saved)| *saved == next)
        {
            self.is_unsynced = true;
            let run = written.replace()?;
            self.replace_tail(Some(&run))?;
        }
        // All at once, for whoever asks waits for it; where it failed, the next time.
        if self.is_unsynced {
            self.sync()?;
            self.is_unsynced = false;
        }
        Ok(gone)
    }

    /// Whether somebody writes runs without some names.
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
    /// Writes the runs again without the names, beside those that have them.
    pub fn run(self) -> Result<Forgotten> {
        let Self { dir, origin, hashes, runs, tail, gone, under_way } = self;
        let without = |run: Arc<Run>| {
            let written = run.without(&hashes, &dir)?;
            Ok((run, written))
        };
        let runs = runs.into_iter().map(without).collect::<Result<_>>()?;
        let tail = match tail {
            Some((mut active, next)) => Some((write(&mut active, &dir, origin, next)?, next)),
            None => None,
        };
        Ok(Forgotten { runs, tail, gone, _under_way: under_way })
    }
}

pub(super) type IsForgetting = Weak<UnderWay>;
