//! Hashes of ranges of leaves, computed from tiles.

use std::ops::Range;

use crate::hash::node_hashes;
use crate::tile::{Level, Tile, WIDTH};
use crate::{Error, Hash, node_hash};

/// Where proofs get their hashes from: one tile at a time, the last one remembered.
pub(crate) struct Hashes<F> {
    size: u64,
    read: F,
    last: Option<(Tile, Vec<Hash>)>,
}

impl<E: From<Error>, F: FnMut(Tile) -> Result<Vec<Hash>, E>> Hashes<F> {
    pub(crate) fn new(size: u64, read: F) -> Self {
        Self { size, read, last: None }
    }

    /// MTH(D[range]) for a range that is a subtree of the tree (RFC 6962 §2.1).
    pub(crate) fn range(&mut self, range: Range<u64>) -> Result<Hash, E> {
        let count = range.end - range.start;
        if count.is_power_of_two() {
            return self.perfect(range.start, count);
        }
        let k = split(count);
        let left = self.perfect(range.start, k)?;
        let right = self.range(range.start + k..range.end)?;
        Ok(node_hash(&left, &right))
    }

    fn perfect(&mut self, start: u64, count: u64) -> Result<Hash, E> {
        let height = count.trailing_zeros();
        let level = height / 8;
        let place = start >> (8 * level);
        let first = (place % WIDTH) as usize;
        let tile = Tile::in_tree(self.size, Level::Hashes(level as u8), place / WIDTH)
            .expect("a subtree of the tree has a tile");
        let hashes = self.tile(tile)?;
        Ok(perfect(&hashes[first..first + (1 << (height % 8))]))
    }

    fn tile(&mut self, tile: Tile) -> Result<&[Hash], E> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != tile) {
            let hashes = (self.read)(tile)?;
            if hashes.len() != usize::from(tile.width()) {
                return Err(wrong_width(tile, hashes.len()).into());
            }
            self.last = Some((tile, hashes));
        }
        Ok(&self.last.as_ref().expect("just set").1)
    }
}

/// The largest power of two smaller than `count` (RFC 6962 §2.1), for `count` of at least two.
pub(crate) fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// The root of a perfect tree over 1 to 256 hashes.
pub(crate) fn perfect(hashes: &[Hash]) -> Hash {
    debug_assert!(hashes.len().is_power_of_two() && hashes.len() <= WIDTH as usize);
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = node_hashes(&row);
    }
    row[0]
}

pub(crate) fn wrong_width(tile: Tile, got: usize) -> Error {
    Error::malformed(
        "hash tile",
        format!("expected {} hashes in `{}`, got {got}", tile.width(), tile.path()),
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::hash::tests::merkle_tree_hash;

    /// Tiles of a tree that is held in memory, by the definition in tlog-tiles.
    pub(crate) fn tiles_of(leaves: &[Hash]) -> impl FnMut(Tile) -> Result<Vec<Hash>, Error> {
        move |tile| {
            let Level::Hashes(level) = tile.level() else {
                panic!("proofs need hashes only");
            };
            let span = 256usize.pow(level.into());
            Ok((0..tile.width())
                .map(|i| {
                    let first = tile.first_leaf(i) as usize;
                    merkle_tree_hash(&leaves[first..first + span])
                })
                .collect())
        }
    }
}
