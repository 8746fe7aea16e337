//! The one pass over everything.

use std::path::Path;

use sealtrail_proof::tile::{Level, Tile, WIDTH};
use sealtrail_proof::{Checkpoint, Hash, VerifierKey, leaf_hash};

use super::lines::{Lines, Place, Step};
use super::{Class, Failure, Report, checkpoint, tiles};
use crate::paths::Layout;

/// How far to look for the lines that were expected, when another one was found.
const LOOK_AHEAD: usize = 1024;

/// Re-hashes every stored byte of the log in `dir` and compares it with what `key` signed.
///
/// # Errors
///
/// The first thing that is wrong, with its class, and the record, file and byte where they can be
/// named.
pub fn verify(dir: &Path, key: &VerifierKey) -> Result<Report, Failure> {
    let layout = Layout::new(dir);
    let checkpoint = checkpoint::read(&layout, key)?;
    let extent = tiles::extent(&layout);
    let mut lines = Lines::new(&layout)?;
    let mut audit = Audit {
        layout: &layout,
        checkpoint: &checkpoint,
        entries: Vec::new(),
        levels: Vec::new(),
        stored: None,
        suspect: None,
    };
    if checkpoint.size() == 0 {
        audit.compare_root()?;
    }
    let (end, torn_bytes) = loop {
        match lines.next()? {
            Step::Line { entry, place } => audit.line(entry, place, &mut lines)?,
            Step::End { end, torn } => break (end, torn),
            Step::Gap { next, end } => {
                return Err(audit.suspect.take().unwrap_or_else(|| gap(&lines, next, end)));
            }
        }
    };
    if lines.count < checkpoint.size() {
        return Err(audit.suspect.take().unwrap_or_else(|| {
            if lines.segments == 0 {
                let message = format!(
                    "the file is missing, and so is every other; {} records were signed",
                    checkpoint.size()
                );
                return Failure::new(Class::Segment, message).record(0).file(lines.file(end));
            }
            Failure::new(
                Class::Truncated,
                format!("the lines end here, but {} records were signed", checkpoint.size()),
            )
            .record(lines.count)
            .file(lines.file(end))
            .offset(end.offset)
        }));
    }
    audit.finish(lines.count)?;
    if let Some((leaves, tile)) = extent.filter(|(leaves, _)| *leaves > lines.count) {
        return Err(Failure::new(
            Class::Tile,
            format!("it speaks of {leaves} records, but there are {} lines", lines.count),
        )
        .record(lines.count)
        .file(tile.path()));
    }
    Ok(Report {
        origin: checkpoint.origin().into(),
        covered: checkpoint.size(),
        uncovered: lines.count - checkpoint.size(),
        torn_bytes,
        root: checkpoint.root_text(),
        segments: lines.segments,
        bytes: lines.bytes,
    })
}

/// The tree as the lines give it, and what it is compared with.
struct Audit<'a> {
    layout: &'a Layout,
    checkpoint: &'a Checkpoint,
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

impl Audit<'_> {
    fn line(&mut self, entry: Hash, place: Place, lines: &mut Lines<'_>) -> Result<(), Failure> {
        let index = lines.count - 1;
        let leaf = leaf_hash(&entry);
        if index < self.checkpoint.size() {
            self.compare_line(index, entry, leaf, place, lines)?;
        }
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
    match (found_later, wanted_later) {
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

fn gap(lines: &Lines<'_>, next: u64, end: Place) -> Failure {
    let expected = lines.count;
    if lines.segments == 0 {
        return Failure::new(
            Class::Segment,
            format!("the file is missing; the first one begins with record {next}"),
        )
        .record(expected)
        .file(lines.file(Place::default()));
    }
    let message = if next > expected {
        format!(
            "records {expected} to {} are missing between the end of this file and the next one",
            next - 1
        )
    } else {
        format!("this file ends before record {expected}, but the next one begins with {next}")
    };
    Failure::new(Class::Segment, message).record(expected).file(lines.file(end)).offset(end.offset)
}
