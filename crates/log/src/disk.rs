//! The disk under the writer, one step a call: real files, or in the tests a simulated disk that knows what
//! is synced and breaks where it is told to.
//!
//! Everything the writer does to the disk goes through here, and nothing else does: readers and the auditor
//! have their own eyes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;

use crate::regular;

#[cfg(test)]
pub(crate) mod simulated;

/// Where the log is.
#[derive(Clone, Debug)]
pub(crate) enum Disk {
    Real,
    #[cfg(test)]
    Simulated(simulated::Simulated),
}

/// An open file of it. Reading moves a position, writing names its own.
#[derive(Debug)]
pub(crate) enum DiskFile {
    Real(File),
    #[cfg(test)]
    Simulated(simulated::Handle),
}

/// Threads that wait for the disk together.
const SYNCING_THREADS: usize = 8;

impl Disk {
    /// Opens a regular file that is there for reading.
    pub(crate) fn open(&self, path: &Path) -> io::Result<DiskFile> {
        match self {
            Self::Real => regular::open(path).map(DiskFile::Real),
            #[cfg(test)]
            Self::Simulated(disk) => disk.open(path).map(DiskFile::Simulated),
        }
    }

    /// Opens a regular file that is there for writing.
    pub(crate) fn open_to_write(&self, path: &Path) -> io::Result<DiskFile> {
        match self {
            Self::Real => {
                regular::open_with(path, OpenOptions::new().write(true)).map(DiskFile::Real)
            }
            #[cfg(test)]
            Self::Simulated(disk) => disk.open(path).map(DiskFile::Simulated),
        }
    }

    /// A new file; an error if something is there.
    pub(crate) fn create(&self, path: &Path) -> io::Result<DiskFile> {
        match self {
            Self::Real => {
                OpenOptions::new().write(true).create_new(true).open(path).map(DiskFile::Real)
            }
            #[cfg(test)]
            Self::Simulated(disk) => disk.create(path).map(DiskFile::Simulated),
        }
    }

    /// A small regular file whole.
    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self {
            Self::Real => regular::read(path),
            #[cfg(test)]
            Self::Simulated(disk) => disk.read(path),
        }
    }

    pub(crate) fn is_there(&self, path: &Path) -> bool {
        match self {
            Self::Real => fs::symlink_metadata(path).is_ok(),
            #[cfg(test)]
            Self::Simulated(disk) => disk.is_there(path),
        }
    }

    /// The names in a folder, as far as they are text, in no order.
    pub(crate) fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        match self {
            Self::Real => fs::read_dir(folder)?
                .filter_map(|entry| {
                    entry.map(|entry| entry.file_name().into_string().ok()).transpose()
                })
                .collect(),
            #[cfg(test)]
            Self::Simulated(disk) => disk.names(folder),
        }
    }

    /// Makes a folder; one that is there already is fine.
    pub(crate) fn create_folder(&self, path: &Path) -> io::Result<()> {
        let made = match self {
            Self::Real => fs::create_dir(path),
            #[cfg(test)]
            Self::Simulated(disk) => disk.create_folder(path),
        };
        made.or_else(|error| match error.kind() {
            ErrorKind::AlreadyExists => Ok(()),
            _ => Err(error),
        })
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self {
            Self::Real => fs::rename(from, to),
            #[cfg(test)]
            Self::Simulated(disk) => disk.rename(from, to),
        }
    }

    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Real => fs::remove_file(path),
            #[cfg(test)]
            Self::Simulated(disk) => disk.remove(path),
        }
    }

    /// Removes a folder and what is in it.
    pub(crate) fn remove_folder(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Real => fs::remove_dir_all(path),
            #[cfg(test)]
            Self::Simulated(disk) => disk.remove_folder(path),
        }
    }

    /// The names in a folder are on disk when this returns.
    pub(crate) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Real => File::open(path).and_then(|folder| folder.sync_all()),
            #[cfg(test)]
            Self::Simulated(disk) => disk.sync_folder(path),
        }
    }

    /// Syncs files, the waits for which share one commit of the file system's journal. Says of which one it
    /// failed.
    pub(crate) fn sync_together<'a>(
        &self,
        files: &[(&'a Path, &DiskFile)],
    ) -> Result<(), (&'a Path, io::Error)> {
        let sync_all = |files: &[(&'a Path, &DiskFile)]| {
            files
                .iter()
                .try_for_each(|(path, file)| file.sync_all().map_err(|error| (*path, error)))
        };
        let share = files.len().div_ceil(SYNCING_THREADS).max(1);
        if files.len() <= 1 || !matches!(self, Self::Real) {
            return sync_all(files);
        }
        thread::scope(|scope| {
            let threads: Vec<_> =
                files.chunks(share).map(|files| scope.spawn(move || sync_all(files))).collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().expect("syncing does not panic"))
        })
    }
}

impl DiskFile {
    pub(crate) fn bytes(&self) -> io::Result<u64> {
        match self {
            Self::Real(file) => file.metadata().map(|metadata| metadata.len()),
            #[cfg(test)]
            Self::Simulated(file) => Ok(file.bytes()),
        }
    }

    /// Writes all pieces one after another from `offset` on. After an error nobody knows how much is there.
    pub(crate) fn write_at(
        &mut self,
        offset: u64,
        mut pieces: &mut [IoSlice<'_>],
    ) -> io::Result<()> {
        let file = match self {
            Self::Real(file) => file,
            #[cfg(test)]
            Self::Simulated(file) => return file.write_at(offset, pieces),
        };
        file.seek(SeekFrom::Start(offset))?;
        while !pieces.is_empty() {
            match file.write_vectored(pieces) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut pieces, written),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(crate) fn cut(&self, bytes: u64) -> io::Result<()> {
        match self {
            Self::Real(file) => file.set_len(bytes),
            #[cfg(test)]
            Self::Simulated(file) => file.cut(bytes),
        }
    }

    /// The data, and as much of the metadata as reading it needs, is on disk when this returns.
    pub(crate) fn sync_data(&self) -> io::Result<()> {
        match self {
            Self::Real(file) => file.sync_data(),
            #[cfg(test)]
            Self::Simulated(file) => file.sync("sync data"),
        }
    }

    pub(crate) fn sync_all(&self) -> io::Result<()> {
        match self {
            Self::Real(file) => file.sync_all(),
            #[cfg(test)]
            Self::Simulated(file) => file.sync("sync"),
        }
    }
}

impl Read for DiskFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Real(file) => file.read(buffer),
            #[cfg(test)]
            Self::Simulated(file) => file.read(buffer),
        }
    }
}

impl Seek for DiskFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Real(file) => file.seek(to),
            #[cfg(test)]
            Self::Simulated(file) => file.seek(to),
        }
    }
}
