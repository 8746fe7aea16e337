//! The segment that is being written.

use std::fs::{File, OpenOptions};
use std::io::{IoSlice, Write};
use std::path::PathBuf;

use crate::paths::Layout;
use crate::{Error, durable, regular};

/// A file of lines, at its end.
///
/// Grammar of the file: `(line LF)*`, where a line is one or more bytes, none of them LF or NUL.
/// NUL is what a file system shows where data never arrived, so it must not stand in a line.
pub(crate) struct Segment {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Segment {
    /// A new segment that begins with record `first`.
    pub(crate) fn create(layout: &Layout, first: u64) -> Result<Self, Error> {
        let path = layout.segment(first);
        let file = durable::create(&path)?;
        Ok(Self { file, path, bytes: 0 })
    }

    /// A segment that is there already.
    pub(crate) fn open(layout: &Layout, first: u64) -> Result<Self, Error> {
        let path = layout.segment(first);
        let file = regular::open_with(&path, OpenOptions::new().append(true))
            .map_err(Error::io("open", &path))?;
        let bytes = file.metadata().map_err(Error::io("open", &path))?.len();
        Ok(Self { file, path, bytes })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends whole lines with their LFs. After an error nobody knows how much is there.
    pub(crate) fn write<'a>(&mut self, lines: impl Iterator<Item = &'a [u8]>) -> Result<(), Error> {
        let mut slices: Vec<IoSlice<'_>> = lines.map(IoSlice::new).collect();
        self.bytes += slices.iter().map(|slice| slice.len() as u64).sum::<u64>();
        let mut rest = slices.as_mut_slice();
        while !rest.is_empty() {
            match self.file.write_vectored(rest) {
                Ok(0) => {
                    let error = std::io::ErrorKind::WriteZero.into();
                    return Err(Error::io("write", &self.path)(error));
                }
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("write", &self.path)(error)),
            }
        }
        Ok(())
    }

    /// What was written is on disk when this returns.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        durable::sync_data(&self.file, &self.path)
    }

    pub(crate) fn cut(&mut self, bytes: u64) -> Result<(), Error> {
        durable::cut(&self.file, &self.path, bytes)?;
        self.bytes = bytes;
        Ok(())
    }
}
