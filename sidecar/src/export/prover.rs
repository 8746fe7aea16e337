use sealtrail_log::Reader;
use sealtrail_log::proof::{Checkpoint, Note, Receipt, entry_hash, inclusion, leaf_hash};

use crate::code::Code;
use crate::error::{Error, Result};
use crate::witness::Source;

/// Makes receipts under one checkpoint of a log, which stands elsewhere or is the newest.
pub struct Prover {
    note: String,
    checkpoint: Checkpoint,
    reader: Reader,
    source: Source,
}

impl Prover {
    /// A signed note of this log. Whoever checks a receipt judges the signatures.
    pub fn under(note: &[u8], reader: Reader) -> Result<Self> {
        let refused = |why: String| Error::new(Code::InvalidField, why).context("the checkpoint");
        let note = Note::parse(note).map_err(|e| refused(e.to_string()))?;
        let checkpoint =
            Checkpoint::parse(note.unverified_text()).map_err(|e| refused(e.to_string()))?;
        if checkpoint.origin() != reader.origin() {
            let (expected, got) = (reader.origin(), checkpoint.origin());
            return Err(Error::new(
                Code::ForeignLog,
                format!("expected a checkpoint of the log of `{expected}`, got one of `{got}`"),
            ));
        }
        let source = Source::Folder(reader.clone());
        Ok(Self { note: note.to_string(), checkpoint, reader, source })
    }

    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The receipt of a record; that the record leads to the root is seen here.
    pub fn receipt(&self, index: u64) -> Result<Receipt> {
        let path = self.source.prove_inclusion(index, &self.checkpoint)?;
        let leaf = leaf_hash(&entry_hash(&self.reader.read(index)?));
        let (size, root) = (self.checkpoint.size(), self.checkpoint.root());
        inclusion::verify(&leaf, index, size, &path, root)?;
        Ok(Receipt::new(index, path, self.note.clone()))
    }
}
