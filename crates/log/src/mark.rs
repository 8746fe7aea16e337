//! How many lines are on disk, for readers in other processes.

use std::io::IoSlice;
use std::path::PathBuf;

use crate::disk::{Disk, DiskFile};
use crate::extent;
use crate::paths::Layout;

/// The file `durable`: twenty digits and LF, in one sector and one page, overwritten in place and never synced.
///
/// A number is written after the lines are on disk, so whatever a crash leaves of the file is a lower bound. That
/// makes it safe not to be told when it cannot be written: readers then see less, and the checkpoint.
pub(crate) struct Mark {
    disk: Disk,
    path: PathBuf,
    file: Option<DiskFile>,
}

/// Twenty digits and LF.
const BYTES: u64 = 21;

impl Mark {
    pub(crate) fn new(disk: &Disk, layout: &Layout) -> Self {
        Self { disk: disk.clone(), path: layout.durable(), file: None }
    }

    /// What it says; 0 if it says nothing.
    pub(crate) fn read(&self) -> u64 {
        self.disk.read(&self.path).ok().and_then(|text| extent::number(&text)).unwrap_or(0)
    }

    pub(crate) fn set(&mut self, lines: u64) {
        if self.file.is_none() {
            self.file =
                self.disk.open_to_write(&self.path).or_else(|_| self.disk.create(&self.path)).ok();
            // Readers take the exact form only, and nothing else would ever take away what is too much.
            if let Some(file) =
                self.file.as_ref().filter(|file| file.bytes().is_ok_and(|n| n > BYTES))
            {
                let _ = file.cut(BYTES);
            }
        }
        let text = format!("{lines:020}\n");
        let written =
            self.file.as_mut().map(|file| file.write_at(0, &mut [IoSlice::new(text.as_bytes())]));
        if !matches!(written, Some(Ok(()))) {
            self.file = None;
        }
    }
}
