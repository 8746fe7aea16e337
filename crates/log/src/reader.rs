use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sealtrail_proof::tile::{Level, Tile, WIDTH};
use sealtrail_proof::{Checkpoint, Note, Receipt, inclusion};

use crate::marks::Marks;
use crate::paths::Layout;
use crate::{Error, Follow, Hold, Lines, Pruned, extent, hold, regular, tree};

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
/// # log.close()?;
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

/// How far a reader may read: never to a line that is not on disk, for a crash may still take it.
#[derive(Clone)]
enum End {
    /// What the writer of another process has published; the number is what was last seen of it.
    Published(Arc<AtomicU64>),
    /// What the writer in this process has synced.
    Durable(Arc<AtomicU64>),
}

impl Reader {
    /// Opens the log in `dir`. Needs no key and believes nothing; belief is what
    /// [`verify`](mod@crate::verify) is for.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let layout = Layout::new(dir);
        let checkpoint = extent::checkpoint(&layout)?;
        Ok(Self {
            marks: Arc::new(Marks::new(layout.clone())),
            layout,
            origin: checkpoint.origin().into(),
            end: End::Published(Arc::default()),
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

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        self.layout.root()
    }

    /// The origin that the checkpoint states.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of records that are on disk now, those included that retention has removed since.
    ///
    /// A reader beside the writer of another process knows it from the checkpoint and the file `durable`,
    /// and sees no line before it was synced.
    pub fn size(&self) -> Result<u64, Error> {
        match &self.end {
            End::Durable(size) => Ok(size.load(Ordering::Acquire)),
            End::Published(seen) => {
                let size = extent::published(&self.layout)?;
                seen.store(size, Ordering::Release);
                Ok(size)
            }
        }
    }

    /// The first record that is kept: 0, until [`Log::prune`](crate::Log::prune) has removed some.
    pub fn first(&self) -> Result<u64, Error> {
        Ok(self.pruned()?.map_or(0, |pruned| pruned.first_kept))
    }

    /// What retention has removed, as the log says; nobody has verified that it does.
    pub fn pruned(&self) -> Result<Option<Pruned>, Error> {
        Pruned::read(&self.layout)
    }

    /// The holds, by name.
    pub fn holds(&self) -> Result<Vec<Hold>, Error> {
        hold::all(&self.layout)
    }

    /// One line, without its LF. [`Error::is_pruned`] if retention has removed it.
    pub fn read(&self, index: u64) -> Result<Vec<u8>, Error> {
        // What was seen once is still there: only what may be newer is looked up.
        let end = match &self.end {
            End::Published(seen) if index < seen.load(Ordering::Acquire) => index + 1,
            _ => self.size()?,
        };
        match self.lines_until(index, end).next() {
            Some(line) => Ok(line?.1),
            None => Err(Error::no_record(index, end)),
        }
    }

    /// The lines from `from` on, as many as there are now. Begin at [`first`](Self::first) to have all that
    /// are kept.
    pub fn lines(&self, from: u64) -> Result<Lines, Error> {
        Ok(self.lines_until(from, self.size()?))
    }

    pub(crate) fn lines_until(&self, from: u64, end: u64) -> Lines {
        Lines::new(&self.layout, &self.marks, from, end)
    }

    /// The first record for which `is_before` says no, or the number of records if it says yes to all.
    ///
    /// This is how to find a record by time: the log knows nothing of what is in a line, so the caller
    /// reads the time. It looks at some 30 records of a log of any length. As with
    /// [`slice::partition_point`], the yeses must come first. Records are in the order in which they were
    /// appended, and clocks may step back: then one of the places where the answer changes is found, so a
    /// caller who must not miss a record asks for a little earlier and looks on from there.
    ///
    /// ```
    /// # use sealtrail_log::{Log, Options, Reader, Signer, proof::SigningKey};
    /// # let folder = tempfile::tempdir()?;
    /// # let dir = folder.path();
    /// # let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?;
    /// # Log::create(dir, "shop.example/trail", &key)?;
    /// # let (log, _) = Log::open(dir, Signer::new("shop.example/trail", key)?, Options::default())?;
    /// log.append(vec![b"09:00 open".to_vec(), b"12:30 lunch".to_vec(), b"18:00 close".to_vec()])?;
    /// assert_eq!(log.reader().partition_point(|_, line| &line[..5] < b"12:00")?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn partition_point(
        &self,
        mut is_before: impl FnMut(u64, &[u8]) -> bool,
    ) -> Result<u64, Error> {
        let mut first = self.first()?;
        let size = self.size()?;
        loop {
            match self.partition_point_in(first, size, &mut is_before) {
                // Retention has overtaken the search.
                Err(error) if error.first_kept().is_some_and(|kept| kept > first) => {
                    first = error.first_kept().unwrap_or(size);
                }
                found => return found,
            }
        }
    }

    fn partition_point_in(
        &self,
        first: u64,
        size: u64,
        mut is_before: impl FnMut(u64, &[u8]) -> bool,
    ) -> Result<u64, Error> {
        // The first lines of the segments come first: within a segment the lines have to be counted.
        let segments = self.layout.all_segments()?.into_iter().map(|segment| segment.first);
        let firsts: Vec<u64> = segments.filter(|at| (first..size).contains(at)).collect();
        let mut ask = |index| Ok::<_, Error>(is_before(index, &self.read(index)?));
        let segment = search(0, firsts.len() as u64, |i| ask(firsts[i as usize]))?;
        let end = firsts.get(segment as usize).copied().unwrap_or(size);
        let begin = segment.checked_sub(1).map_or(first, |before| firsts[before as usize]);
        search(begin, end, ask)
    }

    /// Follows the log from record `from` on, as `tail -f` does: what is there, then what is appended, as
    /// soon as it is on disk.
    ///
    /// ```
    /// use sealtrail_log::{Followed, Reader};
    /// # use sealtrail_log::{Log, Options, Signer, proof::SigningKey};
    /// # let folder = tempfile::tempdir()?;
    /// # let dir = folder.path();
    /// # let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?;
    /// # Log::create(dir, "shop.example/trail", &key)?;
    /// # let (log, _) = Log::open(dir, Signer::new("shop.example/trail", key)?, Options::default())?;
    /// # log.append(vec![b"one".to_vec(), b"two".to_vec()])?;
    /// # log.close()?;
    ///
    /// for followed in Reader::open(dir)?.follow(0) {
    ///     match followed? {
    ///         Followed::Line { index, line } => {
    ///             println!("{index} {}", String::from_utf8_lossy(&line));
    /// #           if index == 1 { break }
    ///         }
    ///         Followed::Removed(range) => println!("retention has removed {range:?}"),
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn follow(&self, from: u64) -> Follow {
        Follow::new(self.clone(), from)
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

/// The first number in `low..high` for which `is_before` says no, or `high`.
fn search(
    mut low: u64,
    mut high: u64,
    mut is_before: impl FnMut(u64) -> Result<bool, Error>,
) -> Result<u64, Error> {
    while low < high {
        let middle = low + (high - low) / 2;
        if is_before(middle)? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
