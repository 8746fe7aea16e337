//! Tiles and bundles as they are stored.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;

use sealtrail_proof::hash::node_hashes;
use sealtrail_proof::tile::{self, ENTRY_BYTES, Level, Tile, WIDTH};
use sealtrail_proof::{Hash, node_hash};

use super::{Class, Failure};
use crate::paths::Layout;
use crate::regular;

/// What a tree of `size` records must have stored at a place: from the file of that width, or from
/// the full one that took its place.
pub(super) fn required(
    layout: &Layout,
    size: u64,
    level: Level,
    index: u64,
) -> Result<Option<(Tile, Vec<Hash>)>, Failure> {
    let Some(wanted) = Tile::in_tree(size, level, index) else {
        return Ok(None);
    };
    for stored in [wanted, wanted.full()] {
        if let Some(mut hashes) = read(layout, stored)? {
            hashes.truncate(usize::from(wanted.width()));
            return Ok(Some((stored, hashes)));
        }
    }
    Err(fail(wanted, 0, "the file is missing").record(wanted.first_leaf(0)))
}

/// The content of a tile or bundle, if it is there.
pub(super) fn read(layout: &Layout, tile: Tile) -> Result<Option<Vec<Hash>>, Failure> {
    let path = layout.tile(tile);
    let most = WIDTH as usize * ENTRY_BYTES + 1;
    let mut bytes = Vec::new();
    match regular::open(&path).and_then(|file| file.take(most as u64).read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Failure::new(Class::Unreadable, error.to_string()).file(tile.path()));
        }
    }
    let decoded = match tile.level() {
        Level::Entries => tile::decode_entries(&bytes, tile.width()),
        Level::Hashes(_) => tile::decode_hashes(&bytes, tile.width()),
    };
    decoded.map(Some).map_err(|error| fail(tile, 0, error.to_string()).record(tile.first_leaf(0)))
}

/// Compares every stored form of one place with what the lines say. Forms wider than what is known
/// are left alone: a writer may be at work (see [`extent`]). The one that was `seen` is not read again.
pub(super) fn compare_all(
    layout: &Layout,
    level: Level,
    index: u64,
    computed: &[Hash],
    seen: Option<Tile>,
) -> Result<(), Failure> {
    let widest = Tile::new(level, index, computed.len() as u16);
    let mut widths = vec![WIDTH as u16];
    if let Ok(folder) = fs::read_dir(layout.partials(widest)) {
        let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        widths.extend(names.filter_map(|name| {
            let path = format!("{}/{name}", widest.partials_path());
            Some(Tile::parse(&path).ok()?.width())
        }));
    }
    for width in widths {
        let Some(known) = computed.get(..usize::from(width)) else {
            continue;
        };
        let tile = Tile::new(level, index, width);
        if seen == Some(tile) {
            continue;
        }
        let Some(stored) = read(layout, tile)? else {
            continue;
        };
        if let Some(i) = (0..known.len()).find(|i| stored[*i] != known[*i]) {
            return Err(mismatch(tile, i as u16));
        }
    }
    Ok(())
}

/// A stored hash that the lines do not give.
pub(super) fn mismatch(tile: Tile, i: u16) -> Failure {
    let what = match tile.level() {
        Level::Entries => "the entry is not the digest of the line",
        Level::Hashes(0) => "the hash is not the leaf of the line",
        Level::Hashes(_) => "the hash is not that of the tile below",
    };
    fail(tile, i, what).record(tile.first_leaf(i))
}

fn fail(tile: Tile, i: u16, message: impl Into<String>) -> Failure {
    let (class, offset) = match tile.level() {
        Level::Entries => (Class::Bundle, usize::from(i) * ENTRY_BYTES),
        Level::Hashes(_) => (Class::Tile, usize::from(i) * 32),
    };
    Failure::new(class, message).file(tile.path()).offset(offset as u64)
}

/// What the folder of tiles holds, by the names in it.
#[derive(Default)]
pub(super) struct Shelf {
    /// How many records the tiles speak of, at most, and the tile that does.
    ///
    /// Tiles are written for durable lines only. So when the lines are fewer, lines were taken away, even
    /// if no checkpoint ever covered them.
    pub(super) extent: Option<(u64, Tile)>,
    /// The places that have partial forms, each as the full tile; none if there are too many to remember.
    partials: Option<BTreeSet<Tile>>,
}

/// An honest log has a handful.
const MAX_PARTIALS: usize = 10_000;

/// A tile index of 64 bits has seven groups of digits.
const MAX_DEPTH: u8 = 12;

impl Shelf {
    /// Looks before the lines are read, so that a writer at work can only make the lines more.
    pub(super) fn look(layout: &Layout) -> Self {
        let mut shelf = Self { extent: None, partials: Some(BTreeSet::new()) };
        shelf.walk(layout.root(), &layout.tiles(), 0);
        shelf
    }

    /// Whether there may be partial forms of a full tile.
    pub(super) fn may_have_partials(&self, full: Tile) -> bool {
        self.partials.as_ref().is_none_or(|partials| partials.contains(&full))
    }

    fn walk(&mut self, root: &Path, folder: &Path, depth: u8) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        // Of the full tiles beside one another, the one with the last name speaks of the most records.
        let mut last: Option<OsString> = None;
        for entry in entries.flatten() {
            let name = entry.file_name();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if depth < MAX_DEPTH {
                    self.walk(root, &folder.join(name), depth + 1);
                }
            } else if name.len() < 3 || folder.extension().is_some() {
                self.note(root, &folder.join(name));
            } else if name.len() == 3 && last.as_ref().is_none_or(|last| name > *last) {
                last = Some(name);
            }
        }
        if let Some(name) = last {
            self.note(root, &folder.join(name));
        }
    }

    fn note(&mut self, root: &Path, path: &Path) {
        let path = path.strip_prefix(root).ok().and_then(Path::to_str);
        let Some(tile) = path.and_then(|path| Tile::parse(path).ok()) else {
            return;
        };
        let leaves = tile.leaves().unwrap_or(u64::MAX);
        if self.extent.is_none_or(|(known, _)| leaves > known) {
            self.extent = Some((leaves, tile));
        }
        if !tile.is_full()
            && let Some(partials) = &mut self.partials
        {
            partials.insert(tile.full());
            if partials.len() > MAX_PARTIALS {
                self.partials = None;
            }
        }
    }
}

/// The root over the partial tiles of a tree, lowest level first (RFC 6962 §2.1).
pub(super) fn root(levels: &[Vec<Hash>]) -> Hash {
    let mut root: Option<Hash> = None;
    for hashes in levels {
        let mut rest = hashes.as_slice();
        // The smallest perfect subtree is the last one.
        while !rest.is_empty() {
            let (before, subtree) = rest.split_at(rest.len() - (1 << rest.len().trailing_zeros()));
            let left = perfect(subtree);
            root = Some(root.map_or(left, |right| node_hash(&left, &right)));
            rest = before;
        }
    }
    root.unwrap_or_else(sealtrail_proof::hash::empty_root)
}

/// The root of a perfect tree.
pub(super) fn perfect(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = node_hashes(&row);
    }
    row[0]
}
