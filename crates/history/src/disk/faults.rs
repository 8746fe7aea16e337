//! A disk that breaks at a chosen step, and what a power cut then takes away. Syncs are simulated: every change stays on
//! a list until what makes it durable, and [`power_cut`] undoes any part of what is still on it.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Step;

/// How the chosen step breaks; then the process is gone, and every later one is lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Break {
    /// It does not happen.
    Lost,
    /// It happens, and an error is reported all the same.
    ReportedLost,
    /// A write happens by half. Every other step is lost.
    Torn,
    /// It does not happen, and the process goes on: a disk that has no room.
    Refused,
}

thread_local! {
    static DISK: RefCell<Option<Disk>> = const { RefCell::new(None) };
}

struct Disk {
    taken: usize,
    broken: (usize, Break),
    is_gone: bool,
    /// Changes with the file or folder whose sync makes each durable.
    unsynced: Vec<(PathBuf, Undo)>,
}

enum Undo {
    Created(PathBuf),
    Content(PathBuf, u64, Vec<u8>),
    Renamed { from: PathBuf, to: PathBuf },
    Unlinked(PathBuf, Vec<u8>),
}

/// Breaks the `n`-th step of this thread from now on.
pub(crate) fn break_at(n: usize, how: Break) {
    let disk = Disk { taken: 0, broken: (n, how), is_gone: false, unsynced: Vec::new() };
    DISK.set(Some(disk));
}

/// Breaks nothing any more, and says whether the chosen step was reached.
pub(crate) fn end() -> bool {
    DISK.take().is_some_and(|disk| disk.taken > disk.broken.0)
}

/// How many changes a power cut could take away.
pub(crate) fn unsynced() -> usize {
    DISK.with_borrow(|disk| disk.as_ref().map_or(0, |disk| disk.unsynced.len()))
}

/// Undoes every change whose bit is set and that is not durable.
pub(crate) fn power_cut(lost: usize) {
    let unsynced =
        DISK.with_borrow_mut(|disk| std::mem::take(&mut disk.as_mut().unwrap().unsynced));
    for (bit, (_, undo)) in unsynced.into_iter().enumerate().rev() {
        if lost >> bit & 1 == 0 {
            continue;
        }
        match undo {
            Undo::Created(path) => fs::remove_file(path).unwrap_or_default(),
            Undo::Content(path, offset, content) => overwrite(&path, &content, offset).unwrap(),
            Undo::Renamed { from, to } => fs::rename(to, from).unwrap_or_default(),
            Undo::Unlinked(path, content) => fs::write(path, content).unwrap(),
        }
    }
}

pub(super) fn step(step: Step<'_>, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    DISK.with_borrow_mut(|disk| match disk {
        Some(disk) => disk.step(step, act),
        None => act(),
    })
}

impl Disk {
    fn step(&mut self, step: Step<'_>, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.is_gone {
            return Err(io::Error::other("the process is gone"));
        }
        let (number, how) = self.broken;
        let breaks = (number == self.taken).then_some(how);
        self.taken += 1;
        self.is_gone = breaks.is_some_and(|how| how != Break::Refused);
        match breaks {
            Some(Break::Lost) => return Err(io::Error::other("lost")),
            Some(Break::Refused) => return Err(io::ErrorKind::StorageFull.into()),
            Some(Break::Torn) if !self.tear(step)? => return Err(io::Error::other("lost")),
            Some(Break::Torn) => {}
            Some(Break::ReportedLost) | None => self.change(step, act)?,
        }
        match breaks {
            Some(_) => Err(io::Error::other("reported lost")),
            None => Ok(()),
        }
    }

    /// Does half of a write; false for what cannot be torn.
    fn tear(&mut self, step: Step<'_>) -> io::Result<bool> {
        match step {
            Step::Create(path) => {
                self.unsynced.push((path.to_owned(), Undo::Created(path.to_owned())));
                fs::write(path, "half")?;
            }
            Step::WriteAt { path, bytes, offset } => {
                self.unsynced.push((path.to_owned(), content(path, bytes.len(), offset)?));
                overwrite(path, &bytes[..bytes.len() / 2], offset)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn change(&mut self, step: Step<'_>, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let folder = |path: &Path| path.parent().unwrap().to_owned();
        let change = match step {
            Step::Sync(path) | Step::SyncFolder(path) => {
                self.unsynced.retain(|(until, _)| until != path);
                return Ok(());
            }
            Step::Create(path) => (path.to_owned(), Undo::Created(path.to_owned())),
            Step::WriteAt { path, bytes, offset } => {
                (path.to_owned(), content(path, bytes.len(), offset)?)
            }
            Step::Unlink(path) => match fs::read(path) {
                Ok(content) => (folder(path), Undo::Unlinked(path.to_owned(), content)),
                Err(_) => return act(),
            },
            Step::Rename { from, to } => {
                // Nothing is there before, and what is moved is whole.
                assert!(!to.exists() && self.unsynced.iter().all(|(until, _)| until != from));
                (folder(to), Undo::Renamed { from: from.to_owned(), to: to.to_owned() })
            }
        };
        self.unsynced.push(change);
        act()
    }
}

/// What is in the place of some bytes.
fn content(path: &Path, length: usize, offset: u64) -> io::Result<Undo> {
    let mut before = vec![0; length];
    super::read_at(&fs::File::open(path)?, &mut before, offset)?;
    Ok(Undo::Content(path.to_owned(), offset, before))
}

fn overwrite(path: &Path, bytes: &[u8], offset: u64) -> io::Result<()> {
    let file = fs::OpenOptions::new().write(true).open(path)?;
    std::os::unix::fs::FileExt::write_all_at(&file, bytes, offset)
}
