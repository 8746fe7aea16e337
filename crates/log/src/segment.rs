//! The segment that is being written.

use std::io::IoSlice;
use std::path::PathBuf;

use crate::disk::{Disk, DiskFile};
use crate::paths::Layout;
use crate::{Error, durable};

/// A file of lines, at its end.
///
/// Grammar of the file: `(line LF)* NUL*`, where a line is one or more bytes, none of them LF or NUL. The
/// NULs are there only while it is written: blocks that were written before cost no metadata at a sync, which
/// is most of what a sync of a growing file costs. A segment that is left has none, because none are written beyond
/// the bytes at which it is left; at closing they are cut off.
pub(crate) struct Segment {
    file: DiskFile,
    path: PathBuf,
    /// Where the next line begins.
    end: u64,
    /// Length of the file; NULs from `end` on.
    filled: u64,
    /// Not after the disk was full: what is left is for lines and tiles.
    may_fill: bool,
}

/// A first fill; later ones double what is there, up to what the options say. A small log stays small.
const FIRST_FILL: u64 = 32 << 10;

/// Larger batches are not filled for: their share of the metadata is small, and every byte is written twice.
const LARGE_BATCH: u64 = 64 << 10;

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

impl Segment {
    /// A new segment that begins with record `first`.
    pub(crate) fn create(disk: &Disk, layout: &Layout, first: u64) -> Result<Self, Error> {
        let path = layout.segment(first);
        let file = durable::create(disk, &path)?;
        Ok(Self { file, path, end: 0, filled: 0, may_fill: true })
    }

    /// A segment that is there already, with lines up to `end`.
    pub(crate) fn open(disk: &Disk, layout: &Layout, first: u64, end: u64) -> Result<Self, Error> {
        let path = layout.segment(first);
        let file = disk.open_to_write(&path).map_err(Error::io("open", &path))?;
        let filled = file.bytes().map_err(Error::io("open", &path))?;
        Ok(Self { file, path, end, filled, may_fill: true })
    }

    /// Bytes of lines.
    pub(crate) fn bytes(&self) -> u64 {
        self.end
    }

    /// Appends whole lines with their LFs, into blocks that were written before where that pays: never more than
    /// `ahead` bytes of them, and none beyond `limit`.
    ///
    /// If the disk is full ([`Error::is_disk_full`]) everything is as it was. After any other error nobody knows
    /// how much is there.
    pub(crate) fn write<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a [u8]>,
        ahead: u64,
        limit: u64,
    ) -> Result<(), Error> {
        let mut pieces: Vec<IoSlice<'_>> = lines.map(IoSlice::new).collect();
        let bytes = pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        if ahead > 0 && self.end + bytes > self.filled && bytes <= LARGE_BATCH && self.may_fill {
            self.fill(bytes, ahead, limit)?;
        }
        let written =
            self.file.write_at(self.end, &mut pieces).map_err(Error::io("write", &self.path));
        if let Err(error) = written {
            if error.is_disk_full() {
                self.cut_back()?;
            }
            return Err(error);
        }
        self.end += bytes;
        self.filled = self.filled.max(self.end);
        Ok(())
    }

    /// What was written is on disk when this returns. After an error nobody knows what is.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(Error::io("sync", &self.path)).map_err(Error::for_good)
    }

    /// Cuts off what was filled ahead, durably: the log is closed, or the disk is full.
    pub(crate) fn cut_back(&mut self) -> Result<(), Error> {
        durable::cut(&self.file, &self.path, self.end)?;
        self.filled = self.end;
        Ok(())
    }

    /// Whether there are NULs to cut off.
    pub(crate) fn is_filled_ahead(&self) -> bool {
        self.filled > self.end
    }

    /// Whether so many bytes would find room; a full disk is an error.
    pub(crate) fn try_room(&mut self, bytes: u64) -> Result<(), Error> {
        self.may_fill = true;
        let found = self.write_zeros(self.end + bytes).and_then(|()| self.sync());
        match found {
            Err(error) if !error.is_disk_full() => Err(error),
            found => self.cut_back().and(found),
        }
    }

    /// Writes again what is there from `offset` on. After a sync that failed the page cache may show what the
    /// disk has not got, and another sync would say that all is well.
    pub(crate) fn write_again(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.file
            .write_at(offset, &mut [IoSlice::new(bytes)])
            .map_err(Error::io("write", &self.path))
    }

    /// No sync of its own: the one of the lines that are written into it next serves both.
    fn fill(&mut self, bytes: u64, ahead: u64, limit: u64) -> Result<(), Error> {
        let chunk = self.end.clamp(FIRST_FILL.min(ahead), ahead);
        let lines_end = self.end + bytes;
        // The lines are written into what is left out here.
        self.filled = self.filled.max(lines_end);
        match self.write_zeros((lines_end + chunk).min(limit)) {
            Err(error) if error.is_disk_full() => {
                self.may_fill = false;
                self.cut_back()
            }
            filled => filled,
        }
    }

    fn write_zeros(&mut self, to: u64) -> Result<(), Error> {
        while self.filled < to {
            let piece = (to - self.filled).min(ZEROS.len() as u64);
            self.file
                .write_at(self.filled, &mut [IoSlice::new(&ZEROS[..piece as usize])])
                .map_err(Error::io("fill", &self.path))?;
            self.filled += piece;
        }
        Ok(())
    }
}
