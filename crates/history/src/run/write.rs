use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::block::Filling;
use super::head::{FENCES_PART, FIRST_BLOCK_PART, HEAD_PART, Head, SUM, TIMES_PART};
use super::{Entry, Run, Zone, file_name, hash_of, index_of};
use crate::error::{Error, Result};
use crate::folder::Temporary;
use crate::name::OriginHash;

/// Writes a run, so that its file appears whole or not at all.
pub(crate) struct Writer {
    path: PathBuf,
    temporary: Temporary,
    file: BufWriter<File>,
    head: Head,
    fences: Vec<u64>,
    filling: Filling,
}

/// A run that is whole, and not in its place yet.
pub(crate) struct Written {
    run: Run,
    temporary: Temporary,
}

impl Written {
    /// Puts it in its place.
    pub(crate) fn put(self) -> Result<Run> {
        let Self { run, temporary } = self;
        temporary.put(run.path()).map_err(|source| Error::io("write", run.path(), source))?;
        Ok(run)
    }
}

impl Writer {
    pub(crate) fn new(
        dir: &Path,
        origin: OriginHash,
        (first, next): (u64, u64),
        times: &[Zone],
    ) -> Result<Self> {
        let path = dir.join(file_name(first, next));
        let temporary = Temporary::of(&path);
        let head = Head::new(origin, first, next, 0);
        let begin = || {
            let mut file = BufWriter::with_capacity(256 << 10, temporary.create()?);
            // The head is written last: it says how many blocks there are.
            file.write_all(&vec![0; head.times_offset() as usize])?;
            let number = |number: i64| number.to_be_bytes();
            let times: Vec<u8> =
                times.iter().flat_map(|zone| [number(zone.0), number(zone.1)]).flatten().collect();
            file.write_all(&times)?;
            file.write_all(&head.sum(TIMES_PART, &times))?;
            Ok(file)
        };
        let file = begin().map_err(|source| Error::io("write", temporary.path(), source))?;
        Ok(Self { path, temporary, file, head, fences: Vec::new(), filling: Filling::new() })
    }

    /// The next group, in ascending order of their hashes.
    pub(crate) fn group(&mut self, hash: u64, mut records: &[u32]) -> Result<()> {
        while !records.is_empty() {
            let taken = self.filling.take(hash, records);
            records = &records[taken..];
            if !records.is_empty() {
                self.block()?;
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn finish(self) -> Result<Run> {
        self.complete()?.put()
    }

    /// All but its place, which is left to whoever knows whether it is still wanted.
    pub(crate) fn complete(mut self) -> Result<Written> {
        if !self.filling.is_empty() {
            self.block()?;
        }
        self.end().map_err(|source| Error::io("write", &self.path, source))?;
        let Self { path, temporary, head, .. } = self;
        // Before it is in its place: afterwards nothing may fail, or there would be a run that nobody knows.
        let run = Run::open_at(temporary.path(), &path, head.origin, None)?;
        Ok(Written { run, temporary })
    }

    fn block(&mut self) -> Result<()> {
        self.fences.push(self.filling.fence());
        let block = self.filling.finish();
        let sum = self.head.sum(FIRST_BLOCK_PART + self.head.blocks, block);
        self.head.blocks += 1;
        let written = self.file.write_all(block).and_then(|()| self.file.write_all(&sum));
        self.filling.begin();
        written.map_err(|source| Error::io("write", self.temporary.path(), source))
    }

    fn end(&mut self) -> io::Result<()> {
        let fences: Vec<u8> = self.fences.iter().flat_map(|fence| fence.to_be_bytes()).collect();
        self.file.write_all(&fences)?;
        self.file.write_all(&self.head.sum(FENCES_PART, &fences))?;
        self.file.seek(SeekFrom::Start(0))?;
        let head = self.head.to_bytes();
        let sum: [u8; SUM] = self.head.sum(HEAD_PART, &head);
        self.file.write_all(&head)?;
        self.file.write_all(&sum)?;
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }
}

/// The records of a name that many have, ascending.
pub(crate) type List<'a> = (u64, &'a [u32]);

/// Gives sorted entries and sorted lists as hashes and their records, which count from the first; each record once.
pub(crate) fn grouped(
    mut entries: &[Entry],
    mut lists: &[List<'_>],
    first: u64,
    mut each: impl FnMut(u64, &[u32]) -> Result<()>,
) -> Result<()> {
    let mut records = Vec::new();
    loop {
        let next = entries.first().map(|entry| hash_of(*entry));
        let Some(hash) = next.into_iter().chain(lists.first().map(|list| list.0)).min() else {
            return Ok(());
        };
        let own = entries.iter().take_while(|entry| hash_of(**entry) == hash).count();
        let listed = lists.iter().take_while(|list| list.0 == hash).count();
        if let (0, [(_, list)]) = (own, &lists[..listed]) {
            each(hash, list)?;
        } else {
            records.clear();
            records.extend(entries[..own].iter().map(|entry| (index_of(*entry) - first) as u32));
            lists[..listed].iter().for_each(|(_, list)| records.extend_from_slice(list));
            if !records.is_sorted() {
                records.sort_unstable();
            }
            records.dedup();
            each(hash, &records)?;
        }
        (entries, lists) = (&entries[own..], &lists[listed..]);
    }
}
