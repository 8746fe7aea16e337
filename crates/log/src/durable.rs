//! Files that are either there whole, or not there. Nobody else makes a file or a folder last.

use std::collections::BTreeSet;
use std::io::{self, IoSlice, Read};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::disk::{Disk, DiskFile};

/// Puts a file in place, or replaces it: temporary file, sync, rename, sync of the folder.
///
/// If the disk is full, nothing has happened at `path`.
pub(crate) fn replace(disk: &Disk, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    copy(disk, path, &mut &*bytes).map(|_| ())
}

/// [`replace`] with bytes that come from a reader; returns how many there were.
pub(crate) fn copy(disk: &Disk, path: &Path, from: &mut impl Read) -> Result<u64, Error> {
    let temporary = temporary(path);
    let mut file = create_temporary(disk, &temporary)?;
    let bytes = fill_from(from, &mut file, &temporary)
        .and_then(|bytes| {
            // It means nothing under this name, so a sync that failed for want of room may be repeated with
            // another file.
            file.sync_all().map_err(Error::io("sync", &temporary))?;
            disk.rename(&temporary, path).map_err(Error::io("rename to", path))?;
            Ok(bytes)
        })
        .inspect_err(|_| {
            let _ = disk.remove(&temporary);
        })?;
    sync_folder(disk, parent(path)).map_err(Error::for_good)?;
    Ok(bytes)
}

fn fill_from(from: &mut impl Read, to: &mut DiskFile, path: &Path) -> Result<u64, Error> {
    let (mut buffer, mut bytes) = (vec![0; 64 << 10], 0);
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::io("read what becomes", path)(error)),
        };
        to.write_at(bytes, &mut [IoSlice::new(&buffer[..read])])
            .map_err(Error::io("write", path))?;
        bytes += read as u64;
    }
}

/// Many files that become durable together, at the price of fewer waits than one by one.
///
/// One lives as long as its writer, because it remembers which folders are durable themselves: one that
/// is there already may have been made by a process that died before it synced.
pub(crate) struct Batch {
    disk: Disk,
    files: Vec<(DiskFile, PathBuf, PathBuf)>,
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

/// Folders that are remembered to be durable.
const SETTLED_FOLDERS: usize = 1024;

impl Batch {
    pub(crate) fn new(disk: &Disk, root: &Path) -> Self {
        Self {
            disk: disk.clone(),
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
        let mut file = create_temporary(&self.disk, &temporary)?;
        let written = file.write_at(0, &mut [IoSlice::new(bytes)]);
        self.files.push((file, temporary, path));
        written.map_err(Error::io("write", &self.files.last().expect("pushed").1))
    }

    /// Everything written is durable and in its place when this returns.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.rename()?;
        for folder in std::mem::take(&mut self.folders) {
            sync_folder(&self.disk, &folder).map_err(Error::for_good)?;
        }
        if self.settled.len() > SETTLED_FOLDERS {
            self.settled = BTreeSet::from([self.root.clone()]);
        }
        self.settled.extend(self.named.drain(..));
        Ok(())
    }

    /// Forgets what was not finished; another batch may do the same again. What is in its place already
    /// means nothing until a checkpoint speaks of it.
    pub(crate) fn abandon(&mut self) {
        for (_, temporary, _) in self.files.drain(..) {
            let _ = self.disk.remove(&temporary);
        }
        self.folders.clear();
        self.named.clear();
    }

    fn rename(&mut self) -> Result<(), Error> {
        let files: Vec<_> =
            self.files.iter().map(|(file, temporary, _)| (temporary.as_path(), file)).collect();
        self.disk.sync_together(&files).map_err(|(path, error)| Error::io("sync", path)(error))?;
        for (_, temporary, path) in &self.files {
            self.disk.rename(temporary, path).map_err(Error::io("rename to", path))?;
        }
        self.files.clear();
        Ok(())
    }

    fn make_folder(&mut self, folder: &Path) -> Result<(), Error> {
        if self.settled.contains(folder) || self.named.iter().any(|named| named == folder) {
            return Ok(());
        }
        let above = parent(folder);
        self.make_folder(above)?;
        self.disk.create_folder(folder).map_err(Error::io("create", folder))?;
        self.folders.insert(above.into());
        self.named.push(folder.into());
        Ok(())
    }
}

/// Makes a folder whose parent is there; one that is there already is fine.
pub(crate) fn folder(disk: &Disk, path: &Path) -> Result<(), Error> {
    disk.create_folder(path).map_err(Error::io("create", path))?;
    // Whoever made it may have died before the sync.
    sync_folder(disk, parent(path)).map_err(Error::for_good)
}

/// A new empty file whose name will survive. If the disk is full, it is not there.
pub(crate) fn create(disk: &Disk, path: &Path) -> Result<DiskFile, Error> {
    let file = disk.create(path).map_err(Error::io("create", path))?;
    sync_folder(disk, parent(path)).map_err(Error::for_good)?;
    Ok(file)
}

/// Cuts a file and waits until it is cut.
pub(crate) fn cut(file: &DiskFile, path: &Path, bytes: u64) -> Result<(), Error> {
    file.cut(bytes)
        .map_err(Error::io("cut", path))
        .and_then(|()| file.sync_all().map_err(Error::io("sync", path)))
        .map_err(Error::for_good)
}

/// The names in a folder are on disk when this returns.
pub(crate) fn sync_folder(disk: &Disk, path: &Path) -> Result<(), Error> {
    disk.sync_folder(path).map_err(Error::io("sync", path))
}

/// A temporary file of our own: what is there under its name, left by a crash or put there, is removed and not
/// written through.
fn create_temporary(disk: &Disk, path: &Path) -> Result<DiskFile, Error> {
    let made = match disk.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.remove(path).and_then(|()| disk.create(path))
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
    use std::fs;

    use super::*;

    #[test]
    fn a_batch_makes_its_folders_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut batch = Batch::new(&Disk::Real, folder.path());
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
        replace(&Disk::Real, &path, b"ours").unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"somebody's");
        assert_eq!(fs::read(&path).unwrap(), b"ours");
    }

    #[test]
    fn replace_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&Disk::Real, &path, b"long content").unwrap();
        replace(&Disk::Real, &path, b"short").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        assert!(
            replace(&Disk::Real, &folder.path().join("missing/file"), b"").unwrap_err().is_io()
        );
    }
}
