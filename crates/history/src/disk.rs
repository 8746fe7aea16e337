//! Reads and writes at a place of a file. Every step on which it depends what a crash leaves of names that are taken out
//! goes through here, so that a test can break any of them.

use std::fs::File;
use std::io;
use std::path::Path;

#[cfg(all(test, unix))]
pub(crate) mod faults;

#[cfg_attr(not(test), expect(dead_code, reason = "what a step is, is for the faults of the tests"))]
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step<'a> {
    /// A new file, whole.
    Create(&'a Path),
    WriteAt {
        path: &'a Path,
        bytes: &'a [u8],
        offset: u64,
    },
    Sync(&'a Path),
    Rename {
        from: &'a Path,
        to: &'a Path,
    },
    Unlink(&'a Path),
    SyncFolder(&'a Path),
}

pub(crate) fn step(_step: Step<'_>, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    #[cfg(all(test, unix))]
    return faults::step(_step, act);
    #[cfg(not(all(test, unix)))]
    act()
}

/// Reads at a place without moving the file's position: several threads ask one run.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset);
    #[cfg(windows)]
    {
        let mut done = 0;
        while done < buffer.len() {
            let (rest, at) = (&mut buffer[done..], offset + done as u64);
            match std::os::windows::fs::FileExt::seek_read(file, rest, at)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => done += more,
            }
        }
        Ok(())
    }
}

/// Overwrites what is at a place.
pub(crate) fn write_at(path: &Path, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    step(Step::WriteAt { path, bytes, offset }, || {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::write_all_at(file, bytes, offset);
        #[cfg(windows)]
        {
            let mut done = 0;
            while done < bytes.len() {
                let (rest, at) = (&bytes[done..], offset + done as u64);
                match std::os::windows::fs::FileExt::seek_write(file, rest, at)? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    more => done += more,
                }
            }
            Ok(())
        }
    })
}

pub(crate) fn sync(path: &Path, file: &File) -> io::Result<()> {
    step(Step::Sync(path), || file.sync_data())
}

/// Whether two are the same file, as far as the system tells.
pub(crate) fn is_same(one: &File, other: &File) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (one, other) = (one.metadata()?, other.metadata()?);
        Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
    }
    #[cfg(not(unix))]
    Ok(one.metadata()?.len() == other.metadata()?.len())
}
