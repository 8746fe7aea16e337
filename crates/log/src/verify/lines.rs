//! The lines as they are stored, hashed one by one in constant memory.

use std::io::{BufRead, BufReader, ErrorKind};
use std::path::PathBuf;

use sealtrail_proof::hash::EntryHasher;
use sealtrail_proof::tile::{Level, WIDTH};
use sealtrail_proof::{Hash, VerifierKey};

use super::meter::Meter;
use super::source::{Segment, Source};
use super::{Class, Failure, pruned, tiles};
use crate::paths::{Form, Layout, Stored};

/// Every line of every segment, in order, and before them the entries of those that were removed.
pub(super) struct Lines<'a> {
    layout: &'a Layout,
    key: &'a VerifierKey,
    meter: &'a Meter<'a>,
    /// The size of the tree whose bundles hold the entries of removed records.
    covered: u64,
    /// Records below were removed by retention; more of them, if it is at work.
    pub(super) removed: u64,
    /// The bundle that was read last.
    bundle: (Option<u64>, Vec<Hash>),
    /// Segments still to come.
    to_come: &'a [Segment],
    open: Option<Open>,
    /// Where the last segment ended.
    last: Place,
    /// Complete lines so far, removed ones included.
    pub(super) count: u64,
    /// Bytes of lines so far, and how many of them the meter does not know of.
    pub(super) bytes: u64,
    untold: u64,
}

/// Bytes of a line in any log (FORMAT.md). A compressed file of a few bytes may hold one without end.
pub(super) const LONGEST_LINE: u64 = 64 << 20;

/// After so many bytes the meter is told.
const TOLD: u64 = 1 << 20;

struct Open {
    segment: Stored,
    file: BufReader<Source>,
    /// The bytes that were read; in a compressed segment, of the lines.
    offset: u64,
    /// The file ends within a frame.
    cut: bool,
}

/// A byte of a segment. In a compressed one, where the frame begins that the byte is in.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) segment: Stored,
    pub(super) offset: u64,
}

/// What comes next.
pub(super) enum Step {
    Line {
        entry: Hash,
        place: Place,
    },
    /// The line was removed by retention; what it was is in its bundle.
    Removed {
        entry: Hash,
    },
    /// The next segment does not begin where the last one ended, or the last one ended with `rest` bytes
    /// that are no line.
    Gap {
        next: u64,
        end: Place,
        rest: u64,
    },
    /// No more segments; `torn` bytes of a line without its end remain after `end`.
    End {
        end: Place,
        torn: u64,
    },
}

/// What stands at a place of a segment.
enum Found {
    Line {
        entry: Hash,
        whole: bool,
    },
    /// Bytes that are left and are no line, and how many without the NULs at their end.
    Rest {
        bytes: u64,
        torn: u64,
    },
}

impl<'a> Lines<'a> {
    pub(super) fn new(
        layout: &'a Layout,
        key: &'a VerifierKey,
        meter: &'a Meter<'a>,
        covered: u64,
        removed: u64,
        segments: &'a [Segment],
    ) -> Self {
        let nowhere = Stored { first: removed, form: Form::Plain };
        Self {
            layout,
            key,
            meter,
            covered,
            removed,
            bundle: (None, Vec::new()),
            to_come: segments,
            open: None,
            last: Place { segment: nowhere, offset: 0 },
            count: 0,
            bytes: 0,
            untold: 0,
        }
    }

    /// Goes on after the first `count` lines, of `bytes` bytes, the last of which ends at `end`.
    pub(super) fn skip_to(
        &mut self,
        count: u64,
        bytes: u64,
        end: Option<Place>,
    ) -> Result<(), Failure> {
        (self.count, self.bytes) = (count, bytes);
        let Some(Place { segment, offset }) = end else {
            return Ok(());
        };
        let last = self.to_come.partition_point(|next| next.stored.first < segment.first);
        self.to_come = &self.to_come[last..];
        self.open_next(offset)?;
        // The bytes of a compressed segment cannot be counted from outside.
        if let Some(open) = &mut self.open
            && open.segment.form == Form::Cold
        {
            for _ in segment.first..count {
                let place = open.place();
                open.line().map_err(|error| bad(self.layout, place, count, &error))?;
            }
        }
        Ok(())
    }

    pub(super) fn next(&mut self) -> Result<Step, Failure> {
        loop {
            let Some(open) = &mut self.open else {
                if self.count < self.removed {
                    return self.next_removed();
                }
                match self.to_come.first().map(|segment| segment.stored.first) {
                    None => {
                        return Ok(Step::End { end: self.last, torn: 0 });
                    }
                    Some(next) if next != self.count => {
                        return Ok(Step::Gap { next, end: self.last, rest: 0 });
                    }
                    Some(_) => self.open_next(0)?,
                }
                continue;
            };
            let before = open.offset;
            // With something in the buffer, it is known which frame the line begins in.
            let begun = open.begin();
            let place = open.place();
            let found = begun
                .and_then(|()| open.line())
                .map_err(|error| bad(self.layout, place, self.count, &error))?;
            let (bytes, torn) = match found {
                // The writer writes no empty line and no NUL, so where no checkpoint says otherwise this
                // is what a crash has left.
                Found::Line { entry, whole } if whole || self.count < self.covered => {
                    self.count += 1;
                    self.bytes += open.offset - before;
                    self.untold += open.offset - before;
                    if self.untold > TOLD {
                        self.meter.read(std::mem::take(&mut self.untold));
                    }
                    return Ok(Step::Line { entry, place });
                }
                Found::Line { .. } => open
                    .rest(before)
                    .map_err(|error| bad(self.layout, place, self.count, &error))?,
                Found::Rest { bytes, torn } => (bytes, torn),
            };
            self.open = None;
            self.last = place;
            self.meter.read(std::mem::take(&mut self.untold));
            if bytes > 0 {
                return Ok(match self.to_come.first() {
                    None => Step::End { end: place, torn },
                    Some(next) => Step::Gap { next: next.stored.first, end: place, rest: bytes },
                });
            }
        }
    }

    /// The entries of up to `limit` more lines, wherever they are.
    pub(super) fn ahead(&mut self, limit: usize) -> Vec<Hash> {
        let mut entries = Vec::new();
        while entries.len() < limit {
            match self.next() {
                Ok(Step::Line { entry, .. }) => entries.push(entry),
                Ok(Step::Gap { .. }) if self.open_next(0).is_ok() => {}
                _ => break,
            }
        }
        entries
    }

    pub(super) fn file(&self, place: Place) -> PathBuf {
        let path = self.layout.stored(place.segment);
        self.layout.below(&path).into()
    }

    fn next_removed(&mut self) -> Result<Step, Failure> {
        let (chunk, i) = (self.count / WIDTH, (self.count % WIDTH) as usize);
        if self.bundle.0 != Some(chunk) {
            let bundle = tiles::required(self.layout, self.covered, Level::Entries, chunk)?;
            self.bundle = (Some(chunk), bundle.map(|(_, entries)| entries).unwrap_or_default());
        }
        let entry = *self.bundle.1.get(i).expect("what was removed is covered");
        self.count += 1;
        Ok(Step::Removed { entry })
    }

    /// Opens the next segment, in the form that it has by now: retention may be at work.
    fn open_next(&mut self, offset: u64) -> Result<(), Failure> {
        let Some((Segment { stored, .. }, to_come)) = self.to_come.split_first() else {
            return Ok(());
        };
        self.to_come = to_come;
        let cold = Stored { form: Form::Cold, ..*stored };
        let is_gone = |opened: &std::io::Result<Source>| {
            opened.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound)
        };
        let (mut segment, mut offset) = (*stored, offset);
        let mut opened = Source::open(self.layout, segment, offset);
        if is_gone(&opened) {
            let compressed = Source::open(self.layout, cold, 0);
            if !is_gone(&compressed) {
                (segment, offset, opened) = (cold, 0, compressed);
            }
        }
        if is_gone(&opened) {
            let first_kept = pruned::read(self.layout, self.key)?.first_kept;
            // If the bundles of the checkpoint do not reach so far, the audit must begin anew.
            if (stored.first..self.covered).contains(&first_kept.saturating_sub(1)) {
                self.removed = first_kept;
                let rest = self.to_come.partition_point(|next| next.stored.first < first_kept);
                self.to_come = &self.to_come[rest..];
                return Ok(());
            }
        }
        let place = Place { segment, offset };
        let source = opened.map_err(|error| bad(self.layout, place, self.count, &error))?;
        let file = BufReader::with_capacity(1 << 20, source);
        self.open = Some(Open { segment, file, offset, cut: false });
        Ok(())
    }
}

impl Open {
    /// Of the byte that is read next, if something is in the buffer.
    fn place(&self) -> Place {
        let offset = self.file.get_ref().frame().unwrap_or(self.offset);
        Place { segment: self.segment, offset }
    }

    fn begin(&mut self) -> std::io::Result<()> {
        match self.file.fill_buf() {
            // A compressed file that was cut within a frame: `line` finds that nothing is left.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                self.cut = true;
                Ok(())
            }
            buffer => buffer.map(|_| ()),
        }
    }

    fn line(&mut self) -> std::io::Result<Found> {
        let mut hasher = EntryHasher::new();
        let (mut bytes, mut torn, mut nul) = (0, 0, false);
        loop {
            let buffer = match self.file.fill_buf() {
                // A compressed file that was cut within a frame.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Ok(Found::Rest { bytes: bytes + 1, torn });
                }
                buffer => buffer?,
            };
            if buffer.is_empty() {
                return Ok(Found::Rest { bytes: bytes + u64::from(self.cut), torn });
            }
            let end = memchr::memchr(b'\n', buffer);
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            hasher.update(piece);
            nul |= memchr::memchr(0, piece).is_some();
            if let Some(last) = piece.iter().rposition(|byte| *byte != 0) {
                torn = bytes + last as u64 + 1;
            }
            bytes += piece.len() as u64;
            if bytes > LONGEST_LINE && self.segment.form == Form::Cold {
                return Err(std::io::Error::new(
                    ErrorKind::InvalidData,
                    format!("a line is longer than the {LONGEST_LINE} bytes that any may have"),
                ));
            }
            let used = piece.len() + usize::from(end.is_some());
            self.file.consume(used);
            self.offset += used as u64;
            if end.is_some() {
                let whole = bytes > 0 && !nul;
                return Ok(Found::Line { entry: hasher.finish(), whole });
            }
        }
    }

    /// What is left from `begin` on, to the end of the file.
    fn rest(&mut self, begin: u64) -> std::io::Result<(u64, u64)> {
        let mut torn = self.offset - begin;
        loop {
            match self.line()? {
                Found::Line { .. } => torn = self.offset - begin,
                Found::Rest { bytes, torn: more } => {
                    let before = self.offset - begin - bytes;
                    return Ok((before + bytes, if more > 0 { before + more } else { torn }));
                }
            }
        }
    }
}

/// A file that cannot be read, or does not decode.
fn bad(layout: &Layout, place: Place, record: u64, error: &std::io::Error) -> Failure {
    let changed = place.segment.form == Form::Cold
        && matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof);
    let class = if changed { Class::Changed } else { Class::Unreadable };
    let failure = Failure::new(class, error.to_string())
        .file(layout.below(&layout.stored(place.segment)))
        .offset(place.offset);
    if changed { failure.record(record) } else { failure }
}
