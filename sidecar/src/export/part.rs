//! An export to a place, which appears there when it is whole. Half of one must not pass for it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::code::Code;
use crate::error::{Error, Result};

/// The name under which it is written, beside where it is to appear.
pub(super) fn part_of(place: &Path) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    place.with_file_name(name)
}

/// Why nothing can be made under that name. One that is there already may be an interrupted export's, or that of one
/// that is under way, or somebody else's: it is not for us to empty it, nor to write where a link leads.
pub(super) fn not_made(error: io::Error, part: &Path) -> Error {
    match error.kind() {
        ErrorKind::AlreadyExists => {
            let message =
                "expected nothing there; an export that was interrupted leaves this: remove it";
            Error::new(Code::WrongUse, message).context(part.display())
        }
        _ => failed(error, part),
    }
}

pub(super) fn failed(error: io::Error, path: &Path) -> Error {
    Error::from(error).context(path.display())
}

/// The file that is written; it goes with this unless it was completed.
pub struct PartFile {
    path: PathBuf,
    file: File,
    is_left: bool,
}

impl PartFile {
    /// Of a file that is to appear here.
    pub fn create(place: &Path) -> Result<Self> {
        let path = part_of(place);
        let file = File::create_new(&path).map_err(|error| not_made(error, &path))?;
        Ok(Self { path, file, is_left: true })
    }

    pub fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.file.write_all(piece).map_err(|error| failed(error, &self.path))
    }

    /// Takes the place of what is there.
    pub fn complete(mut self, place: &Path) -> Result<()> {
        self.file.sync_all().map_err(|error| failed(error, &self.path))?;
        fs::rename(&self.path, place).map_err(|error| failed(error, place))?;
        self.is_left = false;
        Ok(())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if self.is_left {
            let _ = fs::remove_file(&self.path);
        }
    }
}
