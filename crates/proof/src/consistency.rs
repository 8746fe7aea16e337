//! Consistency proofs: a tree extends an earlier one (RFC 6962 §2.1.2).

use crate::hash::empty_root;
use crate::subtree::{Hashes, split};
use crate::{Error, Hash, Tile, node_hash};

/// The proof that the tree of `new` leaves begins with the tree of `old` leaves.
///
/// ```
/// use sealtrail_proof::{Error, consistency, leaf_hash, node_hash};
///
/// let leaves = [leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")];
/// let old = node_hash(&leaves[0], &leaves[1]);
/// let new = node_hash(&old, &leaves[2]);
/// let proof = consistency::prove(2, 3, |_| Ok::<_, Error>(leaves.to_vec()))?;
/// consistency::verify(2, &old, 3, &new, &proof)?;
/// # Ok::<(), Error>(())
/// ```
pub fn prove<E: From<Error>>(
    old: u64,
    new: u64,
    read: impl FnMut(Tile) -> Result<Vec<Hash>, E>,
) -> Result<Vec<Hash>, E> {
    if old > new {
        return Err(shrunk(old, new).into());
    }
    let mut proof = Vec::new();
    if old == 0 || old == new {
        return Ok(proof);
    }
    let mut hashes = Hashes::new(new, read);
    let mut range = 0..new;
    // SUBPROOF of RFC 6962 §2.1.2, from the root down, so last hash first. When the old tree is a
    // whole subtree, its hash is needed only if it is not the old root that the verifier has.
    while range.end != old {
        let middle = range.start + split(range.end - range.start);
        if old <= middle {
            proof.push(hashes.range(middle..range.end)?);
            range.end = middle;
        } else {
            proof.push(hashes.range(range.start..middle)?);
            range.start = middle;
        }
    }
    if range.start != 0 {
        proof.push(hashes.range(range)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that the tree of `new` leaves extends the tree of `old` leaves (RFC 9162 §2.1.4.2).
pub fn verify(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), Error> {
    if old > new {
        return Err(shrunk(old, new));
    }
    let mismatch = |why: &str| {
        Error::mismatch(format!(
            "the consistency proof from a tree of {old} to a tree of {new} {why}"
        ))
    };
    // The two ends that the RFC leaves out: nothing is a beginning of everything, and a tree of itself.
    if old == 0 || old == new {
        let expected = if old == 0 { &empty_root() } else { new_root };
        return match (proof.is_empty(), old_root == expected) {
            (false, _) => Err(mismatch("is too long")),
            (true, false) => Err(mismatch("does not lead to the old root")),
            (true, true) => Ok(()),
        };
    }
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (seed, rest) = if old.is_power_of_two() {
        (old_root, proof)
    } else {
        proof.split_first().ok_or_else(|| mismatch("is too short"))?
    };
    let (mut from, mut to) = (*seed, *seed);
    for hash in rest {
        if last == 0 {
            return Err(mismatch("is too long"));
        }
        if node & 1 == 1 || node == last {
            from = node_hash(hash, &from);
            to = node_hash(hash, &to);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            to = node_hash(&to, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(mismatch("is too short"));
    }
    if from != *old_root {
        return Err(mismatch("does not lead to the old root"));
    }
    if to != *new_root {
        return Err(mismatch("does not lead to the new root"));
    }
    Ok(())
}

fn shrunk(old: u64, new: u64) -> Error {
    Error::out_of_range(format!("a tree of {new} cannot extend a tree of {old}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::tests::{leaves, merkle_tree_hash};
    use crate::subtree::tests::tiles_of;

    #[test]
    fn every_pair_of_small_trees() {
        let all = leaves(40);
        let roots: Vec<_> = (0..=40).map(|n| merkle_tree_hash(&all[..n])).collect();
        for new in 0..=40 {
            for old in 0..=new {
                let proof = prove(old as u64, new as u64, tiles_of(&all[..new])).unwrap();
                let check = |old_root: &Hash, new_root: &Hash, proof: &[Hash]| {
                    verify(old as u64, old_root, new as u64, new_root, proof)
                };
                check(&roots[old], &roots[new], &proof).unwrap();

                check(&[0; 32], &roots[new], &proof).unwrap_err();
                if old != 0 {
                    check(&roots[old], &[0; 32], &proof).unwrap_err();
                }
                let longer = [proof.clone(), vec![[0; 32]]].concat();
                check(&roots[old], &roots[new], &longer).unwrap_err();
                if let Some((_, shorter)) = proof.split_last() {
                    check(&roots[old], &roots[new], shorter).unwrap_err();
                }
            }
        }
    }

    #[test]
    fn around_the_borders_of_tiles() {
        let all = leaves(700);
        for (old, new) in [(255, 256), (256, 257), (257, 512), (300, 700), (512, 700)] {
            let proof = prove(old as u64, new as u64, tiles_of(&all[..new])).unwrap();
            let (old_root, new_root) =
                (merkle_tree_hash(&all[..old]), merkle_tree_hash(&all[..new]));
            verify(old as u64, &old_root, new as u64, &new_root, &proof).unwrap();
        }
        assert!(prove(8, 7, tiles_of(&all)).is_err());
        assert!(verify(8, &[0; 32], 7, &[0; 32], &[]).is_err());
    }
}
