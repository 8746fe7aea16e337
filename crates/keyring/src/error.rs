use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::custody::Refusal;
use crate::durable::is_full;

/// The result of every operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and at which place.
///
/// The text names the file and what was expected there. It never holds a key, and never the name of a
/// data subject: errors are logged, and a log line outlives a shred.
#[derive(Debug)]
pub struct Error {
    kind: Box<Kind>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// The operating system refused.
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    /// The system gave no random bytes.
    Entropy,
    /// A file or folder that must be there is not.
    Missing { what: &'static str, path: PathBuf },
    /// There is already something where a new file or keyring should go.
    Exists { what: &'static str, path: PathBuf },
    /// Another process, or another part of this one, holds the lock.
    InUse { path: PathBuf },
    /// The key-encryption key opens nothing in this keyring.
    WrongKek { path: PathBuf },
    /// The keyring is between two key-encryption keys, and both were not given.
    Between { path: PathBuf },
    /// A file does not hold what this keyring wrote.
    Edited { path: PathBuf, expected: String },
    /// The text of a key-encryption key cannot be read as one.
    BadKek { place: Option<PathBuf>, got: usize },
    /// Whoever wraps the key-encryption key refuses, or cannot be reached.
    Custody { path: PathBuf, source: Refusal },
    /// An argument that no key can be found or made for.
    BadArgument { what: &'static str, expected: String, got: String },
    /// A shred of a subject that has no key.
    UnknownSubject,
    /// An end of a period that has no key.
    UnknownPeriod { kid: String },
    /// A period key was asked for after it was destroyed.
    Shredded { kid: String },
    /// An earlier write failed half way.
    Stopped { path: PathBuf },
}

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind: Box::new(kind) }
    }

    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::new(Kind::Io { doing, path: path.to_owned(), source })
    }

    pub(crate) fn edited(path: &Path, expected: impl Into<String>) -> Self {
        Self::new(Kind::Edited { path: path.to_owned(), expected: expected.into() })
    }

    /// The key-encryption key is not the one that this keyring was made with.
    pub fn is_wrong_kek(&self) -> bool {
        matches!(*self.kind, Kind::WrongKek { .. })
    }

    /// The key-encryption key is being changed, and only one of the two was given, or none.
    pub fn is_between(&self) -> bool {
        matches!(*self.kind, Kind::Between { .. })
    }

    /// The operating system lets nothing be written there.
    pub fn is_read_only(&self) -> bool {
        let Kind::Io { source, .. } = &*self.kind else { return false };
        matches!(source.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
    }

    /// What whoever wraps the key-encryption key said, if that is why ([`Custody`](crate::Custody)).
    pub fn refusal(&self) -> Option<&Refusal> {
        match &*self.kind {
            Kind::Custody { source, .. } => Some(source),
            _ => None,
        }
    }

    /// A file of the keyring was edited, swapped with another or damaged.
    pub fn is_edited(&self) -> bool {
        matches!(*self.kind, Kind::Edited { .. })
    }

    /// A file or folder that must be there is not.
    pub fn is_missing(&self) -> bool {
        matches!(*self.kind, Kind::Missing { .. })
    }

    /// Another process has the keyring open.
    pub fn is_in_use(&self) -> bool {
        matches!(*self.kind, Kind::InUse { .. })
    }

    /// The subject to shred has no key: it never had one, or it was shredded before. The keyring cannot
    /// tell which, because a shred removes every trace of the subject.
    pub fn is_unknown_subject(&self) -> bool {
        matches!(*self.kind, Kind::UnknownSubject)
    }

    /// The period to end has no key: nothing was ever sealed in it.
    pub fn is_unknown_period(&self) -> bool {
        matches!(*self.kind, Kind::UnknownPeriod { .. })
    }

    /// A period key was asked for whose retention is over.
    pub fn is_shredded(&self) -> bool {
        matches!(*self.kind, Kind::Shredded { .. })
    }

    /// An argument was refused before anything was touched.
    pub fn is_bad_argument(&self) -> bool {
        matches!(*self.kind, Kind::BadArgument { .. } | Kind::BadKek { .. })
    }

    /// There is no room for what was asked; nothing of it has happened, and it can be asked again when there is.
    pub fn is_disk_full(&self) -> bool {
        matches!(&*self.kind, Kind::Io { source, .. } if is_full(source))
    }

    /// An earlier write failed in a way that leaves its outcome open; the keyring must be opened again.
    pub fn is_stopped(&self) -> bool {
        matches!(*self.kind, Kind::Stopped { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            Kind::Io { doing, path, source } => {
                write!(f, "cannot {doing} `{}`: {source}", path.display())?;
                if is_full(source) { f.write_str("; make room and try again") } else { Ok(()) }
            }
            Kind::Entropy => f.write_str("the system gave no random bytes for a new key"),
            Kind::Missing { what, path } => write!(f, "{what} `{}` does not exist", path.display()),
            Kind::Exists { what, path } => {
                write!(f, "{what} `{}` already exists and is never overwritten", path.display())
            }
            Kind::InUse { path } => {
                write!(
                    f,
                    "keyring `{}` is in use by another process (is `sealtrail serve` running?)",
                    path.display()
                )
            }
            Kind::WrongKek { path } => {
                write!(
                    f,
                    "the key-encryption key does not fit keyring `{}`: it opens nothing there",
                    path.display()
                )
            }
            Kind::Between { path } => {
                write!(
                    f,
                    "the key-encryption key of keyring `{}` is being changed, which was interrupted: the old and the \
                     new one are both needed to finish it",
                    path.display()
                )
            }
            Kind::Edited { path, expected } => {
                write!(f, "`{}` was edited or damaged: expected {expected}", path.display())
            }
            Kind::BadKek { place, got } => {
                f.write_str("the key-encryption key")?;
                if let Some(path) = place {
                    write!(f, " in `{}`", path.display())?;
                }
                write!(
                    f,
                    " cannot be read: expected 32 bytes as base64 (44 characters, as `openssl rand -base64 32` prints), \
                     got {got} characters that are not that"
                )
            }
            Kind::Custody { path, source } => {
                write!(f, "the key-encryption key of `{}`: {source}", path.display())
            }
            Kind::BadArgument { what, expected, got } => {
                write!(f, "{what}: expected {expected}, got {got}")
            }
            Kind::UnknownPeriod { kid } => write!(f, "there is no key `{kid}`"),
            Kind::UnknownSubject => f.write_str(
                "this subject has no key: nothing was sealed for it, or it was shredded before",
            ),
            Kind::Shredded { kid } => write!(f, "key `{kid}` was shredded and is never made again"),
            Kind::Stopped { path } => write!(
                f,
                "keyring `{}` refuses further work after a failed write: its state on disk is not known until it is \
                 opened again",
                path.display()
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.kind {
            Kind::Io { source, .. } => Some(source),
            Kind::Custody { source, .. } => Some(&**source),
            _ => None,
        }
    }
}
