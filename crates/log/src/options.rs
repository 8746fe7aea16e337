use std::path::PathBuf;
use std::time::Duration;

use sealtrail_proof::SigningKey;

use crate::Error;

/// Who signs the checkpoints, and of which log.
#[derive(Clone, Debug)]
pub struct Signer {
    pub(crate) origin: String,
    pub(crate) key: SigningKey,
}

impl Signer {
    /// The key must bear the origin as its name.
    pub fn new(origin: &str, key: SigningKey) -> Result<Self, Error> {
        if key.name() != origin {
            return Err(Error::key_of_another_log(origin, key.name()));
        }
        Ok(Self { origin: origin.into(), key })
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }
}

/// How a log is written. Change nothing and it is safe.
///
/// ```
/// use std::time::Duration;
/// use sealtrail_log::Options;
///
/// let options = Options { checkpoint_interval: Duration::from_secs(5), ..Options::default() };
/// assert_eq!(options.segment_bytes, 64 << 20);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    /// A segment that has reached this many bytes is left and a new one begun.
    pub segment_bytes: u64,
    /// The segment being written is filled with NULs up to so many bytes ahead of its lines, which makes syncs
    /// cheaper; as much again as it holds at most, so a small log stays small. 0 lets it grow line by line.
    pub fill_ahead: u64,
    /// A durable record waits at most this long for a checkpoint that covers it.
    pub checkpoint_interval: Duration,
    /// A longer line is refused; at most [`Options::MAX_LINE_BYTES`].
    pub max_line_bytes: usize,
    /// Bytes of lines that may wait for the disk; beyond it `append` waits and `append_then` refuses.
    pub max_queued_bytes: usize,
}

impl Options {
    /// The longest line that any reader of the format must accept.
    pub const MAX_LINE_BYTES: usize = 64 << 20;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            fill_ahead: 1 << 20,
            checkpoint_interval: Duration::from_secs(1),
            max_line_bytes: 16 << 20,
            max_queued_bytes: 64 << 20,
        }
    }
}

/// What was found when a log was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Complete lines in the log.
    pub lines: u64,
    /// How many of them came after the last checkpoint and were hashed again.
    pub recovered: u64,
    /// A last line that a crash had cut, if there was one.
    pub torn: Option<TornTail>,
    /// How many lines after these were on disk once, as `durable` says, and are not there any more. No crash does
    /// that: the disk has lost them, or somebody took them before a checkpoint covered them. Tell somebody: the next
    /// records take their places.
    pub missing: u64,
}

/// The beginning of a line whose end never reached the disk. Nobody was ever told that it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The index that the line would have had.
    pub index: u64,
    pub bytes: u64,
    /// Where the bytes are now.
    pub path: PathBuf,
}
