use std::sync::Arc;

use super::block::{BLOCK, Group, Reading};
use super::read::{Run, SUMMED};
use crate::error::Result;

/// Every group of a run in their order, one that goes over several blocks as one. Some blocks are in memory at a time.
pub(crate) struct Groups {
    run: Arc<Run>,
    /// What is added to each record.
    offset: u32,
    /// The block after those that are in memory.
    next: usize,
    blocks: Vec<u8>,
    /// The groups of those blocks, each with where its records end.
    groups: Vec<(u64, usize)>,
    records: Vec<u32>,
    /// Which group comes next, and where its records begin.
    at: usize,
    start: usize,
}

/// So many blocks are read at once. Few in the tests of this crate, so that they see many beginnings and ends.
const TOGETHER: usize = if cfg!(test) { 2 } else { 16 };

/// When fewer groups are in memory, those of more blocks are read to be taken [before](Groups::before) a hash.
const ENOUGH: usize = if cfg!(test) { 8 } else { 512 };

impl Groups {
    pub(super) fn new(run: Arc<Run>, offset: u32) -> Self {
        let (blocks, groups, records) = (Vec::new(), Vec::new(), Vec::new());
        Self { run, offset, next: 0, blocks, groups, records, at: 0, start: 0 }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Group>> {
        // The last one that is in memory may go on.
        self.look_ahead(2)?;
        let Some((hash, end)) = self.groups.get(self.at).copied() else { return Ok(None) };
        let records = self.records[self.start..end].to_vec();
        (self.at, self.start) = (self.at + 1, end);
        Ok(Some(Group { hash, records }))
    }

    /// Before which hash all groups are in memory, more than none; `None` if all are that are left.
    pub(crate) fn known(&mut self) -> Result<Option<u64>> {
        self.look_ahead(ENOUGH)?;
        let is_end = self.next == self.run.blocks();
        Ok(self.groups.last().filter(|_| !is_end).map(|(hash, _)| *hash))
    }

    /// The hashes before one that is [known](Self::known), each with its place.
    pub(crate) fn before(&self, bound: Option<u64>) -> impl Iterator<Item = (u64, usize)> {
        let here = self.groups.iter().enumerate().skip(self.at);
        let here = here.map(|(place, (hash, _))| (*hash, place));
        here.take_while(move |(hash, _)| bound.is_none_or(|bound| *hash < bound))
    }

    /// The records of the group at a place, which was not passed over.
    pub(crate) fn records(&self, place: usize) -> &[u32] {
        let start = if place == self.at { self.start } else { self.groups[place - 1].1 };
        &self.records[start..self.groups[place].1]
    }

    /// Passes over so many groups.
    pub(crate) fn pass(&mut self, count: usize) {
        if count > 0 {
            self.at += count;
            self.start = self.groups[self.at - 1].1;
        }
    }

    /// Reads on until so many groups are in memory, or all that are left.
    fn look_ahead(&mut self, groups: usize) -> Result<()> {
        while self.groups.len() - self.at < groups && self.next < self.run.blocks() {
            self.read_on()?;
        }
        Ok(())
    }

    fn read_on(&mut self) -> Result<()> {
        self.groups.drain(..self.at);
        self.groups.iter_mut().for_each(|(_, end)| *end -= self.start);
        self.records.drain(..self.start);
        (self.at, self.start) = (0, 0);
        let count = (self.run.blocks() - self.next).min(TOGETHER);
        let mut blocks = std::mem::take(&mut self.blocks);
        blocks.resize(count * SUMMED, 0);
        let state = self.run.read(self.next, &mut blocks)?;
        for block in blocks.chunks_exact(SUMMED) {
            self.take(&block[..BLOCK], state.fences.of(self.next))?;
            self.next += 1;
        }
        self.blocks = blocks;
        Ok(())
    }

    /// Takes the groups of the next block.
    fn take(&mut self, block: &[u8], fence: u64) -> Result<()> {
        let odd = || self.run.odd(self.next);
        let mut block = Reading::new(block, fence);
        let mut last = 0;
        while let Some((hash, count)) = block.group() {
            let start = self.records.len();
            let read = block.records(count, |record| {
                last = last.max(record);
                self.records.push(record.wrapping_add(self.offset));
            });
            read.ok_or_else(odd)?;
            match self.groups.last_mut() {
                Some((before, end)) if *before == hash => {
                    // It goes on where it was left.
                    if self.records[start.saturating_sub(1)..]
                        .iter()
                        .take(2)
                        .is_sorted_by(|a, b| a < b)
                    {
                        *end = self.records.len();
                    } else {
                        return Err(odd());
                    }
                }
                Some((before, _)) if *before > hash => return Err(odd()),
                _ => self.groups.push((hash, self.records.len())),
            }
        }
        if u64::from(last) >= self.run.records() {
            return Err(odd());
        }
        Ok(())
    }
}
