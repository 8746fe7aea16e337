//! A log as a witness reads it: its checkpoint and its tiles (C2SP tlog-tiles), believed by nobody yet.

use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use sealtrail_log::Reader;
use sealtrail_log::proof::note::MAX_BYTES;
use sealtrail_log::proof::tile::{WIDTH, decode_hashes};
use sealtrail_log::proof::{Checkpoint, Edge, Hash, Tile, consistency, inclusion};

use crate::code::Code;
use crate::error::{Error, Result};
use crate::http_client::Client;

/// A folder, or a service that has the read API of tlog-tiles, as every sidecar has.
pub enum Source {
    Folder(Reader),
    Http(Client),
}

/// A service slower than this is given up.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Source {
    /// `log` is the path of a folder or begins with `http://`.
    pub fn open(log: &str) -> Result<Self> {
        if log.contains("://") {
            return Client::new("LOG", log, TIMEOUT).map(Source::Http);
        }
        Ok(Source::Folder(Reader::open(Path::new(log))?))
    }

    /// The signed note.
    pub fn checkpoint(&self) -> Result<Vec<u8>> {
        self.resource("checkpoint", MAX_BYTES)?
            .ok_or_else(|| Error::new(Code::NotFound, "the log has no checkpoint"))
    }

    /// The proof that the tree of `checkpoint` begins with its first `old` records.
    pub fn prove_consistency(&self, old: u64, checkpoint: &Checkpoint) -> Result<Vec<Hash>> {
        consistency::prove(old, checkpoint.size(), |tile| self.hashes(tile))
    }

    /// The path from a record to the root of `checkpoint`.
    pub fn prove_inclusion(&self, index: u64, checkpoint: &Checkpoint) -> Result<Vec<Hash>> {
        inclusion::prove(index, checkpoint.size(), |tile| self.hashes(tile))
    }

    /// Whether the tiles lead to the root that the log signed. If they do not, they prove nothing about it.
    pub fn check_root(&self, checkpoint: &Checkpoint) -> Result<()> {
        let edge = Edge::load(checkpoint.size(), |tile| self.hashes(tile))?;
        if edge.root() == *checkpoint.root() {
            return Ok(());
        }
        let message = format!(
            "the tiles of the log do not lead to the root that it signed for {} records",
            checkpoint.size()
        );
        Err(Error::new(Code::LogDamaged, message))
    }

    /// The hashes of a tile; those of a partial one from the full one if that has taken its place.
    fn hashes(&self, tile: Tile) -> Result<Vec<Hash>> {
        let width = usize::from(tile.width());
        let full = tile.full();
        if let Some(bytes) = self.resource(&tile.path(), width * 32)? {
            return Ok(decode_hashes(&bytes, tile.width())?);
        }
        if !tile.is_full()
            && let Some(bytes) = self.resource(&full.path(), WIDTH as usize * 32)?
        {
            let mut hashes = decode_hashes(&bytes, full.width())?;
            hashes.truncate(width);
            return Ok(hashes);
        }
        Err(Error::new(Code::LogDamaged, format!("the log has no `{}`", tile.path())))
    }

    fn resource(&self, path: &str, at_most: usize) -> Result<Option<Vec<u8>>> {
        match self {
            Source::Folder(reader) => Ok(reader.resource(path)?),
            Source::Http(client) => {
                // A problem may be longer than the tile that is missing.
                let reply = client.get(&format!("/{path}"), at_most.max(16 << 10))?;
                match reply.status {
                    StatusCode::OK => Ok(Some(reply.body.to_vec())),
                    StatusCode::NOT_FOUND => Ok(None),
                    status => Err(client.failed(format!("{status} for `{path}`"))),
                }
            }
        }
    }
}
