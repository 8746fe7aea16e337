//! Opening what is a file and nothing else.
//!
//! Whoever can write to the directory can put a symbolic link to `/dev/zero`, or a FIFO, in the place
//! of a file. Following one reads for ever, and opening the other waits for ever. So a path is looked
//! at before it is opened, and what was opened is looked at again before it is read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// No file that is read whole is longer: a checkpoint has a bound, and the widest tile or bundle is
/// far below it.
const LONGEST: u64 = 1 << 20;

/// Opens a regular file for reading.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().read(true))
}

/// Opens a regular file that is there already, in the way that the options say.
pub(crate) fn open_with(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let kind = fs::symlink_metadata(path)?.file_type();
    if !kind.is_file() {
        let got = match () {
            () if kind.is_symlink() => "a symbolic link",
            () if kind.is_dir() => "a folder",
            () => "a device, pipe or socket",
        };
        return Err(refused(&format!("expected a regular file, got {got}")));
    }
    // The writer may have renamed a new file over it since, which is as good.
    let file = options.open(path)?;
    if !file.metadata()?.file_type().is_file() {
        return Err(refused("expected a regular file, got another one while it was opened"));
    }
    Ok(file)
}

/// Reads a small regular file whole.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(refused("longer than any such file can be"));
    }
    Ok(bytes)
}

fn refused(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_named_and_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "text").unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path("endless")).unwrap();
        std::os::unix::fs::symlink("nowhere", path("dangling")).unwrap();
        assert_eq!(read(&path("file")).unwrap(), b"text");
        for (name, got) in [
            ("link", "a symbolic link"),
            ("endless", "a symbolic link"),
            ("dangling", "a symbolic link"),
            (".", "a folder"),
        ] {
            let error = read(&path(name)).unwrap_err();
            assert_eq!(error.to_string(), format!("expected a regular file, got {got}"));
        }
        assert!(read(Path::new("/dev/zero")).unwrap_err().to_string().contains("a device"));
        assert_eq!(read(&path("missing")).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_file_that_cannot_be_one_of_ours_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("longer than"));
    }
}
