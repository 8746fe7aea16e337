//! Every path of a log directory. No other module spells one.

use std::fs;
use std::path::{Path, PathBuf};

use sealtrail_proof::Tile;

use crate::Error;

/// The directory and what is where in it.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.into() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The signed note.
    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.root.join("checkpoint")
    }

    /// An empty file; whoever holds its lock writes the log.
    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// The folder of the segments.
    pub(crate) fn entries(&self) -> PathBuf {
        self.root.join("entries")
    }

    /// The segment whose first line is record `first`.
    pub(crate) fn segment(&self, first: u64) -> PathBuf {
        self.entries().join(format!("{first:020}.jsonl"))
    }

    /// The compressed segment whose first line is record `first`.
    pub(crate) fn cold_segment(&self, first: u64) -> PathBuf {
        self.entries().join(format!("{first:020}.jsonl.zst"))
    }

    /// The file of a segment in the form in which it was seen.
    pub(crate) fn stored(&self, segment: Stored) -> PathBuf {
        match segment.form {
            Form::Plain => self.segment(segment.first),
            Form::Cold => self.cold_segment(segment.first),
        }
    }

    /// All segments in order, each in one form: the plain file counts while it is there.
    pub(crate) fn all_segments(&self) -> Result<Vec<Stored>, Error> {
        let folder = self.entries();
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).map_err(Error::io("list", &folder))? {
            let entry = entry.map_err(Error::io("list", &folder))?;
            names.extend(entry.file_name().into_string());
        }
        Ok(Self::stored_among(&names))
    }

    /// The same among the names in [`Layout::entries`].
    pub(crate) fn stored_among(names: &[String]) -> Vec<Stored> {
        let mut stored: Vec<_> = names.iter().filter_map(|name| Stored::of_name(name)).collect();
        stored.sort_unstable();
        stored.dedup_by_key(|segment| segment.first);
        stored
    }

    /// How many lines are on disk, for readers of other processes.
    pub(crate) fn durable(&self) -> PathBuf {
        self.root.join("durable")
    }

    /// The folder of all checkpoints that were ever signed.
    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// The notes from the checkpoint of size `first` on.
    pub(crate) fn notes(&self, first: u64) -> PathBuf {
        self.checkpoints().join(format!("{first:020}.notes"))
    }

    /// The first sizes of the files among the names in [`Layout::checkpoints`], in order.
    pub(crate) fn notes_among(names: &[String]) -> Vec<u64> {
        numbered(names, ".notes")
    }

    /// What retention has removed.
    pub(crate) fn pruned(&self) -> PathBuf {
        self.root.join("pruned")
    }

    /// The folder of the holds.
    pub(crate) fn holds(&self) -> PathBuf {
        self.root.join("holds")
    }

    /// The hold of that name, which was looked at ([`Hold`](crate::Hold)).
    pub(crate) fn hold(&self, name: &str) -> PathBuf {
        self.holds().join(name)
    }

    /// The first indices of the segments among the names in [`Layout::entries`], in order.
    pub(crate) fn segments_among(names: &[String]) -> Vec<u64> {
        numbered(names, ".jsonl")
    }

    /// A tile or entry bundle.
    pub(crate) fn tile(&self, tile: Tile) -> PathBuf {
        self.root.join(tile.path())
    }

    /// The folder of a tile's partial forms.
    pub(crate) fn partials(&self, tile: Tile) -> PathBuf {
        self.root.join(tile.partials_path())
    }

    /// The folder of all tiles and bundles.
    pub(crate) fn tiles(&self) -> PathBuf {
        self.root.join("tile")
    }

    /// The folder of torn lines.
    pub(crate) fn torn(&self) -> PathBuf {
        self.root.join("torn")
    }

    /// A place for the `n`-th torn line that would have been record `index`.
    pub(crate) fn torn_line(&self, index: u64, n: u32) -> PathBuf {
        self.torn().join(format!("{index:020}.{n}"))
    }

    /// A path as it is told to people: below the directory.
    pub(crate) fn below<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}

fn numbered(names: &[String], ending: &str) -> Vec<u64> {
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number(name, ending)).collect();
    numbers.sort_unstable();
    numbers
}

/// Twenty digits and the ending.
fn number(name: &str, ending: &str) -> Option<u64> {
    let digits = name.strip_suffix(ending)?;
    (digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

/// A segment that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stored {
    pub(crate) first: u64,
    pub(crate) form: Form,
}

/// In which form. If both are there, the first one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Plain,
    /// Compressed; see [`cold`](crate::cold).
    Cold,
}

impl Stored {
    /// Twenty digits and `.jsonl` or `.jsonl.zst`.
    fn of_name(name: &str) -> Option<Self> {
        let (ending, form) = match name.ends_with(".zst") {
            true => (".jsonl.zst", Form::Cold),
            false => (".jsonl", Form::Plain),
        };
        number(name, ending).map(|first| Self { first, form })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_found_by_their_names_only() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        fs::create_dir(layout.entries()).unwrap();
        for first in [300, 0, 7] {
            fs::write(layout.segment(first), "").unwrap();
        }
        for first in [7, 9] {
            fs::write(layout.cold_segment(first), "").unwrap();
        }
        for other in [
            "1.jsonl",
            "+0000000000000000001.jsonl",
            "00000000000000000001.json",
            "00000000000000000001.zst",
            "00000000000000000001.jsonl.zst.tmp",
        ] {
            fs::write(layout.entries().join(other), "").unwrap();
        }
        let forms = layout.all_segments().unwrap().into_iter().map(|s| (s.first, s.form));
        let (plain, cold) = (Form::Plain, Form::Cold);
        assert!(forms.eq([(0, plain), (7, plain), (9, cold), (300, plain)]));
        assert_eq!(Stored::of_name("99999999999999999999.jsonl"), None);
    }
}
