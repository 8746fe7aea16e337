//! Everything, line by line, in order: what says exactly what is wrong and where.

use sealtrail_proof::tile::{ENTRY_BYTES, Level, Tile, WIDTH};
use sealtrail_proof::{Checkpoint, Hash, leaf_hash};

use super::lines::{Lines, Place, Step};
use super::pass::Passed;
use super::{Class, Failure, tiles};
use crate::paths::Layout;

/// How far to look for the lines that were expected, when another one was found.
const LOOK_AHEAD: usize = 1024;

/// So many lines that are as they should be say that none was taken out or put in before them.
const IN_STEP: usize = 4;

/// What was found up to the end of the lines.
pub(super) struct Walked {
    pub(super) count: u64,
    pub(super) bytes: u64,
    pub(super) torn_bytes: u64,
    /// Records whose lines were removed, in the meantime too.
    pub(super) removed: u64,
}

/// The tree as the lines give it, and what it is compared with.
pub(super) struct Walk<'a> {
    layout: &'a Layout,
    checkpoint: &'a Checkpoint,
    /// Records below were removed by retention.
    removed: u64,
    /// Entries since the last full bundle.
    entries: Vec<Hash>,
    /// The hashes of each level since its last full tile.
    levels: Vec<Vec<Hash>>,
    /// The bundle and the leaves that are stored for the current 256 records.
    stored: Option<Stored>,
    /// A tile or bundle that contradicts the lines. Which of them was changed, the signed root tells.
    suspect: Option<Failure>,
}

struct Stored {
    bundle: Tile,
    entries: Vec<Hash>,
    tile: Tile,
    leaves: Vec<Hash>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(layout: &'a Layout, checkpoint: &'a Checkpoint, removed: u64) -> Self {
        Self {
            layout,
            checkpoint,
            removed,
            entries: Vec::new(),
            levels: Vec::new(),
            stored: None,
            suspect: None,
        }
    }

    /// Goes through the lines, from the first one or from where the fast pass has come to.
    ///
    /// `durable` lines were on disk at some time, so there cannot be fewer.
    pub(super) fn run(
        mut self,
        mut lines: Lines<'_>,
        passed: Option<Passed>,
        durable: u64,
    ) -> Result<Walked, Failure> {
        let covered = self.checkpoint.size();
        if let Some(Passed { count, levels, end, bytes }) = passed {
            self.levels = levels;
            lines.skip_to(count, bytes, end)?;
        }
        if lines.count == covered {
            self.compare_root()?;
        }
        let (end, torn_bytes) = loop {
            match lines.next()? {
                Step::Line { entry, place } => self.line(entry, place, &mut lines)?,
                Step::Removed { entry } => {
                    self.removed = lines.removed;
                    self.removed_line(lines.count - 1, entry)?;
                }
                Step::End { end, torn } => break (end, torn),
                Step::Gap { next, end, rest } => {
                    return Err(self
                        .suspect
                        .take()
                        .unwrap_or_else(|| gap(&lines, next, end, rest)));
                }
            }
        };
        if lines.count < covered.max(durable) {
            let missing = |class, message| {
                Failure::new(class, message).record(lines.count).file(lines.file(end))
            };
            return Err(self.suspect.take().unwrap_or_else(|| {
                if lines.count == lines.removed && end.offset == 0 && torn_bytes == 0 {
                    return missing(
                        Class::Segment,
                        format!(
                            "the file is missing, and so is every other; {covered} records were signed"
                        ),
                    );
                }
                let message = if lines.count < covered {
                    format!("the lines end here, but {covered} records were signed")
                } else {
                    format!(
                        "the lines end here, but `durable` says that {durable} were on disk; those \
                         that are missing were not signed yet"
                    )
                };
                missing(Class::Truncated, message).offset(end.offset)
            }));
        }
        let walked =
            Walked { count: lines.count, bytes: lines.bytes, torn_bytes, removed: lines.removed };
        self.finish(lines.count)?;
        Ok(walked)
    }

    fn line(&mut self, entry: Hash, place: Place, lines: &mut Lines<'_>) -> Result<(), Failure> {
        let index = lines.count - 1;
        let leaf = leaf_hash(&entry);
        if index < self.checkpoint.size() {
            self.compare_line(index, entry, leaf, place, lines)?;
        }
        self.push(index, entry, leaf)
    }

    /// Two accounts of a record that was removed. Which of them was changed, the signed root tells.
    fn removed_line(&mut self, index: u64, entry: Hash) -> Result<(), Failure> {
        let leaf = leaf_hash(&entry);
        let i = (index % WIDTH) as usize;
        if i == 0 || self.stored.is_none() {
            self.stored = self.read_stored(index / WIDTH)?;
        }
        let stored = self.stored.as_ref().expect("a covered record is stored");
        if leaf != stored.leaves[i] {
            self.suspect(tiles::mismatch(stored.tile, i as u16));
        }
        self.push(index, entry, leaf)
    }

    fn push(&mut self, index: u64, entry: Hash, leaf: Hash) -> Result<(), Failure> {
        self.entries.push(entry);
        let width = WIDTH as usize;
        if self.entries.len() == width {
            self.check(Level::Entries, index / WIDTH, &self.entries.clone())?;
            self.entries.clear();
        }
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(width));
            }
            self.levels[level].push(hash);
            if self.levels[level].len() < width {
                break;
            }
            let full = std::mem::take(&mut self.levels[level]);
            self.check(Level::Hashes(level as u8), index >> (8 * (level + 1)), &full)?;
            hash = tiles::perfect(&full);
        }
        if index + 1 == self.checkpoint.size() {
            self.compare_root()?;
        }
        Ok(())
    }

    /// Three accounts of one record: the line, the bundle's entry and the tile's leaf.
    fn compare_line(
        &mut self,
        index: u64,
        entry: Hash,
        leaf: Hash,
        place: Place,
        lines: &mut Lines<'_>,
    ) -> Result<(), Failure> {
        let i = (index % WIDTH) as usize;
        if i == 0 || self.stored.is_none() {
            self.stored = self.read_stored(index / WIDTH)?;
        }
        let stored = self.stored.as_ref().expect("a covered record is stored");
        match (entry == stored.entries[i], leaf == stored.leaves[i]) {
            (true, true) => {}
            (true, false) => self.suspect(tiles::mismatch(stored.tile, i as u16)),
            (false, true) => self.suspect(tiles::mismatch(stored.bundle, i as u16)),
            (false, false) => {
                if let Some(suspect) = self.suspect.take() {
                    return Err(suspect);
                }
                let mut wanted = stored.entries[i..].to_vec();
                for next in index / WIDTH + 1.. {
                    match self.read_stored(next) {
                        Ok(Some(stored)) if wanted.len() < LOOK_AHEAD => {
                            wanted.extend(stored.entries);
                        }
                        _ => break,
                    }
                }
                let mut found = vec![entry];
                found.extend(lines.ahead(LOOK_AHEAD));
                let (class, message) = what_happened(index, &wanted, &found);
                return Err(Failure::new(class, message)
                    .record(index)
                    .file(lines.file(place))
                    .offset(place.offset));
            }
        }
        Ok(())
    }

    fn read_stored(&self, chunk: u64) -> Result<Option<Stored>, Failure> {
        let size = self.checkpoint.size();
        let bundle = tiles::required(self.layout, size, Level::Entries, chunk)?;
        let tile = tiles::required(self.layout, size, Level::Hashes(0), chunk)?;
        let (Some((bundle, entries)), Some((tile, leaves))) = (bundle, tile) else {
            return Ok(None);
        };
        Ok(Some(Stored { bundle, entries, tile, leaves }))
    }

    /// Compares everything stored at one place, once all that is known of it is known.
    fn check(&mut self, level: Level, index: u64, computed: &[Hash]) -> Result<(), Failure> {
        // The bundle and the leaves of covered records were looked at line by line; of a full one
        // only as far as it is covered.
        let whole = |tile: Tile, stored: &Stored| {
            Some(tile).filter(|tile| usize::from(tile.width()) == stored.entries.len())
        };
        let seen = match (level, &self.stored) {
            (Level::Entries, Some(stored)) => whole(stored.bundle, stored),
            (Level::Hashes(0), Some(stored)) => whole(stored.tile, stored),
            _ => {
                tiles::required(self.layout, self.checkpoint.size(), level, index)?;
                None
            }
        };
        if let Err(failure) = tiles::compare_all(self.layout, level, index, computed, seen) {
            if failure.class == Class::Unreadable {
                return Err(failure);
            }
            self.suspect(failure);
        }
        Ok(())
    }

    fn suspect(&mut self, failure: Failure) {
        self.suspect.get_or_insert(failure);
    }

    /// At the size of the checkpoint: do the lines give what was signed?
    fn compare_root(&mut self) -> Result<(), Failure> {
        self.check_edge(self.checkpoint.size())?;
        if tiles::root(&self.levels) == *self.checkpoint.root() {
            return self.suspect.take().map_or(Ok(()), Err);
        }
        Err(match self.suspect.take() {
            Some(suspect) if suspect.record.is_some_and(|record| record < self.removed) => {
                let record = suspect.record.unwrap_or_default();
                let bundle = Tile::in_tree(self.checkpoint.size(), Level::Entries, record / WIDTH)
                    .expect("what was removed is covered");
                let stored = tiles::required(
                    self.layout,
                    self.checkpoint.size(),
                    Level::Entries,
                    record / WIDTH,
                );
                let bundle = stored.ok().flatten().map_or(bundle, |(stored, _)| stored);
                Failure::new(
                    Class::Bundle,
                    "the entries of removed records do not give the signed root: one at or after this \
                     record was changed",
                )
                .record(record)
                .file(bundle.path())
                .offset(record % WIDTH * ENTRY_BYTES as u64)
            }
            // The lines are not what was signed, and somebody made other files agree with them.
            Some(suspect) => Failure {
                class: Class::Changed,
                message: format!(
                    "{}, and the lines do not give the signed root: a line at or after this \
                     record was changed, and files beside it too",
                    suspect.message
                ),
                ..suspect
            },
            None => Failure::new(
                Class::Root,
                format!(
                    "the lines and all tiles agree with one another, but {} records were signed \
                     with the root {}",
                    self.checkpoint.size(),
                    self.checkpoint.root_text()
                ),
            )
            .file("checkpoint"),
        })
    }

    /// Compares the partial tiles and the partial bundle of a tree of `count` records.
    fn check_edge(&mut self, count: u64) -> Result<(), Failure> {
        let entries = self.entries.clone();
        if !entries.is_empty() {
            self.check(Level::Entries, count / WIDTH, &entries)?;
        }
        for (level, hashes) in self.levels.clone().into_iter().enumerate() {
            if !hashes.is_empty() {
                let index = count >> (8 * (level + 1));
                self.check(Level::Hashes(level as u8), index, &hashes)?;
            }
        }
        Ok(())
    }

    /// The end of all lines, covered or not.
    fn finish(mut self, count: u64) -> Result<(), Failure> {
        self.check_edge(count)?;
        self.suspect.map_or(Ok(()), Err)
    }
}

/// Names what somebody did, from the entries that were signed and those that are there.
fn what_happened(index: u64, wanted: &[Hash], found: &[Hash]) -> (Class, String) {
    let found_later = wanted.iter().position(|entry| *entry == found[0]);
    let wanted_later = found.iter().position(|entry| *entry == wanted[0]);
    // Lines may be alike. If the next ones stand where they should, this one was changed, unless it and
    // another have changed places.
    let in_step = found.len().min(wanted.len()).min(1 + IN_STEP);
    let in_step = in_step > 1 && found[1..in_step] == wanted[1..in_step];
    match (found_later, wanted_later) {
        (found, wanted) if in_step && (found != wanted || found.is_none()) => {
            (Class::Changed, format!("the line is not the record {index} that was signed"))
        }
        (Some(at), Some(_)) => (
            Class::Reordered,
            format!("expected record {index}, got the line of record {}", index + at as u64),
        ),
        (Some(at), None) => (
            Class::Dropped,
            format!(
                "expected record {index}, got the line of record {}: {at} taken out",
                index + at as u64
            ),
        ),
        (None, Some(at)) => (
            Class::Inserted,
            format!("expected record {index}, which comes {at} lines later: {at} put in"),
        ),
        (None, None) => {
            (Class::Changed, format!("the line is not the record {index} that was signed"))
        }
    }
}

fn gap(lines: &Lines<'_>, next: u64, end: Place, rest: u64) -> Failure {
    let expected = lines.count;
    if expected == lines.removed && end.offset == 0 && rest == 0 {
        return Failure::new(
            Class::Segment,
            format!("the file is missing; the first one begins with record {next}"),
        )
        .record(expected)
        .file(lines.file(end));
    }
    let message = match next {
        next if next > expected => format!(
            "records {expected} to {} are missing between the end of this file and the next one",
            next - 1
        ),
        next if next == expected => format!(
            "{rest} bytes at the end of this file are no line, and the next one begins with record {next}"
        ),
        _ => {
            format!("this file ends before record {expected}, but the next one begins with {next}")
        }
    };
    Failure::new(Class::Segment, message).record(expected).file(lines.file(end)).offset(end.offset)
}
