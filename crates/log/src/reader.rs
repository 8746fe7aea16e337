use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sealtrail_proof::tile::{Level, Tile, WIDTH};
use sealtrail_proof::{Checkpoint, Note, Receipt, inclusion};

use crate::marks::Marks;
use crate::paths::Layout;
use crate::{Error, Options, regular, tree};

/// Reads a log, beside its writer if there is one; never changes anything.
///
/// ```
/// use sealtrail_log::Reader;
/// # use sealtrail_log::{Log, Options, Signer, proof::SigningKey};
/// # let folder = tempfile::tempdir()?;
/// # let dir = folder.path();
/// # let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?;
/// # Log::create(dir, "shop.example/trail", &key)?;
/// # let (log, _) = Log::open(dir, Signer::new("shop.example/trail", key)?, Options::default())?;
/// # log.append(vec![b"one".to_vec(), b"two".to_vec()])?;
///
/// let reader = Reader::open(dir)?;
/// assert_eq!(reader.size()?, 2);
/// for line in reader.lines(0)? {
///     let (index, line) = line?;
///     println!("{index} {}", String::from_utf8_lossy(&line));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Reader {
    layout: Layout,
    origin: String,
    end: End,
    marks: Arc<Marks>,
}

/// How far a reader may read.
#[derive(Clone)]
enum End {
    /// To the last complete line in the files.
    Complete,
    /// To the last line that the writer has synced.
    Durable(Arc<AtomicU64>),
}

impl Reader {
    /// Opens the log in `dir`. Needs no key and believes nothing; belief is what
    /// [`verify`](mod@crate::verify) is for.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let layout = Layout::new(dir);
        let path = layout.checkpoint();
        let note = match regular::read(&path) {
            Ok(note) => note,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Error::not_a_log(dir, "there is no checkpoint"));
            }
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let checkpoint = Note::parse(&note)
            .and_then(|note| Checkpoint::parse(note.unverified_text()))
            .map_err(|error| Error::damaged(&path, error.to_string()))?;
        Ok(Self {
            marks: Arc::new(Marks::new(layout.clone())),
            layout,
            origin: checkpoint.origin().into(),
            end: End::Complete,
        })
    }

    pub(crate) fn of_writer(layout: Layout, origin: &str, durable: Arc<AtomicU64>) -> Self {
        Self {
            marks: Arc::new(Marks::new(layout.clone())),
            layout,
            origin: origin.into(),
            end: End::Durable(durable),
        }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        self.layout.root()
    }

    /// The origin that the checkpoint states.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of complete lines now; for the reader of a [`Log`](crate::Log), of durable ones.
    pub fn size(&self) -> Result<u64, Error> {
        match &self.end {
            End::Durable(size) => Ok(size.load(Ordering::Acquire)),
            End::Complete => self.marks.count(),
        }
    }

    /// One line, without its LF.
    pub fn read(&self, index: u64) -> Result<Vec<u8>, Error> {
        match self.lines(index)?.next() {
            Some(line) => Ok(line?.1),
            None => Err(Error::no_record(index, self.size()?)),
        }
    }

    /// The complete lines from `from` on, as many as there are now.
    pub fn lines(&self, from: u64) -> Result<Lines, Error> {
        Ok(Lines {
            layout: self.layout.clone(),
            marks: Arc::clone(&self.marks),
            next: from,
            end: self.size()?,
            open: None,
        })
    }

    /// The signed checkpoint, verbatim.
    pub fn checkpoint_note(&self) -> Result<String, Error> {
        let path = self.layout.checkpoint();
        let note = regular::read(&path).map_err(Error::io("read", &path))?;
        String::from_utf8(note).map_err(|_| Error::damaged(&path, "it is not UTF-8"))
    }

    /// The receipt of a record that the checkpoint covers ([`Error::is_not_covered`] if it does not).
    pub fn prove(&self, index: u64) -> Result<Receipt, Error> {
        let note = self.checkpoint_note()?;
        let checkpoint = Checkpoint::parse(Note::parse(note.as_bytes())?.unverified_text())?;
        let size = checkpoint.size();
        if index >= size {
            let lines = self.size()?;
            return Err(if index < lines {
                Error::not_covered(index, size)
            } else {
                Error::no_record(index, lines)
            });
        }
        let read = |tile| tree::hashes(&self.layout, tile);
        let path = inclusion::prove(index, size, read)?;
        // A receipt that does not verify is worse than none: say which tile leads nowhere.
        let tile = Tile::in_tree(size, Level::Hashes(0), index / WIDTH).expect("covered");
        let leaf = tree::hashes(&self.layout, tile)?[(index % WIDTH) as usize];
        inclusion::verify(&leaf, index, size, &path, checkpoint.root())
            .map_err(|error| Error::damaged(&self.layout.tile(tile), error.to_string()))?;
        Ok(Receipt::new(index, path, note))
    }

    /// The bytes of a tile or entry bundle, if the log has it.
    pub fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, Error> {
        let path = self.layout.tile(tile);
        match regular::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// What the C2SP read API serves at `path`: `checkpoint` or `tile/…`; nothing else has a path.
    ///
    /// Paths are read strictly ([`Tile::parse`]), so this may be given what a stranger asked for.
    pub fn resource(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        if path == "checkpoint" {
            return Ok(Some(self.checkpoint_note()?.into_bytes()));
        }
        match Tile::parse(path) {
            Ok(tile) => self.tile(tile),
            Err(_) => Ok(None),
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reader of log `{}`", self.origin)
    }
}

/// Lines in order, with their indices; made by [`Reader::lines`].
pub struct Lines {
    layout: Layout,
    marks: Arc<Marks>,
    next: u64,
    end: u64,
    open: Option<BufReader<File>>,
}

impl Iterator for Lines {
    type Item = Result<(u64, Vec<u8>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let line = self.line();
        match &line {
            Ok(_) => self.next += 1,
            Err(_) => self.end = self.next,
        }
        Some(line.map(|line| (self.next - 1, line)))
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lines {} to {}", self.next, self.end)
    }
}

impl Lines {
    fn line(&mut self) -> Result<Vec<u8>, Error> {
        if let Some(file) = &mut self.open
            && let Some(line) =
                read_line(file).map_err(Error::io("read", &self.layout.entries()))?
        {
            return Ok(line);
        }
        // The first line, or the end of a segment.
        let missing = || Error::no_record(self.next, self.end);
        let (first, offset, skip) = self.marks.find(self.next)?.ok_or_else(missing)?;
        let path = self.layout.segment(first);
        let mut file = regular::open(&path).map_err(Error::io("open", &path))?;
        file.seek(SeekFrom::Start(offset)).map_err(Error::io("read", &path))?;
        let mut file = BufReader::with_capacity(64 << 10, file);
        for _ in 0..skip {
            file.skip_until(b'\n').map_err(Error::io("read", &path))?;
        }
        let line = read_line(&mut file).map_err(Error::io("read", &path))?;
        self.open = Some(file);
        line.ok_or_else(missing)
    }
}

/// A complete line of bounded length.
fn read_line(file: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let limit = Options::MAX_LINE_BYTES as u64 + 1;
    file.take(limit).read_until(b'\n', &mut line)?;
    match line.pop() {
        Some(b'\n') => Ok(Some(line)),
        Some(_) if line.len() as u64 + 1 == limit => Err(std::io::Error::new(
            ErrorKind::InvalidData,
            "a line is longer than any line may be",
        )),
        _ => Ok(None),
    }
}
