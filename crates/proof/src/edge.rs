//! The right edge of a growing tree.

use crate::hash::empty_root;
use crate::tile::{Level, Tile, WIDTH};
use crate::{Error, Hash, node_hash, subtree};

/// All that a writer must remember of a tree: its partial tiles.
///
/// A tree of n leaves is remembered in at most 255 hashes for each of its log₂₅₆ n levels, however
/// large n is. Leaves are pushed in order; a tile that becomes full is handed back once, and what
/// is left is what [`Edge::partials`] names.
///
/// ```
/// use sealtrail_proof::Edge;
///
/// let mut edge = Edge::new();
/// let mut full = Vec::new();
/// for i in 0..300u32 {
///     let leaf = sealtrail_proof::leaf_hash(&i.to_be_bytes());
///     full.extend(edge.push(leaf).into_iter().map(|(tile, _hashes)| tile.path()));
/// }
/// assert_eq!(full, ["tile/0/000"]);
/// let partials: Vec<_> = edge.partials().map(|(tile, _)| tile.path()).collect();
/// assert_eq!(partials, ["tile/0/001.p/44", "tile/1/000.p/1"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Edge {
    size: u64,
    /// The hashes of the partial tile of each level, 0 to 255 of them.
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// The edge of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The edge of a tree of `size` leaves, its partial tiles fetched by `read`.
    ///
    /// Whether the hashes are the right ones shows when [`Edge::root`] is compared with a signed
    /// root; here only their number is checked.
    pub fn load<E: From<Error>>(
        size: u64,
        mut read: impl FnMut(Tile) -> Result<Vec<Hash>, E>,
    ) -> Result<Self, E> {
        let mut levels: Vec<Vec<Hash>> = Vec::new();
        for tile in Tile::partials(size) {
            let Level::Hashes(level) = tile.level() else {
                unreachable!("partials are hash tiles");
            };
            levels.resize(usize::from(level) + 1, Vec::new());
            let hashes = read(tile)?;
            if hashes.len() != usize::from(tile.width()) {
                return Err(subtree::wrong_width(tile, hashes.len()).into());
            }
            levels[usize::from(level)] = hashes;
        }
        Ok(Self { size, levels })
    }

    /// Appends a leaf; returns the tiles that it filled, lowest level first.
    pub fn push(&mut self, leaf: Hash) -> Vec<(Tile, Vec<Hash>)> {
        let mut full = Vec::new();
        let mut hash = leaf;
        self.size += 1;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(WIDTH as usize));
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            if hashes.len() < WIDTH as usize {
                break;
            }
            let hashes = std::mem::replace(hashes, Vec::with_capacity(WIDTH as usize));
            hash = subtree::perfect(&hashes);
            let index = (self.size >> (8 * (level + 1))) - 1;
            let tile = Tile::new(Level::Hashes(level as u8), index, WIDTH as u16);
            full.push((tile, hashes));
        }
        full
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// The Merkle Tree Hash of all leaves so far (RFC 6962 §2.1).
    pub fn root(&self) -> Hash {
        // The tree is a row of perfect subtrees, the largest first; a partial tile of width w adds
        // one for each bit of w. Joined from the smallest up, they are the root.
        let mut root = None;
        for hashes in &self.levels {
            let mut end = hashes.len();
            while end > 0 {
                let start = end & (end - 1);
                let subtree = subtree::perfect(&hashes[start..end]);
                root = Some(match root {
                    None => subtree,
                    Some(right) => node_hash(&subtree, &right),
                });
                end = start;
            }
        }
        root.unwrap_or_else(empty_root)
    }

    /// The partial tiles, lowest level first; a level whose tile is empty has none.
    pub fn partials(&self) -> impl Iterator<Item = (Tile, &[Hash])> {
        Tile::partials(self.size).map(|tile| {
            let Level::Hashes(level) = tile.level() else {
                unreachable!("partials are hash tiles");
            };
            (tile, self.levels[usize::from(level)].as_slice())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::tests::{leaves, merkle_tree_hash};

    #[test]
    fn roots_are_those_of_the_definition() {
        let leaves = leaves(1030);
        let mut edge = Edge::new();
        assert_eq!(edge.root(), merkle_tree_hash(&[]));
        for (i, leaf) in leaves.iter().enumerate() {
            edge.push(*leaf);
            // Every small size, and those around full tiles and powers of two.
            if i < 70 || [254, 255, 256, 300, 510, 511, 512, 767, 1023, 1029].contains(&i) {
                assert_eq!(edge.root(), merkle_tree_hash(&leaves[..=i]), "{}", i + 1);
            }
        }
    }

    #[test]
    fn three_levels_of_tiles() {
        let leaves = leaves(65_536 + 300);
        let mut edge = Edge::new();
        let mut full = Vec::new();
        for leaf in &leaves {
            full.extend(edge.push(*leaf));
        }
        assert_eq!(full.len(), 257 + 1);
        let (tile, hashes) =
            full.iter().find(|(tile, _)| tile.level() == Level::Hashes(1)).unwrap();
        assert_eq!(tile.path(), "tile/1/000");
        assert_eq!(hashes[3], merkle_tree_hash(&leaves[768..1024]));
        assert_eq!(edge.root(), merkle_tree_hash(&leaves));

        let partials: Vec<_> =
            edge.partials().map(|(tile, hashes)| (tile, hashes.to_vec())).collect();
        let read = |wanted| {
            let found = partials.iter().find(|(tile, _)| *tile == wanted);
            Ok::<_, Error>(found.unwrap().1.clone())
        };
        let loaded = Edge::load(edge.size(), read).unwrap();
        assert_eq!(loaded.root(), edge.root());
        assert!(Edge::load(edge.size(), |_| Ok::<_, Error>(vec![])).is_err());
    }
}
