use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::block::{BLOCK, Reading};
use super::edit::Edit;
use super::groups::Groups;
use super::head::{HEAD, HEAD_PART, Head, SUM, TIMES_PART};
use super::journal::Journal;
use super::state::State;
use super::{Zone, file_name};
use crate::disk::read_at;
use crate::error::{Error, Result};
use crate::name::OriginHash;

/// A run that is on disk.
pub(crate) struct Run {
    path: PathBuf,
    pub(super) file: File,
    pub(super) head: Head,
    times: Vec<Zone>,
    state: RwLock<Arc<State>>,
}

/// A block and its sum.
pub(super) const SUMMED: usize = BLOCK + SUM;

/// So many blocks of an answer are read at once.
const TOGETHER: usize = 64;

/// What does not fit is looked at so many times, for another process may be writing it.
const TRIES: usize = 8;

impl Run {
    /// Opens a run and checks all but its blocks.
    pub(crate) fn open(path: &Path, origin: OriginHash) -> Result<Self> {
        let open = || Self::open_at(path, path, origin, Journal::edit_at(path, origin)?);
        for _ in 1..TRIES {
            match open() {
                Err(error) if error.is_damaged() => {}
                opened => return opened,
            }
        }
        open()
    }

    /// The same of a run whose file is at another place until it comes to its own.
    pub(super) fn open_at(
        at: &Path,
        path: &Path,
        origin: OriginHash,
        edit: Option<Edit>,
    ) -> Result<Self> {
        let failed = |source| Error::io("read", path, source);
        let damaged = |expected: &str| Error::damaged(path, expected);
        let unsound = || damaged("times and fences that fit their checksums");
        let mut file = File::open(at).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();

        let mut bytes = [0; HEAD + SUM];
        file.read_exact(&mut bytes).map_err(|_| damaged("a whole head"))?;
        let head = Head::parse(bytes[..HEAD].try_into().expect("a head has this length"))
            .filter(|head| head.checked(HEAD_PART, &bytes).is_some())
            .ok_or_else(|| damaged("a head that fits its checksum"))?;
        if head.origin != origin {
            return Err(damaged("a run of this log, got a run of another origin"));
        }
        let name = file_name(head.first, head.next);
        if path.file_name() != Some(name.as_ref()) {
            return Err(damaged(&format!("the run that is called `{name}`")));
        }
        // After this the number of blocks is bounded by the file, and so is all that is allocated for it.
        match head.length() {
            Some(expected) if expected == length => {}
            Some(expected) => return Err(damaged(&format!("{expected} bytes, got {length}"))),
            None => return Err(damaged("a number of blocks that a file can hold")),
        }
        let mut times = vec![0; head.zones() as usize * 16 + SUM];
        read_at(&file, &mut times, head.times_offset()).map_err(failed)?;
        let times = head.checked(TIMES_PART, &times).ok_or_else(unsound)?;
        let time = |bytes: &[u8; 8]| i64::from_be_bytes(*bytes);
        let zones = times.as_chunks().0.as_chunks().0.iter();
        let times = zones.map(|[from, to]| (time(from), time(to))).collect();
        let state = State::load(&file, &head, edit).map_err(failed)?.ok_or_else(unsound)?;
        let state = RwLock::new(Arc::new(state));
        Ok(Self { path: path.to_owned(), file, head, times, state })
    }

    pub(crate) fn first(&self) -> u64 {
        self.head.first
    }

    /// The record after the last one of this run.
    pub(crate) fn next(&self) -> u64 {
        self.head.next
    }

    pub(crate) fn records(&self) -> u64 {
        self.head.next - self.head.first
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn times(&self) -> &[Zone] {
        &self.times
    }

    /// Adds the records that have a name, ascending.
    pub(crate) fn find(&self, hash: u64, found: &mut Vec<u64>) -> Result<()> {
        let blocks = self.state().fences.blocks_of(hash);
        let mut buffer = vec![0; blocks.len().min(TOGETHER) * SUMMED];
        for first in blocks.clone().step_by(TOGETHER) {
            let count = (blocks.end - first).min(TOGETHER);
            let read = &mut buffer[..count * SUMMED];
            let state = self.read(first, read)?;
            for (number, block) in (first..).zip(read.chunks_exact(SUMMED)) {
                let mut block = Reading::new(&block[..BLOCK], state.fences.of(number));
                while let Some((group, count)) = block.group() {
                    if group > hash {
                        break;
                    }
                    let read = match group == hash {
                        false => block.pass(count),
                        true => block.records(count, |record| {
                            found.push(self.head.first + u64::from(record));
                        }),
                    };
                    read.ok_or_else(|| self.odd(number))?;
                }
            }
        }
        Ok(())
    }

    /// All groups in their order, their records each that much greater.
    pub(crate) fn groups(self: &Arc<Self>, offset: u32) -> Groups {
        Groups::new(self.clone(), offset)
    }

    /// How many blocks it has.
    pub(super) fn blocks(&self) -> usize {
        self.head.blocks as usize
    }

    /// Reads consecutive blocks with their sums, which fit, and says what they are counted from.
    pub(super) fn read(&self, first: usize, buffer: &mut [u8]) -> Result<Arc<State>> {
        let mut state = self.state();
        let mut tries = 1;
        loop {
            read_at(&self.file, buffer, self.head.block_offset(first)).map_err(|source| {
                match source.kind() {
                    io::ErrorKind::UnexpectedEof => {
                        Error::damaged(&self.path, format!("{} blocks", self.head.blocks))
                    }
                    _ => Error::io("read", &self.path, source),
                }
            })?;
            state.put_edited(first, buffer);
            let mut blocks = (first..).zip(buffer.chunks_exact(SUMMED));
            let unsound =
                blocks.find(|(number, block)| !state.is_sound(&self.head, *number, block));
            let Some((number, _)) = unsound else { return Ok(state) };
            if tries == TRIES {
                let at = self.head.block_offset(number);
                let expected = format!("the {SUMMED} bytes at {at} to fit their checksum");
                return Err(Error::damaged(&self.path, expected));
            }
            tries += 1;
            state = self.look_again(Some(&state))?;
        }
    }

    pub(super) fn state(&self) -> Arc<State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_state(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
    }

    /// What is known now, where something does not fit to what was known.
    pub(super) fn look_again(&self, known: Option<&Arc<State>>) -> Result<Arc<State>> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if known.is_none_or(|known| Arc::ptr_eq(&state, known)) {
            let edit = Journal::edit_at(&self.path, self.head.origin)?;
            let present = State::load(&self.file, &self.head, edit);
            let present = present.map_err(|source| Error::io("read", &self.path, source))?;
            // Where its sum does not fit it is being written, or damaged, and there is another try.
            *state = present.map_or_else(|| state.clone(), Arc::new);
        }
        Ok(state.clone())
    }

    /// Its sum fits, and no writer of this format made it.
    pub(super) fn odd(&self, number: usize) -> Error {
        Error::damaged(&self.path, format!("block {number} to be groups of records"))
    }
}
