//! Where the lines are in their segments.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::frames::Frames;
use crate::paths::{Form, Layout, Stored};
use crate::{Error, regular};

/// Every so many lines an offset is remembered.
const STEP: u64 = 16;

/// Segments whose offsets are remembered at once.
const SEGMENTS: usize = 64;

/// Offsets of lines, found by looking for line feeds once and remembered within bounds.
///
/// Nothing is remembered of lines that are not yet durable: a crash may take them, and others come in
/// their place.
pub(crate) struct Marks {
    layout: Layout,
    state: Mutex<State>,
}

/// Where to begin to read for a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) segment: Stored,
    /// Of a line, or of a frame that begins with one.
    pub(crate) offset: u64,
    /// Lines between there and the wanted one.
    pub(crate) skip: u64,
}

#[derive(Default)]
struct State {
    /// The segments, as last seen.
    seen: Vec<Stored>,
    segments: BTreeMap<u64, Segment>,
}

/// What is known of one segment.
struct Segment {
    form: Form,
    /// Lines in the first `end` bytes, which end with a line or a frame.
    lines: u64,
    end: u64,
    offsets: Offsets,
}

enum Offsets {
    /// Of every line whose number in the segment is a multiple of [`STEP`].
    Lines(Vec<u64>),
    /// Of every frame, after the number of its first line.
    Frames(Vec<(u64, u64)>),
}

impl Marks {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout, state: Mutex::default() }
    }

    /// Where record `index` is, of a log of `end` durable lines. `None` if no file has it.
    pub(crate) fn find(&self, index: u64, end: u64) -> Result<Option<Place>, Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = state.known(index) {
            return Ok(Some(place));
        }
        // The last segment seen need not be the last one there is, nor any of them in its old form.
        state.seen = self.layout.all_segments()?;
        let Some(segment) = state.holding(index) else { return Ok(None) };
        state.scan(
            &self.layout,
            segment,
            index - segment.first,
            end.saturating_sub(segment.first),
        )?;
        Ok(state.known(index))
    }

    /// Forgets a segment that was not as it had been seen.
    pub(crate) fn forget(&self, segment: Stored) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.segments.remove(&segment.first);
    }
}

impl State {
    /// The last segment that begins at or before `index`.
    fn holding(&self, index: u64) -> Option<Stored> {
        let after = self.seen.partition_point(|segment| segment.first <= index);
        self.seen[..after].last().copied()
    }

    fn known(&self, index: u64) -> Option<Place> {
        let segment = self.holding(index)?;
        let marks = self.segments.get(&segment.first).filter(|m| m.form == segment.form)?;
        let (offset, skip) = marks.near(index - segment.first)?;
        Some(Place { segment, offset, skip })
    }

    /// Looks on in a segment until `line` is known or the file ends, and never beyond `limit` lines.
    fn scan(&mut self, layout: &Layout, of: Stored, line: u64, limit: u64) -> Result<(), Error> {
        if self.segments.len() >= SEGMENTS && !self.segments.contains_key(&of.first) {
            self.segments.pop_first();
        }
        let segment = self.segments.entry(of.first).or_insert_with(|| Segment::new(of.form));
        if segment.form != of.form {
            *segment = Segment::new(of.form);
        }
        let path = layout.stored(of);
        match segment.extend(&path, line, limit) {
            // Removed or compressed since it was seen: nothing is known of it.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(unreadable(&path, of.form, error)),
            Ok(()) => Ok(()),
        }
    }
}

impl Segment {
    fn new(form: Form) -> Self {
        let offsets = match form {
            Form::Plain => Offsets::Lines(Vec::new()),
            Form::Cold => Offsets::Frames(Vec::new()),
        };
        Self { form, lines: 0, end: 0, offsets }
    }

    /// An offset at or before a line, and how many lines are between.
    fn near(&self, line: u64) -> Option<(u64, u64)> {
        if line >= self.lines {
            return None;
        }
        Some(match &self.offsets {
            Offsets::Lines(offsets) => (offsets[(line / STEP) as usize], line % STEP),
            Offsets::Frames(frames) => {
                let after = frames.partition_point(|(first, _)| *first <= line);
                let (first, offset) = frames[after - 1];
                (offset, line - first)
            }
        })
    }

    fn extend(&mut self, path: &Path, line: u64, limit: u64) -> std::io::Result<()> {
        match &mut self.offsets {
            Offsets::Frames(offsets) => {
                let mut frames = Frames::open(path, self.end)?;
                while self.lines <= line
                    && let Some(frame) = frames.next()?
                {
                    offsets.push((self.lines, frame.offset));
                    self.lines += frame.lines;
                    self.end = frame.end;
                }
            }
            Offsets::Lines(offsets) => {
                let mut file = regular::open(path)?;
                file.seek(SeekFrom::Start(self.end))?;
                let mut buffer = vec![0; 256 << 10];
                let mut offset = self.end;
                while self.lines <= line && self.lines < limit {
                    let read = file.read(&mut buffer)?;
                    if read == 0 {
                        break;
                    }
                    let room = usize::try_from(limit - self.lines).unwrap_or(usize::MAX);
                    for at in memchr::memchr_iter(b'\n', &buffer[..read]).take(room) {
                        if self.lines.is_multiple_of(STEP) {
                            offsets.push(self.end);
                        }
                        self.lines += 1;
                        self.end = offset + at as u64 + 1;
                    }
                    offset += read as u64;
                }
            }
        }
        Ok(())
    }
}

/// A file that cannot be read, or a compressed one that says something else than lines.
pub(crate) fn unreadable(path: &Path, form: Form, error: std::io::Error) -> Error {
    if form == Form::Cold && error.raw_os_error().is_none() {
        return Error::damaged(path, format!("it cannot be decompressed: {error}"));
    }
    Error::io("read", path)(error)
}
