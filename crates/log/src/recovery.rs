//! Opening: what a crash may have left, and what it may not.
//!
//! A crash can only touch what came after the last checkpoint: everything before was durable when the
//! checkpoint was written. So the tail is hashed again and kept as far as it is whole, and anything
//! wrong before it is damage, which is named and never cut away.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;

use sealtrail_proof::hash::EntryHasher;
use sealtrail_proof::tile::{Level, Tile, WIDTH};
use sealtrail_proof::{Hash, leaf_hash};

use crate::disk::{Disk, DiskFile};
use crate::paths::Layout;
use crate::segment::Segment;
use crate::tree::{self, Tree};
use crate::{Error, Recovery, TornTail, durable};

/// A log that is ready to be appended to.
pub(crate) struct Recovered {
    pub(crate) segment: Segment,
    /// Entries of the lines after the checkpoint.
    pub(crate) tail: Vec<Hash>,
    pub(crate) recovery: Recovery,
}

/// Finds the end of the log, given the tree under its checkpoint.
pub(crate) fn recover(disk: &Disk, layout: &Layout, tree: &Tree) -> Result<Recovered, Error> {
    let covered = tree.checkpoint().size();
    let entries = layout.entries();
    let names = disk.names(&entries).map_err(Error::io("list", &entries))?;
    let firsts = Layout::segments_among(&names);
    let holds_end = firsts.partition_point(|first| *first <= covered);
    let Some(open) = firsts[..holds_end].last() else {
        if covered == 0 && firsts.is_empty() {
            return Ok(Recovered {
                segment: Segment::create(disk, layout, 0)?,
                tail: Vec::new(),
                recovery: Recovery { lines: 0, recovered: 0, torn: None, missing: 0 },
            });
        }
        return Err(Error::damaged(
            &layout.segment(0),
            format!("the checkpoint covers {covered} records, but their file is missing"),
        ));
    };

    let mut tail = Vec::new();
    let mut segment = find_end_of_covered(disk, layout, *open, covered)?;
    // From here on it may be in the page cache only.
    let mut unsynced = segment.offset;
    let mut end = segment.read_tail(&mut tail)?;
    for next in &firsts[holds_end..] {
        let expected = covered + tail.len() as u64;
        if *next != expected || segment.bytes()? != end {
            // A segment is begun only when the one before is whole, cut to its length and synced.
            return Err(Error::damaged(
                &segment.path,
                format!(
                    "it ends with record {expected} at byte {end}, but the next file begins with \
                     record {next}"
                ),
            ));
        }
        segment.sync()?;
        segment = Tail::open(disk, layout, *next)?;
        unsynced = 0;
        end = segment.read_tail(&mut tail)?;
    }

    let lines = covered + tail.len() as u64;
    let torn = match segment.last_byte_but_nul(end)? {
        Some(torn_end) => Some(set_aside(disk, layout, &mut segment, end..torn_end, lines)?),
        None => None,
    };
    let mut writer = Segment::open(disk, layout, segment.first, end)?;
    if writer.is_filled_ahead() {
        writer.cut_back()?;
    }
    // Lines and names that outlived the process are in the page cache, not yet on disk; and after a sync that
    // failed, lines are on disk only when they are written again.
    segment.write_again(&mut writer, unsynced..end)?;
    writer.sync()?;
    durable::sync_folder(disk, &entries)?;
    durable::sync_folder(disk, layout.root())?;
    Ok(Recovered {
        segment: writer,
        recovery: Recovery { lines, recovered: tail.len() as u64, torn, missing: 0 },
        tail,
    })
}

/// Moves bytes of a segment into a file of their own, durably, before they are cut off.
fn set_aside(
    disk: &Disk,
    layout: &Layout,
    segment: &mut Tail,
    bytes: Range<u64>,
    index: u64,
) -> Result<TornTail, Error> {
    durable::folder(disk, &layout.torn())?;
    let path = (0..)
        .map(|n| layout.torn_line(index, n))
        .find(|path| !disk.is_there(path))
        .expect("some number is free");
    segment.seek(bytes.start)?;
    let mut torn = (&mut segment.file).take(bytes.end - bytes.start);
    let bytes = durable::copy(disk, &path, &mut torn)?;
    Ok(TornTail { index, bytes, path })
}

/// Reads on from the record that the checkpoint ends with, having seen that the lines of the last
/// bundle are those that were signed. Earlier ones are left to `verify`: opening must not take longer
/// the longer a log is.
fn find_end_of_covered(
    disk: &Disk,
    layout: &Layout,
    first: u64,
    covered: u64,
) -> Result<Tail, Error> {
    let mut tail = Tail::open(disk, layout, first)?;
    if covered == first {
        return Ok(tail);
    }
    let bundle_index = (covered - 1) / WIDTH;
    let bundle = Tile::in_tree(covered, Level::Entries, bundle_index).expect("covered");
    let entries = tree::entries_on(disk, layout, bundle)?;
    let leaves = Tile::in_tree(covered, Level::Hashes(0), bundle_index).expect("covered");
    let leaves_path = layout.tile(leaves);
    let leaves = tree::hashes_on(disk, layout, leaves)?;
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
            Some(line) if line.is(&entries[(index % WIDTH) as usize]) => {}
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

/// A whole line is not longer than this for most logs, and the simulation opens a log a million times.
const BUFFER: usize = if cfg!(test) { 4 << 10 } else { 256 << 10 };

/// A segment that is read line by line, however long the lines are.
struct Tail {
    first: u64,
    path: std::path::PathBuf,
    file: BufReader<DiskFile>,
    /// Where the next line begins.
    offset: u64,
}

/// What stands where a line is expected.
enum Line {
    Whole(Hash),
    /// An empty line, or one with a NUL, of which the writer writes neither: data that never arrived reads as
    /// NUL, and so does what was filled ahead.
    NotWhole,
}

impl Line {
    fn is(&self, entry: &Hash) -> bool {
        matches!(self, Self::Whole(found) if found == entry)
    }
}

impl Tail {
    fn open(disk: &Disk, layout: &Layout, first: u64) -> Result<Self, Error> {
        let path = layout.segment(first);
        let file = disk.open(&path).map_err(Error::io("open", &path))?;
        Ok(Self { first, path, file: BufReader::with_capacity(BUFFER, file), offset: 0 })
    }

    fn bytes(&self) -> Result<u64, Error> {
        self.file.get_ref().bytes().map_err(Error::io("read", &self.path))
    }

    fn sync(&self) -> Result<(), Error> {
        self.file.get_ref().sync_data().map_err(Error::io("sync", &self.path))
    }

    fn seek(&mut self, offset: u64) -> Result<(), Error> {
        self.file.seek(SeekFrom::Start(offset)).map_err(Error::io("read", &self.path))?;
        self.offset = offset;
        Ok(())
    }

    /// Where what follows `from` ends if NULs at its end do not count; `None` if there is nothing else.
    fn last_byte_but_nul(&mut self, from: u64) -> Result<Option<u64>, Error> {
        self.seek(from)?;
        let mut last = None;
        loop {
            let buffer = self.file.fill_buf().map_err(Error::io("read", &self.path))?;
            if buffer.is_empty() {
                return Ok(last);
            }
            if let Some(at) = buffer.iter().rposition(|byte| *byte != 0) {
                last = Some(self.offset + at as u64 + 1);
            }
            let used = buffer.len();
            self.file.consume(used);
            self.offset += used as u64;
        }
    }

    fn write_again(&mut self, writer: &mut Segment, bytes: Range<u64>) -> Result<(), Error> {
        self.seek(bytes.start)?;
        while self.offset < bytes.end {
            let buffer = self.file.fill_buf().map_err(Error::io("read", &self.path))?;
            let used = buffer.len().min((bytes.end - self.offset) as usize);
            if used == 0 {
                return Err(Error::damaged(&self.path, "it became shorter while it was opened"));
            }
            writer.write_again(self.offset, &buffer[..used])?;
            self.file.consume(used);
            self.offset += used as u64;
        }
        Ok(())
    }

    /// Collects the entries of all whole lines; returns where they end.
    fn read_tail(&mut self, entries: &mut Vec<Hash>) -> Result<u64, Error> {
        loop {
            let end = self.offset;
            match self.line()? {
                Some(Line::Whole(entry)) => entries.push(entry),
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

    /// The next line, unless the file ends before it does.
    fn line(&mut self) -> Result<Option<Line>, Error> {
        let mut hasher = EntryHasher::new();
        let mut bytes = 0u64;
        loop {
            let buffer = self.file.fill_buf().map_err(Error::io("read", &self.path))?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let end = memchr::memchr2(b'\n', 0, buffer);
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            if end.is_some_and(|at| buffer[at] == 0) {
                return Ok(Some(Line::NotWhole));
            }
            hasher.update(piece);
            bytes += piece.len() as u64;
            let used = piece.len() + usize::from(end.is_some());
            self.file.consume(used);
            self.offset += used as u64;
            if end.is_some() {
                return Ok(Some(match bytes {
                    0 => Line::NotWhole,
                    _ => Line::Whole(hasher.finish()),
                }));
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
