//! A disk in memory that knows what is synced, breaks at a chosen step, and loses power.
//!
//! The model, which is harsher than any journaling file system:
//!
//! - Data that was written and not synced reaches the disk as any prefix of the writes, or as any subset of
//!   their sectors of 512 bytes; a sector is never torn between two contents it had. The length is one of those the
//!   file had since the last sync; what it spans and was not written reads as NUL.
//! - A name that was made, renamed, replaced or removed is in any of its states since the folder was synced,
//!   each name for itself: of a rename both names may be left, or none. A folder that is lost takes along
//!   what is in it.
//! - A data sync that fails has written any part of it and forgotten the rest: it stays in the page cache, but
//!   no later sync brings it to the disk. A sync of a folder that fails can be repeated, and a cut that was not
//!   synced is not forgotten: a file system whose journal fails goes read-only.
//! - A process that dies takes nothing along.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use super::simulated::chance::Chance;

pub(crate) mod chance;
mod file;
mod handle;

use file::File;
pub(crate) use handle::Handle;

/// One simulated disk, shared by its open files.
#[derive(Clone, Debug)]
pub(crate) struct Simulated(Arc<Mutex<State>>);

/// How a step goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// Not done, and reported as failed.
    Lost,
    /// Done, and reported as failed.
    ReportedLost,
    /// Of a write a beginning is done; of a sync a part.
    Torn,
    /// No room, for this many steps that need some; of a write a beginning is done.
    Full(u32),
    /// The power fails before the step; nothing works any more.
    PowerBefore,
    /// The power fails after it.
    PowerAfter,
}

#[derive(Debug)]
struct State {
    chance: Chance,
    files: Vec<File>,
    names: BTreeMap<String, Name>,
    steps: u64,
    plan: Option<(u64, Break)>,
    full: u32,
    is_dead: bool,
    /// What was written under a name that ends so is kept in `seen`.
    watched: &'static str,
    seen: Vec<Vec<u8>>,
    trace: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Debug, Default)]
struct Name {
    now: Option<Node>,
    on_disk: Option<Node>,
    unsynced: Vec<Option<Node>>,
}

impl Simulated {
    /// An empty disk with one folder, `/disk`.
    pub(crate) fn new(seed: u64, watched: &'static str) -> Self {
        let root = Name { now: Some(Node::Folder), on_disk: Some(Node::Folder), unsynced: vec![] };
        Self(Arc::new(Mutex::new(State {
            chance: Chance::new(seed),
            files: Vec::new(),
            names: BTreeMap::from([("/disk".to_owned(), root)]),
            steps: 0,
            plan: None,
            full: 0,
            is_dead: false,
            watched,
            seen: Vec::new(),
            trace: None,
        })))
    }

    /// Lets the step after `steps` more ones go wrong.
    pub(crate) fn break_after(&self, steps: u64, how: Break) {
        let mut state = self.lock();
        state.plan = Some((state.steps + steps, how));
    }

    /// Nothing goes wrong from here on.
    pub(crate) fn repair(&self) {
        let mut state = self.lock();
        (state.plan, state.full, state.is_dead) = (None, 0, false);
    }

    pub(crate) fn is_planned(&self) -> bool {
        self.lock().plan.is_some()
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.lock().is_dead
    }

    /// Only what is on disk is left, and of what was not synced whatever chance says.
    pub(crate) fn cut_power(&self) {
        let state = &mut *self.lock();
        (state.plan, state.full, state.is_dead) = (None, 0, false);
        for file in &mut state.files {
            file.settle(&mut state.chance);
            file.now.clone_from(&file.on_disk);
        }
        for name in state.names.values_mut().filter(|name| !name.unsynced.is_empty()) {
            let at = state.chance.below(name.unsynced.len() as u64 + 1) as usize;
            name.on_disk = if at == 0 { name.on_disk } else { name.unsynced[at - 1] };
            name.unsynced.clear();
            name.now = name.on_disk;
        }
        state.names.retain(|_, name| name.now.is_some());
        let kept: Vec<String> = state.names.keys().cloned().collect();
        for path in kept {
            let mut above = path.as_str();
            while let Some((folder, _)) = above.rsplit_once('/').filter(|(f, _)| !f.is_empty()) {
                if !state.names.contains_key(folder) {
                    state.names.remove(&path);
                    break;
                }
                above = folder;
            }
        }
    }

    /// The content of what was ever written to watched files, whole as it was meant to be.
    pub(crate) fn seen(&self) -> Vec<Vec<u8>> {
        self.lock().seen.clone()
    }

    /// Notes down each step from here on.
    pub(crate) fn trace(&self) {
        self.lock().trace = Some(Vec::new());
    }

    pub(crate) fn take_trace(&self) -> Vec<String> {
        self.lock().trace.take().expect("asked for")
    }

    pub(crate) fn open(&self, path: &Path) -> io::Result<Handle> {
        let name = text(path);
        match self.lock().node(&name) {
            Some(Node::File(file)) => Ok(Handle { disk: self.clone(), file, name, position: 0 }),
            Some(Node::Folder) => Err(ErrorKind::InvalidInput.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let handle = self.open(path)?;
        Ok(self.lock().files[handle.file].now.clone())
    }

    pub(crate) fn is_there(&self, path: &Path) -> bool {
        self.lock().node(&text(path)).is_some()
    }

    pub(crate) fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let folder = text(folder) + "/";
        let state = self.lock();
        if state.node(&folder[..folder.len() - 1]).is_none() {
            return Err(ErrorKind::NotFound.into());
        }
        let below = state.names.range(folder.clone()..).take_while(|(n, _)| n.starts_with(&folder));
        Ok(below
            .filter(|(_, name)| name.now.is_some())
            .map(|(name, _)| name[folder.len()..].to_owned())
            .filter(|name| !name.contains('/'))
            .collect())
    }

    pub(crate) fn create(&self, path: &Path) -> io::Result<Handle> {
        let name = text(path);
        let mut state = self.lock();
        if state.node(&name).is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        state.folder_of(&name)?;
        let file = state.files.len();
        state.step("create", &name, true, |state, name| {
            state.files.push(File::default());
            state.set(name, Some(Node::File(file)));
        })?;
        drop(state);
        Ok(Handle { disk: self.clone(), file, name, position: 0 })
    }

    pub(crate) fn create_folder(&self, path: &Path) -> io::Result<()> {
        let name = text(path);
        let mut state = self.lock();
        if state.node(&name).is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        state.folder_of(&name)?;
        state.step("create folder", &name, true, |state, name| {
            state.set(name, Some(Node::Folder));
        })
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (text(from), text(to));
        let mut state = self.lock();
        let node = state.node(&from).ok_or(ErrorKind::NotFound)?;
        state.step("rename to", &to, true, |state, to| {
            state.set(to, Some(node));
            state.set(&from, None);
        })
    }

    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        let name = text(path);
        let mut state = self.lock();
        state.node(&name).ok_or(ErrorKind::NotFound)?;
        state.step("remove", &name, false, |state, name| state.set(name, None))
    }

    pub(crate) fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let name = text(path);
        let mut state = self.lock();
        state.node(&name).ok_or(ErrorKind::NotFound)?;
        state.step("remove folder", &name, false, |state, name| {
            let below: Vec<String> = state
                .names
                .range(name.to_owned()..)
                .take_while(|(n, _)| n.starts_with(name))
                .map(|(n, _)| n.clone())
                .filter(|n| n == name || n.as_bytes().get(name.len()) == Some(&b'/'))
                .collect();
            for name in below {
                state.set(&name, None);
            }
        })
    }

    pub(crate) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let folder = text(path) + "/";
        let mut state = self.lock();
        if state.node(&folder[..folder.len() - 1]).is_none() {
            return Err(ErrorKind::NotFound.into());
        }
        state.step("sync folder", &folder, false, |state, folder| {
            for (name, entry) in state.names.range_mut(folder.to_owned()..) {
                if !name.starts_with(folder) {
                    break;
                }
                if !name[folder.len()..].contains('/') {
                    entry.unsynced.clear();
                    entry.on_disk = entry.now;
                }
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn node(&self, name: &str) -> Option<Node> {
        self.names.get(name).and_then(|name| name.now)
    }

    fn folder_of(&self, name: &str) -> io::Result<()> {
        let (folder, _) = name.rsplit_once('/').expect("absolute");
        self.node(folder).map(|_| ()).ok_or(ErrorKind::NotFound.into())
    }

    fn set(&mut self, name: &str, node: Option<Node>) {
        let entry = self.names.entry(name.to_owned()).or_default();
        entry.now = node;
        entry.unsynced.push(node);
    }

    /// A step that is done whole or not at all.
    fn step(
        &mut self,
        what: &str,
        name: &str,
        needs_room: bool,
        act: impl FnOnce(&mut Self, &str),
    ) -> io::Result<()> {
        let how = self.next(what, name, needs_room)?;
        if Break::is_done(how) {
            act(self, name);
        }
        self.outcome(how)
    }

    /// Whether and how this step goes wrong.
    fn next(&mut self, what: &str, name: &str, needs_room: bool) -> io::Result<Option<Break>> {
        if self.is_dead {
            return Err(io::Error::other("the power is gone"));
        }
        if let Some(trace) = &mut self.trace {
            let name = name.trim_end_matches('/');
            trace.push(format!("{what} {}", name.strip_prefix("/disk/log/").unwrap_or(name)));
        }
        self.steps += 1;
        if needs_room && self.full > 0 {
            self.full -= 1;
            return Ok(Some(Break::Full(0)));
        }
        let due = self
            .plan
            .filter(|(at, how)| self.steps > *at && (needs_room || !matches!(how, Break::Full(_))));
        let Some((_, how)) = due else {
            return Ok(None);
        };
        self.plan = None;
        if let Break::Full(steps) = how {
            self.full = steps;
        }
        Ok(Some(how))
    }

    /// What the process is told of a step that went so.
    fn outcome(&mut self, how: Option<Break>) -> io::Result<()> {
        match how {
            None => Ok(()),
            Some(Break::Full(_)) => Err(ErrorKind::StorageFull.into()),
            Some(how) => {
                self.is_dead = matches!(how, Break::PowerBefore | Break::PowerAfter);
                Err(io::Error::other(format!("broken: {how:?}")))
            }
        }
    }
}

impl Break {
    /// Whether what was asked for is done, whatever is said of it.
    fn is_done(how: Option<Self>) -> bool {
        matches!(how, None | Some(Self::ReportedLost | Self::PowerAfter))
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("paths of the simulation are text").to_owned()
}
