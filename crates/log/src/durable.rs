//! The only place that syncs: files that are either there whole, or not there.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;

use crate::Error;

/// Puts a file in place, or replaces it: temporary file, sync, rename, sync of the folder.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    copy(path, &mut &*bytes).map(|_| ())
}

/// [`replace`] with bytes that come from a reader; returns how many there were.
pub(crate) fn copy(path: &Path, from: &mut impl Read) -> Result<u64, Error> {
    let temporary = temporary(path);
    let mut file = create_temporary(&temporary)?;
    let bytes = io::copy(from, &mut file).map_err(Error::io("write", &temporary))?;
    file.sync_all().map_err(Error::io("sync", &temporary))?;
    fs::rename(&temporary, path).map_err(Error::io("rename to", path))?;
    sync_folder(parent(path))?;
    Ok(bytes)
}

/// Many files that become durable together, at the price of fewer waits than one by one.
///
/// One lives as long as its writer, because it remembers which folders are durable themselves: one that
/// is there already may have been made by a process that died before it synced.
pub(crate) struct Batch {
    files: Vec<(File, PathBuf, PathBuf)>,
    /// Folders to sync: entries of theirs are new.
    folders: BTreeSet<PathBuf>,
    /// Folders whose own names will be durable with the batch.
    named: Vec<PathBuf>,
    /// Folders whose own names are durable; the root is, and nothing above it is anybody's business.
    settled: BTreeSet<PathBuf>,
    root: PathBuf,
}

/// Files written and not yet synced; beyond it the batch is flushed, for the sake of descriptors.
const OPEN_FILES: usize = 64;

/// Threads that wait for the disk in a batch.
const SYNCING_THREADS: usize = 8;

/// Folders that are remembered to be durable.
const SETTLED_FOLDERS: usize = 1024;

impl Batch {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            files: Vec::new(),
            folders: BTreeSet::new(),
            named: Vec::new(),
            settled: BTreeSet::from([root.into()]),
            root: root.into(),
        }
    }

    /// Writes a file under a temporary name, in a folder below the root that is made if need be.
    pub(crate) fn write(&mut self, path: PathBuf, bytes: &[u8]) -> Result<(), Error> {
        if self.files.len() == OPEN_FILES {
            self.rename()?;
        }
        let folder = parent(&path);
        self.make_folder(folder)?;
        self.folders.insert(folder.into());
        let temporary = temporary(&path);
        let mut file = create_temporary(&temporary)?;
        file.write_all(bytes).map_err(Error::io("write", &temporary))?;
        self.files.push((file, temporary, path));
        Ok(())
    }

    /// Everything written is durable and in its place when this returns.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.rename()?;
        for folder in std::mem::take(&mut self.folders) {
            sync_folder(&folder)?;
        }
        if self.settled.len() > SETTLED_FOLDERS {
            self.settled = BTreeSet::from([self.root.clone()]);
        }
        self.settled.extend(self.named.drain(..));
        Ok(())
    }

    fn rename(&mut self) -> Result<(), Error> {
        // Syncs that wait together share one commit of the file system's journal.
        let share = self.files.len().div_ceil(SYNCING_THREADS).max(1);
        thread::scope(|scope| {
            let threads: Vec<_> =
                self.files.chunks(share).map(|files| scope.spawn(|| sync_all(files))).collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().expect("syncing does not panic"))
        })?;
        for (_, temporary, path) in self.files.drain(..) {
            fs::rename(&temporary, &path).map_err(Error::io("rename to", &path))?;
        }
        Ok(())
    }

    fn make_folder(&mut self, folder: &Path) -> Result<(), Error> {
        if self.settled.contains(folder) || self.named.iter().any(|named| named == folder) {
            return Ok(());
        }
        let above = parent(folder);
        self.make_folder(above)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(Error::io("create", folder)(error));
            }
            _ => {}
        }
        self.folders.insert(above.into());
        self.named.push(folder.into());
        Ok(())
    }
}

fn sync_all(files: &[(File, PathBuf, PathBuf)]) -> Result<(), Error> {
    files
        .iter()
        .try_for_each(|(file, temporary, _)| file.sync_all().map_err(Error::io("sync", temporary)))
}

/// Makes a folder whose parent is there; one that is there already is fine.
pub(crate) fn folder(path: &Path) -> Result<(), Error> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(Error::io("create", path)(error))
        }
        // Whoever made it may have died before the sync.
        _ => sync_folder(parent(path)),
    }
}

/// A new empty file for appending, whose name will survive.
pub(crate) fn create(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .open(path)
        .map_err(Error::io("create", path))?;
    sync_folder(parent(path))?;
    Ok(file)
}

/// Waits until the data of a file, and as much of its metadata as reading needs, is on disk.
pub(crate) fn sync_data(file: &File, path: &Path) -> Result<(), Error> {
    file.sync_data().map_err(Error::io("sync", path))
}

/// Cuts a file and waits until it is cut.
pub(crate) fn cut(file: &File, path: &Path, bytes: u64) -> Result<(), Error> {
    file.set_len(bytes).map_err(Error::io("cut", path))?;
    file.sync_all().map_err(Error::io("sync", path))
}

/// The names in a folder are on disk when this returns.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", path))
}

/// A temporary file of our own: what is there under its name, left by a crash or put there, is removed and not
/// written through.
fn create_temporary(path: &Path) -> Result<File, Error> {
    let create = || OpenOptions::new().write(true).create_new(true).open(path);
    let made = match create() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fs::remove_file(path).and_then(|()| create())
        }
        made => made,
    };
    made.map_err(Error::io("create", path))
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    name.into()
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_makes_its_folders_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut batch = Batch::new(folder.path());
        for i in 0..200 {
            let path = folder.path().join(format!("a/b{}/c", i % 3)).join(i.to_string());
            batch.write(path, &[i]).unwrap();
        }
        batch.finish().unwrap();
        assert_eq!(fs::read(folder.path().join("a/b1/c/199")).unwrap(), [199]);
        let count: usize = (0..3)
            .map(|i| fs::read_dir(folder.path().join(format!("a/b{i}/c"))).unwrap().count())
            .sum();
        assert_eq!(count, 200);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_a_temporary_file_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("file"), folder.path().join("victim"));
        fs::write(&victim, b"somebody's").unwrap();
        std::os::unix::fs::symlink(&victim, temporary(&path)).unwrap();
        replace(&path, b"ours").unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"somebody's");
        assert_eq!(fs::read(&path).unwrap(), b"ours");
    }

    #[test]
    fn replace_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"long content").unwrap();
        replace(&path, b"short").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        assert!(replace(&folder.path().join("missing/file"), b"").unwrap_err().is_io());
    }
}
