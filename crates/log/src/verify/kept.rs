//! Checkpoints beside the current one: those the log keeps, and those that somebody else has kept.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sealtrail_proof::note::MAX_BYTES;
use sealtrail_proof::tile::{Level, WIDTH};
use sealtrail_proof::{Checkpoint, Hash, VerifierKey};

use super::{Class, Failure, checkpoint, tiles};
use crate::paths::Layout;
use crate::regular;

/// How a signature line begins (C2SP signed-note); the first line of a checkpoint never does.
const SIGNATURE: &[u8] = "\u{2014} ".as_bytes();

/// What other checkpoints are compared with: the tiles of a tree that has just been verified.
pub(super) struct Kept<'a> {
    pub(super) layout: &'a Layout,
    pub(super) key: &'a VerifierKey,
    /// The checkpoint that the audit began with.
    pub(super) current: &'a Checkpoint,
}

/// What was read of one file.
#[derive(Default)]
struct Notes {
    count: u64,
    /// The largest size, its offset.
    newest: Option<(u64, u64)>,
    /// Where a last note begins that is not whole, and its bytes.
    torn: Option<(u64, Vec<u8>)>,
}

impl Kept<'_> {
    /// Looks at every note in `checkpoints/`; returns how many there are.
    pub(super) fn files(&self, threads: usize) -> Result<u64, Failure> {
        let folder = self.layout.checkpoints();
        let names: Vec<String> = match fs::read_dir(&folder) {
            Ok(entries) => entries
                .map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()))
                .collect::<std::io::Result<_>>()
                .map_err(|error| self.fail(&folder, Class::Unreadable, error.to_string()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(self.fail(&folder, Class::Unreadable, error.to_string())),
        };
        let firsts = Layout::notes_among(&names);
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::with_capacity(firsts.len()));
        let work = || {
            let mut roots = Roots::new(self);
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(first) = firsts.get(at) else { break };
                let result = self.file(*first, at + 1 == firsts.len(), &mut roots);
                results.lock().expect("nobody panics with it").push((at, result));
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads.min(firsts.len()) {
                scope.spawn(work);
            }
            work();
        });
        let mut results = results.into_inner().expect("nobody panicked with it");
        results.sort_unstable_by_key(|(at, _)| *at);
        let (mut count, mut newest) = (0, None);
        for (at, result) in results {
            let notes = result?;
            count += notes.count;
            let path = self.layout.notes(firsts[at]);
            if let Some((offset, bytes)) = notes.torn {
                self.torn(&path, offset, &bytes)?;
            }
            newest = newest.max(notes.newest.map(|(size, offset)| (size, path, offset)));
        }
        if let Some((size, path, offset)) = newest.filter(|newest| newest.0 > self.current.size()) {
            self.newer(size, &path, offset)?;
        }
        Ok(count)
    }

    /// A checkpoint that somebody has kept elsewhere, and verified.
    pub(super) fn known(&self, known: &[Checkpoint]) -> Result<(), Failure> {
        let mut roots = Roots::new(self);
        for checkpoint in known {
            let size = checkpoint.size();
            if checkpoint.origin() != self.current.origin() {
                return Err(Failure::new(
                    Class::ForeignKey,
                    format!(
                        "expected a known checkpoint of origin `{}`, got one of `{}`",
                        self.current.origin(),
                        checkpoint.origin()
                    ),
                ));
            }
            if size > self.current.size() {
                return Err(rolled_back(self.current, size, "is known from elsewhere"));
            }
            if roots.at(size)? != *checkpoint.root() {
                return Err(Failure::new(
                    Class::Fork,
                    format!(
                        "the first {size} records have another root than {}, which is known from \
                         elsewhere",
                        checkpoint.root_text()
                    ),
                )
                .file("checkpoint"));
            }
        }
        Ok(())
    }

    fn file(&self, first: u64, is_last: bool, roots: &mut Roots<'_>) -> Result<Notes, Failure> {
        let path = self.layout.notes(first);
        let fail = |class, offset, message: String| self.fail(&path, class, message).offset(offset);
        let file = regular::open(&path)
            .map_err(|error| self.fail(&path, Class::Unreadable, error.to_string()))?;
        let mut file =
            Splitter { file: BufReader::with_capacity(64 << 10, file), line: Vec::new() };
        let (mut notes, mut offset) = (Notes::default(), 0);
        loop {
            let note = file
                .note()
                .map_err(|error| self.fail(&path, Class::Unreadable, error.to_string()))?;
            let note = match note {
                None => return Ok(notes),
                Some((note, true)) if !(is_last && note.contains(&0)) => note,
                Some((mut note, _)) if is_last && note.len() <= MAX_BYTES => {
                    file.rest(&mut note)
                        .map_err(|error| self.fail(&path, Class::Unreadable, error.to_string()))?;
                    notes.torn = Some((offset, note));
                    return Ok(notes);
                }
                Some(_) => {
                    return Err(fail(
                        Class::Checkpoint,
                        offset,
                        "it does not end with a note".into(),
                    ));
                }
            };
            let checkpoint = Checkpoint::verify(&note, self.key)
                .map_err(|error| fail(checkpoint::class(&error), offset, error.to_string()))?;
            let size = checkpoint.size();
            if notes.count == 0 && size != first {
                let message = format!("expected a note of size {first}, got one of size {size}");
                return Err(fail(Class::Checkpoint, offset, message));
            }
            if size <= self.current.size() && roots.at(size)? != *checkpoint.root() {
                let message = format!(
                    "that the first {size} records have the root {} was signed, but they do not",
                    checkpoint.root_text()
                );
                return Err(fail(Class::Fork, offset, message));
            }
            notes.count += 1;
            if notes.newest.is_none_or(|(newest, _)| size > newest) {
                notes.newest = Some((size, offset));
            }
            offset += note.len() as u64;
        }
    }

    /// A kept checkpoint of more records than the current one had when the audit began. The writer puts a
    /// checkpoint in place before it keeps it, so the current one must have as many by now.
    fn newer(&self, size: u64, path: &std::path::Path, offset: u64) -> Result<(), Failure> {
        let now = checkpoint::read(self.layout, self.key)?.0;
        if now.size() >= size {
            return Ok(());
        }
        let kept = self.layout.below(path).display();
        Err(rolled_back(self.current, size, &format!("is kept in `{kept}` at byte {offset}")))
    }

    /// The last note may be on its way, or be what a crash has left of it: the beginning of the current
    /// checkpoint, which was put in place before, and NULs wherever nothing has arrived.
    fn torn(&self, path: &std::path::Path, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let (_, note) = checkpoint::read(self.layout, self.key)?;
        let is_of_it = |(i, byte): (usize, &u8)| *byte == 0 || note.get(i) == Some(byte);
        if bytes.iter().enumerate().all(is_of_it) {
            return Ok(());
        }
        let message =
            "it ends with what is neither a note nor the beginning of the current checkpoint";
        Err(self.fail(path, Class::Checkpoint, message.into()).offset(offset))
    }

    fn fail(&self, path: &std::path::Path, class: Class, message: String) -> Failure {
        Failure::new(class, message).file(PathBuf::from(self.layout.below(path)))
    }
}

fn rolled_back(current: &Checkpoint, size: u64, how: &str) -> Failure {
    Failure::new(
        Class::RolledBack,
        format!("it signs {} records, but a checkpoint of {size} {how}", current.size()),
    )
    .record(current.size())
    .file("checkpoint")
}

/// Tells one note from the next, in bounded memory.
struct Splitter<R> {
    file: R,
    /// A line that was read and belongs to the next note.
    line: Vec<u8>,
}

impl<R: BufRead> Splitter<R> {
    /// The next note, and whether it is whole. One that is longer than any note may be is not.
    fn note(&mut self) -> std::io::Result<Option<(Vec<u8>, bool)>> {
        let mut note = std::mem::take(&mut self.line);
        let mut signed = note.starts_with(SIGNATURE);
        loop {
            let mut line = Vec::new();
            let limit = MAX_BYTES as u64 + 1;
            Read::take(&mut self.file, limit).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                let whole = signed && note.ends_with(b"\n");
                return Ok((!note.is_empty()).then_some((note, whole)));
            }
            let signature = line.starts_with(SIGNATURE);
            if signed && !signature {
                self.line = line;
                return Ok(Some((note, true)));
            }
            signed |= signature;
            note.append(&mut line);
            if note.len() > MAX_BYTES {
                return Ok(Some((note, false)));
            }
        }
    }

    /// Adds what follows, as far as one note may go and a little more.
    fn rest(&mut self, note: &mut Vec<u8>) -> std::io::Result<()> {
        note.append(&mut self.line);
        let room = (MAX_BYTES + 1).saturating_sub(note.len()) as u64;
        Read::take(&mut self.file, room).read_to_end(note).map(|_| ())
    }
}

/// The roots of smaller trees, from the tiles of the verified one.
struct Roots<'a> {
    layout: &'a Layout,
    size: u64,
    /// The tile of each level that was read last.
    last: Vec<Option<(u64, Vec<Hash>)>>,
}

impl<'a> Roots<'a> {
    fn new(kept: &Kept<'a>) -> Self {
        Self { layout: kept.layout, size: kept.current.size(), last: Vec::new() }
    }

    /// The root of the first `size` records, at most as many as are covered.
    fn at(&mut self, size: u64) -> Result<Hash, Failure> {
        let mut levels = Vec::new();
        for level in 0..8u8 {
            let filled = size >> (8 * u32::from(level));
            let (index, width) = (filled / WIDTH, (filled % WIDTH) as usize);
            levels.push(match width {
                0 => Vec::new(),
                _ => self.tile(level, index)?[..width].to_vec(),
            });
        }
        Ok(tiles::root(&levels))
    }

    fn tile(&mut self, level: u8, index: u64) -> Result<&[Hash], Failure> {
        let at = usize::from(level);
        if self.last.len() <= at {
            self.last.resize(at + 1, None);
        }
        if self.last[at].as_ref().is_none_or(|(last, _)| *last != index) {
            let (_, hashes) = tiles::required(self.layout, self.size, Level::Hashes(level), index)?
                .expect("a smaller tree has no other tiles");
            self.last[at] = Some((index, hashes));
        }
        Ok(&self.last[at].as_ref().expect("it was read just now").1)
    }
}
