//! AES-256-GCM (NIST SP 800-38D) for many short fields under one key.
//!
//! A cipher without AES instructions works on several blocks at once or wastes most of its time; a
//! field alone seldom has several. So the counter blocks of all fields go through the cipher
//! together. Cipher and hash are RustCrypto's; what is put together here gives the bytes of the
//! `aes-gcm` crate, which opens what this sealed.

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes_gcm::Aes256Gcm;
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::{Zeroize, Zeroizing};

use super::{NONCE_BYTES, TAG_BYTES};
use crate::Error;

const BLOCK: usize = 16;

/// How many blocks a cipher without AES instructions works on at a time.
const TOGETHER: usize = 4;

type Block = ghash::Block;

/// The key of a record's fields in one data group.
pub(super) struct FieldCipher {
    // Boxed so that moving the value leaves no copy of the key schedule behind; none once it is wiped.
    aes: Box<Option<Aes256>>,
    aad_head: &'static [u8],
}

/// What the counter blocks of several fields became: for each field the mask of its tag, then its key
/// stream.
pub(crate) struct KeyStream {
    blocks: Zeroizing<Vec<[u8; BLOCK]>>,
    at: usize,
    /// Keyed, and past the blocks that every field's associated data begin with.
    hash: GHash,
}

impl KeyStream {
    /// Wipes it, and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.blocks.as_flattened_mut().zeroize();
        self.blocks.clear();
        self.hash = GHash::new(&Block::default());
    }
}

impl Default for KeyStream {
    fn default() -> Self {
        Self { blocks: Zeroizing::default(), at: 0, hash: GHash::new(&Block::default()) }
    }
}

impl FieldCipher {
    /// `aad_head` is what the associated data of every field begin with.
    pub(super) fn new(key: &[u8; 32], aad_head: &'static [u8]) -> Self {
        Self { aes: Box::new(Some(Aes256::new(key.into()))), aad_head }
    }

    /// Takes another key in place of the one before.
    pub(super) fn rekey(&mut self, key: &[u8; 32]) {
        *self.aes = Some(Aes256::new(key.into()));
    }

    /// Forgets its key.
    pub(super) fn wipe(&mut self) {
        *self.aes = None;
    }

    fn aes(&self) -> &Aes256 {
        self.aes.as_ref().as_ref().unwrap_or_else(|| unreachable!("a wiped cipher is not used"))
    }

    /// The same cipher as the `aes-gcm` crate knows it.
    pub(super) fn aes_gcm(&self) -> Aes256Gcm {
        Aes256Gcm::from(self.aes().clone())
    }

    /// Encrypts the counter blocks of fields of these lengths, in bytes, and with them the block that
    /// keys the hash.
    pub(super) fn key_stream<'n>(
        &self,
        fields: impl Iterator<Item = (&'n [u8; NONCE_BYTES], usize)> + Clone,
        stream: &mut KeyStream,
    ) -> Result<(), Error> {
        // Made as large as it gets: a vector that grows leaves what it held where it was.
        let count: usize = fields.clone().map(|(_, len)| 1 + len.div_ceil(BLOCK)).sum();
        stream.clear();
        let blocks = &mut stream.blocks;
        let whole = (1 + count).next_multiple_of(TOGETHER);
        blocks.reserve_exact(whole);
        blocks.push([0; BLOCK]);
        for (nonce, len) in fields {
            // SP 800-38D §5.2.1.1 has room for 2^32 - 2 blocks; no limit lets a field come near it.
            let last = u32::try_from(len.div_ceil(BLOCK))
                .ok()
                .and_then(|count| count.checked_add(1))
                .ok_or_else(|| Error::new("too_large", "a field is too long for AES-GCM"))?;
            for counter in 1..=last {
                let mut block = [0; BLOCK];
                block[..NONCE_BYTES].copy_from_slice(nonce);
                block[NONCE_BYTES..].copy_from_slice(&counter.to_be_bytes());
                blocks.push(block);
            }
        }
        // A block left over costs such a cipher as much as a full turn.
        blocks.resize(whole, [0; BLOCK]);
        self.aes().encrypt_blocks(Block::cast_slice_from_core_mut(blocks));
        stream.hash = GHash::new(Block::cast_from_core(&blocks[0]));
        stream.hash.update(Block::cast_slice_from_core(self.aad_head.as_chunks::<BLOCK>().0));
        stream.at = 1;
        Ok(())
    }

    /// Appends the ciphertext of the next field and its tag. `aad_tail` is what its associated data
    /// have behind their common head.
    pub(super) fn encrypt(
        &self,
        stream: &mut KeyStream,
        aad_tail: [&[u8]; 2],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) {
        let count = plaintext.len().div_ceil(BLOCK);
        let field = &stream.blocks[stream.at..stream.at + 1 + count];
        stream.at += field.len();
        let start = out.len();
        out.extend_from_slice(plaintext);
        for (bytes, key) in out[start..].chunks_mut(BLOCK).zip(&field[1..]) {
            bytes.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        }
        let mut hash = stream.hash.clone();
        let rest = self.aad_head.as_chunks::<BLOCK>().1;
        let aad_len = self.aad_head.len() + aad_tail[0].len() + aad_tail[1].len();
        update_padded(&mut hash, [rest, aad_tail[0], aad_tail[1]]);
        update_padded(&mut hash, [&out[start..], &[], &[]]);
        let mut lengths = Block::default();
        lengths[..8].copy_from_slice(&(aad_len as u64 * 8).to_be_bytes());
        lengths[8..].copy_from_slice(&(plaintext.len() as u64 * 8).to_be_bytes());
        hash.update(&[lengths]);
        let tag = hash.finalize();
        let masked: [u8; TAG_BYTES] = std::array::from_fn(|i| tag[i] ^ field[0][i]);
        out.extend_from_slice(&masked);
    }
}

/// Hashes parts as one text, filled up with zeros to a whole block.
fn update_padded(hash: &mut GHash, parts: [&[u8]; 3]) {
    let (mut block, mut filled) = (Block::default(), 0);
    for mut part in parts {
        if filled > 0 {
            let taken = part.len().min(BLOCK - filled);
            block[filled..filled + taken].copy_from_slice(&part[..taken]);
            (filled, part) = (filled + taken, &part[taken..]);
            if filled < BLOCK {
                continue;
            }
            hash.update(&[block]);
        }
        let (whole, rest) = part.as_chunks::<BLOCK>();
        hash.update(Block::cast_slice_from_core(whole));
        block[..rest.len()].copy_from_slice(rest);
        filled = rest.len();
    }
    if filled > 0 {
        block[filled..].fill(0);
        hash.update(&[block]);
    }
}

#[cfg(test)]
mod tests {
    use aes_gcm::Nonce;
    use aes_gcm::aead::{Aead, Payload};

    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_aes_gcm_crate() {
        const HEAD: &[u8] = b"thirty-nine bytes, and so no whole blocks";
        let mut seed = 1u32;
        let mut random = |bound: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % bound
        };
        for _ in 0..300 {
            let key: [u8; 32] = std::array::from_fn(|_| random(256) as u8);
            let cipher = FieldCipher::new(&key, HEAD);
            let count = random(9);
            let fields: Vec<_> = (0..count)
                .map(|_| {
                    let nonce: [u8; NONCE_BYTES] = std::array::from_fn(|_| random(256) as u8);
                    let tail: Vec<u8> = (0..random(70)).map(|_| random(256) as u8).collect();
                    let text: Vec<u8> = (0..random(100)).map(|_| random(256) as u8).collect();
                    (nonce, tail, random(2), text)
                })
                .collect();
            let lengths = fields.iter().map(|(nonce, _, _, text)| (nonce, text.len()));
            let mut stream = KeyStream::default();
            cipher.key_stream(lengths, &mut stream).unwrap();
            for (nonce, tail, at, text) in &fields {
                let mut sealed = Vec::new();
                let (a, b) = tail.split_at(tail.len() * at / 2);
                cipher.encrypt(&mut stream, [a, b], text, &mut sealed);
                let aad = [HEAD, tail].concat();
                let payload = Payload { msg: text, aad: &aad };
                let expected =
                    Aes256Gcm::new((&key).into()).encrypt(&Nonce::from(*nonce), payload).unwrap();
                assert_eq!(sealed, expected);
            }
        }
    }
}
