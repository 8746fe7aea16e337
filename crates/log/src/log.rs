use std::ops::Range;
use std::path::Path;

use sealtrail_proof::{Checkpoint, Receipt, SigningKey};

use crate::{Error, Lines, Options, Reader, Recovery, Signer};

/// The one writer of a log.
pub struct Log {
    reader: Reader,
}

impl Log {
    /// Makes an empty log in `dir`, with a signed checkpoint of size 0.
    pub fn create(_dir: &Path, _origin: &str, _key: &SigningKey) -> Result<(), Error> {
        todo!()
    }

    /// Takes the lock, recovers, and is ready to append.
    pub fn open(
        _dir: &Path,
        _signer: Signer,
        _options: Options,
    ) -> Result<(Self, Recovery), Error> {
        todo!()
    }

    /// Appends lines (without LF) next to one another; returns their indices when they are durable.
    pub fn append(&self, _lines: Vec<Vec<u8>>) -> Result<Range<u64>, Error> {
        todo!()
    }

    /// The same without waiting: `done` is called once, from the commit thread (or at once, when the
    /// lines are refused), so it must be short.
    pub fn append_then(
        &self,
        _lines: Vec<Vec<u8>>,
        _done: impl FnOnce(Result<Range<u64>, Error>) + Send + 'static,
    ) {
        todo!()
    }

    /// The number of durable records.
    pub fn size(&self) -> u64 {
        todo!()
    }

    pub fn origin(&self) -> &str {
        todo!()
    }

    /// One durable line, without its LF.
    pub fn read(&self, index: u64) -> Result<Vec<u8>, Error> {
        self.reader.read(index)
    }

    /// The durable lines from `from` on, as many as there are now.
    pub fn lines(&self, from: u64) -> Result<Lines, Error> {
        self.reader.lines(from)
    }

    /// The receipt of a durable record; waits for a checkpoint that covers it.
    pub fn prove(&self, _index: u64) -> Result<Receipt, Error> {
        todo!()
    }

    /// Signs what is durable now, without waiting for the interval.
    pub fn checkpoint_now(&self) -> Result<Checkpoint, Error> {
        todo!()
    }

    /// A reader that sees this log's durable records.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Waits for everything appended, signs a last checkpoint, releases the lock.
    pub fn close(self) -> Result<(), Error> {
        todo!()
    }
}
