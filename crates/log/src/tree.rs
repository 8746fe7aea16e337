//! The tree on disk: tiles, bundles and the checkpoint over them.

use std::fs;
use std::io::ErrorKind;

use sealtrail_proof::tile::{self, Level, Tile, WIDTH};
use sealtrail_proof::{Checkpoint, Edge, Hash, leaf_hash};

use crate::durable::{self, Batch};
use crate::paths::Layout;
use crate::{Error, Signer, regular};

/// The writer's side of the tree. Owned by the covering thread, and by recovery before it.
pub(crate) struct Tree {
    layout: Layout,
    signer: Signer,
    edge: Edge,
    batch: Batch,
    /// The entries of the partial bundle.
    entries: Vec<Hash>,
    /// The checkpoint as it must be on disk, byte for byte.
    note: String,
    checkpoint: Checkpoint,
}

impl Tree {
    /// The first checkpoint of a log: the tree without leaves.
    pub(crate) fn create(layout: &Layout, signer: &Signer) -> Result<(), Error> {
        let edge = Edge::new();
        let note = Checkpoint::new(&signer.origin, 0, edge.root()).sign(&signer.key)?;
        durable::replace(&layout.checkpoint(), note.as_bytes())
    }

    /// Loads the tree that the checkpoint signs: its right edge, and nothing else however long the
    /// log is. Refuses tiles that do not add up to the signed root.
    pub(crate) fn load(layout: &Layout, signer: Signer) -> Result<Self, Error> {
        let path = layout.checkpoint();
        let note = match regular::read(&path) {
            Ok(note) => note,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(match layout.segments() {
                    Ok(firsts) if !firsts.is_empty() => {
                        Error::damaged(&path, "there are lines, but no checkpoint")
                    }
                    _ => Error::not_a_log(layout.root(), "there is no checkpoint"),
                });
            }
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let checkpoint = Checkpoint::verify(&note, &signer.key.verifier_key())
            .map_err(|error| Error::checkpoint(&path, &note, &signer.origin, error))?;
        let note = String::from_utf8(note).expect("a note is UTF-8");

        let size = checkpoint.size();
        let edge = Edge::load(size, |tile| hashes(layout, tile))?;
        if edge.root() != *checkpoint.root() {
            return Err(Error::damaged(
                &layout.tiles(),
                format!("the tiles do not add up to the root that was signed at size {size}"),
            ));
        }
        let entries = match Tile::in_tree(size, Level::Entries, size / WIDTH) {
            Some(bundle) => entries(layout, bundle)?,
            None => Vec::new(),
        };
        Ok(Self {
            layout: layout.clone(),
            signer,
            edge,
            batch: Batch::new(layout.root()),
            entries,
            note,
            checkpoint,
        })
    }

    pub(crate) fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Lets the tree grow by durable lines and signs it. The order of the steps is FORMAT.md's:
    /// tiles and bundles are on disk before the checkpoint that covers them.
    ///
    /// The tree only ever grows from the one that was loaded and compared with its signed root, so
    /// no signed checkpoint is inconsistent with an earlier one.
    pub(crate) fn cover(&mut self, lines: &[Hash]) -> Result<&Checkpoint, Error> {
        if lines.is_empty() {
            return Ok(&self.checkpoint);
        }
        let before = self.edge.size();
        let mut outgrown = Vec::new();
        for entry in lines {
            self.entries.push(*entry);
            for (tile, hashes) in self.edge.push(leaf_hash(entry)) {
                self.batch.write(self.layout.tile(tile), &tile::encode_hashes(&hashes))?;
                outgrown.push(tile);
            }
            if self.entries.len() == WIDTH as usize {
                let index = self.edge.size() / WIDTH - 1;
                let bundle = Tile::new(Level::Entries, index, WIDTH as u16);
                let bytes = tile::encode_entries(&self.entries);
                self.batch.write(self.layout.tile(bundle), &bytes)?;
                outgrown.push(bundle);
                self.entries.clear();
            }
        }
        let size = self.edge.size();
        for (tile, hashes) in self.edge.partials() {
            // A partial tile of an upper level is the same file until it grows.
            if !Tile::partials(before).any(|written| written == tile) {
                self.batch.write(self.layout.tile(tile), &tile::encode_hashes(hashes))?;
            }
        }
        if let Some(bundle) = Tile::in_tree(size, Level::Entries, size / WIDTH) {
            let bytes = tile::encode_entries(&self.entries);
            self.batch.write(self.layout.tile(bundle), &bytes)?;
        }
        self.batch.finish()?;
        self.sign(size)?;
        // tlog-tiles: partial tiles may go once the full one is there, and not before a checkpoint
        // says so. Best effort: one that stays is only a beginning of the full one.
        for tile in outgrown {
            let _ = fs::remove_dir_all(self.layout.partials(tile));
        }
        Ok(&self.checkpoint)
    }

    fn sign(&mut self, size: u64) -> Result<(), Error> {
        // Somebody who swaps the checkpoint under a running writer would have two histories signed.
        let path = self.layout.checkpoint();
        let found = regular::read(&path).map_err(Error::io("read", &path))?;
        if found != self.note.as_bytes() {
            return Err(Error::damaged(
                &path,
                "it is not the checkpoint that this writer signed last",
            ));
        }
        let checkpoint = Checkpoint::new(&self.signer.origin, size, self.edge.root());
        let note = checkpoint.sign(&self.signer.key)?;
        durable::replace(&path, note.as_bytes())?;
        self.note = note;
        self.checkpoint = checkpoint;
        Ok(())
    }
}

/// The hashes of a tile as a tree of some size has it: from that file, or from the full tile that
/// took its place.
pub(crate) fn hashes(layout: &Layout, wanted: Tile) -> Result<Vec<Hash>, Error> {
    let (path, bytes) = read_tile(layout, wanted, 32)?;
    tile::decode_hashes(&bytes, wanted.width())
        .map_err(|error| Error::damaged(&path, error.to_string()))
}

/// The entries of a bundle, in the same way.
pub(crate) fn entries(layout: &Layout, wanted: Tile) -> Result<Vec<Hash>, Error> {
    let (path, bytes) = read_tile(layout, wanted, tile::ENTRY_BYTES)?;
    tile::decode_entries(&bytes, wanted.width())
        .map_err(|error| Error::damaged(&path, error.to_string()))
}

fn read_tile(
    layout: &Layout,
    wanted: Tile,
    each: usize,
) -> Result<(std::path::PathBuf, Vec<u8>), Error> {
    let partial = layout.tile(wanted);
    match regular::read(&partial) {
        Ok(bytes) => return Ok((partial, bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io("read", &partial)(error)),
    }
    let full = layout.tile(wanted.full());
    match regular::read(&full) {
        Ok(mut bytes) if bytes.len() == WIDTH as usize * each => {
            bytes.truncate(usize::from(wanted.width()) * each);
            Ok((full, bytes))
        }
        Ok(bytes) => Ok((full, bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Error::damaged(&partial, "the file is missing"))
        }
        Err(error) => Err(Error::io("read", &full)(error)),
    }
}
