//! The index goes after the log.

use std::path::Path;
use std::sync::{Arc, MutexGuard, PoisonError};

use sealtrail_history::{Index, Name, Order, Search, Snapshot};
use sealtrail_log::Reader;
use sealtrail_record::json::{self, Value};

use super::{Questions, STORED};
use crate::code::Code;
use crate::erasure::{Ends, destroyed_by};
use crate::error::{Error, Result};

/// The last records are written when this many came since.
const SAVE: u64 = 10_000;

pub(super) struct Following {
    index: Index,
    /// The keys whose end came since it was opened.
    ends: Ends,
    /// The first record that no run on disk holds, as far as is known.
    saved: u64,
    /// The first record that may be of an erasure that the index has not followed.
    purged: Option<u64>,
}

/// What an index came to that was built again.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Rebuilt {
    pub records: u64,
    pub bytes: u64,
    /// Entries that erasures took out again.
    pub forgotten: u64,
}

impl Questions {
    /// Brings the index up to date, writes runs and merges them; called now and then beside a running server.
    pub fn follow(&self) -> Result<()> {
        self.purge()?;
        let mut following = self.caught_up()?;
        if following.index.next() - following.saved >= SAVE {
            following.save()?;
        }
        drop(following);
        self.merge()
    }

    /// Takes out of the index what the erasures in the log have made nameless: the ids of their keys, and the
    /// pseudonyms that were made with them. When it returns, no file of the index has these any more.
    pub fn purge(&self) -> Result<()> {
        self.purge_and_count().map(drop)
    }

    /// Takes these keys out as well, and what was made with them: they were destroyed earlier, and something has named
    /// them since.
    pub fn forget(&self, kids: &[String]) -> Result<()> {
        let _turn = self.purging();
        self.forget_keys(&self.snapshot()?, kids).map(drop)
    }

    /// Writes what is only in memory, so that the next start need not read it again.
    pub fn save(&self) -> Result<()> {
        self.purge()?;
        self.caught_up()?.save()
    }

    /// Makes the index again from the log, whatever is in its folder; that of another log stays.
    pub fn rebuild(reader: Reader, dir: &Path, origin: &str) -> Result<Rebuilt> {
        let refused = || {
            let message = "another process writes the index; it is made again when that has ended";
            Error::new(Code::LogInUse, message).context(dir.display())
        };
        let index = Index::create_anew(dir, origin)?.ok_or_else(refused)?;
        let questions = Self::of(index, reader);
        let forgotten = questions.purge_and_count()?;
        questions.lock().save()?;
        questions.merge()?;
        let following = questions.lock();
        let (records, bytes) = (following.index.next(), following.index.bytes_on_disk());
        Ok(Rebuilt { records, bytes, forgotten })
    }

    /// Looks at the erasures since the last time, and forgets what they name. Whoever comes meanwhile waits, and what came
    /// with him is forgotten together. Others may ask.
    fn purge_and_count(&self) -> Result<u64> {
        let _turn = self.purging();
        let mut following = self.caught_up()?;
        let from = following.purged()?;
        let next = following.index.next();
        if from >= next {
            following.purged = Some(next);
            return Ok(0);
        }
        let snapshot = Arc::new(following.index.snapshot());
        drop(following);
        let erasures = Search::all().with(Name::Action("shred"));
        let mut kids = Vec::new();
        for index in snapshot.candidates(erasures, from..next, Order::Oldest) {
            kids.extend(destroyed_by(&read(&self.reader, index?)?));
        }
        // Whoever writes the index does it.
        let Some(forgotten) = self.forget_keys(&snapshot, &kids)? else { return Ok(0) };
        self.lock().purged = Some(next);
        Ok(forgotten)
    }

    /// Forgets what names these keys; None where another process writes the index. To be called by who has the turn.
    fn forget_keys(&self, snapshot: &Arc<Snapshot>, kids: &[String]) -> Result<Option<u64>> {
        if kids.is_empty() {
            return Ok(Some(0));
        }
        let mut tags = Vec::new();
        for kid in kids {
            let search = Search::all().with(Name::Key(kid));
            for index in snapshot.candidates(search, 0..snapshot.next(), Order::Oldest) {
                tags.extend(tags_of(&read(&self.reader, index?)?, kid));
            }
        }
        let keys = kids.iter().map(|kid| Name::Key(kid));
        let tags = tags.iter().flat_map(|tag| [Name::Actor(tag), Name::Tenant(tag)]);
        let names: Vec<Name<'_>> = keys.chain(tags).collect();
        let begun = self.lock().index.begin_to_forget(&names)?;
        let Some(forgetting) = begun else { return Ok(None) };
        let forgotten = forgetting.run()?;
        Ok(Some(self.lock().index.take_forgotten(forgotten)?))
    }

    fn purging(&self) -> MutexGuard<'_, ()> {
        self.purging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Merges what is due, and lets others ask meanwhile.
    fn merge(&self) -> Result<()> {
        loop {
            let Some(merge) = self.lock().index.due_merge() else { return Ok(()) };
            let merged = merge.run()?;
            self.lock().index.take_merged(merged)?;
        }
    }

    /// The index as far as the log is now.
    pub(super) fn snapshot(&self) -> Result<Arc<Snapshot>> {
        Ok(Arc::new(self.caught_up()?.index.snapshot()))
    }

    /// The keys whose end came since the index was opened, as far as the log is now.
    pub(super) fn ends(&self) -> Result<Ends> {
        Ok(self.caught_up()?.ends.clone())
    }

    fn caught_up(&self) -> Result<MutexGuard<'_, Following>> {
        let mut following = self.lock();
        following.catch_up(&self.reader)?;
        Ok(following)
    }

    fn lock(&self) -> MutexGuard<'_, Following> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Following {
    pub(super) fn new(index: Index) -> Self {
        Self { saved: index.next(), index, ends: Ends::default(), purged: None }
    }

    fn catch_up(&mut self, reader: &Reader) -> Result<()> {
        while self.index.next() < reader.size()? {
            for line in reader.lines(self.index.next())? {
                match line {
                    Ok((index, line)) => {
                        self.index.add(index, &line)?;
                        self.ends.add(destroyed_by(&line).into_iter().map(|kid| (kid, index)));
                    }
                    // Removed before it was read: there is nothing in it to find.
                    Err(error) => {
                        let next = self.index.next();
                        let first = error.first_kept().filter(|first| *first > next);
                        self.index.skip(first.ok_or(error)?)?;
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn save(&mut self) -> Result<()> {
        self.index.roll()?;
        self.saved = self.index.next();
        // Never past what is on disk: what a crash takes is read again, and with it what it was to forget.
        match self.purged {
            Some(purged) => Ok(self.index.set_purged(purged.min(self.saved))?),
            None => Ok(()),
        }
    }

    /// The first record that may be of an erasure that was not followed.
    fn purged(&self) -> Result<u64> {
        self.purged.map_or_else(|| Ok(self.index.purged()?), Ok)
    }
}

/// A line that may have been removed since; then it is empty.
fn read(reader: &Reader, index: u64) -> Result<Vec<u8>> {
    match reader.read(index) {
        Err(error) if error.is_pruned() => Ok(Vec::new()),
        line => Ok(line?),
    }
}

/// The pseudonyms in a record that were made with a key.
fn tags_of(line: &[u8], kid: &str) -> Vec<String> {
    let Ok(record) = json::parse(line, &STORED) else { return Vec::new() };
    let lists = record.pointer("/data/pseudonyms").map(Value::items).unwrap_or_default();
    let of_key = lists.iter().filter(|list| list.get("kid").and_then(Value::as_str) == Some(kid));
    let places = of_key.flat_map(|list| list.get("at").map(Value::items).unwrap_or_default());
    let tags = places.filter_map(|at| record.pointer(at.as_str()?)?.as_str());
    tags.map(str::to_owned).collect()
}

/// Whether the last record that the index knows is the one that the log has there.
pub(super) fn agrees(index: &Index, next: u64, reader: &Reader) -> Result<bool> {
    let Some(last) = next.checked_sub(1) else { return Ok(true) };
    if last >= reader.size()? {
        return Ok(false);
    }
    match reader.read(last) {
        // It was removed since the index last followed: nothing is left to compare it with.
        Err(error) if error.is_pruned() => Ok(true),
        line => Ok(index.agrees(last, &line?)?),
    }
}

/// The log signs on from where it is, and every checkpoint of it is good. That an index has seen more, or
/// something else, is the one sign within this directory that records are gone.
pub(super) fn tell_other_log(dir: &Path, indexed: u64, reader: &Reader) -> Result<()> {
    let stored = reader.size()?;
    let what = if stored < indexed {
        "the log has fewer records than its index: it was put back to an older copy, or lost its end"
    } else {
        "the log has other records than its index: it was replaced"
    };
    tracing::error!(
        index = %dir.display(),
        log = %reader.dir().display(),
        records_in_index = indexed,
        records_in_log = stored,
        "{what}; compare it with a checkpoint that was kept elsewhere"
    );
    Ok(())
}
