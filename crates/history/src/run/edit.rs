//! Names are taken out of a run where they are: a few blocks are written in their place, so that it takes no longer in a
//! long run than in a short one.

use std::fs::OpenOptions;
use std::io;
use std::sync::Arc;

use super::Run;
use super::block::{BLOCK, without};
use super::head::{FIRST_BLOCK_PART, SUM};
use super::read::SUMMED;
use super::state::State;
use crate::disk;
use crate::error::{Error, Result};

/// What some blocks of a run become.
pub(crate) struct Edit {
    pub(super) first: u64,
    pub(super) next: u64,
    /// Of all fences when it is done.
    pub(super) sum: [u8; SUM],
    /// Ascending.
    pub(super) blocks: Vec<Edited>,
}

pub(super) struct Edited {
    pub(super) number: usize,
    pub(super) fence: u64,
    /// The sum that the block has had.
    pub(super) before: [u8; SUM],
    /// What it becomes, with its sum.
    pub(super) bytes: Box<[u8; SUMMED]>,
}

/// An edit that is decided.
pub(crate) struct Change {
    run: Arc<Run>,
    edit: Arc<Edit>,
    /// What is known of the run when it is done.
    state: State,
    moves_fences: bool,
}

impl Run {
    /// The blocks that may have one of these hashes, ascending.
    pub(crate) fn blocks_with(&self, hashes: &[u64]) -> Vec<usize> {
        let state = self.state();
        let mut blocks: Vec<usize> =
            hashes.iter().flat_map(|hash| state.fences.blocks_of(*hash)).collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    }
}

impl Change {
    /// What leaves nothing of these hashes, which are sorted, in these blocks; `None` if there is nothing of them. In all
    /// blocks behind these nothing is left of them.
    pub(crate) fn without(
        run: &Arc<Run>,
        hashes: &[u64],
        blocks: &[usize],
    ) -> Result<Option<Self>> {
        // Another process may have written it since it was opened.
        let state = run.look_again(None)?;
        let mut fences = state.fences.all().to_vec();
        let mut edited = Vec::new();
        let mut moves_fences = false;
        for number in blocks.iter().rev().copied() {
            let behind = fences.get(number + 1).copied().unwrap_or(u64::MAX);
            let Some(block) = Edited::without(run, hashes, number, behind)? else { continue };
            moves_fences |= fences[number] != block.fence;
            fences[number] = block.fence;
            edited.push(block);
        }
        if edited.is_empty() {
            return Ok(None);
        }
        edited.reverse();
        let state = match moves_fences {
            true => State::of(&run.head, fences).ok_or_else(|| run.odd(edited[0].number))?,
            false => (*state).clone(),
        };
        let (first, next, sum) = (run.first(), run.next(), state.sum);
        let edit = Arc::new(Edit { first, next, sum, blocks: edited });
        Ok(Some(Self { run: run.clone(), edit, state, moves_fences }))
    }

    /// One that a process has decided that ended then; `None` if the run is not the one that it was decided for.
    pub(crate) fn left(run: &Arc<Run>, edit: Edit) -> Result<Option<Self>> {
        let state = State::load(&run.file, &run.head, Some(edit));
        let state = state.map_err(|source| Error::io("read", run.path(), source))?;
        Ok(state.and_then(|state| {
            let edit = state.edit.clone()?;
            let state = State { edit: None, ..state };
            Some(Self { run: run.clone(), edit, state, moves_fences: true })
        }))
    }

    /// How many blocks become others.
    pub(crate) fn len(&self) -> usize {
        self.edit.blocks.len()
    }

    pub(crate) fn edit(&self) -> &Edit {
        &self.edit
    }

    /// Does it, durably. Where the file is gone there is nothing to be done.
    pub(crate) fn carry_out(self) -> Result<()> {
        match self.write() {
            Err(source) if source.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::io("write", self.run.path(), source)),
            Ok(()) => self.run.set_state(self.state),
        }
        Ok(())
    }

    fn write(&self) -> io::Result<()> {
        let Self { run, edit, moves_fences, .. } = self;
        let path = run.path();
        let file = OpenOptions::new().write(true).open(path)?;
        if !disk::is_same(&file, &run.file)? {
            return Err(io::Error::other("another file has taken its place"));
        }
        let beside = |a: &Edited, b: &Edited| a.number + 1 == b.number;
        for blocks in edit.blocks.chunk_by(beside) {
            let bytes: Vec<u8> = blocks.iter().flat_map(|block| *block.bytes).collect();
            disk::write_at(path, &file, &bytes, run.head.block_offset(blocks[0].number))?;
        }
        // An edited block under the fence that it had is noticed; the other way round nobody would.
        disk::sync(path, &file)?;
        if !moves_fences {
            return Ok(());
        }
        for blocks in edit.blocks.chunk_by(beside) {
            let bytes: Vec<u8> =
                blocks.iter().flat_map(|block| block.fence.to_be_bytes()).collect();
            disk::write_at(path, &file, &bytes, run.head.fence_offset(blocks[0].number as u64))?;
        }
        disk::write_at(path, &file, &edit.sum, run.head.fence_offset(run.head.blocks))?;
        disk::sync(path, &file)
    }
}

impl Edited {
    /// `behind` is the fence of the next block.
    fn without(run: &Run, hashes: &[u64], number: usize, behind: u64) -> Result<Option<Self>> {
        let mut bytes = Box::new([0; SUMMED]);
        let fence = run.read(number, &mut bytes[..])?.fences.of(number);
        let (block, sum) =
            bytes.split_first_chunk::<BLOCK>().expect("a block comes before its sum");
        let left = without(block, fence, hashes).ok_or_else(|| run.odd(number))?;
        if !left.is_changed && hashes.binary_search(&fence).is_err() {
            return Ok(None);
        }
        let before = *sum.first_chunk().expect("a sum is behind its block");
        let part = FIRST_BLOCK_PART + number as u64;
        let plain = |block: &[u8]| run.head.sum(part, block);
        let (moved, sum) = match left.first {
            // Whatever it is counted from, there is nothing in it.
            None => (behind, plain(&left.block[..])),
            Some(first) if first == fence && plain(block) == before => {
                (first, plain(&left.block[..]))
            }
            Some(first) => (first, run.head.sum_with_fence(part, &left.block[..], first)),
        };
        bytes[..BLOCK].copy_from_slice(&left.block[..]);
        bytes[BLOCK..].copy_from_slice(&sum);
        Ok(Some(Self { number, fence: moved, before, bytes }))
    }
}
