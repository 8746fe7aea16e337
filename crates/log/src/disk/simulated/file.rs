//! What a file holds now, what of it is on the disk, and what a loss of power leaves.

use super::chance::Chance;

pub(super) const SECTOR: usize = 512;

#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) now: Vec<u8>,
    pub(super) on_disk: Vec<u8>,
    pub(super) unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Write(usize, Vec<u8>),
    Cut(usize),
}

impl File {
    pub(super) fn change(&mut self, change: Change) {
        change.clone().apply(&mut self.now);
        self.unsynced.push(change);
    }

    /// Lets chance say what of the unsynced changes reaches the disk.
    pub(super) fn settle(&mut self, chance: &mut Chance) {
        let unsynced = std::mem::take(&mut self.unsynced);
        if unsynced.is_empty() {
            return;
        }
        let lengths: Vec<usize> = unsynced
            .iter()
            .scan(self.on_disk.len(), |length, change| {
                *length = change.length_after(*length);
                Some(*length)
            })
            .collect();
        match chance.below(4) {
            0 => {}
            1 => unsynced.into_iter().for_each(|change| change.apply(&mut self.on_disk)),
            2 => {
                let whole = chance.below(unsynced.len() as u64) as usize;
                for (i, change) in unsynced.into_iter().take(whole + 1).enumerate() {
                    match change {
                        Change::Write(at, bytes) if i == whole => {
                            let mut end = at + chance.below(bytes.len() as u64 + 1) as usize;
                            if end < self.on_disk.len() {
                                end -= end % SECTOR;
                            }
                            let kept = end.saturating_sub(at);
                            Change::Write(at, bytes[..kept].to_vec()).apply(&mut self.on_disk);
                        }
                        Change::Cut(_) if i == whole => {}
                        change => change.apply(&mut self.on_disk),
                    }
                }
            }
            _ => {
                let at = chance.below(lengths.len() as u64 + 1) as usize;
                let length = if at == 0 { self.on_disk.len() } else { lengths[at - 1] };
                for change in unsynced {
                    match change {
                        Change::Write(at, bytes) => {
                            for (at, sector) in sectors(at, &bytes) {
                                if chance.below(2) == 0 {
                                    Change::Write(at, sector.to_vec()).apply(&mut self.on_disk);
                                }
                            }
                        }
                        Change::Cut(_) if chance.below(2) == 0 => {}
                        cut => cut.apply(&mut self.on_disk),
                    }
                }
                self.on_disk.resize(length, 0);
            }
        }
    }
}

impl Change {
    pub(super) fn apply(self, content: &mut Vec<u8>) {
        match self {
            Self::Write(_, bytes) if bytes.is_empty() => {}
            Self::Write(at, bytes) => {
                let end = at + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[at..end].copy_from_slice(&bytes);
            }
            Self::Cut(length) => content.resize(length, 0),
        }
    }

    pub(super) fn length_after(&self, length: usize) -> usize {
        match self {
            Self::Write(at, bytes) => length.max(at + bytes.len()),
            Self::Cut(length) => *length,
        }
    }
}

/// The pieces of a write, one for each sector that it touches.
fn sectors(at: usize, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let first = (SECTOR - at % SECTOR).min(bytes.len());
    let (head, rest) = bytes.split_at(first);
    let rest = rest.chunks(SECTOR).enumerate().map(move |(i, s)| (at + first + i * SECTOR, s));
    std::iter::once((at, head)).chain(rest)
}
