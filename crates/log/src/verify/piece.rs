//! A piece of the log, and what a thread finds in it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use memchr::{memchr, memchr_iter};
use sealtrail_proof::Hash;
use sealtrail_proof::hash::{EntryHasher, entry_hashes};
use sealtrail_proof::tile::{Level, Tile, WIDTH};

use super::lines::{LONGEST_LINE, Place};
use super::pass::{Odd, Pass};
use super::source::{Segment, Source};
use super::tiles;
use crate::paths::{Form, Stored};
use crate::regular;

/// Bytes of a segment that one thread takes at a time: few enough to stay in the
/// cache while they are counted and hashed.
const BYTES: u64 = 1 << 18;

/// What is read beyond a piece at once, because its last line may end there.
const MARGIN: usize = 16 << 10;

/// Bundles of removed records that one thread takes at a time.
const BUNDLES: u64 = 64;

/// What one thread looks at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece {
    /// Records that retention has removed, from this one on.
    Removed { first: u64 },
    /// The lines that begin within [`BYTES`] from this byte of a segment, which is not compressed.
    Plain { segment: usize, start: u64 },
    /// A compressed segment.
    Cold { segment: usize },
}

impl Piece {
    pub(super) fn first(removed: u64, segments: &[Segment]) -> Option<Self> {
        if removed > 0 { Some(Self::Removed { first: 0 }) } else { Self::of_segment(0, segments) }
    }

    pub(super) fn next(self, removed: u64, segments: &[Segment]) -> Option<Self> {
        match self {
            Self::Removed { first } if removed - first > BUNDLES * WIDTH => {
                Some(Self::Removed { first: first + BUNDLES * WIDTH })
            }
            Self::Removed { .. } => Self::of_segment(0, segments),
            Self::Plain { segment, start } if segments[segment].bytes - start > BYTES => {
                Some(Self::Plain { segment, start: start + BYTES })
            }
            Self::Plain { segment, .. } | Self::Cold { segment } => {
                Self::of_segment(segment + 1, segments)
            }
        }
    }

    fn of_segment(segment: usize, segments: &[Segment]) -> Option<Self> {
        Some(match segments.get(segment)?.stored.form {
            Form::Plain => Self::Plain { segment, start: 0 },
            Form::Cold => Self::Cold { segment },
        })
    }

    /// The record that the piece begins with, where its name says so.
    pub(super) fn first_record(self, segments: &[Segment]) -> Option<u64> {
        match self {
            Self::Removed { first } => Some(first),
            Self::Plain { segment, start: 0 } | Self::Cold { segment } => {
                Some(segments[segment].stored.first)
            }
            Self::Plain { .. } => None,
        }
    }
}

/// What a piece adds to the tree.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) first: u64,
    pub(super) lines: u64,
    /// Entries up to the first multiple of 256, or all.
    pub(super) head: Vec<Hash>,
    /// Roots of the whole 256 after it, each compared with what is stored.
    pub(super) roots: Vec<Hash>,
    /// Entries after the last whole 256.
    pub(super) tail: Vec<Hash>,
    pub(super) bytes: u64,
    /// Where the last line ends.
    pub(super) end: Option<Place>,
}

/// A thread and what it needs.
pub(super) struct Worker<'a> {
    pass: &'a Pass<'a>,
    buffer: Vec<u8>,
    /// The segment of the last piece, which is often that of the next one.
    open: Option<(Stored, File)>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(pass: &'a Pass<'a>) -> Self {
        Self { pass, buffer: vec![0; BYTES as usize + 1 + MARGIN], open: None }
    }

    pub(super) fn piece(&mut self, number: u64, piece: &Piece) -> Result<Outcome, Odd> {
        match *piece {
            Piece::Removed { first } => self.removed(number, first),
            Piece::Plain { segment, start } => self.plain(number, segment, start),
            Piece::Cold { segment } => self.cold(number, segment),
        }
    }

    fn removed(&mut self, number: u64, first: u64) -> Result<Outcome, Odd> {
        let pass = self.pass;
        let end = (first + BUNDLES * WIDTH).min(pass.removed).min(pass.limit());
        let first = pass.begin(number, end - first, false)?;
        let mut found = Found::new(pass, first, end);
        while found.index < end {
            // `first` and all that follow are multiples of 256.
            let bundle = Tile::new(Level::Entries, found.index / WIDTH, WIDTH as u16);
            let mut entries = tiles::read(pass.layout, bundle).ok().flatten().ok_or(Odd)?;
            entries.truncate((end - found.index).min(WIDTH) as usize);
            found.add(&mut entries)?;
        }
        Ok(found.done())
    }

    fn plain(&mut self, number: u64, segment: usize, start: u64) -> Result<Outcome, Odd> {
        let pass = self.pass;
        let Segment { stored, bytes } = pass.segments[segment];
        // One byte before the piece tells whether a line begins with the piece.
        let before = u64::from(start > 0);
        let mut source = match self.open.take() {
            Some((open, file)) if open == stored => file,
            _ => regular::open(&pass.layout.stored(stored)).map_err(|_| Odd)?,
        };
        source.seek(SeekFrom::Start(start - before)).map_err(|_| Odd)?;
        let filled = fill(&mut source, &mut self.buffer)?;
        let piece = (bytes.min(start + BYTES) - start) as usize;
        // A line begins after each LF, so long as a byte of the piece follows it.
        let heads = self.buffer.get(..filled.min(piece + before as usize)).unwrap_or_default();
        let heads = &heads[..heads.len().saturating_sub(1)];
        let lines = memchr_iter(b'\n', heads).count() as u64 + u64::from(start == 0 && piece > 0);
        let first = pass.begin(number, lines, bytes - start > BYTES)?;
        let end = (first + lines).min(pass.limit());
        if end <= first {
            return Ok(Outcome { first, ..Outcome::default() });
        }
        let at = match start {
            0 => 0,
            _ => memchr(b'\n', heads).ok_or(Odd)? + 1,
        };
        let mut found = Found::new(pass, first, end);
        found.lines(&mut self.buffer, at, filled, &mut source)?;
        pass.meter.read(found.outcome.bytes);
        self.open = Some((stored, source));
        let offset = start - before + at as u64 + found.outcome.bytes;
        found.outcome.end = Some(Place { segment: stored, offset });
        Ok(found.done())
    }

    fn cold(&mut self, number: u64, segment: usize) -> Result<Outcome, Odd> {
        let pass = self.pass;
        let Segment { stored, bytes } = pass.segments[segment];
        let next = pass.segments.get(segment + 1).map_or(u64::MAX, |next| next.stored.first);
        let lines = next.checked_sub(stored.first).ok_or(Odd)?;
        let first = pass.begin(number, lines, false)?;
        let end = next.min(pass.limit());
        let mut found = Found::new(pass, first, end);
        let mut source = Source::open(pass.layout, stored, 0).map_err(|_| Odd)?;
        let more = found.lines(&mut self.buffer, 0, 0, &mut source)?;
        // The file ends where the next one begins; if the rest is not covered, it is looked at later.
        if end == next && (more || fill(&mut source, &mut self.buffer)? > 0) {
            return Err(Odd);
        }
        pass.meter.read(bytes);
        found.outcome.end = Some(Place { segment: stored, offset: 0 });
        Ok(found.done())
    }
}

/// Reads until the buffer is full or there is no more.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> Result<usize, Odd> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return Err(Odd),
        }
    }
    Ok(filled)
}

/// Lines that are hashed in their order, and compared 256 by 256.
struct Found<'a> {
    pass: &'a Pass<'a>,
    /// The next record, and the one not to be looked at any more.
    index: u64,
    end: u64,
    /// Entries since the last multiple of 256, or since the beginning.
    entries: Vec<Hash>,
    outcome: Outcome,
}

impl<'a> Found<'a> {
    fn new(pass: &'a Pass<'a>, first: u64, end: u64) -> Self {
        let outcome = Outcome { first, ..Outcome::default() };
        Self { pass, index: first, end, entries: Vec::with_capacity(WIDTH as usize), outcome }
    }

    /// Hashes lines until the last one is done. Those in `buffer[at..filled]` come first, then what
    /// `source` gives. Says whether something is left in the buffer.
    fn lines(
        &mut self,
        buffer: &mut [u8],
        mut at: usize,
        mut filled: usize,
        source: &mut impl Read,
    ) -> Result<bool, Odd> {
        loop {
            at += self.whole_lines(&buffer[at..filled])?;
            if self.index == self.end {
                return Ok(at < filled);
            }
            // The beginning of a line goes to the front, and more of it behind.
            buffer.copy_within(at..filled, 0);
            (at, filled) = (0, filled - at);
            if filled == buffer.len() {
                (at, filled) = self.long_line(buffer, source)?;
                continue;
            }
            match fill(source, &mut buffer[filled..])? {
                0 => return Err(Odd),
                read => filled += read,
            }
        }
    }

    /// Hashes the lines that end within `bytes`, at most to the next multiple of 256 at a time; returns
    /// how many bytes they are.
    fn whole_lines(&mut self, bytes: &[u8]) -> Result<usize, Odd> {
        let mut ends = memchr_iter(b'\n', bytes);
        let mut used = 0;
        while self.index < self.end {
            let wanted = (WIDTH - self.index % WIDTH).min(self.end - self.index);
            let mut lines: Vec<&[u8]> = Vec::with_capacity(wanted as usize);
            let before = used;
            for end in ends.by_ref().take(wanted as usize) {
                lines.push(&bytes[used..end]);
                used = end + 1;
            }
            if lines.is_empty() {
                break;
            }
            let mut entries = Vec::with_capacity(lines.len());
            entry_hashes(lines.into_iter(), &mut entries);
            self.outcome.bytes += (used - before) as u64;
            self.add(&mut entries)?;
        }
        Ok(used)
    }

    /// A line that fills the buffer; returns what is in the buffer after its end.
    fn long_line(
        &mut self,
        buffer: &mut [u8],
        source: &mut impl Read,
    ) -> Result<(usize, usize), Odd> {
        let mut hasher = EntryHasher::new();
        hasher.update(buffer);
        self.outcome.bytes += buffer.len() as u64;
        let begin = self.outcome.bytes;
        loop {
            let filled = fill(source, buffer)?;
            if filled == 0 || self.outcome.bytes - begin > LONGEST_LINE {
                return Err(Odd);
            }
            let end = memchr(b'\n', &buffer[..filled]);
            hasher.update(&buffer[..end.unwrap_or(filled)]);
            self.outcome.bytes += end.map_or(filled, |end| end + 1) as u64;
            if let Some(end) = end {
                self.add(&mut vec![hasher.finish()])?;
                return Ok((end + 1, filled));
            }
        }
    }

    /// Takes entries that do not go beyond the next multiple of 256.
    fn add(&mut self, entries: &mut Vec<Hash>) -> Result<(), Odd> {
        self.index += entries.len() as u64;
        self.entries.append(entries);
        if self.index.is_multiple_of(WIDTH) {
            if self.entries.len() == WIDTH as usize {
                let root = self.pass.chunk(self.index / WIDTH - 1, &self.entries)?;
                self.outcome.roots.push(root);
                self.entries.clear();
            } else {
                self.outcome.head = std::mem::take(&mut self.entries);
            }
        }
        Ok(())
    }

    fn done(self) -> Outcome {
        let lines = self.index - self.outcome.first;
        Outcome { lines, tail: self.entries, ..self.outcome }
    }
}
