use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::marks::{Marks, Place, unreadable};
use crate::paths::{Form, Layout};
use crate::{Error, Options, Pruned, frames, regular};

/// Lines in order, with their indices; made by [`Reader::lines`](crate::Reader::lines).
///
/// It goes from segment to segment, compressed or not. What retention removes in the meantime ends it
/// with an error that [says so](Error::is_pruned).
pub struct Lines {
    layout: Layout,
    marks: Arc<Marks>,
    next: u64,
    end: u64,
    /// The segment of the next line, at that line.
    open: Option<(Box<dyn BufRead + Send>, Form)>,
}

impl Lines {
    pub(crate) fn new(layout: &Layout, marks: &Arc<Marks>, next: u64, end: u64) -> Self {
        Self { layout: layout.clone(), marks: Arc::clone(marks), next, end, open: None }
    }

    fn line(&mut self) -> Result<Vec<u8>, Error> {
        if let Some((file, form)) = &mut self.open {
            let path = self.layout.entries();
            if let Some(line) = read_line(file).map_err(|error| unreadable(&path, *form, error))? {
                return Ok(line);
            }
        }
        // The first line, or the end of a segment. A file that is compressed at this moment may have been
        // seen in neither form, or be gone in the form in which it was seen; the next look finds it.
        for _ in 0..ATTEMPTS {
            if let Some(place) = self.marks.find(self.next, self.end)? {
                let path = self.layout.stored(place.segment);
                match self.open_at(place) {
                    Ok(Some(line)) => return Ok(line),
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(unreadable(&path, place.segment.form, error));
                    }
                    _ => self.marks.forget(place.segment),
                }
            }
        }
        Err(self.missing()?)
    }

    fn open_at(&mut self, place: Place) -> io::Result<Option<Vec<u8>>> {
        let path = self.layout.stored(place.segment);
        let mut file: Box<dyn BufRead + Send> = match place.segment.form {
            Form::Plain => {
                let mut file = regular::open(&path)?;
                file.seek(SeekFrom::Start(place.offset))?;
                Box::new(BufReader::with_capacity(64 << 10, file))
            }
            Form::Cold => Box::new(frames::decode_from(&path, place.offset)?),
        };
        for _ in 0..place.skip {
            file.skip_until(b'\n')?;
        }
        let line = read_line(&mut file)?;
        self.open = Some((file, place.segment.form));
        Ok(line)
    }

    /// Why a durable record is in no file.
    fn missing(&self) -> Result<Error, Error> {
        Ok(match Pruned::read(&self.layout)? {
            Some(pruned) if self.next < pruned.first_kept => {
                Error::pruned(self.next, pruned.first_kept)
            }
            _ => {
                let why = format!("record {} of {} is in no file", self.next, self.end);
                Error::damaged(&self.layout.entries(), why)
            }
        })
    }
}

/// Looks at the directory for one line.
const ATTEMPTS: u32 = 4;

impl Iterator for Lines {
    type Item = Result<(u64, Vec<u8>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let line = self.line();
        match &line {
            Ok(_) => self.next += 1,
            Err(_) => self.end = self.next,
        }
        Some(line.map(|line| (self.next - 1, line)))
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lines {} to {}", self.next, self.end)
    }
}

/// A complete line of bounded length, without its LF. `None` at the end, which is where the file ends or
/// where only the NULs follow that the writer fills a segment with before it writes.
pub(crate) fn read_line(file: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    if file.fill_buf()?.first().is_none_or(|byte| *byte == 0) {
        return Ok(None);
    }
    let mut line = Vec::new();
    let limit = Options::MAX_LINE_BYTES as u64 + 1;
    file.take(limit).read_until(b'\n', &mut line)?;
    match line.pop() {
        Some(b'\n') => Ok(Some(line)),
        Some(_) if line.len() as u64 + 1 == limit => {
            Err(io::Error::new(ErrorKind::InvalidData, "a line is longer than any line may be"))
        }
        _ => Ok(None),
    }
}
