//! A disk that breaks at a chosen step, and what a power cut then takes away.
//!
//! Syncs are simulated: every change stays on a list until the sync that makes it durable, and
//! [`Faults::power_cut`] undoes any part of what is still on the list.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::{Step, folder_of};

/// How the chosen step breaks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Break {
    /// It does not happen.
    Lost,
    /// It happens, and an error is reported all the same.
    ReportedLost,
    /// A write happens by half. Every other step is lost.
    Torn,
    /// It does not happen, and the process goes on: a disk that has no room or is worn out.
    Refused,
}

/// What a full disk has no room for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Full {
    /// New files.
    Files,
    /// Nor for another name in a folder that is as large as it can be.
    Names,
    /// Nor for new bytes in the place of old ones: a file system that copies on write.
    Bytes,
    /// Only for what makes the names in a folder durable, which a log of the file system may need room for.
    Folders,
}

#[derive(Default)]
pub(crate) struct Faults(Mutex<State>);

#[derive(Default)]
struct State {
    taken: usize,
    broken: Option<(usize, Break)>,
    /// Every step after the broken one fails too: the process is gone.
    crashed: bool,
    /// From this step on, the disk is full.
    full: Option<(usize, Full)>,
    unsynced: Vec<Unsynced>,
}

struct Unsynced {
    /// The file or folder whose sync makes the change durable.
    until: PathBuf,
    undo: Undo,
}

enum Undo {
    /// Put the old content back, if the file is (still) there.
    Content(PathBuf, Vec<u8>),
    /// Make the file again.
    Unlinked(PathBuf, Vec<u8>),
    /// A file that was not there before.
    Appeared(PathBuf),
    /// Move it back, and what it replaced with it.
    Renamed { from: PathBuf, to: PathBuf, replaced: Option<Vec<u8>> },
}

impl Faults {
    /// Breaks the `n`-th step from now on.
    pub(crate) fn break_at(&self, n: usize, how: Break) {
        let mut state = self.0.lock().unwrap();
        state.taken = 0;
        state.broken = Some((n, how));
    }

    /// From the `n`-th step from now on there is no room.
    pub(crate) fn fill_at(&self, n: usize, full: Full) {
        let mut state = self.0.lock().unwrap();
        state.taken = 0;
        state.full = Some((n, full));
    }

    /// How many steps there were since the disk was to be filled. There is room again.
    pub(crate) fn make_room(&self) -> usize {
        let mut state = self.0.lock().unwrap();
        state.full = None;
        state.taken
    }

    /// Whether the chosen step was reached.
    pub(crate) fn crashed(&self) -> bool {
        self.0.lock().unwrap().crashed
    }

    /// A new process on the same disk: what was not synced is still there, and still not synced.
    pub(crate) fn new_process(&self) {
        let mut state = self.0.lock().unwrap();
        (state.crashed, state.broken) = (false, None);
    }

    /// How many changes a power cut could take away.
    pub(crate) fn unsynced(&self) -> usize {
        self.0.lock().unwrap().unsynced.len()
    }

    /// What was in the files when they were unlinked, as far as that is not synced.
    pub(crate) fn unlinked(&self) -> Vec<Vec<u8>> {
        let of = |change: &Unsynced| match &change.undo {
            Undo::Unlinked(_, content) => Some(content.clone()),
            _ => None,
        };
        self.0.lock().unwrap().unsynced.iter().filter_map(of).collect()
    }

    /// Undoes every unsynced change whose bit is set in `lost`, and makes the others durable.
    pub(crate) fn power_cut(&self, lost: usize) {
        let mut state = self.0.lock().unwrap();
        for (bit, change) in std::mem::take(&mut state.unsynced).into_iter().enumerate().rev() {
            if lost >> bit & 1 == 0 {
                continue;
            }
            match change.undo {
                Undo::Content(path, content) if path.exists() => fs::write(path, content).unwrap(),
                Undo::Content(..) => {}
                Undo::Unlinked(path, content) => fs::write(path, content).unwrap(),
                Undo::Appeared(path) => fs::remove_file(path).unwrap_or_default(),
                Undo::Renamed { from, to, replaced } => {
                    fs::rename(&to, from).unwrap_or_default();
                    if let Some(content) = replaced {
                        fs::write(to, content).unwrap();
                    }
                }
            }
        }
        (state.crashed, state.broken) = (false, None);
    }

    pub(super) fn step(
        &self,
        step: Step<'_>,
        act: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.crashed {
            return Err(io::Error::other("the process is gone"));
        }
        let breaks = state.broken.and_then(|(n, how)| (n == state.taken).then_some(how));
        state.taken += 1;
        state.crashed = breaks.is_some_and(|how| how != Break::Refused);
        if state.full.is_some_and(|(from, full)| state.taken > from && full.refuses(step)) {
            if let Step::Write(path) = step
                && !path.exists()
            {
                state.change(step, || fs::write(path, []))?;
            }
            return Err(io::ErrorKind::StorageFull.into());
        }
        match (breaks, step) {
            (Some(Break::Lost | Break::Refused), _) => return Err(io::Error::other("lost")),
            (Some(Break::Torn), Step::Write(path)) => {
                let old = fs::read(path).unwrap_or_default();
                state.change(step, act)?;
                let mut torn = fs::read(path).unwrap();
                let half = torn.len() / 2;
                torn.truncate(half);
                torn.extend(old.get(half..).unwrap_or_default());
                fs::write(path, torn).unwrap();
            }
            (Some(Break::Torn), _) => return Err(io::Error::other("lost")),
            (_, Step::Sync(path) | Step::SyncFolder(path)) => {
                assert!(path.exists(), "`{}` is synced and not there", path.display());
                state.unsynced.retain(|change| change.until != path);
            }
            _ => state.change(step, act)?,
        }
        match breaks {
            Some(_) => Err(io::Error::other("reported lost")),
            None => Ok(()),
        }
    }
}

impl Full {
    fn refuses(self, step: Step<'_>) -> bool {
        match step {
            Step::SyncFolder(_) => self == Self::Folders,
            _ if self == Self::Folders => false,
            Step::Write(path) => self == Self::Bytes || !path.exists(),
            Step::Rename { to, .. } => self != Self::Files && !to.exists(),
            Step::Unlink(_) | Step::Sync(_) => false,
        }
    }
}

impl State {
    fn change(&mut self, step: Step<'_>, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let content = |path: &Path| fs::read(path).ok();
        let (until, undo) = match step {
            Step::Write(path) => match content(path) {
                Some(old) => (path, Undo::Content(path.to_owned(), old)),
                None => (path, Undo::Appeared(path.to_owned())),
            },
            Step::Unlink(path) => match content(path) {
                Some(old) => (folder_of(path), Undo::Unlinked(path.to_owned(), old)),
                None => return act(),
            },
            Step::Rename { from, to } => (
                folder_of(to),
                Undo::Renamed { from: from.to_owned(), to: to.to_owned(), replaced: content(to) },
            ),
            Step::Sync(_) | Step::SyncFolder(_) => unreachable!("these change nothing"),
        };
        if let Step::Rename { from, to } = step {
            // Renamed before its content was synced: what a power cut leaves is an empty file of the new name.
            for change in self.unsynced.iter_mut().filter(|change| change.until == from) {
                *change = Unsynced {
                    until: to.to_owned(),
                    undo: Undo::Content(to.to_owned(), Vec::new()),
                };
            }
        }
        self.unsynced.push(Unsynced { until: until.to_owned(), undo });
        act()
    }
}
