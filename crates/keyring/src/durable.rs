//! The only place that writes, renames, unlinks and syncs. Everything above it states *what* must be on
//! disk; the order of the steps that makes it so is here.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::key::random;

/// The disk under one open keyring.
pub(crate) struct Disk {
    root: PathBuf,
    /// Set when a step failed after which nobody can say what the disk holds. A retry could then report as
    /// durable what is not (after a failed sync the pages are gone), so every later call is refused.
    stopped: AtomicBool,
    /// Set when a file found no room, until one does.
    full: AtomicBool,
    /// Numbers the temporary files of this process; the lock keeps other processes away.
    temporaries: AtomicU64,
    #[cfg(test)]
    pub(crate) faults: Option<std::sync::Arc<crate::durable::faults::Faults>>,
}

/// Bytes that there must be room for again: some files of keys.
const TRIAL: usize = 16 << 10;

/// One thing done to the disk; a test can let any of them fail.
#[cfg_attr(not(test), expect(dead_code, reason = "the paths are for the faults of the tests"))]
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step<'a> {
    Write(&'a Path),
    Sync(&'a Path),
    Rename { from: &'a Path, to: &'a Path },
    Unlink(&'a Path),
    SyncFolder(&'a Path),
}

impl Disk {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            stopped: AtomicBool::new(false),
            full: AtomicBool::new(false),
            temporaries: AtomicU64::new(0),
            #[cfg(test)]
            faults: None,
        }
    }

    /// Refuses every call after a step whose outcome is not known.
    pub(crate) fn refuse_if_stopped(&self) -> Result<()> {
        if self.stopped.load(Ordering::Acquire) {
            return Err(Error::new(Kind::Stopped { path: self.root.clone() }));
        }
        Ok(())
    }

    /// Refuses every call from now on.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// Reads a whole file of at most `limit` bytes; `None` if there is no such file.
    pub(crate) fn read(&self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        match File::open(path).and_then(|file| file.take(limit as u64 + 1).read_to_end(&mut bytes))
        {
            Ok(length) if length > limit => {
                Err(Error::edited(path, format!("at most {limit} bytes")))
            }
            Ok(_) => Ok(Some(bytes)),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::io("read", path, source)),
        }
    }

    /// Makes `place` appear with all of `bytes` or not at all, and returns when that is durable.
    pub(crate) fn write(&self, temporaries: &Path, place: &Path, bytes: &[u8]) -> Result<()> {
        self.replace(temporaries, place, bytes)?;
        self.sync_folder(folder_of(place))
    }

    /// Replaces files of one folder, each by all of its new bytes or not at all, and returns when all are durable. They
    /// keep their times of modification. The disk is asked once for all of them: one by one takes as long as the disk
    /// takes for each.
    pub(crate) fn replace_all(
        &self,
        temporaries: &Path,
        files: &[(PathBuf, Vec<u8>)],
    ) -> Result<()> {
        let Some((first, _)) = files.first() else { return Ok(()) };
        let names: Vec<_> = files
            .iter()
            .map(|_| self.temporaries.fetch_add(1, Ordering::Relaxed).to_string())
            .map(|number| temporaries.join(number))
            .collect();
        let write = |(temporary, (place, bytes)): (&PathBuf, &(PathBuf, Vec<u8>))| {
            self.step(Step::Write(temporary), || {
                let modified = fs::metadata(place)?.modified()?;
                let mut file = new_file(temporary)?;
                file.write_all(bytes)?;
                file.set_modified(modified)
            })
        };
        let written = names.iter().zip(files).try_for_each(write);
        if let Err(source) = written.and_then(|()| self.sync_files(temporaries, &names)) {
            // Nothing has happened in their places.
            self.discard(&names);
            return Err(Error::io("write", first, source));
        }
        for (temporary, (place, _)) in names.iter().zip(files) {
            let moved = Step::Rename { from: temporary, to: place };
            self.step(moved, || fs::rename(temporary, place))
                .map_err(|source| self.stopped("write", place, source))?;
        }
        self.sync_folder(folder_of(first))
    }

    fn sync_files(&self, folder: &Path, files: &[PathBuf]) -> io::Result<()> {
        #[cfg(test)]
        if self.faults.is_some() {
            return files.iter().try_for_each(|file| self.step(Step::Sync(file), || Ok(())));
        }
        sync_together(folder, files)
    }

    /// The same, and what it holds is durable; the caller makes it durable that it is there.
    pub(crate) fn replace(&self, temporaries: &Path, place: &Path, bytes: &[u8]) -> Result<()> {
        self.prepare(temporaries, place, bytes)?.put()
    }

    /// All of that but the last step, which needs no more room than a folder does for one more name.
    pub(crate) fn prepare<'d>(
        &'d self,
        temporaries: &Path,
        place: &Path,
        bytes: &[u8],
    ) -> Result<Prepared<'d>> {
        let number = self.temporaries.fetch_add(1, Ordering::Relaxed);
        let temporary = temporaries.join(number.to_string());
        let written =
            self.step(Step::Write(&temporary), || new_file(&temporary)?.write_all(bytes)).and_then(
                |()| self.step(Step::Sync(&temporary), || File::open(&temporary)?.sync_all()),
            );
        let prepared = Prepared { disk: self, temporary, place: place.to_owned(), is_put: false };
        match written {
            Ok(()) => Ok(prepared),
            Err(source) => Err(prepared.failed(source)),
        }
    }

    /// The same by way of a temporary that the caller names, for a folder that is not a keyring.
    pub(crate) fn place(&self, temporary: &Path, place: &Path, bytes: &[u8]) -> Result<()> {
        self.step(Step::Write(temporary), || new_file(temporary)?.write_all(bytes))
            .and_then(|()| self.step(Step::Sync(temporary), || File::open(temporary)?.sync_all()))
            .map_err(|source| Error::io("write", temporary, source))?;
        self.rename(temporary, place)
    }

    /// Moves a file, durably; what was in its place is replaced. Where the folder has no room for one more name, nothing
    /// has happened.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.step(Step::Rename { from, to }, || fs::rename(from, to)).map_err(|source| {
            match is_full(&source) {
                true => Error::io("rename", from, source),
                false => self.stopped("rename", from, source),
            }
        })?;
        self.sync_folder(folder_of(to))
    }

    /// Whether the last file found no room, and a small one would find none now.
    pub(crate) fn is_full(&self, temporaries: &Path) -> bool {
        if !self.full.load(Ordering::Relaxed) {
            return false;
        }
        let number = self.temporaries.fetch_add(1, Ordering::Relaxed);
        let trial = temporaries.join(number.to_string());
        let written = new_file(&trial).and_then(|mut file| file.write_all(&[1; TRIAL]));
        let _ = fs::remove_file(&trial);
        if written.is_ok() {
            self.full.store(false, Ordering::Relaxed);
        }
        written.is_err()
    }

    /// Overwrites a file in place, unlinks it, and returns when both are durable. As with
    /// [`unlink`](Self::unlink) the file may be gone already: a resumed shred starts from the front.
    pub(crate) fn erase(&self, path: &Path) -> Result<()> {
        self.erase_all(&[path.to_owned()])
    }

    /// The same of files in one folder; the disk is asked once for all of them.
    pub(crate) fn erase_all(&self, paths: &[PathBuf]) -> Result<()> {
        self.overwrite(paths).inspect_err(|_| self.stop())?;
        self.unlink_all(paths)
    }

    /// Does the same, as far as the disk lets it, to files that never came to their place: a wrapped key may be in
    /// them. What has to be left is erased by the next open.
    fn discard(&self, temporaries: &[PathBuf]) {
        if self.overwrite(temporaries).is_ok() {
            for path in temporaries {
                let _ = self.step(Step::Unlink(path), || fs::remove_file(path));
            }
        }
    }

    /// Fills the files that are there with noise, and returns when it is on the disk. Where that finds no room it is
    /// left out: it would have gone elsewhere, beside the old bytes.
    fn overwrite(&self, paths: &[PathBuf]) -> Result<()> {
        let mut overwritten = Vec::new();
        for path in paths {
            let length = match fs::metadata(path) {
                Ok(metadata) => usize::try_from(metadata.len()).unwrap_or(usize::MAX),
                Err(source) if source.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(Error::io("read", path, source)),
            };
            let mut noise = vec![0; length.min(1 << 16)];
            random(&mut noise)?;
            let fill = || OpenOptions::new().write(true).open(path)?.write_all(&noise);
            match self.step(Step::Write(path), fill) {
                Ok(()) => overwritten.push(path.clone()),
                Err(source) if is_full(&source) => {}
                Err(source) => return Err(Error::io("overwrite", path, source)),
            }
        }
        let Some(first) = overwritten.first() else { return Ok(()) };
        let synced = match overwritten.len() {
            1 => self.step(Step::Sync(first), || File::open(first)?.sync_all()),
            _ => self.sync_files(folder_of(first), &overwritten),
        };
        match synced {
            Err(source) if !is_full(&source) => Err(Error::io("overwrite", first, source)),
            _ => Ok(()),
        }
    }

    /// Unlinks a file that holds nothing worth overwriting, durably. One that is gone already is no error, but
    /// its absence is made durable all the same.
    pub(crate) fn unlink(&self, path: &Path) -> Result<()> {
        self.unlink_all(&[path.to_owned()])
    }

    /// The same of files in one folder, in this order; the folder is synced once.
    pub(crate) fn unlink_all(&self, paths: &[PathBuf]) -> Result<()> {
        for path in paths {
            match self.step(Step::Unlink(path), || fs::remove_file(path)) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(self.stopped("remove", path, source));
                }
                _ => {}
            }
        }
        paths.first().map_or(Ok(()), |path| self.sync_folder(folder_of(path)))
    }

    /// Makes the present entries of a folder durable.
    pub(crate) fn sync_folder(&self, folder: &Path) -> Result<()> {
        self.step(Step::SyncFolder(folder), || sync_folder(folder))
            .map_err(|source| self.stopped("sync folder", folder, source))
    }

    fn stopped(&self, doing: &'static str, path: &Path, source: io::Error) -> Error {
        self.stop();
        // More room is of no use to whoever is stopped, so the error must not say so.
        let source = if is_full(&source) { io::Error::other(source.to_string()) } else { source };
        Error::io(doing, path, source)
    }

    fn step(&self, _step: Step<'_>, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        #[cfg(test)]
        if let Some(faults) = &self.faults {
            return faults.step(_step, act);
        }
        act()
    }
}

/// A file that is whole and durable, and not in its place yet. It goes if it does not come there.
#[must_use]
pub(crate) struct Prepared<'d> {
    disk: &'d Disk,
    temporary: PathBuf,
    place: PathBuf,
    is_put: bool,
}

impl Prepared<'_> {
    /// Puts it in its place; the caller makes it durable that it is there. Where the folder has no room for one more
    /// name, nothing has happened.
    pub(crate) fn put(mut self) -> Result<()> {
        let moved = Step::Rename { from: &self.temporary, to: &self.place };
        match self.disk.step(moved, || fs::rename(&self.temporary, &self.place)) {
            Ok(()) => {
                self.is_put = true;
                self.disk.full.store(false, Ordering::Relaxed);
                Ok(())
            }
            Err(source) if is_full(&source) => Err(self.failed(source)),
            Err(source) => Err(self.disk.stopped("write", &self.place, source)),
        }
    }

    /// Nothing has happened in its place, so the keyring can go on.
    fn failed(self, source: io::Error) -> Error {
        self.disk.full.fetch_or(is_full(&source), Ordering::Relaxed);
        Error::io("write", &self.place, source)
    }
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        if !self.is_put {
            self.disk.discard(std::slice::from_ref(&self.temporary));
        }
    }
}

/// Whether there is no room, for good or for whoever this process runs as.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A new, empty file that only its owner can read.
fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    owner_only(&mut options);
    options.open(path)
}

/// A new folder that only its owner can enter. True if it was not there before.
pub(crate) fn new_folder(path: &Path) -> Result<bool> {
    #[allow(unused_mut)]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => Ok(true),
        Err(source) if source.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(Error::io("create folder", path, source)),
    }
}

/// Mode 0700 for a folder that somebody else made, where the system has modes.
pub(crate) fn close_to_others(folder: &Path) -> Result<()> {
    #[cfg(unix)]
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .map_err(|source| Error::io("close to others", folder, source))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Mode 0600 for a file that is created with these options, where the system has modes.
pub(crate) fn owner_only(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// The folder whose entry `path` is.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Reads a small file into memory that is wiped on drop. A longer file is cut at `limit` and so never parses.
pub(crate) fn read_secret(path: &Path, limit: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // One buffer of the final size: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(vec![0; limit]);
    let mut length = 0;
    while length < limit {
        match file.read(&mut bytes[length..])? {
            0 => break,
            more => length += more,
        }
    }
    bytes.truncate(length);
    Ok(Some(bytes))
}

/// Makes files durable that are in one folder (syncfs(2), which tells of errors since Linux 5.8).
#[cfg(target_os = "linux")]
fn sync_together(folder: &Path, _: &[PathBuf]) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(folder)?)?)
}

#[cfg(not(target_os = "linux"))]
fn sync_together(_: &Path, files: &[PathBuf]) -> io::Result<()> {
    files.iter().try_for_each(|file| File::open(file)?.sync_all())
}

/// Makes the entries of a folder durable. Where a folder cannot be opened as a file the system has no such
/// call, and entries are as durable as it makes them.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(test)]
pub(crate) mod faults;
