use tar::{EntryType, Header};

use super::Bundling;
use super::bundling::Part;
use crate::clock::Moment;
use crate::code::Code;
use crate::error::{Error, Result};

/// A bundle as the archive of a folder, piece by piece.
pub struct Tar {
    parts: Bundling,
    /// When all of it was last changed.
    time: u64,
    /// What the file that is written still has.
    left: u64,
    /// What fills the last block of it.
    padding: usize,
    is_done: bool,
}

/// The unit of an archive; two that are empty end it.
const BLOCK: u64 = 512;

impl Tar {
    pub fn of(parts: Bundling) -> Self {
        let time = Moment::now().posix_seconds();
        Self { parts, time, left: 0, padding: 0, is_done: false }
    }

    fn piece(&mut self, part: Part) -> Result<Vec<u8>> {
        match part {
            Part::File { name, size } => {
                let mut header = Header::new_ustar();
                header
                    .set_path(format!("bundle/{name}"))
                    .map_err(|error| Error::from(error).context(&name))?;
                header.set_entry_type(EntryType::Regular);
                header.set_mode(0o644);
                header.set_mtime(self.time);
                header.set_size(size);
                header.set_cksum();
                self.left = size;
                self.padding = (size.next_multiple_of(BLOCK) - size) as usize;
                Ok(header.as_bytes().to_vec())
            }
            Part::Bytes(mut bytes) => {
                // A header that lies would make another archive of what follows.
                let left = self.left.checked_sub(bytes.len() as u64).ok_or_else(|| {
                    Error::new(Code::Internal, "a file of the bundle is longer than it was")
                })?;
                self.left = left;
                if left == 0 {
                    bytes.resize(bytes.len() + self.padding, 0);
                }
                Ok(bytes)
            }
        }
    }
}

impl Iterator for Tar {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        match self.parts.next() {
            Some(part) => Some(part.and_then(|part| self.piece(part))),
            None => {
                self.is_done = true;
                Some(Ok(vec![0; 2 * BLOCK as usize]))
            }
        }
    }
}
