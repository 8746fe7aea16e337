//! Where the lines are in their segments.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

use crate::paths::Layout;
use crate::{Error, regular};

/// Every so many lines an offset is remembered.
const STEP: u64 = 16;

/// Segments whose offsets are remembered at once.
const SEGMENTS: usize = 64;

/// Offsets of lines, found by looking for line feeds once and remembered within bounds.
pub(crate) struct Marks {
    layout: Layout,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// First indices of the segments, as last seen.
    firsts: Vec<u64>,
    segments: BTreeMap<u64, Segment>,
}

/// What is known of one segment.
#[derive(Default)]
struct Segment {
    /// Complete lines in the first `end` bytes, which end with a line feed.
    lines: u64,
    end: u64,
    /// Offset of every line whose number in the segment is a multiple of [`STEP`].
    offsets: Vec<u64>,
}

impl Marks {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout, state: Mutex::default() }
    }

    /// The number of complete lines of the log now.
    pub(crate) fn count(&self) -> Result<u64, Error> {
        let mut state = self.lock();
        state.firsts = self.layout.segments()?;
        match state.firsts.last().copied() {
            None => Ok(0),
            Some(first) => Ok(first + state.scan(&self.layout, first, u64::MAX)?.lines),
        }
    }

    /// The segment of record `index`, an offset in it, and how many lines to skip from there.
    pub(crate) fn find(&self, index: u64) -> Result<Option<(u64, u64, u64)>, Error> {
        let mut state = self.lock();
        // The last segment seen need not be the last one there is.
        if state.firsts.last().is_none_or(|first| index >= *first) {
            state.firsts = self.layout.segments()?;
        }
        let after = state.firsts.partition_point(|first| *first <= index);
        let Some(first) = state.firsts[..after].last().copied() else {
            return Ok(None);
        };
        let line = index - first;
        let segment = state.scan(&self.layout, first, line)?;
        if line >= segment.lines {
            return Ok(None);
        }
        let offset = segment.offsets[(line / STEP) as usize];
        Ok(Some((first, offset, line % STEP)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Looks on in a segment until `line` is known or the file ends.
    fn scan(&mut self, layout: &Layout, first: u64, line: u64) -> Result<&Segment, Error> {
        if self.segments.len() >= SEGMENTS && !self.segments.contains_key(&first) {
            self.segments.pop_first();
        }
        let segment = self.segments.entry(first).or_default();
        if line >= segment.lines {
            let path = layout.segment(first);
            match segment.extend(&path, line) {
                Ok(()) => {}
                // Deleted at the end of its retention: it has no lines.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("read", &path)(error)),
            }
        }
        Ok(segment)
    }
}

impl Segment {
    fn extend(&mut self, path: &std::path::Path, line: u64) -> std::io::Result<()> {
        let mut file = regular::open(path)?;
        file.seek(SeekFrom::Start(self.end))?;
        let mut buffer = vec![0; 256 << 10];
        let mut offset = self.end;
        while self.lines <= line {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            for at in memchr::memchr_iter(b'\n', &buffer[..read]) {
                if self.lines.is_multiple_of(STEP) {
                    self.offsets.push(self.end);
                }
                self.lines += 1;
                self.end = offset + at as u64 + 1;
            }
            offset += read as u64;
        }
        Ok(())
    }
}
