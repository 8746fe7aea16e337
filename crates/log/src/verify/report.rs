use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use super::Class;

/// A log in which nothing is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub origin: String,
    /// Records under the signed checkpoint, all as they were when it was signed.
    pub covered: u64,
    /// Complete lines after the checkpoint: nobody has vouched for them yet.
    pub uncovered: u64,
    /// Bytes of a last line without its end, as a crash or a write under way leaves them.
    pub torn_bytes: u64,
    /// The signed root, base64.
    pub root: String,
    pub segments: u64,
    /// Bytes of lines that were hashed, compressed ones as they were before.
    pub bytes: u64,
    /// Records whose lines retention has removed, as the log's key has signed. They are still in the tree.
    pub removed: Option<Range<u64>>,
    /// The record that tells of the last removal.
    pub removal_told_at: Option<u64>,
    /// Checkpoints in `checkpoints/`: each is signed, and what it signed is the beginning of this log.
    pub old_checkpoints: u64,
    /// Checkpoints given from outside that this log extends.
    pub known_checkpoints: u64,
}

impl Report {
    /// [`Class::Uncovered`] when lines wait for a checkpoint: neither a failure nor silence.
    pub fn class(&self) -> Class {
        if self.uncovered > 0 || self.torn_bytes > 0 { Class::Uncovered } else { Class::Intact }
    }

    /// 0, or the code of [`Class::Uncovered`].
    pub fn exit_code(&self) -> u8 {
        self.class().exit_code()
    }
}

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub class: Class,
    /// The first record concerned, where one can be named.
    pub record: Option<u64>,
    /// The file, below the log's directory.
    pub file: Option<PathBuf>,
    /// The byte in that file.
    pub offset: Option<u64>,
    /// What was expected and what was found.
    pub message: String,
}

impl Failure {
    pub(super) fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, record: None, file: None, offset: None, message: message.into() }
    }

    pub(super) fn record(mut self, record: u64) -> Self {
        self.record = Some(record);
        self
    }

    pub(super) fn file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    pub(super) fn offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    pub fn exit_code(&self) -> u8 {
        self.class.exit_code()
    }
}

impl fmt::Display for Failure {
    /// One line: class, record, file and byte, then what was expected and found.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.class)?;
        if let Some(record) = self.record {
            write!(f, "record {record}, ")?;
        }
        if let Some(file) = &self.file {
            write!(f, "`{}`", file.display())?;
            if let Some(offset) = self.offset {
                write!(f, " at byte {offset}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
