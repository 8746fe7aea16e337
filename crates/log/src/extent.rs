//! How far a reader of another process may read: what the writer has published of what it has synced.

use std::io::ErrorKind;
use std::path::Path;

use sealtrail_proof::{Checkpoint, Note};

use crate::paths::Layout;
use crate::{Error, regular};

/// The number of lines that are known to be on disk.
///
/// A checkpoint covers nothing else. `durable` is overwritten in place after each sync, so it is ahead
/// of the checkpoint by what came since; it is a lower bound whatever a crash made of it.
pub(crate) fn published(layout: &Layout) -> Result<u64, Error> {
    let covered = checkpoint(layout)?.size();
    Ok(durable(&layout.durable())?.map_or(covered, |lines| lines.max(covered)))
}

/// The checkpoint, which nobody has verified.
pub(crate) fn checkpoint(layout: &Layout) -> Result<Checkpoint, Error> {
    let path = layout.checkpoint();
    let note = match regular::read(&path) {
        Ok(note) => note,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Error::not_a_log(layout.root(), "there is no checkpoint"));
        }
        Err(error) => return Err(Error::io("read", &path)(error)),
    };
    Note::parse(&note)
        .and_then(|note| Checkpoint::parse(note.unverified_text()))
        .map_err(|error| Error::damaged(&path, error.to_string()))
}

/// Times that `durable` is read before it counts as unreadable.
const ATTEMPTS: u32 = 8;

/// What `durable` says, if it says anything.
///
/// Some file systems let a read see half of a write that is under way: the front of the new number and
/// the end of the old one, which may be more than either. So it counts when two reads agree.
fn durable(path: &Path) -> Result<Option<u64>, Error> {
    let mut before = None;
    for _ in 0..ATTEMPTS {
        let bytes = match regular::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        if before.as_ref() == Some(&bytes) {
            return Ok(number(&bytes));
        }
        before = Some(bytes);
    }
    Ok(None)
}

/// Twenty digits and LF.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    let digits = bytes.strip_suffix(b"\n")?;
    if digits.len() != 20 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_form_is_a_number() {
        assert_eq!(number(b"00000000000000000042\n"), Some(42));
        for bad in [
            &b""[..],
            b"42\n",
            b"00000000000000000042",
            b"00000000000000000042\n\n",
            b"+0000000000000000042\n",
            b"99999999999999999999\n",
            &[0; 21],
        ] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
    }
}
