//! Compressing segments that are no longer written.

use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::path::Path;

use sealtrail_proof::tile::{Level, Tile, WIDTH};
use sealtrail_proof::{Hash, entry_hash};
use zstd::bulk::{Compressor, decompress};
use zstd::zstd_safe::CParameter;

use crate::disk::{Disk, DiskFile};
use crate::lines::read_line;
use crate::paths::{Form, Layout, Stored};
use crate::retention::settled;
use crate::{Error, Log, durable, tree};

/// A segment that was compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compressed {
    pub records: Range<u64>,
    /// Bytes of the file that was.
    pub before: u64,
    /// Bytes of the file that is.
    pub after: u64,
}

/// A frame is ended with the line that reaches this many bytes. To read a line, its frame is read.
const FRAME_BYTES: usize = 1 << 20;

/// Lines of JSON gain little above it, and take several times as long.
const LEVEL: i32 = 6;

impl Log {
    /// The first records of the segments that [`compress`](Self::compress) can take and that end at or
    /// before record `below`, oldest first.
    pub fn compressible(&self, below: u64) -> Result<Vec<u64>, Error> {
        let settled = settled(self.reader().layout(), self.checkpoint().size())?;
        let plain = settled.into_iter().filter(|(segment, _)| segment.form == Form::Plain);
        Ok(plain.filter(|(_, end)| *end <= below).map(|(segment, _)| segment.first).collect())
    }

    /// Compresses the segment that begins with record `first`. Its lines are read as before, by readers
    /// that are at it too, and verified as before.
    ///
    /// Every line is compared with what was signed before the file is replaced; one that was changed leaves
    /// everything as it is ([`Error::is_damaged`]). [`Error::is_refused`] if there is no such segment among
    /// the [`compressible`](Self::compressible). A crash leaves the old file or both; then the old one
    /// counts.
    pub fn compress(&self, first: u64) -> Result<Compressed, Error> {
        let retention = self.retention();
        let _turn = retention.turn();
        let layout = &retention.layout;
        let covered = self.checkpoint().size();
        let wanted = Stored { first, form: Form::Plain };
        let settled = settled(layout, covered)?;
        let Some((_, end)) = settled.iter().find(|(segment, _)| *segment == wanted) else {
            return Err(Error::refused(format!(
                "expected the first record of a segment that is left, covered and not compressed, \
                 got {first}"
            )));
        };
        compress(&Disk::Real, layout, first..*end, covered)
    }
}

/// Compresses the segment of these records, under the tree of that size. The order of the steps is
/// FORMAT.md's.
pub(crate) fn compress(
    disk: &Disk,
    layout: &Layout,
    records: Range<u64>,
    covered: u64,
) -> Result<Compressed, Error> {
    let (old, new) = (layout.segment(records.start), layout.cold_segment(records.start));
    let file = disk.open(&old).map_err(Error::io("open", &old))?;
    let before = DiskFile::bytes(&file).map_err(Error::io("read", &old))?;
    let mut frames = Compressing {
        disk,
        layout,
        covered,
        path: &old,
        file: BufReader::with_capacity(256 << 10, file),
        records: records.clone(),
        entries: Vec::new(),
        compressor: compressor().map_err(Error::io("compress", &old))?,
        frame: Vec::new(),
        read: 0,
        failed: None,
    };
    let copied = durable::copy(disk, &new, &mut frames);
    if let Some(error) = frames.failed {
        return Err(error);
    }
    let after = copied?;
    disk.remove(&old).map_err(Error::io("remove", &old))?;
    durable::sync_folder(disk, &layout.entries())?;
    Ok(Compressed { records, before, after })
}

fn compressor() -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(LEVEL)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    compressor.set_parameter(CParameter::ContentSizeFlag(true))?;
    Ok(compressor)
}

/// The frames of a segment as they are read; one is in memory at a time.
struct Compressing<'a> {
    disk: &'a Disk,
    layout: &'a Layout,
    /// The segment.
    path: &'a Path,
    /// The size of the tree that the lines are compared with.
    covered: u64,
    file: BufReader<DiskFile>,
    /// The records that are still to come.
    records: Range<u64>,
    /// The bundle of the next record.
    entries: Vec<Hash>,
    compressor: Compressor<'static>,
    frame: Vec<u8>,
    /// How much of the frame was read.
    read: usize,
    /// What is wrong with the segment, for a reader can only fail with an I/O error.
    failed: Option<Error>,
}

impl Read for Compressing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.frame.len() {
            self.frame = self.next_frame().map_err(|error| {
                let message = error.to_string();
                self.failed = Some(error);
                io::Error::other(message)
            })?;
            self.read = 0;
        }
        let read = (&self.frame[self.read..]).read(buffer)?;
        self.read += read;
        Ok(read)
    }
}

impl Compressing<'_> {
    /// The next frame; empty after the last.
    fn next_frame(&mut self) -> Result<Vec<u8>, Error> {
        let mut lines = Vec::with_capacity(FRAME_BYTES + (64 << 10));
        while lines.len() < FRAME_BYTES && !self.records.is_empty() {
            let line = self.next_line()?;
            lines.extend_from_slice(&line);
            lines.push(b'\n');
        }
        if lines.is_empty() {
            return self.expect_end().map(|()| lines);
        }
        let failed = |error| Error::io("compress", self.path)(error);
        let frame = self.compressor.compress(&lines).map_err(failed)?;
        // The old file goes when the new one is there, so nothing is taken on trust.
        let again = decompress(&frame, lines.len()).map_err(failed)?;
        if again != lines {
            return Err(failed(io::Error::other(
                "what was compressed is not what comes out again",
            )));
        }
        Ok(frame)
    }

    fn next_line(&mut self) -> Result<Vec<u8>, Error> {
        let index = self.records.start;
        let at = (index % WIDTH) as usize;
        if at == 0 || self.entries.is_empty() {
            let bundle = Tile::in_tree(self.covered, Level::Entries, index / WIDTH);
            self.entries = tree::entries_on(self.disk, self.layout, bundle.expect("covered"))?;
        }
        let damaged = |why: String| Err(Error::damaged(self.path, why));
        match read_line(&mut self.file).map_err(Error::io("read", self.path))? {
            None => damaged(format!("record {index} is not where it must be")),
            Some(line) if entry_hash(&line) != self.entries[at] => {
                damaged(format!("record {index} is not the one that was signed"))
            }
            Some(line) => {
                self.records.start += 1;
                Ok(line)
            }
        }
    }

    fn expect_end(&mut self) -> Result<(), Error> {
        let mut more = [0];
        match self.file.read(&mut more).map_err(Error::io("read", self.path))? {
            0 => Ok(()),
            _ => {
                let next = self.records.end;
                Err(Error::damaged(
                    self.path,
                    format!("something stands between record {} and {next}", next - 1),
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::WINDOW_LOG;

    #[test]
    fn no_frame_needs_a_larger_window_than_readers_accept() {
        let mut compressor = compressor().unwrap();
        let mut state = 1_u64;
        let line: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            b'a' + (state >> 60) as u8
        })
        .take(20 << 20)
        .collect();
        let frame = compressor.compress(&line).unwrap();
        // RFC 8878 §3.1.1.1: the descriptor says that there is a content size, a checksum and a window.
        let descriptor = frame[4];
        assert_eq!((descriptor >> 5 & 1, descriptor >> 2 & 1, descriptor & 3), (0, 1, 0));
        assert!(descriptor >> 6 >= 2, "four or eight bytes of content size");
        let (exponent, mantissa) = (u32::from(frame[5] >> 3), u64::from(frame[5] & 7));
        let window = (1_u64 << (10 + exponent)) * (8 + mantissa) / 8;
        assert!(window <= 1 << WINDOW_LOG, "{window}");
    }
}
