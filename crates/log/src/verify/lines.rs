//! The lines as they are stored, hashed one by one in constant memory.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use sealtrail_proof::Hash;
use sealtrail_proof::hash::EntryHasher;

use super::{Class, Failure};
use crate::paths::Layout;
use crate::regular;

/// Every line of every segment, in order.
pub(super) struct Lines<'a> {
    layout: &'a Layout,
    /// First indices of the segments still to come, last one first.
    to_come: Vec<u64>,
    segment: Option<Segment>,
    /// Where the last segment ended.
    last: Place,
    /// Complete lines so far.
    pub(super) count: u64,
    pub(super) segments: u64,
    pub(super) bytes: u64,
}

struct Segment {
    first: u64,
    file: BufReader<File>,
    offset: u64,
}

/// A byte of a segment.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// What comes next.
pub(super) enum Step {
    Line {
        entry: Hash,
        place: Place,
    },
    /// The next segment does not begin where the last one ended.
    Gap {
        next: u64,
        end: Place,
    },
    /// No more segments; `torn` bytes of a line without its end remain after `end`.
    End {
        end: Place,
        torn: u64,
    },
}

impl<'a> Lines<'a> {
    pub(super) fn new(layout: &'a Layout) -> Result<Self, Failure> {
        let mut to_come = layout
            .segments()
            .map_err(|error| Failure::new(Class::Unreadable, error.to_string()))?;
        to_come.reverse();
        Ok(Self {
            layout,
            to_come,
            segment: None,
            last: Place::default(),
            count: 0,
            segments: 0,
            bytes: 0,
        })
    }

    pub(super) fn next(&mut self) -> Result<Step, Failure> {
        loop {
            let Some(segment) = &mut self.segment else {
                match self.to_come.last().copied() {
                    None => {
                        return Ok(Step::End { end: self.last, torn: 0 });
                    }
                    Some(next) if next != self.count => {
                        return Ok(Step::Gap { next, end: self.last });
                    }
                    Some(_) => self.open_next()?,
                }
                continue;
            };
            let place = Place { segment: segment.first, offset: segment.offset };
            let line = segment.line().map_err(|error| unreadable(self.layout, place, &error))?;
            match line {
                Ok(entry) => {
                    self.count += 1;
                    self.bytes += segment.offset - place.offset;
                    return Ok(Step::Line { entry, place });
                }
                Err(torn) => {
                    self.segment = None;
                    self.last = place;
                    if torn > 0 {
                        return Ok(match self.to_come.last() {
                            None => Step::End { end: place, torn },
                            Some(next) => Step::Gap { next: *next, end: place },
                        });
                    }
                }
            }
        }
    }

    /// The entries of up to `limit` more lines, wherever they are.
    pub(super) fn ahead(&mut self, limit: usize) -> Vec<Hash> {
        let mut entries = Vec::new();
        while entries.len() < limit {
            match self.next() {
                Ok(Step::Line { entry, .. }) => entries.push(entry),
                Ok(Step::Gap { .. }) if self.open_next().is_ok() => {}
                _ => break,
            }
        }
        entries
    }

    pub(super) fn file(&self, place: Place) -> PathBuf {
        let path = self.layout.segment(place.segment);
        self.layout.below(&path).into()
    }

    fn open_next(&mut self) -> Result<(), Failure> {
        let Some(first) = self.to_come.pop() else {
            return Ok(());
        };
        let place = Place { segment: first, offset: 0 };
        let file = regular::open(&self.layout.segment(first))
            .map_err(|error| unreadable(self.layout, place, &error))?;
        self.segments += 1;
        self.segment =
            Some(Segment { first, file: BufReader::with_capacity(1 << 20, file), offset: 0 });
        Ok(())
    }
}

impl Segment {
    /// The entry of the next line, or the number of bytes that are left and are no line.
    fn line(&mut self) -> std::io::Result<Result<Hash, u64>> {
        let mut hasher = EntryHasher::new();
        let mut torn = 0;
        loop {
            let buffer = self.file.fill_buf()?;
            if buffer.is_empty() {
                return Ok(Err(torn));
            }
            let end = memchr::memchr(b'\n', buffer);
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            hasher.update(piece);
            let used = piece.len() + usize::from(end.is_some());
            self.file.consume(used);
            self.offset += used as u64;
            torn += used as u64;
            if end.is_some() {
                return Ok(Ok(hasher.finish()));
            }
        }
    }
}

fn unreadable(layout: &Layout, place: Place, error: &std::io::Error) -> Failure {
    let path = layout.segment(place.segment);
    Failure::new(Class::Unreadable, error.to_string())
        .file(layout.below(&path))
        .offset(place.offset)
}
