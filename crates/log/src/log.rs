use std::fmt;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use sealtrail_proof::{Checkpoint, Receipt, SigningKey, key};

use crate::batch::Batch;
use crate::commit::{self, Committer, PoisonOnPanic};
use crate::commits::{CommitSizes, Commits};
use crate::cover::Cover;
use crate::disk::Disk;
use crate::paths::Layout;
use crate::queue::Queue;
use crate::retention::Retention;
use crate::submission::Submission;
use crate::writer::{self, Writer};
use crate::{Error, Lines, Options, Reader, Recovery, Signer, regular};

/// The one writer of a log.
///
/// Any number of threads may append; one thread commits their lines together (a caller who is alone commits his
/// own), another one covers them with checkpoints. Dropping the log is [`Log::close`] without anybody to tell of a failure.
///
/// ```
/// use std::sync::mpsc;
/// use sealtrail_log::{Log, Options, Signer, proof::SigningKey};
///
/// # let folder = tempfile::tempdir()?;
/// # let dir = folder.path();
/// let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?;
/// Log::create(dir, "shop.example/trail", &key)?;
/// let (log, _) = Log::open(dir, Signer::new("shop.example/trail", key)?, Options::default())?;
///
/// // Without waiting: the commit thread calls when the line is durable.
/// let (sender, receiver) = mpsc::channel();
/// log.append_then(vec![b"{}".to_vec()], move |result| sender.send(result).unwrap());
/// assert_eq!(receiver.recv()??, 0..1);
///
/// let line = log.read(0)?;
/// assert_eq!(log.prove(0)?.index(), 0);
/// assert!(log.append(vec![b"two\nlines".to_vec()]).unwrap_err().is_refused_line());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Log {
    origin: String,
    options: Options,
    queue: Arc<Queue>,
    committer: Arc<Mutex<Committer>>,
    cover: Arc<Cover>,
    durable: Arc<AtomicU64>,
    commits: Arc<Commits>,
    reader: Reader,
    retention: Retention,
    /// The commit thread, then the covering thread; gone once they are joined.
    threads: Vec<JoinHandle<()>>,
    /// Each thread has it too: it is held until they have ended, even if nobody could wait for them.
    _lock: Arc<Lock>,
}

impl Log {
    /// Makes an empty log in `dir`, with a signed checkpoint of size 0.
    ///
    /// The folder is made if its parent is there. A log that is there already is left alone.
    pub fn create(dir: &Path, origin: &str, key: &SigningKey) -> Result<(), Error> {
        key::check_name(origin)?;
        let signer = Signer::new(origin, key.clone())?;
        let layout = Layout::new(dir);
        writer::create_folder(&Disk::Real, &layout)?;
        let _lock = lock(&layout)?;
        writer::create(&Disk::Real, &layout, &signer)
    }

    /// Takes the lock, recovers what a crash may have left, and is ready to append.
    ///
    /// Lines that were complete but not yet under a checkpoint are kept and covered soon. The
    /// beginning of a line that was cut is moved into a file that [`Recovery::torn`] names. Anything
    /// wrong in what a checkpoint has signed is an error, and nothing is changed.
    pub fn open(dir: &Path, signer: Signer, options: Options) -> Result<(Self, Recovery), Error> {
        let layout = existing(dir)?;
        let lock = Arc::new(lock(&layout)?);
        let origin = signer.origin.clone();
        let Writer { committer, tree, retention, recovery } =
            Writer::open(&Disk::Real, &layout, signer, &options)?;
        let (queue, cover) = (Arc::clone(&committer.queue), Arc::clone(&committer.cover));
        let durable = Arc::clone(&committer.durable);
        let commits = Arc::clone(&committer.commits);
        let committer = Arc::new(Mutex::new(committer));
        let mut log = Self {
            reader: Reader::of_writer(layout, &origin, Arc::clone(&durable)),
            origin,
            options,
            queue: Arc::clone(&queue),
            committer: Arc::clone(&committer),
            cover: Arc::clone(&cover),
            durable,
            commits,
            retention,
            threads: Vec::new(),
            _lock: Arc::clone(&lock),
        };
        log.spawn("sealtrail-commit", {
            let (queue, lock) = (Arc::clone(&queue), Arc::clone(&lock));
            move || {
                let _lock = lock;
                commit::run(&committer, &queue);
            }
        })?;
        log.spawn("sealtrail-cover", move || {
            let _lock = lock;
            cover.run(tree, &queue);
        })?;
        Ok((log, recovery))
    }

    /// What [`open`](Self::open) would refuse of what a checkpoint has signed, without the lock and without changing
    /// anything, beside a writer too. Gives the number of records that are covered; the lines behind them, which
    /// `open` hashes again, are not read.
    ///
    /// ```
    /// use sealtrail_log::{Log, Signer, proof::SigningKey};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let dir = folder.path();
    /// let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?;
    /// Log::create(dir, "shop.example/trail", &key)?;
    /// assert_eq!(Log::check(dir, &Signer::new("shop.example/trail", key)?)?, 0);
    ///
    /// let other = SigningKey::from_seed("shop.example/trail", &[8; 32])?;
    /// assert!(Log::check(dir, &Signer::new("shop.example/trail", other)?).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check(dir: &Path, signer: &Signer) -> Result<u64, Error> {
        let layout = existing(dir)?;
        let note = || regular::read(&layout.checkpoint()).ok();
        for _ in 1..CHECKS {
            let before = note();
            match writer::check(&Disk::Real, &layout, signer) {
                // A writer has put tiles in the places of those that were about to be read.
                Err(_) if before != note() => {}
                checked => return checked,
            }
        }
        writer::check(&Disk::Real, &layout, signer)
    }

    /// Appends lines (without LF) next to one another; returns their indices when they are durable.
    ///
    /// Waits while too much is queued. One bad line refuses all, and nothing is appended. From within what
    /// [`append_then`](Self::append_then) calls it would wait for itself, so it is refused there
    /// ([`Error::is_refused`]).
    pub fn append(&self, lines: Vec<Vec<u8>>) -> Result<Range<u64>, Error> {
        let submission = Submission::new(&lines, &self.options)?;
        if lines.is_empty() {
            return Ok(self.size()..self.size());
        }
        if self.threads.iter().any(is_current) {
            return Err(Error::refused(
                "expected `append_then` in what `append_then` calls, got `append`, which waits for its end",
            ));
        }
        self.queue.submit(submission, |submission| {
            let _guard = PoisonOnPanic(&self.queue);
            let mut committer = self.committer.lock().unwrap_or_else(PoisonError::into_inner);
            committer.turn(Batch::of(submission))
        })
    }

    /// The same without waiting. `done` is called once: from the commit thread when the lines are
    /// durable or lost, or at once when they are refused or the queue is full
    /// ([`Error::is_full`]). It must be short, for everybody's commit waits. It may append with
    /// `append_then`, and it may drop the log.
    pub fn append_then(
        &self,
        lines: Vec<Vec<u8>>,
        done: impl FnOnce(Result<Range<u64>, Error>) + Send + 'static,
    ) {
        match Submission::new(&lines, &self.options) {
            Err(error) => done(Err(error)),
            Ok(_) if lines.is_empty() => done(Ok(self.size()..self.size())),
            Ok(submission) => self.queue.offer(submission, Box::new(done)),
        }
    }

    /// The number of durable records.
    pub fn size(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// How often lines were synced since the log was opened; many lines share a sync under load.
    pub fn commits(&self) -> u64 {
        self.commits.count()
    }

    /// How many lines each commit since the opening made durable.
    pub fn commit_sizes(&self) -> CommitSizes {
        self.commits.sizes()
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Why appends fail, if the disk is full. The log goes on by itself when there is room, and looks for it even
    /// if nobody appends.
    pub fn disk_full(&self) -> Option<Error> {
        self.queue.disk_full()
    }

    /// Why durable records wait longer than they should for a checkpoint, if the disk is full for tiles.
    pub fn checkpoints_delayed(&self) -> Option<Error> {
        self.cover.put_off()
    }

    /// Why the log takes no more records, if a write has failed.
    pub fn poisoned(&self) -> Option<Error> {
        self.queue.poisoned()
    }

    /// One durable line, without its LF.
    pub fn read(&self, index: u64) -> Result<Vec<u8>, Error> {
        self.reader.read(index)
    }

    /// The durable lines from `from` on, as many as there are now.
    pub fn lines(&self, from: u64) -> Result<Lines, Error> {
        self.reader.lines(from)
    }

    /// The receipt of a durable record; signs a checkpoint if none covers it yet.
    pub fn prove(&self, index: u64) -> Result<Receipt, Error> {
        let size = self.size();
        if index >= size {
            return Err(Error::no_record(index, size));
        }
        if self.checkpoint().size() <= index {
            self.checkpoint_now()?;
        }
        self.reader.prove(index)
    }

    /// The last checkpoint.
    pub fn checkpoint(&self) -> Checkpoint {
        self.cover.checkpoint()
    }

    /// Signs what is durable now, without waiting for the interval.
    pub fn checkpoint_now(&self) -> Result<Checkpoint, Error> {
        self.cover.now(&self.queue)
    }

    /// A reader that sees this log's durable records.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(crate) fn retention(&self) -> &Retention {
        &self.retention
    }

    /// Waits for everything appended, signs a last checkpoint, releases the lock.
    ///
    /// If the disk is full, the last checkpoint may be missing; the next opening covers what is there.
    pub fn close(mut self) -> Result<(), Error> {
        self.shut_down();
        self.queue.poisoned().or_else(|| self.cover.put_off()).map_or(Ok(()), Err)
    }

    fn shut_down(&mut self) {
        self.queue.close();
        for (i, thread) in self.threads.drain(..).enumerate() {
            if i == 1 {
                self.cover.close();
            }
            // The last one who had the log may be what one of the threads calls. It ends after that, and has the lock
            // until then.
            if is_current(&thread) {
                continue;
            }
            // A panic in it has poisoned the queue, which is how the caller hears of it.
            let _ = thread.join();
        }
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let thread = thread::Builder::new()
            .name(name.into())
            .spawn(run)
            .map_err(Error::io("start a thread for", self.reader.dir()))?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log `{}` of {} records", self.origin, self.size())
    }
}

fn is_current(thread: &JoinHandle<()>) -> bool {
    thread.thread().id() == thread::current().id()
}

/// Times that a log is looked at whose writer signs another checkpoint meanwhile.
const CHECKS: usize = 8;

fn existing(dir: &Path) -> Result<Layout, Error> {
    let layout = Layout::new(dir);
    match layout.entries().is_dir() {
        true => Ok(layout),
        false => Err(Error::not_a_log(dir, "there is no folder `entries`")),
    }
}

/// The right to write the log.
struct Lock(File);

impl Drop for Lock {
    /// A process that another thread is starting at this moment has the open file too, until it is another program;
    /// so closing it here alone would leave it locked a little longer.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// One writer per log: the lock belongs to the open file, so it dies with the process, however it dies.
fn lock(layout: &Layout) -> Result<Lock, Error> {
    let path = layout.lock();
    let file = match fs::OpenOptions::new().create_new(true).write(true).open(&path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            regular::open_with(&path, fs::OpenOptions::new().write(true))
        }
        made => made,
    };
    let file = file.map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(fs::TryLockError::WouldBlock) => Err(Error::locked(layout.root())),
        Err(fs::TryLockError::Error(error)) if error.kind() == ErrorKind::WouldBlock => {
            Err(Error::locked(layout.root()))
        }
        Err(fs::TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
    }
}
