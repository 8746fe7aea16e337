//! Inclusion proofs: a leaf is in a tree (RFC 6962 §2.1.1).

use crate::subtree::{Hashes, split};
use crate::{Error, Hash, Tile, node_hash};

/// The audit path of leaf `index` in the tree of `size` leaves, from the leaf's sibling upwards.
///
/// `read` gives the hashes of a tile as a tree of that size has it. It is asked for at most a few
/// tiles per level.
///
/// ```
/// use sealtrail_proof::{Error, inclusion, leaf_hash, node_hash};
///
/// let leaves = [leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")];
/// let path = inclusion::prove(2, 3, |_| Ok::<_, Error>(leaves.to_vec()))?;
/// assert_eq!(path, [node_hash(&leaves[0], &leaves[1])]);
///
/// let root = node_hash(&path[0], &leaves[2]);
/// inclusion::verify(&leaves[2], 2, 3, &path, &root)?;
/// assert!(inclusion::verify(&leaves[1], 2, 3, &path, &root).is_err());
/// # Ok::<(), Error>(())
/// ```
pub fn prove<E: From<Error>>(
    index: u64,
    size: u64,
    read: impl FnMut(Tile) -> Result<Vec<Hash>, E>,
) -> Result<Vec<Hash>, E> {
    if index >= size {
        return Err(outside(index, size).into());
    }
    let mut hashes = Hashes::new(size, read);
    let mut path = Vec::new();
    let mut range = 0..size;
    // From the root down the path is found last hash first.
    while range.end - range.start > 1 {
        let middle = range.start + split(range.end - range.start);
        if index < middle {
            path.push(hashes.range(middle..range.end)?);
            range.end = middle;
        } else {
            path.push(hashes.range(range.start..middle)?);
            range.start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Checks that `leaf` is leaf `index` of the tree of `size` leaves under `root` (RFC 9162 §2.1.3.2).
pub fn verify(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), Error> {
    if index >= size {
        return Err(outside(index, size));
    }
    let mismatch = |why: &str| {
        Error::mismatch(format!("the inclusion proof of record {index} in a tree of {size} {why}"))
    };
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return Err(mismatch("is too long"));
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(mismatch("is too short"));
    }
    if hash != *root {
        return Err(mismatch("does not lead to the signed root"));
    }
    Ok(())
}

fn outside(index: u64, size: u64) -> Error {
    Error::out_of_range(format!("a tree of {size} has no record {index}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::tests::{leaves, merkle_tree_hash};
    use crate::subtree::tests::tiles_of;

    #[test]
    fn every_leaf_of_many_trees() {
        let all = leaves(600);
        for size in (1..40).chain([255, 256, 257, 511, 512, 513, 600]) {
            let leaves = &all[..size];
            let root = merkle_tree_hash(leaves);
            let step = if size > 40 { 37 } else { 1 };
            for index in (0..size).step_by(step).chain([size - 1]) {
                let path = prove(index as u64, size as u64, tiles_of(leaves)).unwrap();
                let check = |leaf, index, size, path: &[Hash], root: &Hash| {
                    verify(leaf, index as u64, size as u64, path, root)
                };
                check(&leaves[index], index, size, &path, &root).unwrap();

                // Whatever is changed, it no longer verifies.
                check(&[0; 32], index, size, &path, &root).unwrap_err();
                check(&leaves[index], index, size, &path, &[0; 32]).unwrap_err();
                check(&leaves[index], size, size, &path, &root).unwrap_err();
                let longer = [path.clone(), vec![[0; 32]]].concat();
                check(&leaves[index], index, size, &longer, &root).unwrap_err();
                if !path.is_empty() {
                    check(&leaves[index], index, size, &path[1..], &root).unwrap_err();
                    let other = (index + 1) % size;
                    check(&leaves[index], other, size, &path, &root).unwrap_err();
                }
            }
        }
    }

    #[test]
    fn over_three_levels_of_tiles() {
        let leaves = leaves(66_000);
        let root = merkle_tree_hash(&leaves);
        for index in [0, 255, 256, 65_535, 65_536, 65_999] {
            let path = prove(index, 66_000, tiles_of(&leaves)).unwrap();
            verify(&leaves[index as usize], index, 66_000, &path, &root).unwrap();
        }
        assert!(prove(66_000, 66_000, tiles_of(&leaves)).is_err());
    }

    #[test]
    fn extreme_numbers_end_soon() {
        let path = vec![[0; 32]; 64];
        verify(&[0; 32], u64::MAX - 1, u64::MAX, &path, &[0; 32]).unwrap_err();
        verify(&[0; 32], 0, u64::MAX, &[], &[0; 32]).unwrap_err();
    }
}
