//! Hashes of entries, leaves and nodes (RFC 6962 §2.1).
//!
//! The entry of a line is its digest, so a line may be longer than the 65,535 bytes of an entry
//! bundle, and a line may be forgotten while its place in the tree stays provable:
//!
//! ```text
//! entry = SHA-256(line without LF)
//! leaf  = SHA-256(0x00 ‖ entry)
//! node  = SHA-256(0x01 ‖ left ‖ right)
//! ```
//!
//! Who hashes many at once does it about twice as fast with [`entry_hashes`], [`leaf_hashes`] and
//! [`node_hashes`], where the processor has SHA instructions that two messages can share.

#[cfg(target_arch = "x86_64")]
mod two;

use sha2::{Digest, Sha256};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// The entry that stands for a line in the tree: its SHA-256.
///
/// ```
/// let entry = sealtrail_proof::entry_hash(b"abc");
/// assert_eq!(entry[..4], [0xba, 0x78, 0x16, 0xbf]);
/// ```
pub fn entry_hash(line: &[u8]) -> Hash {
    Sha256::digest(line).into()
}

/// The leaf of an entry, SHA-256(0x00 ‖ entry).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0x00]).chain_update(entry).finalize().into()
}

/// An inner node, SHA-256(0x01 ‖ left ‖ right).
///
/// The prefix keeps a node from ever passing for a leaf (RFC 6962 §2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::digest(node_preimage(left, right)).into()
}

fn node_preimage(left: &Hash, right: &Hash) -> [u8; 65] {
    let mut preimage = [0x01; 65];
    preimage[1..33].copy_from_slice(left);
    preimage[33..].copy_from_slice(right);
    preimage
}

/// Appends the entry of every line to `entries`, in order.
///
/// ```
/// use sealtrail_proof::{entry_hash, hash::entry_hashes};
///
/// let lines: [&[u8]; 3] = [b"one", b"", b"a longer one"];
/// let mut entries = Vec::new();
/// entry_hashes(lines.into_iter(), &mut entries);
/// assert_eq!(entries, lines.map(entry_hash));
/// ```
pub fn entry_hashes<'a>(lines: impl ExactSizeIterator<Item = &'a [u8]>, entries: &mut Vec<Hash>) {
    digests(lines, entries);
}

/// The leaf of every entry, in order.
pub fn leaf_hashes(entries: &[Hash]) -> Vec<Hash> {
    let preimages = entries.iter().map(|entry| {
        let mut block = padded::<64>(33);
        block[1..33].copy_from_slice(entry);
        block
    });
    padded_digests(33, &preimages.collect::<Vec<_>>())
}

/// The node over every pair of neighbours, in order: the next row of a tree. A last hash without a
/// neighbour is left out.
///
/// ```
/// use sealtrail_proof::{hash::node_hashes, node_hash};
///
/// let row = [[1; 32], [2; 32], [3; 32], [4; 32]];
/// assert_eq!(node_hashes(&row), [node_hash(&row[0], &row[1]), node_hash(&row[2], &row[3])]);
/// ```
pub fn node_hashes(row: &[Hash]) -> Vec<Hash> {
    let preimages = row.chunks_exact(2).map(|pair| {
        let mut blocks = padded::<128>(65);
        blocks[..65].copy_from_slice(&node_preimage(&pair[0], &pair[1]));
        blocks
    });
    padded_digests(65, &preimages.collect::<Vec<_>>())
}

/// Two at a time where that is faster, one by one elsewhere.
fn digests<'a>(messages: impl ExactSizeIterator<Item = &'a [u8]>, digests: &mut Vec<Hash>) {
    #[cfg(target_arch = "x86_64")]
    if let Some(instructions) = two::Instructions::find() {
        return instructions.digest(messages, digests);
    }
    digests.extend(messages.map(entry_hash));
}

/// The digests of messages of `length` bytes, each in the blocks that [`padded`] gave.
fn padded_digests<const BYTES: usize>(length: usize, messages: &[[u8; BYTES]]) -> Vec<Hash> {
    let mut digests = Vec::with_capacity(messages.len());
    #[cfg(target_arch = "x86_64")]
    if let Some(instructions) = two::Instructions::find() {
        instructions.digest_padded(messages, &mut digests);
        return digests;
    }
    digests.extend(messages.iter().map(|message| entry_hash(&message[..length])));
    digests
}

/// The blocks of a message of `length` zeroes, with its padding and length (FIPS 180-4 §5.1.1).
fn padded<const BYTES: usize>(length: usize) -> [u8; BYTES] {
    let mut blocks = [0; BYTES];
    blocks[length] = 0x80;
    blocks[BYTES - 8..].copy_from_slice(&(length as u64 * 8).to_be_bytes());
    blocks
}

/// The root of the tree without leaves, SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The entry of a line that comes in pieces, for readers that must not hold a long line.
///
/// ```
/// use sealtrail_proof::{entry_hash, hash::EntryHasher};
///
/// let mut hasher = EntryHasher::new();
/// hasher.update(b"a long ");
/// hasher.update(b"line");
/// assert_eq!(hasher.finish(), entry_hash(b"a long line"));
/// ```
#[derive(Clone, Default)]
pub struct EntryHasher(Sha256);

impl EntryHasher {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The entry of all pieces so far; the hasher starts over.
    pub fn finish(&mut self) -> Hash {
        self.0.finalize_reset().into()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The Merkle Tree Hash as RFC 6962 §2.1 writes it down: slow, and obviously right.
    pub(crate) fn merkle_tree_hash(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(k);
                node_hash(&merkle_tree_hash(left), &merkle_tree_hash(right))
            }
        }
    }

    pub(crate) fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|i| leaf_hash(&entry_hash(i.to_string().as_bytes()))).collect()
    }

    fn hex(hash: Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn known_answers_of_certificate_transparency() {
        // The values that every RFC 6962 implementation starts its tests with.
        assert_eq!(
            hex(empty_root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            hex(leaf_hash(b"")),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
        let empty_leaf = leaf_hash(b"");
        let zero_leaf = leaf_hash(&[0]);
        assert_eq!(
            hex(node_hash(&empty_leaf, &zero_leaf)),
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
        );
    }
}
