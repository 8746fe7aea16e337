//! An open file of a simulated disk.

use std::io::{self, IoSlice, SeekFrom};

use super::file::{Change, SECTOR};
use super::{Break, Simulated};

/// An open file of it.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(super) disk: Simulated,
    pub(super) file: usize,
    pub(super) name: String,
    pub(super) position: u64,
}

impl Handle {
    pub(crate) fn bytes(&self) -> u64 {
        self.disk.lock().files[self.file].now.len() as u64
    }

    pub(crate) fn write_at(&self, offset: u64, pieces: &[IoSlice<'_>]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(pieces.iter().map(|piece| piece.len()).sum());
        pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
        let mut state = self.disk.lock();
        if self.name.ends_with(state.watched) {
            state.seen.push(bytes.clone());
        }
        let offset = offset as usize;
        let what = match state.trace.is_some() && bytes.iter().all(|byte| *byte == 0) {
            true => "fill",
            false => "write",
        };
        let length = bytes.len() as u64;
        let end = offset + bytes.len();
        let is_one_sector = bytes.is_empty() || offset / SECTOR == (end - 1) / SECTOR;
        let beginning = match is_one_sector && end <= state.files[self.file].now.len() {
            true => 0,
            false => state.chance.below(length + 1) as usize,
        };
        let how = state.next(what, &self.name, true)?;
        let bytes = match how {
            how if Break::is_done(how) => bytes,
            Some(Break::Torn | Break::Full(_)) => bytes[..beginning].to_vec(),
            _ => return state.outcome(how),
        };
        state.files[self.file].change(Change::Write(offset, bytes));
        state.outcome(how)
    }

    pub(crate) fn cut(&self, bytes: u64) -> io::Result<()> {
        let file = self.file;
        self.disk.lock().step("cut", &self.name, false, |state, _| {
            state.files[file].change(Change::Cut(bytes as usize));
        })
    }

    pub(crate) fn sync(&self, what: &'static str) -> io::Result<()> {
        let state = &mut *self.disk.lock();
        let how = state.next(what, &self.name, false)?;
        let file = &mut state.files[self.file];
        match how {
            how if Break::is_done(how) => {
                let unsynced = std::mem::take(&mut file.unsynced);
                unsynced.into_iter().for_each(|change| change.apply(&mut file.on_disk));
            }
            Some(Break::PowerBefore) => {}
            _ => {
                let is_cut = file.unsynced.iter().any(|change| matches!(change, Change::Cut(_)));
                file.settle(&mut state.chance);
                // Lengths are the journal's business.
                file.unsynced.extend(is_cut.then_some(Change::Cut(file.now.len())));
            }
        }
        state.outcome(how)
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.disk.lock();
        let rest = state.files[self.file].now.get(self.position as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.position += count as u64;
        Ok(count)
    }

    pub(crate) fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => self.position.wrapping_add_signed(by),
            SeekFrom::End(by) => self.bytes().wrapping_add_signed(by),
        };
        Ok(self.position)
    }
}
