//! What may go, what must stay, and what has gone.

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sealtrail_proof::{Note, VerifierKey};

use crate::disk::Disk;
use crate::paths::{Layout, Stored};
use crate::{Error, Hold, Signer, durable, regular};

/// What retention has removed: the statement of the file `pruned`.
///
/// ```text
/// sealtrail.pruned.v1
/// <origin>
/// <index of the first record kept>
/// <index of the record that tells of it>
/// ```
///
/// This is the text of a note that the log's key has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// The first record that is kept; all before it were removed.
    pub first_kept: u64,
    /// The record that tells of it.
    pub told_at: u64,
}

const TITLE: &str = "sealtrail.pruned.v1";

impl Pruned {
    pub(crate) fn text(&self, origin: &str) -> String {
        format!("{TITLE}\n{origin}\n{}\n{}\n", self.first_kept, self.told_at)
    }

    /// What the directory says, verified by nobody.
    pub(crate) fn read(layout: &Layout) -> Result<Option<Self>, Error> {
        let path = layout.pruned();
        let Some(note) = note(&path, regular::read(&path))? else { return Ok(None) };
        Ok(Some(Self::parse(note.unverified_text(), &path)?.1))
    }

    /// What the directory says, if the log's key says so too.
    fn read_signed(
        disk: &Disk,
        layout: &Layout,
        origin: &str,
        key: &VerifierKey,
    ) -> Result<Option<Self>, Error> {
        let path = layout.pruned();
        let Some(note) = note(&path, disk.read(&path))? else { return Ok(None) };
        let text = note.verify(key).map_err(|error| Error::damaged(&path, error.to_string()))?;
        let (found, pruned) = Self::parse(text, &path)?;
        if found != origin {
            let why = format!("expected the origin `{origin}`, got `{}`", found.escape_debug());
            return Err(Error::damaged(&path, why));
        }
        Ok(Some(pruned))
    }

    fn parse<'t>(text: &'t str, path: &Path) -> Result<(&'t str, Self), Error> {
        let lines: Vec<&str> = text.lines().collect();
        let parsed = match lines[..] {
            [TITLE, origin, first_kept, told_at] => decimal(first_kept)
                .zip(decimal(told_at))
                .map(|(first_kept, told_at)| (origin, Self { first_kept, told_at })),
            _ => None,
        };
        let why = "expected a title, an origin and two indices, each on its line";
        parsed.ok_or_else(|| Error::damaged(path, why))
    }
}

fn note(path: &Path, read: io::Result<Vec<u8>>) -> Result<Option<Note>, Error> {
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    Note::parse(&bytes).map(Some).map_err(|error| Error::damaged(path, error.to_string()))
}

/// A number as it is written: no sign, no leading zero.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let number = text.parse().ok()?;
    (u64::to_string(&number) == text).then_some(number)
}

/// What [`Log::prune`](crate::Log::prune) may remove now: whole segments from the oldest on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removable {
    /// The records that would go; the end is the first one kept.
    pub records: Range<u64>,
    /// How many segments hold them.
    pub segments: u64,
    /// How long these files are.
    pub bytes: u64,
    /// The hold without which more could go.
    pub held_by: Option<Hold>,
}

/// The writer's side of retention: one change at a time.
pub(crate) struct Retention {
    disk: Disk,
    pub(crate) layout: Layout,
    pub(crate) signer: Signer,
    turn: Mutex<()>,
}

impl Retention {
    /// Reads what was removed, and changes nothing. Refuses a statement that this log cannot have made.
    pub(crate) fn load(
        disk: &Disk,
        layout: &Layout,
        signer: Signer,
        covered: u64,
    ) -> Result<Self, Error> {
        let (disk, turn) = (disk.clone(), Mutex::default());
        let retention = Self { disk, layout: layout.clone(), signer, turn };
        let Some(pruned) = retention.pruned()? else { return Ok(retention) };
        let segments = Layout::stored_among(&retention.names()?);
        let why = if pruned.told_at >= covered || pruned.first_kept > pruned.told_at {
            let (first, told_at) = (pruned.first_kept, pruned.told_at);
            Some(format!("records below {first}, told by record {told_at} of {covered}"))
        } else if segments.iter().all(|segment| segment.first != pruned.first_kept) {
            Some(format!("no file begins with the first kept record {}", pruned.first_kept))
        } else {
            None
        };
        match why {
            Some(why) => Err(Error::damaged(&layout.pruned(), why)),
            None => Ok(retention),
        }
    }

    /// Whoever changes what is kept does so alone.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn pruned(&self) -> Result<Option<Pruned>, Error> {
        let key = self.signer.key.verifier_key();
        Pruned::read_signed(&self.disk, &self.layout, &self.signer.origin, &key)
    }

    /// Says durably what is removed from now on. After this the files mean nothing any more.
    pub(crate) fn state(&self, pruned: Pruned) -> Result<(), Error> {
        let note = Note::sign(&pruned.text(&self.signer.origin), &self.signer.key)?;
        durable::replace(&self.disk, &self.layout.pruned(), note.as_bytes())
    }

    /// Removes what the statement covers and is still there, oldest first, and what a compression that was
    /// cut short has left. The same after a crash as without one.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        let first_kept = self.pruned()?.map_or(0, |pruned| pruned.first_kept);
        let names = self.names()?;
        let mut gone = false;
        let mut remove = |path: PathBuf| {
            let is_there =
                path.file_name().is_some_and(|name| names.iter().any(|n| name == n.as_str()));
            gone |= is_there;
            if is_there {
                self.disk.remove(&path).map_err(Error::io("remove", &path))
            } else {
                Ok(())
            }
        };
        for segment in Layout::stored_among(&names) {
            if segment.first < first_kept {
                remove(self.layout.segment(segment.first))?;
                remove(self.layout.cold_segment(segment.first))?;
            }
            let mut unfinished = self.layout.cold_segment(segment.first).into_os_string();
            unfinished.push(".tmp");
            remove(unfinished.into())?;
        }
        if gone {
            durable::sync_folder(&self.disk, &self.layout.entries())?;
        }
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        let entries = self.layout.entries();
        self.disk.names(&entries).map_err(Error::io("list", &entries))
    }
}

/// The segments that are left and covered for good: those before the one with the last covered record,
/// which opening reads again.
pub(crate) fn settled(layout: &Layout, covered: u64) -> Result<Vec<(Stored, u64)>, Error> {
    Ok(settled_among(layout.all_segments()?, covered))
}

/// The same of all segments, each with the record that the next one begins with.
pub(crate) fn settled_among(segments: Vec<Stored>, covered: u64) -> Vec<(Stored, u64)> {
    let ends: Vec<u64> = segments.iter().skip(1).map(|segment| segment.first).collect();
    let ended = segments.into_iter().zip(ends);
    ended.filter(|(_, end)| *end < covered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_is_read_as_it_is_written() {
        let pruned = Pruned { first_kept: 300, told_at: 912 };
        let text = pruned.text("log.example/one");
        assert_eq!(text, "sealtrail.pruned.v1\nlog.example/one\n300\n912\n");
        let path = Path::new("pruned");
        assert_eq!(Pruned::parse(&text, path).unwrap(), ("log.example/one", pruned));
        for bad in [
            "",
            "sealtrail.pruned.v2\no\n1\n2\n",
            "sealtrail.pruned.v1\no\n1\n",
            "sealtrail.pruned.v1\no\n01\n2\n",
            "sealtrail.pruned.v1\no\n+1\n2\n",
            "sealtrail.pruned.v1\no\n1\n2\n3\n",
        ] {
            assert!(Pruned::parse(bad, path).unwrap_err().is_damaged(), "{bad}");
        }
    }
}
