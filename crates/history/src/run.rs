use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::question::OriginHash;

/// The hash of a question and the index of a record that answers it.
pub(crate) type Entry = (u64, u64);

/// Some consecutive records' part of the index: sorted, written once, never changed.
///
/// ```text
/// run    = head ‖ sum ‖ fences ‖ sum ‖ block ‖ sum ‖ block ‖ sum …
/// head   = "sealtrail run 1\n"(16) ‖ origin hash(32) ‖ BE64 first record ‖ BE64 record after the last ‖ BE64 entries
/// fences = the first entry of each block
/// block  = 255 entries, the last one as many as are left
/// entry  = BE64 hash of the question ‖ BE64 record index; in ascending order, none twice
/// sum    = first 16 bytes of SHA-256("sealtrail/history/v1/run" ‖ 0x00 ‖ head ‖ BE64 number of the part ‖ part)
/// ```
///
/// Parts are numbered from 0, the head. Each is checked whenever it is read, so an edit is never answered
/// from, and opening a run costs its fences, one entry in 255.
pub(crate) struct Run {
    path: PathBuf,
    file: File,
    head: Head,
    fences: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Head {
    origin: OriginHash,
    first: u64,
    next: u64,
    entries: u64,
}

const MAGIC: &[u8; 16] = b"sealtrail run 1\n";
const HEAD: usize = 16 + 32 + 3 * 8;
const SUM: usize = 16;
const ENTRY: usize = 16;
/// With its sum, a block has 4096 bytes.
const PER_BLOCK: usize = 255;

impl Run {
    /// Writes the run of the records `first..next`, so that its file appears whole or not at all.
    pub(crate) fn write<'a>(
        dir: &Path,
        origin: OriginHash,
        (first, next): (u64, u64),
        entries: impl ExactSizeIterator<Item = &'a Entry> + Clone,
    ) -> Result<Self> {
        let head = Head { origin, first, next, entries: entries.len() as u64 };
        let path = dir.join(file_name(first, next));
        let temporary = path.with_extension("tmp");
        write_parts(&temporary, &head, entries)
            .and_then(|()| fs::rename(&temporary, &path))
            .and_then(|()| sync_folder(dir))
            .map_err(|source| Error::io("write", &path, source))?;
        Self::open(&path, origin)
    }

    /// Opens a run and checks all but its blocks.
    pub(crate) fn open(path: &Path, origin: OriginHash) -> Result<Self> {
        let failed = |source| Error::io("read", path, source);
        let mut file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let damaged = |expected: &str| Error::damaged(path, expected);

        let mut bytes = [0; HEAD + SUM];
        file.read_exact(&mut bytes).map_err(|_| damaged("a whole head"))?;
        let head = Head::parse(bytes[..HEAD].try_into().expect("a head has this length"))
            .filter(|head| head.sum(0, &bytes[..HEAD]) == bytes[HEAD..])
            .ok_or_else(|| damaged("a head that fits its checksum"))?;
        if head.origin != origin {
            return Err(damaged("a run of this log, got a run of another origin"));
        }
        if path.file_name() != Some(file_name(head.first, head.next).as_ref()) {
            return Err(damaged(&format!(
                "the run that is called `{}`",
                file_name(head.first, head.next)
            )));
        }
        // After this the number of entries is bounded by the file, and so is all that is allocated for it.
        match head.length() {
            Some(expected) if expected == length => {}
            Some(expected) => return Err(damaged(&format!("{expected} bytes, got {length}"))),
            None => return Err(damaged("a number of entries that a file can hold")),
        }
        let mut fences = vec![0; head.blocks() as usize * ENTRY + SUM];
        file.read_exact(&mut fences).map_err(failed)?;
        let fences =
            head.checked(1, &fences).ok_or_else(|| damaged("fences that fit their checksum"))?;
        let fences = entries_of(fences).collect();
        Ok(Self { path: path.to_owned(), file, head, fences })
    }

    pub(crate) fn first(&self) -> u64 {
        self.head.first
    }

    /// The record after the last one of this run.
    pub(crate) fn next(&self) -> u64 {
        self.head.next
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds the records that answer a question, ascending. One block is in memory at a time.
    pub(crate) fn find(&self, hash: u64, found: &mut Vec<u64>) -> Result<()> {
        // The block before the first fence of this hash may end with it.
        let from = self.fences.partition_point(|(fence, _)| *fence < hash).saturating_sub(1);
        let to = self.fences.partition_point(|(fence, _)| *fence <= hash);
        let mut buffer = [0; PER_BLOCK * ENTRY + SUM];
        for block in from..to {
            let entries = self.block(block, &mut buffer)?;
            found.extend(entries.filter(|(entry, _)| *entry == hash).map(|(_, index)| index));
        }
        Ok(())
    }

    fn block<'b>(
        &self,
        number: usize,
        buffer: &'b mut [u8],
    ) -> Result<impl Iterator<Item = Entry> + 'b> {
        let before = number * PER_BLOCK;
        let entries = PER_BLOCK.min(self.head.entries as usize - before);
        let buffer = &mut buffer[..entries * ENTRY + SUM];
        let offset = self.head.blocks_offset() + (number * (PER_BLOCK * ENTRY + SUM)) as u64;
        read_at(&self.file, buffer, offset).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => {
                Error::damaged(&self.path, format!("{} entries", self.head.entries))
            }
            _ => Error::io("read", &self.path, source),
        })?;
        let entries = self.head.checked(2 + number as u64, buffer).ok_or_else(|| {
            Error::damaged(
                &self.path,
                format!("the {} bytes at {offset} to fit their checksum", buffer.len()),
            )
        })?;
        Ok(entries_of(entries))
    }
}

impl Head {
    fn to_bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..16].copy_from_slice(MAGIC);
        bytes[16..48].copy_from_slice(&self.origin.0);
        for (place, number) in
            bytes[48..].chunks_exact_mut(8).zip([self.first, self.next, self.entries])
        {
            place.copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    fn parse(bytes: &[u8; HEAD]) -> Option<Self> {
        let (magic, rest) = bytes.split_at(16);
        let (origin, numbers) = rest.split_at(32);
        let (number, _) = numbers.as_chunks::<8>();
        let [first, next, entries] = [0, 1, 2].map(|n| u64::from_be_bytes(number[n]));
        (magic == MAGIC && first < next).then_some(Self {
            origin: OriginHash(origin.try_into().ok()?),
            first,
            next,
            entries,
        })
    }

    fn blocks(&self) -> u64 {
        self.entries.div_ceil(PER_BLOCK as u64)
    }

    fn blocks_offset(&self) -> u64 {
        (HEAD + SUM + SUM) as u64 + self.blocks() * ENTRY as u64
    }

    /// The length of the whole file.
    fn length(&self) -> Option<u64> {
        let fences = self.blocks().checked_mul((ENTRY + SUM) as u64)?;
        self.entries
            .checked_mul(ENTRY as u64)?
            .checked_add(fences)?
            .checked_add((HEAD + SUM + SUM) as u64)
    }

    fn sum(&self, number: u64, part: &[u8]) -> [u8; SUM] {
        let mut hash = Sha256::new();
        hash.update(b"sealtrail/history/v1/run\0");
        hash.update(self.to_bytes());
        hash.update(number.to_be_bytes());
        hash.update(part);
        let digest: [u8; 32] = hash.finalize().into();
        digest[..SUM].try_into().expect("16 of 32 bytes")
    }

    /// The part without its sum, if the sum fits.
    fn checked<'b>(&self, number: u64, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let (part, sum) = bytes.split_at(bytes.len() - SUM);
        (self.sum(number, part) == sum).then_some(part)
    }
}

/// What the run of these records is called: both numbers with 20 digits, so that names sort as records do.
pub(crate) fn file_name(first: u64, next: u64) -> String {
    format!("{first:020}-{next:020}.run")
}

fn write_parts<'a>(
    path: &Path,
    head: &Head,
    entries: impl ExactSizeIterator<Item = &'a Entry> + Clone,
) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut part = |number: u64, bytes: &[u8]| {
        file.write_all(bytes)?;
        file.write_all(&head.sum(number, bytes))
    };
    part(0, &head.to_bytes())?;
    let fences: Vec<u8> =
        entries.clone().step_by(PER_BLOCK).flat_map(|entry| bytes_of(*entry)).collect();
    part(1, &fences)?;
    let mut block = Vec::with_capacity(PER_BLOCK * ENTRY);
    let mut number = 2;
    for entry in entries {
        block.extend(bytes_of(*entry));
        if block.len() == PER_BLOCK * ENTRY {
            part(number, &block)?;
            number += 1;
            block.clear();
        }
    }
    if !block.is_empty() {
        part(number, &block)?;
    }
    file.flush()?;
    file.get_ref().sync_all()
}

fn bytes_of((hash, index): Entry) -> [u8; ENTRY] {
    let mut bytes = [0; ENTRY];
    bytes[..8].copy_from_slice(&hash.to_be_bytes());
    bytes[8..].copy_from_slice(&index.to_be_bytes());
    bytes
}

fn entries_of(bytes: &[u8]) -> impl Iterator<Item = Entry> {
    let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().expect("8 bytes"));
    bytes.chunks_exact(ENTRY).map(move |entry| (number(&entry[..8]), number(&entry[8..])))
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

/// Makes the entries of a folder durable, where the system has such a call.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn origin() -> OriginHash {
        OriginHash::new("example.com/shop")
    }

    /// 1,000 entries, a third of them of one hash, which then fills whole blocks.
    fn entries() -> BTreeSet<Entry> {
        (0..1000_u64)
            .map(|n| {
                (
                    if n % 3 == 0 {
                        u64::MAX / 2
                    } else {
                        u64::wrapping_mul(n, 0x9e37_79b9_7f4a_7c15)
                    },
                    n,
                )
            })
            .collect()
    }

    fn written(dir: &Path) -> (Run, BTreeSet<Entry>) {
        let entries = entries();
        (Run::write(dir, origin(), (0, 1000), entries.iter()).unwrap(), entries)
    }

    fn found(run: &Run, hash: u64) -> Vec<u64> {
        let mut found = Vec::new();
        run.find(hash, &mut found).unwrap();
        found
    }

    #[test]
    fn every_entry_is_found_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (run, entries) = written(dir.path());
        for (hash, _) in &entries {
            let expected: Vec<u64> =
                entries.range((*hash, 0)..=(*hash, u64::MAX)).map(|(_, index)| *index).collect();
            assert_eq!(found(&run, *hash), expected);
        }
        for absent in [0, 1, u64::MAX / 2 - 1, u64::MAX / 2 + 1, u64::MAX] {
            let expected: Vec<u64> =
                entries.range((absent, 0)..=(absent, u64::MAX)).map(|(_, index)| *index).collect();
            assert_eq!(found(&run, absent), expected);
        }
    }

    #[test]
    fn a_number_of_entries_that_fills_blocks_exactly_and_none() {
        for count in [0, 1, 254, 255, 256, 510] {
            let dir = tempfile::tempdir().unwrap();
            let entries: BTreeSet<Entry> = (0..count).map(|n| (7, n)).collect();
            let run = Run::write(dir.path(), origin(), (0, count + 1), entries.iter()).unwrap();
            assert_eq!(found(&run, 7), (0..count).collect::<Vec<_>>());
            assert_eq!(found(&run, 8), [] as [u64; 0]);
        }
    }

    #[test]
    fn every_edited_byte_and_every_cut_is_noticed_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let (run, entries) = written(dir.path());
        let path = run.path().to_owned();
        let good = fs::read(&path).unwrap();
        let name = path.display().to_string();
        // Opened, then asked in every block: what `open` leaves unread, `find` must notice.
        let outcome = || -> Result<()> {
            let run = Run::open(&path, origin())?;
            entries.iter().step_by(90).try_for_each(|(hash, _)| run.find(*hash, &mut Vec::new()))
        };
        outcome().unwrap();
        for at in (0..good.len()).step_by(37) {
            let mut edited = good.clone();
            edited[at] ^= 1;
            fs::write(&path, edited).unwrap();
            let error = outcome().expect_err("an edit was not noticed");
            assert!(error.is_damaged() && error.to_string().contains(&name), "byte {at}: {error}");
        }
        for length in (0..good.len()).step_by(101).chain([good.len() - 1]) {
            fs::write(&path, &good[..length]).unwrap();
            let error = outcome().expect_err("a cut was not noticed");
            assert!(
                error.is_damaged() && error.to_string().contains(&name),
                "{length} bytes: {error}"
            );
        }
        let mut longer = good.clone();
        longer.push(0);
        fs::write(&path, longer).unwrap();
        assert!(outcome().unwrap_err().is_damaged());

        // Two blocks that changed places are each whole, and still wrong.
        let block = PER_BLOCK * ENTRY + SUM;
        let start = good.len() - (good.len() - (HEAD + 2 * SUM + 4 * ENTRY)) / block * block;
        let mut swapped = good.clone();
        let start = start.min(HEAD + 2 * SUM + 4 * ENTRY);
        let (one, two) = swapped[start..start + 2 * block].split_at_mut(block);
        one.swap_with_slice(two);
        fs::write(&path, swapped).unwrap();
        assert!(outcome().unwrap_err().is_damaged());
    }

    #[test]
    fn a_run_of_another_origin_or_under_another_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (run, _) = written(dir.path());
        let error = Run::open(run.path(), OriginHash::new("example.com/other")).err().unwrap();
        assert!(error.to_string().contains("another origin"), "{error}");
        let moved = dir.path().join(file_name(1000, 2000));
        fs::rename(run.path(), &moved).unwrap();
        let error = Run::open(&moved, origin()).err().unwrap();
        assert!(error.is_damaged() && error.to_string().contains(&file_name(0, 1000)), "{error}");
    }

    #[test]
    fn a_head_that_promises_more_than_the_file_holds_allocates_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for entries in [u64::MAX, u64::MAX / 16, 1 << 40] {
            let head = Head { origin: origin(), first: 0, next: 1, entries };
            let mut bytes = head.to_bytes().to_vec();
            bytes.extend(head.sum(0, &head.to_bytes()));
            let path = dir.path().join(file_name(0, 1));
            fs::write(&path, bytes).unwrap();
            assert!(Run::open(&path, origin()).err().unwrap().is_damaged());
        }
    }
}
