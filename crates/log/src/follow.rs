//! Following a log as `tail -f` does, and remembering how far.

use std::fmt;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use sealtrail_proof::tile::{Level, Tile, WIDTH};
use sealtrail_proof::{Hash, entry_hash};

use crate::disk::Disk;
use crate::retention::decimal;
use crate::{Error, Lines, Reader, durable, extent, regular, tree};

/// The records of a log, as they come; made by [`Reader::follow`] and [`Reader::resume`].
///
/// As an iterator it waits for the next record and ends only after an error. It goes on through new
/// segments, compression, and restarts of the writer. It looks for new records after a millisecond, and the
/// longer there are none the more rarely, down to ten times a second.
pub struct Follow {
    reader: Reader,
    next: u64,
    /// The entry of the record before the next one, if it was delivered.
    last: Option<Hash>,
    /// What was there at the last look.
    lines: Option<Lines>,
    has_failed: bool,
}

/// What comes next in a log that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// A record, without its LF.
    Line { index: u64, line: Vec<u8> },
    /// These records were removed by retention before they were delivered. The next one is the first kept.
    Removed(Range<u64>),
}

/// The first pause between two looks, and the longest.
const PAUSES: Range<Duration> = Duration::from_millis(1)..Duration::from_millis(100);

impl Follow {
    pub(crate) fn new(reader: Reader, next: u64) -> Self {
        Self { reader, next, last: None, lines: None, has_failed: false }
    }

    /// What comes next, if it is there now.
    pub fn poll(&mut self) -> Result<Option<Followed>, Error> {
        loop {
            let line = match self.lines.as_mut().map(Iterator::next) {
                Some(Some(Ok((index, line)))) => {
                    self.next = index + 1;
                    self.last = Some(entry_hash(&line));
                    return Ok(Some(Followed::Line { index, line }));
                }
                Some(Some(Err(error))) => Some(error),
                Some(None) | None => None,
            };
            self.lines = None;
            if let Some(error) = line {
                return self.skip_removed(error).map(Some);
            }
            let size = self.reader.size()?;
            // A size below the next record is no proof of anything: the writer says less after a crash, until
            // it is back. But what was delivered was on disk, so it must be there.
            if size != self.next {
                self.check_last()?;
            }
            if size <= self.next {
                return Ok(None);
            }
            self.lines = Some(self.reader.lines_until(self.next, size));
        }
    }

    /// What comes next, if it comes in time.
    pub fn within(&mut self, timeout: Duration) -> Result<Option<Followed>, Error> {
        let begun = Instant::now();
        let mut pause = PAUSES.start;
        loop {
            if let Some(followed) = self.poll()? {
                return Ok(Some(followed));
            }
            let left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(PAUSES.end);
        }
    }

    /// How far this has come. Save it when what was delivered has been dealt with.
    pub fn cursor(&self) -> Cursor {
        Cursor { origin: self.reader.origin().into(), next: self.next, last: self.last }
    }

    fn skip_removed(&mut self, error: Error) -> Result<Followed, Error> {
        let Some(first) = error.first_kept().filter(|first| *first > self.next) else {
            return Err(error);
        };
        let from = std::mem::replace(&mut self.next, first);
        self.last = None;
        Ok(Followed::Removed(from..first))
    }

    /// Whether the record that was delivered last is still the one that is there. If retention has removed
    /// it, its bundle still tells.
    fn check_last(&self) -> Result<(), Error> {
        let Some((last, index)) = self.last.zip(self.next.checked_sub(1)) else { return Ok(()) };
        let found = match self.reader.lines_until(index, index + 1).next() {
            Some(Ok((_, line))) => entry_hash(&line),
            Some(Err(error)) if error.is_pruned() => {
                let covered = extent::checkpoint(self.reader.layout())?.size();
                let Some(bundle) = Tile::in_tree(covered, Level::Entries, index / WIDTH) else {
                    return Err(gone(index));
                };
                let entries = tree::entries_on(&Disk::Real, self.reader.layout(), bundle)?;
                *entries.get((index % WIDTH) as usize).ok_or_else(|| gone(index))?
            }
            Some(Err(error)) if error.is_damaged() => return Err(gone(index)),
            Some(Err(error)) => return Err(error),
            None => return Ok(()),
        };
        if found != last {
            return Err(Error::replaced(format!("record {index} is another one")));
        }
        Ok(())
    }
}

fn gone(index: u64) -> Error {
    Error::replaced(format!(
        "record {index} is not there any more, and retention has not removed it; the directory was put \
         back to an older copy, or lost its end"
    ))
}

impl Iterator for Follow {
    type Item = Result<Followed, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let followed = loop {
            if let Some(followed) = self.within(Duration::from_secs(3600)).transpose() {
                break followed;
            }
        };
        self.has_failed = followed.is_err();
        Some(followed)
    }
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "follower of log `{}` at record {}", self.reader.origin(), self.next)
    }
}

/// How far somebody has followed a log; a small file, so that they can go on after a restart.
///
/// ```text
/// sealtrail.cursor.v1
/// <origin>
/// <index of the next record>
/// <SHA-256 of the line before it in hexadecimal digits, or `-`>
/// ```
///
/// Whoever saves it after having dealt with a record gets each record at least once: after a crash those
/// since the last save come again. With the digest a log is noticed that was put back to an older copy
/// or replaced ([`Error::is_replaced`]), instead of going on with the wrong records.
///
/// ```
/// use sealtrail_log::{Cursor, Followed, Reader};
/// # use sealtrail_log::{Log, Options, Signer, proof::SigningKey};
/// # let folder = tempfile::tempdir()?;
/// # let dir = folder.path().join("log");
/// # let key = SigningKey::from_seed("shop.example/trail", &[7; 32])?;
/// # Log::create(&dir, "shop.example/trail", &key)?;
/// # let (log, _) = Log::open(&dir, Signer::new("shop.example/trail", key)?, Options::default())?;
/// # log.append(vec![b"one".to_vec(), b"two".to_vec()])?;
/// # log.close()?;
/// # let file = folder.path().join("shipper.cursor");
/// let reader = Reader::open(&dir)?;
/// let mut follow = match Cursor::load(&file)? {
///     Some(cursor) => reader.resume(&cursor)?,
///     None => reader.follow(reader.first()?),
/// };
/// while let Some(followed) = follow.poll()? {
///     println!("{followed:?}"); // what is to be done with it
///     follow.cursor().save(&file)?;
/// }
/// assert_eq!(Cursor::load(&file)?.unwrap().next(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    origin: String,
    next: u64,
    last: Option<Hash>,
}

const TITLE: &str = "sealtrail.cursor.v1";

impl Cursor {
    /// Reads a cursor; `None` if there is no such file.
    pub fn load(path: &Path) -> Result<Option<Self>, Error> {
        let bytes = match regular::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        let wrong = || {
            let (path, lines) = (path.display(), "a title, an origin, an index and a digest");
            Error::refused(format!("`{path}` is no cursor: expected {lines}, each on its line"))
        };
        str::from_utf8(&bytes).ok().and_then(Self::parse).ok_or_else(wrong).map(Some)
    }

    /// Writes it, durably: after a crash there is the old one or the new one.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        durable::replace(&Disk::Real, path, self.text().as_bytes())
    }

    /// The record with which to go on.
    pub fn next(&self) -> u64 {
        self.next
    }

    fn text(&self) -> String {
        let digest = match &self.last {
            Some(last) => last.iter().map(|byte| format!("{byte:02x}")).collect(),
            None => "-".to_owned(),
        };
        format!("{TITLE}\n{}\n{}\n{digest}\n", self.origin, self.next)
    }

    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.strip_suffix('\n')?.split('\n').collect();
        let [TITLE, origin, next, digest] = lines[..] else { return None };
        let last = match digest {
            "-" => None,
            digest => Some(parse_digest(digest)?),
        };
        Some(Self { origin: origin.into(), next: decimal(next)?, last })
    }
}

fn parse_digest(text: &str) -> Option<Hash> {
    let is_lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 64 || !text.bytes().all(is_lower) {
        return None;
    }
    let mut hash = Hash::default();
    for (i, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(hash)
}

impl Reader {
    /// Goes on where a cursor says. [`Error::is_replaced`], now or later, if this is not the log that it
    /// was made from.
    pub fn resume(&self, cursor: &Cursor) -> Result<Follow, Error> {
        if cursor.origin != self.origin() {
            return Err(Error::replaced(format!(
                "the cursor is of the log `{}`, this is the log `{}`",
                cursor.origin.escape_debug(),
                self.origin().escape_debug()
            )));
        }
        let mut follow = self.follow(cursor.next);
        follow.last = cursor.last;
        follow.check_last()?;
        Ok(follow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        for last in [None, Some([0xa7; 32])] {
            let cursor = Cursor { origin: "log.example/one".into(), next: 42, last };
            assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        }
        let digest = "0".repeat(64);
        for bad in [
            String::new(),
            "sealtrail.cursor.v1\no\n1\n".into(),
            "sealtrail.cursor.v2\no\n1\n-\n".into(),
            "sealtrail.cursor.v1\no\n01\n-\n".into(),
            "sealtrail.cursor.v1\no\n1\n-".into(),
            format!("sealtrail.cursor.v1\no\n1\n{}é\n", &digest[2..]),
            format!("sealtrail.cursor.v1\no\n1\n{}A\n", &digest[1..]),
            format!("sealtrail.cursor.v1\no\n1\n{digest}\nmore\n"),
        ] {
            assert_eq!(Cursor::parse(&bad), None, "{bad}");
        }
    }
}
