//! Every checkpoint that was ever signed, kept: `checkpoints/<size>.notes`.

use std::io::{IoSlice, Read};
use std::ops::Range;
use std::path::PathBuf;

use sealtrail_proof::{Checkpoint, Note};

use crate::disk::{Disk, DiskFile};
use crate::paths::Layout;
use crate::{Error, durable};

/// The file that the next note goes to.
///
/// A note is added after the checkpoint is in place and before the next one is signed. So at most the current
/// checkpoint is missing or torn, and the next opening adds it.
pub(crate) struct History {
    disk: Disk,
    layout: Layout,
    last: Option<Last>,
    /// The current checkpoint, until it is added.
    missing: Option<(u64, String)>,
    /// Something torn follows the last whole note.
    is_torn: bool,
}

struct Last {
    path: PathBuf,
    file: DiskFile,
    bytes: u64,
}

/// No file is longer: a new one is begun beyond half of it, and a note is far shorter.
const LONGEST: u64 = 2 << 20;

/// Beyond so many bytes a new file is begun; sooner in the simulation, so that it happens there.
const FILE_BYTES: u64 = if cfg!(test) { 1 << 10 } else { 1 << 20 };

impl History {
    /// Looks whether what is kept and the current checkpoint agree. Changes nothing.
    pub(crate) fn open(
        disk: &Disk,
        layout: &Layout,
        current: &Checkpoint,
        note: &str,
    ) -> Result<Self, Error> {
        let mut history = Self {
            disk: disk.clone(),
            layout: layout.clone(),
            last: None,
            missing: Some((current.size(), note.into())),
            is_torn: false,
        };
        let folder = layout.checkpoints();
        if disk.is_there(&folder) {
            let names = disk.names(&folder).map_err(Error::io("list", &folder))?;
            if let Some(first) = Layout::notes_among(&names).pop() {
                history.open_last(first, current, note)?;
            }
        }
        Ok(history)
    }

    /// Cuts off a torn last note, and adds the current checkpoint if it is not the last one; if the disk is full,
    /// before the next one is signed.
    pub(crate) fn settle(&mut self) -> Result<(), Error> {
        if let Some(last) = &self.last {
            if self.is_torn {
                durable::cut(&last.file, &last.path, last.bytes)?;
            }
            durable::sync_folder(&self.disk, &self.layout.checkpoints())?;
            durable::sync_folder(&self.disk, self.layout.root())?;
        }
        match self.catch_up() {
            Err(error) if !error.is_disk_full() => Err(error),
            _ => Ok(()),
        }
    }

    /// Adds a note that was put in place. If the disk is full it is kept for [`History::catch_up`].
    pub(crate) fn add(&mut self, size: u64, note: &str) -> Result<(), Error> {
        self.missing = Some((size, note.into()));
        self.catch_up()
    }

    /// Adds what could not be added before.
    pub(crate) fn catch_up(&mut self) -> Result<(), Error> {
        let Some((size, note)) = &self.missing else {
            return Ok(());
        };
        if self.last.as_ref().is_none_or(|last| last.bytes > FILE_BYTES) {
            durable::folder(&self.disk, &self.layout.checkpoints())?;
            let path = self.layout.notes(*size);
            let file = durable::create(&self.disk, &path)?;
            self.last = Some(Last { path, file, bytes: 0 });
        }
        let last = self.last.as_mut().expect("just made");
        last.append(note)?;
        self.missing = None;
        Ok(())
    }

    fn open_last(&mut self, first: u64, current: &Checkpoint, note: &str) -> Result<(), Error> {
        let path = self.layout.notes(first);
        let read = |error| Error::io("read", &path)(error);
        let mut content = Vec::new();
        self.disk
            .open(&path)
            .map_err(read)?
            .take(LONGEST + 1)
            .read_to_end(&mut content)
            .map_err(read)?;
        if content.len() as u64 > LONGEST {
            return Err(Error::damaged(&path, "it is longer than any such file can be"));
        }
        let (whole, last_note) = whole_notes(&content);
        if let Some(last_note) = last_note.clone() {
            self.compare(&path, &content[last_note], current, note)?;
        }
        let torn = &content[whole..];
        if !is_torn_from(torn, note.as_bytes()) {
            return Err(Error::damaged(
                &path,
                format!(
                    "what follows byte {whole} is neither a checkpoint nor the beginning of the last one"
                ),
            ));
        }
        let file = self.disk.open_to_write(&path).map_err(Error::io("open", &path))?;
        self.is_torn = !torn.is_empty();
        let bytes = match last_note.filter(|range| &content[range.clone()] == note.as_bytes()) {
            // It is written once more: it may be in the page cache only, and a sync that failed has forgotten it.
            Some(range) => range.start,
            None => whole,
        };
        self.last = Some(Last { path, file, bytes: bytes as u64 });
        Ok(())
    }

    /// The last note that was kept must not be later than the checkpoint, nor another one of its size: signing on
    /// from there would be a fork.
    fn compare(
        &self,
        path: &std::path::Path,
        kept: &[u8],
        current: &Checkpoint,
        note: &str,
    ) -> Result<(), Error> {
        let parsed = Note::parse(kept)
            .and_then(|kept| Checkpoint::parse(kept.unverified_text()))
            .map_err(|error| Error::damaged(path, error.to_string()))?;
        let (kept_size, size) = (parsed.size(), current.size());
        if kept_size > size {
            return Err(Error::damaged(
                &self.layout.checkpoint(),
                format!(
                    "it is of size {size}, but one of size {kept_size} is kept in `{}`: the directory was put \
                     back to an earlier state",
                    self.layout.below(path).display()
                ),
            ));
        }
        if kept_size == size && kept != note.as_bytes() {
            return Err(Error::damaged(
                &self.layout.checkpoint(),
                format!(
                    "another one of size {size} is kept in `{}`",
                    self.layout.below(path).display()
                ),
            ));
        }
        Ok(())
    }
}

impl Last {
    /// If the disk is full, everything is as it was.
    fn append(&mut self, note: &str) -> Result<(), Error> {
        let written = self
            .file
            .write_at(self.bytes, &mut [IoSlice::new(note.as_bytes())])
            .map_err(Error::io("write", &self.path));
        if let Err(error) = written {
            if error.is_disk_full() {
                durable::cut(&self.file, &self.path, self.bytes)?;
            }
            return Err(error);
        }
        self.file.sync_data().map_err(Error::io("sync", &self.path)).map_err(Error::for_good)?;
        self.bytes += note.len() as u64;
        Ok(())
    }
}

/// Where the whole notes at the beginning end, and the last of them. A note is text, an empty line, and
/// signature lines, which begin with an em dash as no text of a checkpoint does.
fn whole_notes(content: &[u8]) -> (usize, Option<Range<usize>>) {
    const SIGNATURE: &[u8] = "\u{2014} ".as_bytes();
    let (mut end, mut last) = (0, None);
    while let Some(text) = memchr::memmem::find(&content[end..], b"\n\n") {
        let signatures = end + text + 2;
        let mut next = signatures;
        while content[next..].starts_with(SIGNATURE)
            && let Some(line) = memchr::memchr(b'\n', &content[next..])
        {
            next += line + 1;
        }
        if next == signatures || content[end..next].contains(&0) {
            break;
        }
        last = Some(end..next);
        end = next;
    }
    (end, last)
}

/// What a crash may leave of a note that was being written: its beginning, and NUL where a sector is missing.
fn is_torn_from(torn: &[u8], note: &[u8]) -> bool {
    torn.len() <= note.len() && torn.iter().zip(note).all(|(torn, byte)| torn == byte || *torn == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_notes_are_told_from_a_torn_one() {
        let (one, two) =
            ("o\n1\nr\n\n\u{2014} o AA\n", "o\n2\nr\n\n\u{2014} o BB\n\u{2014} w CC\n");
        let both = format!("{one}{two}");
        let end = both.len();
        assert_eq!(whole_notes(both.as_bytes()), (end, Some(one.len()..end)));
        assert_eq!(whole_notes(b""), (0, None));
        for cut in one.len()..end - "\u{2014} w CC\n".len() {
            let (whole, last) = whole_notes(&both.as_bytes()[..cut]);
            assert_eq!((whole, last), (one.len(), Some(0..one.len())), "{cut}");
            assert!(is_torn_from(&both.as_bytes()[whole..cut], two.as_bytes()));
        }
        let mut holed = both.into_bytes();
        holed[one.len() + 3..one.len() + 9].fill(0);
        assert_eq!(whole_notes(&holed).0, one.len());
        assert!(is_torn_from(&holed[one.len()..], two.as_bytes()));
        assert!(!is_torn_from(b"x", two.as_bytes()));
    }
}
