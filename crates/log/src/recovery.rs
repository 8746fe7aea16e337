//! Opening: what a crash may have left, and what it may not.
//!
//! A crash can only touch what came after the last checkpoint: everything before was durable when the
//! checkpoint was written. So the tail is hashed again and kept as far as it is whole, and anything
//! wrong before it is damage, which is named and never cut away.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use sealtrail_proof::hash::EntryHasher;
use sealtrail_proof::tile::{Level, Tile, WIDTH};
use sealtrail_proof::{Hash, leaf_hash};

use crate::paths::Layout;
use crate::segment::Segment;
use crate::tree::{self, Tree};
use crate::{Error, Recovery, TornTail, durable, regular};

/// A log that is ready to be appended to.
pub(crate) struct Recovered {
    pub(crate) segment: Segment,
    /// Entries of the lines after the checkpoint.
    pub(crate) tail: Vec<Hash>,
    pub(crate) recovery: Recovery,
}

/// Finds the end of the log, given the tree under its checkpoint.
pub(crate) fn recover(layout: &Layout, tree: &Tree) -> Result<Recovered, Error> {
    let covered = tree.checkpoint().size();
    let firsts = layout.segments()?;
    let holds_end = firsts.partition_point(|first| *first <= covered);
    let Some(open) = firsts[..holds_end].last() else {
        if covered == 0 && firsts.is_empty() {
            return Ok(Recovered {
                segment: Segment::create(layout, 0)?,
                tail: Vec::new(),
                recovery: Recovery { lines: 0, recovered: 0, torn: None },
            });
        }
        return Err(Error::damaged(
            &layout.segment(0),
            format!("the checkpoint covers {covered} records, but their file is missing"),
        ));
    };

    let mut tail = Vec::new();
    let mut segment = find_end_of_covered(layout, *open, covered)?;
    let mut torn = None;
    let mut end = segment.read_tail(&mut tail)?;
    for next in &firsts[holds_end..] {
        let expected = covered + tail.len() as u64;
        if *next != expected || segment.bytes()? != end {
            // A segment is begun only when the one before is whole and synced.
            return Err(Error::damaged(
                &segment.path,
                format!(
                    "it ends with record {expected} at byte {end}, but the next file begins with \
                     record {next}"
                ),
            ));
        }
        segment.sync()?;
        segment = Tail::open(layout, *next)?;
        end = segment.read_tail(&mut tail)?;
    }
    let mut writer = Segment::open(layout, segment.first)?;
    let lines = covered + tail.len() as u64;
    if writer.bytes() > end {
        torn = Some(set_aside(layout, &segment.path, end, lines)?);
        writer.cut(end)?;
    }
    // Lines and names that outlived the process are in the page cache, not yet on disk.
    segment.sync()?;
    durable::sync_folder(&layout.entries())?;
    durable::sync_folder(layout.root())?;
    Ok(Recovered {
        segment: writer,
        recovery: Recovery { lines, recovered: tail.len() as u64, torn },
        tail,
    })
}

/// Moves everything from `offset` on into a file of its own, durably, before it is cut off.
fn set_aside(layout: &Layout, segment: &Path, offset: u64, index: u64) -> Result<TornTail, Error> {
    durable::folder(&layout.torn())?;
    let path = (0..)
        .map(|n| layout.torn_line(index, n))
        .find(|path| !path.exists())
        .expect("some number is free");
    let mut file = regular::open(segment).map_err(Error::io("open", segment))?;
    file.seek(SeekFrom::Start(offset)).map_err(Error::io("read", segment))?;
    let bytes = durable::copy(&path, &mut file)?;
    Ok(TornTail { index, bytes, path })
}

/// Reads on from the record that the checkpoint ends with, having seen that the lines of the last
/// bundle are those that were signed. Earlier ones are left to `verify`: opening must not take longer
/// the longer a log is.
fn find_end_of_covered(layout: &Layout, first: u64, covered: u64) -> Result<Tail, Error> {
    let mut tail = Tail::open(layout, first)?;
    if covered == first {
        return Ok(tail);
    }
    let bundle_index = (covered - 1) / WIDTH;
    let bundle = Tile::in_tree(covered, Level::Entries, bundle_index).expect("covered");
    let entries = tree::entries(layout, bundle)?;
    let leaves = Tile::in_tree(covered, Level::Hashes(0), bundle_index).expect("covered");
    let leaves_path = layout.tile(leaves);
    let leaves = tree::hashes(layout, leaves)?;
    if entries.iter().map(|entry| leaf_hash(entry)).ne(leaves) {
        return Err(Error::damaged(
            &layout.tile(bundle),
            format!(
                "its entries are not under the leaves of `{}`",
                layout.below(&leaves_path).display()
            ),
        ));
    }

    let check_from = (bundle_index * WIDTH).max(first);
    tail.skip_lines(check_from - first)?;
    for index in check_from..covered {
        let offset = tail.offset;
        match tail.line()? {
            Some(line) if line.entry == entries[(index % WIDTH) as usize] => {}
            Some(_) => {
                return Err(Error::damaged(
                    &tail.path,
                    format!("record {index} at byte {offset} is not the one that was signed"),
                ));
            }
            None => return Err(tail.too_short(index, covered)),
        }
    }
    Ok(tail)
}

/// A segment that is read line by line, however long the lines are.
struct Tail {
    first: u64,
    path: std::path::PathBuf,
    file: BufReader<File>,
    /// Where the next line begins.
    offset: u64,
}

/// What is known of a complete line.
struct Line {
    entry: Hash,
    /// The writer writes no empty line and no NUL; data that never arrived reads as NUL.
    written_whole: bool,
}

impl Tail {
    fn open(layout: &Layout, first: u64) -> Result<Self, Error> {
        let path = layout.segment(first);
        let file = regular::open(&path).map_err(Error::io("open", &path))?;
        Ok(Self { first, path, file: BufReader::with_capacity(256 << 10, file), offset: 0 })
    }

    fn bytes(&self) -> Result<u64, Error> {
        let metadata = self.file.get_ref().metadata();
        Ok(metadata.map_err(Error::io("read", &self.path))?.len())
    }

    fn sync(&self) -> Result<(), Error> {
        durable::sync_data(self.file.get_ref(), &self.path)
    }

    /// Collects the entries of all whole lines; returns where they end.
    fn read_tail(&mut self, entries: &mut Vec<Hash>) -> Result<u64, Error> {
        loop {
            let end = self.offset;
            match self.line()? {
                Some(line) if line.written_whole => entries.push(line.entry),
                _ => return Ok(end),
            }
        }
    }

    fn skip_lines(&mut self, count: u64) -> Result<(), Error> {
        let mut left = count;
        while left > 0 {
            let buffer = self.file.fill_buf().map_err(Error::io("read", &self.path))?;
            if buffer.is_empty() {
                return Err(self.too_short(self.first + count - left, self.first + count));
            }
            let mut used = buffer.len();
            for at in memchr::memchr_iter(b'\n', buffer) {
                left -= 1;
                if left == 0 {
                    used = at + 1;
                    break;
                }
            }
            self.file.consume(used);
            self.offset += used as u64;
        }
        Ok(())
    }

    /// The next line, if there is a whole one.
    fn line(&mut self) -> Result<Option<Line>, Error> {
        let mut hasher = EntryHasher::new();
        let (mut bytes, mut nul) = (0u64, false);
        loop {
            let buffer = self.file.fill_buf().map_err(Error::io("read", &self.path))?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let end = memchr::memchr(b'\n', buffer);
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            hasher.update(piece);
            nul |= memchr::memchr(0, piece).is_some();
            bytes += piece.len() as u64;
            let used = piece.len() + usize::from(end.is_some());
            self.file.consume(used);
            self.offset += used as u64;
            if end.is_some() {
                return Ok(Some(Line { entry: hasher.finish(), written_whole: bytes > 0 && !nul }));
            }
        }
    }

    fn too_short(&self, found: u64, covered: u64) -> Error {
        Error::damaged(
            &self.path,
            format!("it ends before record {found}, but {covered} records were signed"),
        )
    }
}
