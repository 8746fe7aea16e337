use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_proof::{Checkpoint, Note};

/// Why the log could not do what it was asked.
///
/// The kinds stay private; ask with the predicates. Cheap to clone, because one failed commit is
/// told to everybody who waited for it.
#[derive(Clone, Debug)]
pub struct Error {
    kind: Arc<Kind>,
}

#[derive(Debug)]
enum Kind {
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    Exists { path: PathBuf },
    NotALog { path: PathBuf, why: String },
    Locked { path: PathBuf },
    OtherOrigin { path: PathBuf, expected: String, found: String },
    KeyOfAnotherLog { origin: String, key: String },
    Signature { path: PathBuf, why: String },
    Damaged { path: PathBuf, why: String },
    RefusedLine { why: String },
    Full { limit: usize },
    Poisoned { why: String },
    Closed,
    NoRecord { index: u64, size: u64 },
    NotCovered { index: u64, size: u64 },
    Pruned { index: u64, first: u64 },
    Held { name: String, from: u64, wanted: u64 },
    NoHold { name: String },
    Refused { why: String },
    Replaced { why: String },
    Proof(sealtrail_proof::Error),
}

impl Error {
    /// A file could not be read or written.
    pub fn is_io(&self) -> bool {
        matches!(*self.kind, Kind::Io { .. })
    }

    /// `create` found a log there already.
    pub fn is_already_there(&self) -> bool {
        matches!(*self.kind, Kind::Exists { .. })
    }

    /// There is no log in the directory.
    pub fn is_not_a_log(&self) -> bool {
        matches!(*self.kind, Kind::NotALog { .. })
    }

    /// Another process, or another handle in this one, writes this log.
    pub fn is_locked(&self) -> bool {
        matches!(*self.kind, Kind::Locked { .. })
    }

    /// The directory holds the log of another origin.
    pub fn is_other_origin(&self) -> bool {
        matches!(*self.kind, Kind::OtherOrigin { .. })
    }

    /// The signing key is not the key of this log.
    pub fn is_other_key(&self) -> bool {
        matches!(*self.kind, Kind::KeyOfAnotherLog { .. } | Kind::Signature { .. })
    }

    /// What a checkpoint has signed is no longer there, or no longer the same. Run `verify`.
    pub fn is_damaged(&self) -> bool {
        matches!(*self.kind, Kind::Damaged { .. })
    }

    /// A line was empty, too long, or held a byte that no line may hold. Nothing was appended.
    pub fn is_refused_line(&self) -> bool {
        matches!(*self.kind, Kind::RefusedLine { .. })
    }

    /// Too many bytes wait for the disk. Nothing was appended; try again later.
    pub fn is_full(&self) -> bool {
        matches!(*self.kind, Kind::Full { .. })
    }

    /// There is no room on the disk, or no quota. Nothing was appended, what was acknowledged stays, and the log
    /// goes on by itself when there is room.
    pub fn is_disk_full(&self) -> bool {
        matches!(&*self.kind, Kind::Io { source, .. } if matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ))
    }

    /// An earlier write or sync failed, so nobody knows what is on disk: open the log anew.
    pub fn is_poisoned(&self) -> bool {
        matches!(*self.kind, Kind::Poisoned { .. })
    }

    /// The log was closed.
    pub fn is_closed(&self) -> bool {
        matches!(*self.kind, Kind::Closed)
    }

    /// There is no record of that index.
    pub fn is_no_record(&self) -> bool {
        matches!(*self.kind, Kind::NoRecord { .. })
    }

    /// The record is there, but no checkpoint covers it yet.
    pub fn is_not_covered(&self) -> bool {
        matches!(*self.kind, Kind::NotCovered { .. })
    }

    /// The record was there, and retention has removed it.
    pub fn is_pruned(&self) -> bool {
        matches!(*self.kind, Kind::Pruned { .. })
    }

    /// The first record that retention has kept, of an error that [`is_pruned`](Self::is_pruned).
    pub fn first_kept(&self) -> Option<u64> {
        match *self.kind {
            Kind::Pruned { first, .. } => Some(first),
            _ => None,
        }
    }

    /// A hold keeps what was to be removed.
    pub fn is_held(&self) -> bool {
        matches!(*self.kind, Kind::Held { .. })
    }

    /// There is no hold of that name.
    pub fn is_no_hold(&self) -> bool {
        matches!(*self.kind, Kind::NoHold { .. })
    }

    /// The log was asked for what it never does, like removing what it still writes. Nothing was done.
    pub fn is_refused(&self) -> bool {
        matches!(*self.kind, Kind::Refused { .. })
    }

    /// The log is not the one that was read before: it was put back to an older copy, or replaced.
    pub fn is_replaced(&self) -> bool {
        matches!(*self.kind, Kind::Replaced { .. })
    }

    /// For `map_err`: names what was being done to which file.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Kind::Io { doing, path: path.into(), source }.into()
    }

    /// The same failure where it leaves nobody knowing what is on disk: room alone does not help.
    pub(crate) fn for_good(self) -> Self {
        if self.is_disk_full() { Self::poisoned(&self.to_string()) } else { self }
    }

    pub(crate) fn already_there(path: &Path) -> Self {
        Kind::Exists { path: path.into() }.into()
    }

    pub(crate) fn not_a_log(path: &Path, why: impl Into<String>) -> Self {
        Kind::NotALog { path: path.into(), why: why.into() }.into()
    }

    pub(crate) fn locked(path: &Path) -> Self {
        Kind::Locked { path: path.into() }.into()
    }

    /// What is wrong with a checkpoint that did not verify.
    pub(crate) fn checkpoint(
        path: &Path,
        note: &[u8],
        expected: &str,
        error: sealtrail_proof::Error,
    ) -> Self {
        if error.is_other_origin() {
            let found = Note::parse(note)
                .and_then(|note| Checkpoint::parse(note.unverified_text()))
                .map(|checkpoint| checkpoint.origin().to_owned());
            return Kind::OtherOrigin {
                path: path.into(),
                expected: expected.into(),
                found: found.unwrap_or_default(),
            }
            .into();
        }
        if error.is_unknown_key() {
            return Kind::Signature { path: path.into(), why: error.to_string() }.into();
        }
        Self::damaged(path, error.to_string())
    }

    pub(crate) fn damaged(path: &Path, why: impl Into<String>) -> Self {
        Kind::Damaged { path: path.into(), why: why.into() }.into()
    }

    pub(crate) fn refused_line(why: impl Into<String>) -> Self {
        Kind::RefusedLine { why: why.into() }.into()
    }

    pub(crate) fn full(limit: usize) -> Self {
        Kind::Full { limit }.into()
    }

    pub(crate) fn poisoned(why: &str) -> Self {
        Kind::Poisoned { why: why.into() }.into()
    }

    pub(crate) fn closed() -> Self {
        Kind::Closed.into()
    }

    pub(crate) fn no_record(index: u64, size: u64) -> Self {
        Kind::NoRecord { index, size }.into()
    }

    pub(crate) fn not_covered(index: u64, size: u64) -> Self {
        Kind::NotCovered { index, size }.into()
    }

    pub(crate) fn pruned(index: u64, first: u64) -> Self {
        Kind::Pruned { index, first }.into()
    }

    pub(crate) fn held(name: &str, from: u64, wanted: u64) -> Self {
        Kind::Held { name: name.into(), from, wanted }.into()
    }

    pub(crate) fn no_hold(name: &str) -> Self {
        Kind::NoHold { name: name.into() }.into()
    }

    pub(crate) fn refused(why: impl Into<String>) -> Self {
        Kind::Refused { why: why.into() }.into()
    }

    pub(crate) fn replaced(why: impl Into<String>) -> Self {
        Kind::Replaced { why: why.into() }.into()
    }

    pub(crate) fn key_of_another_log(origin: &str, key: &str) -> Self {
        Kind::KeyOfAnotherLog { origin: origin.into(), key: key.into() }.into()
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self { kind: Arc::new(kind) }
    }
}

impl From<sealtrail_proof::Error> for Error {
    fn from(error: sealtrail_proof::Error) -> Self {
        Kind::Proof(error).into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &Path| path.display().to_string();
        match &*self.kind {
            Kind::Io { doing, path, source } => {
                write!(f, "could not {doing} `{}`: {source}", shown(path))
            }
            Kind::Exists { path } => {
                write!(f, "expected no log in `{}`, but there is one", shown(path))
            }
            Kind::NotALog { path, why } => write!(f, "no log in `{}`: {why}", shown(path)),
            Kind::Locked { path } => write!(
                f,
                "the log in `{}` is being written by another process or handle",
                shown(path)
            ),
            Kind::OtherOrigin { path, expected, found } => write!(
                f,
                "expected the log of origin `{expected}` in `{}`, got the log of `{found}`",
                shown(path)
            ),
            Kind::KeyOfAnotherLog { origin, key } => write!(
                f,
                "expected a signing key named `{origin}` as the log is, got one named `{key}`"
            ),
            Kind::Signature { path, why } => {
                write!(f, "the checkpoint in `{}` was not signed with this key: {why}", shown(path))
            }
            Kind::Damaged { path, why } => {
                write!(f, "damage in what was signed, `{}`: {why}", shown(path))
            }
            Kind::RefusedLine { why } => write!(f, "refused a line: {why}"),
            Kind::Full { limit } => {
                write!(f, "{limit} bytes already wait for the disk; try again later")
            }
            Kind::Poisoned { why } => write!(
                f,
                "the log takes no more records because an earlier write failed ({why}); open it anew"
            ),
            Kind::Closed => f.write_str("the log is closed"),
            Kind::NoRecord { index, size } => {
                write!(f, "expected a record below {size}, got {index}")
            }
            Kind::NotCovered { index, size } => {
                write!(f, "record {index} is not covered yet: the checkpoint is of size {size}")
            }
            Kind::Pruned { index, first } => {
                write!(f, "record {index} was removed by retention; the first kept one is {first}")
            }
            Kind::Held { name, from, wanted } => write!(
                f,
                "the hold `{name}` keeps record {from} and all after it, so the records below \
                 {wanted} stay"
            ),
            Kind::NoHold { name } => write!(f, "there is no hold `{name}`"),
            Kind::Refused { why } => f.write_str(why),
            Kind::Replaced { why } => {
                write!(f, "this is not the log that was read before: {why}")
            }
            Kind::Proof(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.kind {
            Kind::Io { source, .. } => Some(source),
            Kind::Proof(error) => Some(error),
            _ => None,
        }
    }
}
