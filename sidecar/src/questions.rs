//! Questions about the log: the records of an entity, of a correlation id, of an id.
//!
//! The index only says where to look. It follows the log by itself, lazily: whoever asks first brings
//! it up to the last durable record, so that an acknowledged record is always found and appending
//! never waits for the index. Every hit is confirmed against the line.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sealtrail_history::Index;
use sealtrail_log::{Options, Reader};
use sealtrail_record::json::{self, Value};

use crate::code::Code;
use crate::error::{Error, Result};

/// A run of the index is written when this many records came after the last.
const RUN: u64 = 100_000;

pub struct Questions {
    reader: Reader,
    index: Mutex<Following>,
}

struct Following {
    index: Index,
    /// The first record that the index does not know.
    next: u64,
    /// The first record that no run on disk holds.
    saved: u64,
}

/// What reading a stored line may cost. Whatever could be appended must be found again, so nothing that
/// the log takes as a line is too much.
pub const STORED: json::Limits = json::Limits {
    max_bytes: Options::MAX_LINE_BYTES,
    // Values stand deeper in a record than they stood in their image.
    max_depth: 160,
    // No value is shorter than one byte and what stands between it and the next.
    max_values: Options::MAX_LINE_BYTES / 2,
};

/// One record and where it stands.
#[derive(Debug, Clone)]
pub struct Found {
    pub index: u64,
    pub line: Vec<u8>,
}

/// Which records of an answer: after this index, no more than so many, in no more than so many bytes.
/// One record is always given, however long it is.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub after: Option<u64>,
    pub limit: usize,
    pub bytes: usize,
}

impl Page {
    pub const ALL: Page = Page { after: None, limit: usize::MAX, bytes: usize::MAX };
}

/// One page of an answer.
#[derive(Debug)]
pub struct Records {
    pub found: Vec<Found>,
    /// Where the next page begins: after this index. None if nothing is left.
    pub next: Option<u64>,
    /// The first record that is kept; what was before it was removed by retention, and is not found.
    pub first_kept: u64,
}

impl Questions {
    /// Opens the index beside the log's only writer. One of a log that was made anew, or put back to an
    /// older copy, is built again; that it had to be is told as an error, for it may be all that shows it.
    pub fn open(reader: Reader, dir: &Path, origin: &str) -> Result<Self> {
        let (mut index, mut next) = Index::open(dir, origin)?;
        if !agrees(&index, next, &reader)? {
            tell_other_log(dir, next, &reader)?;
            if !index.clear()? {
                let message = "another process writes the index, which is not of this log";
                return Err(Error::new(Code::LogInUse, message).context(dir.display()));
            }
            next = 0;
        }
        Ok(Self::of((index, next), reader))
    }

    /// Opens the index to read only, beside a server that may be running.
    pub fn open_beside(reader: Reader, dir: &Path, origin: &str) -> Result<Self> {
        let mut opened = Index::open(dir, origin)?;
        if !agrees(&opened.0, opened.1, &reader)? {
            tell_other_log(dir, opened.1, &reader)?;
            // A folder that is not there is an index of nothing, and nothing is written to it.
            opened = Index::open(&dir.join("none"), origin)?;
        }
        Ok(Self::of(opened, reader))
    }

    fn of((index, next): (Index, u64), reader: Reader) -> Self {
        Self { reader, index: Mutex::new(Following { index, next, saved: next }) }
    }

    pub fn entity(&self, kind: &str, id: &str, page: Page) -> Result<Records> {
        let candidates = self.caught_up()?.index.entity(kind, id)?;
        self.confirm(candidates, page, |record| {
            let of = |pointer| record.pointer(pointer).and_then(Value::as_str);
            of("/data/entity/type") == Some(kind) && of("/data/entity/id") == Some(id)
        })
    }

    pub fn correlation(&self, id: &str, page: Page) -> Result<Records> {
        let candidates = self.caught_up()?.index.correlation(id)?;
        self.confirm(candidates, page, |record| attribute(record, "correlationid") == Some(id))
    }

    pub fn record(&self, id: &str) -> Result<Found> {
        let candidates = self.caught_up()?.index.record(id)?;
        let page = Page { limit: 1, ..Page::ALL };
        self.confirm(candidates, page, |record| attribute(record, "id") == Some(id))?
            .found
            .pop()
            .ok_or_else(|| no_record(id, &self.reader))
    }

    /// Brings the index up to date and writes runs; called now and then beside a running server.
    pub fn follow(&self) -> Result<()> {
        let mut following = self.caught_up()?;
        if following.next - following.saved >= RUN {
            following.save()?;
        }
        Ok(())
    }

    /// Writes what is only in memory, so that the next start need not read it again.
    pub fn save(&self) -> Result<()> {
        self.caught_up()?.save()
    }

    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    fn caught_up(&self) -> Result<MutexGuard<'_, Following>> {
        let mut following = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        while following.next < self.reader.size()? {
            for line in self.reader.lines(following.next)? {
                match line {
                    Ok((index, line)) => {
                        following.index.add(index, &line)?;
                        following.next = index + 1;
                    }
                    // Removed before it was read: there is nothing in it to find.
                    Err(error) => {
                        let first = error.first_kept().filter(|first| *first > following.next);
                        following.next = first.ok_or(error)?;
                        let next = following.next;
                        following.index.skip(next);
                        break;
                    }
                }
            }
        }
        Ok(following)
    }

    fn confirm(
        &self,
        mut candidates: Vec<u64>,
        page: Page,
        is_hit: impl Fn(&Value<'_>) -> bool,
    ) -> Result<Records> {
        candidates.sort_unstable();
        candidates.dedup();
        candidates.retain(|index| page.after.is_none_or(|after| *index > after));
        let mut first_kept = self.reader.first()?;
        let (mut found, mut bytes) = (Vec::<Found>::new(), 0_usize);
        for index in candidates {
            if found.len() >= page.limit {
                return Ok(Records::cut(found, first_kept));
            }
            let line = match self.reader.read(index) {
                Err(error) if error.is_pruned() => {
                    first_kept = error.first_kept().unwrap_or(first_kept);
                    continue;
                }
                line => line?,
            };
            bytes = bytes.saturating_add(line.len());
            if bytes > page.bytes && !found.is_empty() {
                return Ok(Records::cut(found, first_kept));
            }
            // A line that cannot be read may be the one that was asked for: that is no "not found".
            let is_hit = json::parse(&line, &STORED).map(|record| is_hit(&record));
            if is_hit.map_err(|error| unreadable(index, &error))? {
                found.push(Found { index, line });
            } else {
                bytes -= line.len();
            }
        }
        Ok(Records { found, next: None, first_kept })
    }
}

impl Records {
    /// A page that ends before its answer does.
    fn cut(found: Vec<Found>, first_kept: u64) -> Self {
        let next = found.last().map(|last| last.index);
        Self { found, next, first_kept }
    }
}

impl Following {
    fn save(&mut self) -> Result<()> {
        if self.saved < self.next {
            self.index.roll()?;
            self.saved = self.next;
        }
        Ok(())
    }
}

/// Whether the last record that the index knows is the one that the log has there.
fn agrees(index: &Index, next: u64, reader: &Reader) -> Result<bool> {
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
fn tell_other_log(dir: &Path, indexed: u64, reader: &Reader) -> Result<()> {
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

/// What is not found may have been removed.
pub fn no_record(id: &str, reader: &Reader) -> Error {
    let mut message = format!("no record has the id `{id}`");
    if let Ok(first @ 1..) = reader.first() {
        message += &format!("; the records below {first} were removed by retention");
    }
    Error::new(Code::NotFound, message)
}

fn unreadable(index: u64, error: &json::Error) -> Error {
    Error::new(Code::LogDamaged, format!("record {index} cannot be read: {error}"))
}

fn attribute<'v>(record: &'v Value<'_>, name: &str) -> Option<&'v str> {
    record.get(name).and_then(Value::as_str)
}
