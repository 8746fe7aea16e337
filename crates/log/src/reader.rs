use std::path::Path;

use sealtrail_proof::{Receipt, Tile};

use crate::Error;

/// Reads a log, beside its writer if there is one; never changes anything.
#[derive(Clone)]
pub struct Reader {}

impl Reader {
    /// Opens the log in `dir`. Needs no key and believes nothing; see [`verify`](mod@crate::verify) for belief.
    pub fn open(_dir: &Path) -> Result<Self, Error> {
        todo!()
    }

    /// The origin that the checkpoint states.
    pub fn origin(&self) -> &str {
        todo!()
    }

    /// The number of complete lines now.
    pub fn size(&self) -> Result<u64, Error> {
        todo!()
    }

    /// One line, without its LF.
    pub fn read(&self, _index: u64) -> Result<Vec<u8>, Error> {
        todo!()
    }

    /// The complete lines from `from` on, as many as there are now.
    pub fn lines(&self, _from: u64) -> Result<Lines, Error> {
        todo!()
    }

    /// The signed checkpoint, verbatim.
    pub fn checkpoint_note(&self) -> Result<String, Error> {
        todo!()
    }

    /// The receipt of a record that the checkpoint covers.
    pub fn prove(&self, _index: u64) -> Result<Receipt, Error> {
        todo!()
    }

    /// The bytes of a tile or entry bundle, if the log has it.
    pub fn tile(&self, _tile: Tile) -> Result<Option<Vec<u8>>, Error> {
        todo!()
    }

    /// What the C2SP read API serves at `path`: `checkpoint` or `tile/…`; nothing else has a path.
    pub fn resource(&self, _path: &str) -> Result<Option<Vec<u8>>, Error> {
        todo!()
    }
}

/// Lines in order, with their indices.
pub struct Lines {}

impl Iterator for Lines {
    type Item = Result<(u64, Vec<u8>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}
