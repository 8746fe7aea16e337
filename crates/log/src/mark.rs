//! How many lines are on disk, for readers in other processes.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::PathBuf;

use crate::paths::Layout;
use crate::regular;

/// The file `durable`: twenty digits and LF, overwritten in place after each sync and never synced itself.
///
/// Not to be able to write it costs nobody a record: readers then see what the checkpoint covers.
pub(crate) struct Mark {
    path: PathBuf,
    file: Option<File>,
}

impl Mark {
    pub(crate) fn new(layout: &Layout) -> Self {
        Self { path: layout.durable(), file: None }
    }

    pub(crate) fn set(&mut self, lines: u64) {
        let text = format!("{lines:020}\n");
        let write = |mut file: File| {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(text.as_bytes()).map(|()| file)
        };
        self.file = self.file.take().map_or_else(|| self.open(), Ok).and_then(write).ok();
    }

    fn open(&self) -> std::io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true);
        match regular::open_with(&self.path, &options) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                options.create_new(true).open(&self.path)
            }
            opened => opened,
        }
    }
}
