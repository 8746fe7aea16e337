use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::block::{BLOCK, Reading};
use super::fences::Fences;
use super::groups::Groups;
use super::head::{FENCES_PART, FIRST_BLOCK_PART, HEAD, HEAD_PART, Head, SUM, TIMES_PART};
use super::{Writer, Written, Zone, file_name};
use crate::error::{Error, Result};
use crate::name::OriginHash;

/// A run that is on disk.
pub(crate) struct Run {
    path: PathBuf,
    file: File,
    head: Head,
    times: Vec<Zone>,
    fences: Fences,
}

/// A block and its sum.
pub(super) const SUMMED: usize = BLOCK + SUM;

/// So many blocks of an answer are read at once.
pub(super) const TOGETHER: usize = 64;

impl Run {
    /// Opens a run and checks all but its blocks.
    pub(crate) fn open(path: &Path, origin: OriginHash) -> Result<Self> {
        Self::open_at(path, path, origin)
    }

    /// The same of a run whose file is at another place until it comes to its own.
    pub(crate) fn open_at(at: &Path, path: &Path, origin: OriginHash) -> Result<Self> {
        let failed = |source| Error::io("read", path, source);
        let damaged = |expected: &str| Error::damaged(path, expected);
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
        let part = |offset: u64, length: u64, part| {
            let mut bytes = vec![0; length as usize + SUM];
            read_at(&file, &mut bytes, offset).map_err(failed)?;
            let sound = head.checked(part, &bytes).is_some();
            bytes.truncate(length as usize);
            if sound {
                Ok(bytes)
            } else {
                Err(damaged("times and fences that fit their checksums"))
            }
        };
        let numbers = |bytes: Vec<u8>| -> Vec<u64> {
            bytes.as_chunks().0.iter().map(|bytes| u64::from_be_bytes(*bytes)).collect()
        };
        let times = numbers(part(head.times_offset(), head.zones() * 16, TIMES_PART)?);
        let times =
            times.as_chunks().0.iter().map(|[from, to]| (*from as i64, *to as i64)).collect();
        let fences_offset = length - head.blocks * 8 - SUM as u64;
        let fences = numbers(part(fences_offset, head.blocks * 8, FENCES_PART)?);
        let fences = Fences::new(fences).ok_or_else(|| damaged("blocks in ascending order"))?;
        Ok(Self { path: path.to_owned(), file, head, times, fences })
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
        let blocks = self.fences.blocks_of(hash);
        let mut buffer = vec![0; blocks.len().min(TOGETHER) * SUMMED];
        for first in blocks.clone().step_by(TOGETHER) {
            let count = (blocks.end - first).min(TOGETHER);
            let read = self.read(first, &mut buffer[..count * SUMMED])?;
            for (number, block) in (first..).zip(read.chunks_exact(SUMMED)) {
                let mut block = Reading::new(self.checked(number, block)?, self.fences.of(number));
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
        Groups::new(self.clone(), offset, 0)
    }

    /// The run written again without some groups, to be put in its place: the same bytes as if it had never had them.
    pub(crate) fn without(self: &Arc<Self>, hashes: &[u64], dir: &Path) -> Result<Written> {
        // Blocks before the first that may have one are the same: also where the next begins follows from what is there.
        let begins = hashes.iter().map(|hash| self.fences.blocks_of(*hash).start);
        let first = begins.min().unwrap_or(0);
        let range = (self.first(), self.next());
        let mut writer = Writer::new(dir, self.head.origin, range, &self.times)?;
        writer.copy(self, first)?;
        let mut groups = Groups::new(self.clone(), 0, first);
        loop {
            let bound = groups.known()?;
            let known: Vec<_> = groups.before(bound).collect();
            if known.is_empty() {
                return writer.complete();
            }
            for (hash, place) in &known {
                if hashes.binary_search(hash).is_err() {
                    writer.group(*hash, groups.records(*place))?;
                }
            }
            groups.pass(known.len());
        }
    }

    /// Reads consecutive blocks with their sums.
    pub(super) fn read<'b>(&self, number: usize, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
        let offset = self.offset(number);
        read_at(&self.file, buffer, offset).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => {
                Error::damaged(&self.path, format!("{} blocks", self.head.blocks))
            }
            _ => Error::io("read", &self.path, source),
        })?;
        Ok(buffer)
    }

    pub(super) fn checked<'b>(&self, number: usize, block: &'b [u8]) -> Result<&'b [u8]> {
        let expected =
            || format!("the {SUMMED} bytes at {} to fit their checksum", self.offset(number));
        let checked = self.head.checked(FIRST_BLOCK_PART + number as u64, block);
        checked.ok_or_else(|| Error::damaged(&self.path, expected()))
    }

    pub(super) fn fences(&self) -> &Fences {
        &self.fences
    }

    fn offset(&self, number: usize) -> u64 {
        self.head.blocks_offset() + (number * SUMMED) as u64
    }

    /// Its sum fits, and no writer of this format made it.
    pub(super) fn odd(&self, number: usize) -> Error {
        Error::damaged(&self.path, format!("block {number} to be groups of records"))
    }
}

/// Reads at a place without moving the file's position: several threads ask one run.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset);
    #[cfg(windows)]
    {
        let mut done = 0;
        while done < buffer.len() {
            match std::os::windows::fs::FileExt::seek_read(
                file,
                &mut buffer[done..],
                offset + done as u64,
            )? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => done += more,
            }
        }
        Ok(())
    }
}
