//! What is looked at, in which order.

use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::thread;

use sealtrail_proof::{Checkpoint, VerifierKey};

use super::kept::Kept;
use super::lines::Lines;
use super::meter::{Meter, Progress};
use super::pass::Pass;
use super::pruned::{self, Pruned};
use super::source::{self, Segment};
use super::tiles::Shelf;
use super::walk::Walk;
use super::{Class, Failure, Report, checkpoint};
use crate::paths::{Layout, Stored};
use crate::regular;

/// More threads than this are not started unless asked for: each needs some memory, and no disk is faster.
const MAX_THREADS: usize = 16;

/// Looks at a log that retention is changing at the same time.
const ATTEMPTS: u32 = 4;

/// Re-hashes every stored byte of the log in `dir` and compares it with what `key` signed.
///
/// The same as [`Audit::new`] and [`Audit::run`].
///
/// # Errors
///
/// The first thing that is wrong, with its class, and the record, file and byte where they can be
/// named.
pub fn verify(dir: &Path, key: &VerifierKey) -> Result<Report, Failure> {
    Audit::new(dir, key).run()
}

/// An audit, and what it may be told.
///
/// ```
/// use sealtrail_log::verify::{Audit, Class};
/// # use sealtrail_log::{Log, Options, Signer, proof::SigningKey};
/// # let folder = tempfile::tempdir()?;
/// # let (dir, backup) = (folder.path().join("log"), folder.path().join("backup"));
/// # let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?;
/// # let vkey = key.verifier_key();
/// # Log::create(&dir, "shop.example/trail", &key)?;
/// # Log::create(&backup, "shop.example/trail", &key)?;
/// # let (log, _) = Log::open(&dir, Signer::new("shop.example/trail", key)?, Options::default())?;
/// log.append(vec![b"one".to_vec(), b"two".to_vec()])?;
/// let kept_elsewhere = log.checkpoint_now()?;
/// log.append(vec![b"three".to_vec()])?;
/// # log.close()?;
///
/// let report = Audit::new(&dir, &vkey).known(kept_elsewhere.clone()).threads(2).run()?;
/// assert_eq!((report.covered, report.known_checkpoints), (3, 1));
///
/// // Put back to the day before, the log is intact to whoever knows nothing else.
/// assert!(Audit::new(&backup, &vkey).run().is_ok());
/// let failure = Audit::new(&backup, &vkey).known(kept_elsewhere).run().unwrap_err();
/// assert_eq!(failure.class, Class::RolledBack);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct Audit<'a> {
    layout: Layout,
    key: &'a VerifierKey,
    known: Vec<Checkpoint>,
    threads: usize,
    progress: Option<Box<dyn Fn(Progress) + Sync + 'a>>,
}

impl<'a> Audit<'a> {
    /// An audit of the log in `dir` by the key that signs it, on all processors, up to 16.
    pub fn new(dir: &Path, key: &'a VerifierKey) -> Self {
        let threads = thread::available_parallelism().map_or(1, |threads| threads.get());
        Self {
            layout: Layout::new(dir),
            key,
            known: Vec::new(),
            threads: threads.min(MAX_THREADS),
            progress: None,
        }
    }

    /// The log must extend this checkpoint too, which was kept elsewhere and has been verified. May be
    /// said again for another.
    pub fn known(mut self, checkpoint: Checkpoint) -> Self {
        self.known.push(checkpoint);
        self
    }

    /// How many threads hash, at least one. The verdict does not depend on it.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Is told now and then how far it is, from any of the threads.
    pub fn progress(mut self, told: impl Fn(Progress) + Sync + 'a) -> Self {
        self.progress = Some(Box::new(told));
        self
    }

    /// Reads everything.
    ///
    /// # Errors
    ///
    /// As [`verify`] says.
    pub fn run(&self) -> Result<Report, Failure> {
        for _ in 1..ATTEMPTS {
            let before = self.retained();
            let verdict = self.attempt();
            // What looks missing may have been removed or compressed a moment ago.
            if verdict.is_ok() || self.retained() == before {
                return verdict;
            }
        }
        self.attempt()
    }

    /// The oldest segments and the statement about what was before them, as far as they can be read: what
    /// changes only when somebody prunes or compresses.
    fn retained(&self) -> (Vec<Stored>, Option<Vec<u8>>) {
        let mut stored = self.layout.all_segments().unwrap_or_default();
        // The writer adds to the end.
        stored.truncate(stored.len().saturating_sub(1));
        (stored, regular::read(&self.layout.pruned()).ok())
    }

    fn attempt(&self) -> Result<Report, Failure> {
        let (layout, key) = (&self.layout, self.key);
        let (checkpoint, _) = checkpoint::read(layout, key)?;
        let covered = checkpoint.size();
        // Before the lines, so that a writer at work can only make those more.
        let durable = durable(layout)?;
        let shelf = Shelf::look(layout);
        let segments = source::segments(layout)?;
        let pruned = pruned::read(layout, key)?;
        let removed = removed(&checkpoint, pruned, &segments)?;

        let told = self.progress.as_deref();
        let meter = Meter::new(told);
        meter.plan(segments.iter().map(|segment| segment.bytes).sum());
        let pass = Pass::new(layout, covered, removed, &segments, &shelf, &meter);
        let passed = match pass.run(self.threads) {
            Ok(passed) => Some(passed),
            Err(_) => {
                meter.plan(segments.iter().map(|segment| segment.bytes).sum());
                None
            }
        };
        let lines = Lines::new(layout, key, &meter, covered, removed, &segments);
        let walked = Walk::new(layout, &checkpoint, removed).run(lines, passed, durable)?;
        if let Some((leaves, tile)) = shelf.extent.filter(|(leaves, _)| *leaves > walked.count) {
            return Err(Failure::new(
                Class::Tile,
                format!("it speaks of {leaves} records, but there are {} lines", walked.count),
            )
            .record(walked.count)
            .file(tile.path()));
        }

        source::expect_plain_end(layout, &segments, covered)?;

        // What was removed in the meantime is told of by another statement.
        let pruned = if walked.removed > removed { pruned::read(layout, key)? } else { pruned };

        let kept = Kept { layout, key, current: &checkpoint };
        let old_checkpoints = kept.files(self.threads)?;
        kept.known(&self.known)?;
        Ok(Report {
            origin: checkpoint.origin().into(),
            covered,
            uncovered: walked.count - covered,
            torn_bytes: walked.torn_bytes,
            root: checkpoint.root_text(),
            segments: segments.len() as u64,
            bytes: walked.bytes,
            removed: (walked.removed > 0).then_some(0..walked.removed),
            removal_told_at: pruned.told_at,
            old_checkpoints,
            known_checkpoints: self.known.len() as u64,
        })
    }
}

impl fmt::Debug for Audit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "audit of `{}` by `{}`", self.layout.root().display(), self.key.name())
    }
}

/// How many records are gone from the beginning, and may be.
fn removed(checkpoint: &Checkpoint, pruned: Pruned, segments: &[Segment]) -> Result<u64, Failure> {
    // What is removed is told in the log before, and that is covered by a checkpoint.
    if let Some(told_at) = pruned.told_at.filter(|told_at| *told_at >= checkpoint.size()) {
        return Err(Failure::new(
            Class::RolledBack,
            format!(
                "it signs {} records, but `pruned` was signed when record {told_at} was one of them",
                checkpoint.size()
            ),
        )
        .record(checkpoint.size())
        .file("checkpoint"));
    }
    // A crash may have left some of what may go. It is read as long as it is there.
    let first = segments.first().map_or(pruned.first_kept, |segment| segment.stored.first);
    Ok(first.min(pruned.first_kept))
}

/// How many lines were on disk at some time, as the log notes it for its readers; 0 if it does not say.
fn durable(layout: &Layout) -> Result<u64, Failure> {
    let path = layout.durable();
    let text = match regular::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        // Whatever a crash made of it, it is a file, and the writer must be able to write it.
        Err(error) => {
            return Err(
                Failure::new(Class::Unreadable, error.to_string()).file(layout.below(&path))
            );
        }
    };
    let digits = str::from_utf8(&text).ok().and_then(|text| text.strip_suffix('\n'));
    Ok(digits
        .filter(|digits| digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0))
}
