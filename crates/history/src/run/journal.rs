//! What is being done to runs, so that whoever comes after a crash completes it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::edit::{Edit, Edited};
use super::head::SUM;
use super::read::SUMMED;
use super::{Run, range_of};
use crate::disk::{Step, step};
use crate::error::{Error, Result};
use crate::folder::{self, Temporary};
use crate::name::OriginHash;

/// Edits of runs, each of which may not have begun, or be done in part, or be done. The file appears whole, before the
/// first block is touched, and goes when the last one is durable.
///
/// ```text
/// forgetting = "sealtrail forgetting 1\n" ‖ origin hash(32) ‖ edit ‖ edit … ‖ sum
/// edit       = BE64 first record ‖ BE64 record after the last ‖ BE64 blocks ‖ sum of the fences ‖ block ‖ block …
/// block      = BE64 number, from 0 ‖ BE64 fence ‖ the sum that it had ‖ the block ‖ its sum
/// sum        = first 16 bytes of SHA-256("sealtrail/history/v2/forgetting" ‖ 0x00 ‖ all before)
/// ```
///
/// Runs are named by their records. Fences, blocks and sums are what is to be in the run.
pub(crate) struct Journal {
    edits: Vec<Edit>,
}

pub(crate) const NAME: &str = "forgetting";
const MAGIC: &[u8] = b"sealtrail forgetting 1\n";

/// Longer than any that is written.
const LIMIT: u64 = 16 << 20;

impl Journal {
    /// Writes one, durably. Where that fails there is none.
    pub(crate) fn write<'e>(
        dir: &Path,
        origin: OriginHash,
        edits: impl Iterator<Item = &'e Edit>,
    ) -> Result<()> {
        let place = path(dir);
        let mut bytes = [MAGIC, &origin.0].concat();
        edits.for_each(|edit| edit.put(&mut bytes));
        let sum = sum(&bytes);
        bytes.extend(sum);
        let temporary = Temporary::of(&place);
        put(temporary, &place, &bytes).map_err(|source| Error::io("write", &place, source))
    }

    pub(crate) fn read(dir: &Path, origin: OriginHash) -> Result<Option<Self>> {
        let path = path(dir);
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes)) {
            Ok(_) => {}
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::io("read", &path, source)),
        }
        let whole = || {
            let (bytes, given) = bytes.split_last_chunk()?;
            let rest = bytes.strip_prefix(MAGIC)?;
            (sum(bytes) == *given).then_some(rest)
        };
        let rest = whole().ok_or_else(|| {
            Error::damaged(&path, "`sealtrail forgetting 1` and what fits its checksum")
        })?;
        let edits = rest.strip_prefix(&origin.0[..]).ok_or_else(|| {
            Error::damaged(&path, "what is done to runs of this log, got another origin")
        })?;
        let edits = parse(edits).ok_or_else(|| Error::damaged(&path, "blocks of runs"))?;
        Ok(Some(Self { edits }))
    }

    /// What is being done to the run in a place.
    pub(super) fn edit_at(run: &Path, origin: OriginHash) -> Result<Option<Edit>> {
        let range = run.file_name().and_then(|name| range_of(name.to_str()?));
        let (Some(dir), Some(range)) = (run.parent(), range) else { return Ok(None) };
        let journal = Self::read(dir, origin)?;
        let mut edits = journal.into_iter().flat_map(|journal| journal.edits);
        Ok(edits.find(|edit| (edit.first, edit.next) == range))
    }

    /// What is being done to a run, once.
    pub(crate) fn take(&mut self, run: &Run) -> Option<Edit> {
        let is_of = |edit: &Edit| (edit.first, edit.next) == (run.first(), run.next());
        let at = self.edits.iter().position(is_of)?;
        Some(self.edits.swap_remove(at))
    }

    /// Removes it, when all is done; there may be none.
    pub(crate) fn remove(dir: &Path) -> Result<()> {
        let path = path(dir);
        let removed = step(Step::Unlink(&path), || std::fs::remove_file(&path));
        match removed {
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(Error::io("delete", &path, source)),
            Ok(()) => step(Step::SyncFolder(dir), || folder::sync_folder(dir))
                .map_err(|source| Error::io("sync", dir, source)),
        }
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

fn put(temporary: Temporary, place: &Path, bytes: &[u8]) -> io::Result<()> {
    let (from, dir) = (temporary.path().to_owned(), place.parent().unwrap_or(Path::new(".")));
    step(Step::Create(&from), || temporary.create()?.write_all(bytes))?;
    step(Step::Sync(&from), || File::open(&from)?.sync_all())?;
    step(Step::Rename { from: &from, to: place }, || temporary.rename(place))?;
    step(Step::SyncFolder(dir), || folder::sync_folder(dir)).inspect_err(|_| {
        let _ = step(Step::Unlink(place), || std::fs::remove_file(place));
    })
}

fn sum(bytes: &[u8]) -> [u8; SUM] {
    let hash = Sha256::new().chain_update(b"sealtrail/history/v2/forgetting\0").chain_update(bytes);
    let digest: [u8; 32] = hash.finalize().into();
    *digest.first_chunk().expect("16 of 32 bytes")
}

impl Edit {
    fn put(&self, bytes: &mut Vec<u8>) {
        for number in [self.first, self.next, self.blocks.len() as u64] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(self.sum);
        for block in &self.blocks {
            bytes.extend((block.number as u64).to_be_bytes());
            bytes.extend(block.fence.to_be_bytes());
            bytes.extend(block.before);
            bytes.extend(&block.bytes[..]);
        }
    }
}

/// All edits; each of them takes room in the file, so that is what bounds them.
fn parse(mut rest: &[u8]) -> Option<Vec<Edit>> {
    let mut edits = Vec::new();
    while !rest.is_empty() {
        let (first, next, blocks) = (number(&mut rest)?, number(&mut rest)?, number(&mut rest)?);
        let sum = *chunk(&mut rest)?;
        let blocks = (0..blocks).map(|_| block(&mut rest)).collect::<Option<Vec<_>>>()?;
        if !blocks.is_sorted_by(|a, b| a.number < b.number) {
            return None;
        }
        edits.push(Edit { first, next, sum, blocks });
    }
    Some(edits)
}

fn block(rest: &mut &[u8]) -> Option<Edited> {
    Some(Edited {
        number: usize::try_from(number(rest)?).ok()?,
        fence: number(rest)?,
        before: *chunk(rest)?,
        bytes: Box::new(*chunk::<SUMMED>(rest)?),
    })
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    chunk(rest).map(|bytes| u64::from_be_bytes(*bytes))
}

fn chunk<'b, const N: usize>(rest: &mut &'b [u8]) -> Option<&'b [u8; N]> {
    let (chunk, more) = rest.split_first_chunk()?;
    *rest = more;
    Some(chunk)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::run::{Writer, file_name};

    const BLOCK: usize = 8 + 8 + SUM + SUMMED;

    fn put_journal(dir: &Path, origin: OriginHash, rest: &[u8]) {
        let mut bytes = [MAGIC, &origin.0, rest].concat();
        bytes.extend(sum(&bytes));
        std::fs::write(dir.join(NAME), bytes).unwrap();
    }

    fn edit(blocks: u64, numbers: &[u64]) -> Vec<u8> {
        let head = [0, 1000, blocks].map(u64::to_be_bytes).concat();
        let block = |number: &u64| [&number.to_be_bytes()[..], &[7; BLOCK - 8]].concat();
        [head, vec![7; SUM], numbers.iter().flat_map(block).collect()].concat()
    }

    #[test]
    fn what_no_writer_makes_is_refused_or_of_no_run_and_takes_no_room() {
        let dir = tempfile::tempdir().unwrap();
        let origin = OriginHash::new("example.com/shop");
        let mut writer = Writer::new(dir.path(), origin, (0, 1000), &[(7, 9); 4]).unwrap();
        for hash in 1..2000_u64 {
            writer.group(hash << 50, &[5, 900]).unwrap();
        }
        writer.finish().unwrap();
        let path = dir.path().join(file_name(0, 1000));
        let odd = [
            edit(u64::MAX, &[]),
            edit(2, &[1]),
            edit(1, &[1, 2]),
            edit(2, &[2, 1]),
            edit(2, &[1, 1]),
            vec![0; 5],
            vec![0xff; 4000],
        ];
        for rest in odd {
            put_journal(dir.path(), origin, &rest);
            assert!(Journal::read(dir.path(), origin).err().unwrap().is_damaged());
            assert!(Run::open(&path, origin).err().unwrap().is_damaged());
        }
        // Blocks that the run has not, or that become what they cannot be.
        for numbers in [&[1, 2][..], &[0, u64::MAX], &[1 << 40], &[]] {
            put_journal(dir.path(), origin, &edit(numbers.len() as u64, numbers));
            assert!(Journal::read(dir.path(), origin).unwrap().is_some());
            let run = Arc::new(Run::open(&path, origin).unwrap());
            let mut found = Vec::new();
            run.find(77 << 50, &mut found).unwrap();
            assert_eq!(found, [5, 900]);
        }
        std::fs::write(dir.path().join(NAME), vec![0; LIMIT as usize + 5]).unwrap();
        assert!(Journal::read(dir.path(), origin).err().unwrap().is_damaged());
    }
}
