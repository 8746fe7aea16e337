//! What an erasure takes out of an index.

use std::sync::Arc;

use super::Index;
use crate::error::Result;
use crate::folder;
use crate::name::Name;
use crate::run::{Run, Writer};

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
        let mut hashes: Vec<u64> = names.iter().map(|name| self.hashes.of(name.parts())).collect();
        hashes.sort_unstable();
        hashes.dedup();
        if !self.become_writer()? {
            return Ok(None);
        }
        self.remove_superseded()?;
        let mut gone = 0;
        for number in 0..self.runs.len() {
            let run = self.runs[number].clone();
            let mut found = Vec::new();
            for hash in &hashes {
                run.find(*hash, &mut found)?;
            }
            if !found.is_empty() {
                gone += found.len() as u64;
                self.give_up_merge(run.first(), run.next())?;
                self.runs[number] = Arc::new(self.without(&run, &hashes)?);
            }
        }
        let forgotten = self.active.forget(&hashes);
        // Until it is written: if that fails, nothing is left in memory that tells of it the next time.
        self.tail_is_stale |= forgotten > 0;
        if let Some((_, saved)) = self.tail.clone().filter(|_| self.tail_is_stale) {
            let run = self.write(saved)?;
            self.replace_tail(Some(&run))?;
        }
        Ok(Some(gone + forgotten))
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

    /// The run written again without some groups, under its name.
    fn without(&self, run: &Arc<Run>, hashes: &[u64]) -> Result<Run> {
        let range = (run.first(), run.next());
        let mut writer = Writer::new(&self.dir, self.origin_hash, range, run.times())?;
        let mut groups = run.groups(0);
        while let Some(group) = groups.next()? {
            if hashes.binary_search(&group.hash).is_err() {
                writer.group(group.hash, &group.records)?;
            }
        }
        writer.finish()
    }
}
