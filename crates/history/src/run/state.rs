//! What is known of the blocks of a run.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::edit::Edit;
use super::fences::Fences;
use super::head::{FENCES_PART, FIRST_BLOCK_PART, Head, SUM};
use super::read::SUMMED;
use crate::disk::read_at;

/// It changes only while names are taken out of the run. Other blocks stay as they are then, and other names in their blocks.
#[derive(Clone)]
pub(super) struct State {
    pub(super) fences: Arc<Fences>,
    /// Of the fences.
    pub(super) sum: [u8; SUM],
    /// Blocks that are decided and may not be on disk yet: what is there in their place is not looked at.
    pub(super) edit: Option<Arc<Edit>>,
}

impl State {
    /// What is on disk, or becomes of it by an edit, if it is of this run. `None` if the sum does not fit, or no writer has
    /// made it so.
    pub(super) fn load(file: &File, head: &Head, edit: Option<Edit>) -> io::Result<Option<Self>> {
        let mut bytes = vec![0; head.blocks as usize * 8 + SUM];
        read_at(file, &mut bytes, head.fence_offset(0))?;
        let (fences, sum) = bytes.split_last_chunk::<SUM>().expect("the sum is behind the fences");
        let fences: Vec<u64> =
            fences.as_chunks().0.iter().map(|bytes| u64::from_be_bytes(*bytes)).collect();
        if let Some(edit) = edit.map(Arc::new)
            && let Some(state) = Self::edited(head, fences.clone(), &edit)
            && edit.is_of(file, head)?
        {
            return Ok(Some(state));
        }
        Ok(Self::of(head, fences).filter(|state| state.sum == *sum))
    }

    /// What becomes of fences, some of which may be changed already. `None` if they are others.
    fn edited(head: &Head, mut fences: Vec<u64>, edit: &Arc<Edit>) -> Option<Self> {
        for block in &edit.blocks {
            *fences.get_mut(block.number)? = block.fence;
        }
        let state = Self::of(head, fences).filter(|state| state.sum == edit.sum)?;
        Some(Self { edit: Some(edit.clone()), ..state })
    }

    /// `None` if they do not ascend.
    pub(super) fn of(head: &Head, fences: Vec<u64>) -> Option<Self> {
        let bytes: Vec<u8> = fences.iter().flat_map(|fence| fence.to_be_bytes()).collect();
        let sum = head.sum(FENCES_PART, &bytes);
        Some(Self { fences: Arc::new(Fences::new(fences)?), sum, edit: None })
    }

    /// Puts those that are decided in the place of consecutive blocks that were read.
    pub(super) fn put_edited(&self, first: usize, blocks: &mut [u8]) {
        let Some(edit) = &self.edit else { return };
        let from = edit.blocks.partition_point(|block| block.number < first);
        for block in &edit.blocks[from..] {
            let at = (block.number - first) * SUMMED;
            let Some(place) = blocks.get_mut(at..at + SUMMED) else { return };
            place.copy_from_slice(&block.bytes[..]);
        }
    }

    /// Whether the sum of a block fits.
    pub(super) fn is_sound(&self, head: &Head, number: usize, block: &[u8]) -> bool {
        let part = FIRST_BLOCK_PART + number as u64;
        let with_fence = || {
            let (block, sum) = block.split_last_chunk()?;
            Some(head.sum_with_fence(part, block, self.fences.of(number)) == *sum)
        };
        head.checked(part, block).is_some() || with_fence() == Some(true)
    }
}

impl Edit {
    /// Whether these blocks are what they were or what they become, as far as they are whole. One that somebody else has
    /// written since is neither.
    fn is_of(&self, file: &File, head: &Head) -> io::Result<bool> {
        let mut bytes = [0; SUMMED];
        for block in &self.blocks {
            read_at(file, &mut bytes, head.block_offset(block.number))?;
            let is_known = bytes.ends_with(&block.before) || bytes[..] == block.bytes[..];
            let part = FIRST_BLOCK_PART + block.number as u64;
            if !is_known && head.checked(part, &bytes).is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
