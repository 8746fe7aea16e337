//! The tree on disk: tiles, bundles and the checkpoint over them.

use std::io::ErrorKind;

use sealtrail_proof::tile::{self, Level, Tile, WIDTH};
use sealtrail_proof::{Checkpoint, Edge, Hash, leaf_hash};

use crate::disk::Disk;
use crate::durable::{self, Batch};
use crate::history::History;
use crate::paths::Layout;
use crate::{Error, Signer};

/// The writer's side of the tree. Owned by the covering thread, and by recovery before it.
pub(crate) struct Tree {
    disk: Disk,
    layout: Layout,
    signer: Signer,
    edge: Edge,
    batch: Batch,
    history: History,
    /// The entries of the partial bundle.
    entries: Vec<Hash>,
    /// The checkpoint as it must be on disk, byte for byte.
    note: String,
    checkpoint: Checkpoint,
}

impl Tree {
    /// The first checkpoint of a log: the tree without leaves.
    pub(crate) fn create(disk: &Disk, layout: &Layout, signer: &Signer) -> Result<(), Error> {
        let edge = Edge::new();
        let note = Checkpoint::new(&signer.origin, 0, edge.root()).sign(&signer.key)?;
        durable::replace(disk, &layout.checkpoint(), note.as_bytes())
    }

    /// Loads the tree that the checkpoint signs: its right edge, and nothing else however long the
    /// log is. Refuses tiles that do not add up to the signed root.
    pub(crate) fn load(disk: &Disk, layout: &Layout, signer: Signer) -> Result<Self, Error> {
        let path = layout.checkpoint();
        let note = match disk.read(&path) {
            Ok(note) => note,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(match disk.names(&layout.entries()) {
                    Ok(names) if !Layout::segments_among(&names).is_empty() => {
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
        let edge = Edge::load(size, |tile| hashes_on(disk, layout, tile))?;
        if edge.root() != *checkpoint.root() {
            return Err(Error::damaged(
                &layout.tiles(),
                format!("the tiles do not add up to the root that was signed at size {size}"),
            ));
        }
        let entries = match Tile::in_tree(size, Level::Entries, size / WIDTH) {
            Some(bundle) => entries_on(disk, layout, bundle)?,
            None => Vec::new(),
        };
        Ok(Self {
            history: History::open(disk, layout, &checkpoint, &note)?,
            disk: disk.clone(),
            layout: layout.clone(),
            signer,
            edge,
            batch: Batch::new(disk, layout.root()),
            entries,
            note,
            checkpoint,
        })
    }

    /// To be called once recovery has found nothing wrong.
    pub(crate) fn settle_history(&mut self) -> Result<(), Error> {
        self.history.settle()
    }

    pub(crate) fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Lets the tree grow by durable lines and signs it. The order of the steps is FORMAT.md's:
    /// tiles and bundles are on disk before the checkpoint that covers them.
    ///
    /// The tree only ever grows from the one that was loaded and compared with its signed root, so
    /// no signed checkpoint is inconsistent with an earlier one. If the disk is full
    /// ([`Error::is_disk_full`]) the tree is what it was, and the same lines may be covered again.
    pub(crate) fn cover(&mut self, lines: &[Hash]) -> Result<&Checkpoint, Error> {
        if lines.is_empty() {
            return Ok(&self.checkpoint);
        }
        // The one before is kept before the next one is signed.
        self.history.catch_up()?;
        let outgrown = self.grow(lines).inspect_err(|_| self.batch.abandon())?;
        // tlog-tiles: partial tiles may go once the full one is there, and not before a checkpoint
        // says so. Best effort: one that stays is only a beginning of the full one.
        for tile in outgrown {
            let _ = self.disk.remove_folder(&self.layout.partials(tile));
        }
        match self.history.add(self.checkpoint.size(), &self.note) {
            // The checkpoint is in place; the next one waits until this one is kept.
            Err(error) if !error.is_disk_full() => Err(error),
            _ => Ok(&self.checkpoint),
        }
    }

    /// Returns the tiles whose partial forms are no longer needed.
    fn grow(&mut self, lines: &[Hash]) -> Result<Vec<Tile>, Error> {
        let (mut edge, mut entries) = (self.edge.clone(), self.entries.clone());
        let before = edge.size();
        let mut outgrown = Vec::new();
        for entry in lines {
            entries.push(*entry);
            for (tile, hashes) in edge.push(leaf_hash(entry)) {
                self.batch.write(self.layout.tile(tile), &tile::encode_hashes(&hashes))?;
                outgrown.push(tile);
            }
            if entries.len() == WIDTH as usize {
                let bundle = Tile::new(Level::Entries, edge.size() / WIDTH - 1, WIDTH as u16);
                self.batch.write(self.layout.tile(bundle), &tile::encode_entries(&entries))?;
                outgrown.push(bundle);
                entries.clear();
            }
        }
        let size = edge.size();
        for (tile, hashes) in edge.partials() {
            // A partial tile of an upper level is the same file until it grows.
            if !Tile::partials(before).any(|written| written == tile) {
                self.batch.write(self.layout.tile(tile), &tile::encode_hashes(hashes))?;
            }
        }
        if let Some(bundle) = Tile::in_tree(size, Level::Entries, size / WIDTH) {
            self.batch.write(self.layout.tile(bundle), &tile::encode_entries(&entries))?;
        }
        self.batch.finish()?;
        self.sign(Checkpoint::new(&self.signer.origin, size, edge.root()))?;
        (self.edge, self.entries) = (edge, entries);
        Ok(outgrown)
    }

    fn sign(&mut self, checkpoint: Checkpoint) -> Result<(), Error> {
        // Somebody who swaps the checkpoint under a running writer would have two histories signed.
        let path = self.layout.checkpoint();
        let found = self.disk.read(&path).map_err(Error::io("read", &path))?;
        if found != self.note.as_bytes() {
            return Err(Error::damaged(
                &path,
                "it is not the checkpoint that this writer signed last",
            ));
        }
        let note = checkpoint.sign(&self.signer.key)?;
        durable::replace(&self.disk, &path, note.as_bytes())?;
        (self.note, self.checkpoint) = (note, checkpoint);
        Ok(())
    }
}

/// The hashes of a tile as a tree of some size has it: from that file, or from the full tile that
/// took its place.
pub(crate) fn hashes(layout: &Layout, wanted: Tile) -> Result<Vec<Hash>, Error> {
    hashes_on(&Disk::Real, layout, wanted)
}

pub(crate) fn hashes_on(disk: &Disk, layout: &Layout, wanted: Tile) -> Result<Vec<Hash>, Error> {
    let (path, bytes) = read_tile(disk, layout, wanted, 32)?;
    tile::decode_hashes(&bytes, wanted.width())
        .map_err(|error| Error::damaged(&path, error.to_string()))
}

/// The entries of a bundle, in the same way.
pub(crate) fn entries_on(disk: &Disk, layout: &Layout, wanted: Tile) -> Result<Vec<Hash>, Error> {
    let (path, bytes) = read_tile(disk, layout, wanted, tile::ENTRY_BYTES)?;
    tile::decode_entries(&bytes, wanted.width())
        .map_err(|error| Error::damaged(&path, error.to_string()))
}

fn read_tile(
    disk: &Disk,
    layout: &Layout,
    wanted: Tile,
    each: usize,
) -> Result<(std::path::PathBuf, Vec<u8>), Error> {
    let partial = layout.tile(wanted);
    match disk.read(&partial) {
        Ok(bytes) => return Ok((partial, bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io("read", &partial)(error)),
    }
    let full = layout.tile(wanted.full());
    match disk.read(&full) {
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
