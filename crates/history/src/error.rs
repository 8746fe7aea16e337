use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The result of every operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and at which place.
#[derive(Debug)]
pub struct Error {
    kind: Box<Kind>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// The operating system refused.
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    /// The index was made from the log of another origin.
    OtherOrigin { path: PathBuf, expected: String, got: String },
    /// A file does not hold what was written.
    Damaged { path: PathBuf, expected: String },
    /// A record was left out or came twice.
    OutOfOrder { expected: u64, got: u64 },
}

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind: Box::new(kind) }
    }

    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::new(Kind::Io { doing, path: path.to_owned(), source })
    }

    pub(crate) fn damaged(path: &Path, expected: impl Into<String>) -> Self {
        Self::new(Kind::Damaged { path: path.to_owned(), expected: expected.into() })
    }

    /// A file went while the folder was read.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(&*self.kind, Kind::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// The index belongs to another log.
    pub fn is_other_origin(&self) -> bool {
        matches!(*self.kind, Kind::OtherOrigin { .. })
    }

    /// A file of the index was edited, cut or lost. The remedy is to build it again from the log.
    pub fn is_damaged(&self) -> bool {
        matches!(*self.kind, Kind::Damaged { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            Kind::Io { doing, path, source } => {
                write!(f, "cannot {doing} `{}`: {source}", path.display())
            }
            Kind::OtherOrigin { path, expected, got } => write!(
                f,
                "index `{}` belongs to another log: expected origin `{}`, got `{}`",
                path.display(),
                expected.escape_debug(),
                got.escape_debug()
            ),
            Kind::Damaged { path, expected } => write!(
                f,
                "index file `{}` is damaged: expected {expected}; `sealtrail index rebuild` makes it again from the log",
                path.display()
            ),
            Kind::OutOfOrder { expected, got } => {
                write!(
                    f,
                    "records are added to the index in their order: expected record {expected}, got {got}"
                )
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.kind {
            Kind::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
