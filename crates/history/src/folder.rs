//! The files of an index, and who may write them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::run::{JOURNAL, range_of};

const ORIGIN: &str = "origin";
const PURGED: &str = "purged";
const OLD: &str = "sealtrail index 1\n";
const NEW: &str = "sealtrail index 2\n";
const PURGED_HEAD: &str = "sealtrail index purged 1\n";

/// What the folder says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing was written yet.
    New,
    Known,
    /// The runs are of an earlier version, and are made again.
    Outdated,
}

/// Which files to read.
pub(crate) struct Chosen {
    /// One behind the other from record 0 on.
    pub(crate) runs: Vec<PathBuf>,
    /// What a longer run has taken the place of.
    pub(crate) superseded: Vec<PathBuf>,
}

/// A file while it is written. It goes if it does not come to its place.
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    pub(crate) fn of(place: &Path) -> Self {
        Self(place.with_extension("tmp"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn create(&self) -> io::Result<File> {
        create_temporary(&self.0)
    }

    /// Puts it in its place, which is durable when the folder is synced.
    pub(crate) fn rename(self, place: &Path) -> io::Result<()> {
        fs::rename(&self.0, place)
    }

    /// Puts it in its place, durably.
    pub(crate) fn put(self, place: &Path) -> io::Result<()> {
        let replaces = place.exists();
        fs::rename(&self.0, place)?;
        sync_folder(place.parent().unwrap_or(Path::new("."))).inspect_err(|_| {
            // Nobody will know of it, so nobody would take out of it what is to be forgotten.
            if !replaces {
                let _ = fs::remove_file(place);
            }
        })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// All runs; none if there is no folder.
pub(crate) fn run_paths(dir: &Path) -> Result<Vec<PathBuf>> {
    paths_that_end(dir, "run")
}

/// Deletes what was left of runs by a process that ended while it wrote them: names may be in it that were forgotten
/// since. Whoever calls has the lock.
pub(crate) fn remove_unfinished(dir: &Path) -> Result<()> {
    for path in paths_that_end(dir, "tmp")? {
        let run = path.with_extension("run");
        if run.file_name().and_then(|name| range_of(name.to_str()?)).is_some() {
            remove(&path)?;
        }
    }
    remove(&dir.join(JOURNAL).with_extension("tmp"))
}

fn paths_that_end(dir: &Path, end: &str) -> Result<Vec<PathBuf>> {
    let failed = |source| Error::io("list", dir, source);
    let mut paths = Vec::new();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(paths),
        Err(source) => return Err(failed(source)),
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == end) {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

/// Of runs that begin with the same record the longest. A file of another name is damage, and so is a gap.
pub(crate) fn choose(paths: Vec<PathBuf>) -> Result<Chosen> {
    let mut named = Vec::with_capacity(paths.len());
    for path in paths {
        let range = path.file_name().and_then(|name| range_of(name.to_str()?));
        let range = range.ok_or_else(|| Error::damaged(&path, "the name of a run"))?;
        named.push((range, path));
    }
    named.sort_by_key(|((first, next), _)| (*first, std::cmp::Reverse(*next)));
    let mut chosen = Chosen { runs: Vec::new(), superseded: Vec::new() };
    let mut end = 0;
    for ((first, next), path) in named {
        if first == end {
            end = next;
            chosen.runs.push(path);
        } else if next <= end {
            chosen.superseded.push(path);
        } else {
            return Err(Error::damaged(&path, format!("the run that begins at record {end}")));
        }
    }
    Ok(chosen)
}

/// Whose index it is. An error if it is another log's, or if it has runs and says nothing.
pub(crate) fn check_origin(dir: &Path, origin: &str, has_runs: bool) -> Result<State> {
    let path = dir.join(ORIGIN);
    let Some(text) = read(&path)? else {
        return match has_runs {
            false => Ok(State::New),
            true => Err(Error::damaged(&path, "the origin of the runs beside it")),
        };
    };
    let of = |head| text.strip_prefix(head)?.strip_suffix('\n');
    let (found, state) = match (of(NEW), of(OLD)) {
        (Some(found), _) => (found, State::Known),
        (None, Some(found)) => (found, State::Outdated),
        (None, None) => {
            return Err(Error::damaged(&path, "`sealtrail index 2` and an origin on two lines"));
        }
    };
    if found == origin {
        return Ok(state);
    }
    Err(Error::new(Kind::OtherOrigin {
        path: dir.to_owned(),
        expected: origin.to_owned(),
        got: found.to_owned(),
    }))
}

pub(crate) fn write_origin(dir: &Path, origin: &str) -> Result<()> {
    replace(&dir.join(ORIGIN), &format!("{NEW}{origin}\n"))
}

/// The first record of which nobody has looked whether it is of an erasure.
pub(crate) fn purged(dir: &Path) -> Result<u64> {
    let path = dir.join(PURGED);
    let Some(text) = read(&path)? else { return Ok(0) };
    let number = text.strip_prefix(PURGED_HEAD).and_then(|text| text.strip_suffix('\n'));
    let expected = || Error::damaged(&path, "`sealtrail index purged 1` and a number on two lines");
    number.and_then(|number| number.parse().ok()).ok_or_else(expected)
}

pub(crate) fn write_purged(dir: &Path, next: u64) -> Result<()> {
    replace(&dir.join(PURGED), &format!("{PURGED_HEAD}{next}\n"))
}

pub(crate) fn remove_purged(dir: &Path) -> Result<()> {
    remove(&dir.join(PURGED))
}

/// The lock, unless another process has it.
pub(crate) fn lock(dir: &Path) -> Result<Option<File>> {
    fs::create_dir_all(dir).map_err(|source| Error::io("create folder", dir, source))?;
    let path = dir.join("lock");
    let lock = fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let lock = lock.map_err(|source| Error::io("open", &path, source))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(source)) => Err(Error::io("lock", &path, source)),
    }
}

/// Deletes a file, which may be gone already.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("delete", path, source))
        }
        _ => Ok(()),
    }
}

/// Makes the entries of a folder durable, where the system has such a call.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

fn read(path: &Path) -> Result<Option<String>> {
    let mut text = Vec::new();
    match File::open(path).and_then(|file| file.take(64 << 10).read_to_end(&mut text)) {
        Ok(_) => Ok(Some(String::from_utf8_lossy(&text).into_owned())),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::io("read", path, source)),
    }
}

fn replace(path: &Path, text: &str) -> Result<()> {
    let temporary = path.with_extension("tmp");
    let write = || {
        let mut file = create_temporary(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_folder(path.parent().unwrap_or(Path::new(".")))
    };
    write().map_err(|source| Error::io("write", path, source))
}

/// A temporary file of our own: what is there under its name, left by a crash or put there, is removed and not written
/// through.
fn create_temporary(path: &Path) -> io::Result<File> {
    match File::create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            File::create_new(path)
        }
        made => made,
    }
}
