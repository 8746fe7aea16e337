//! Hashing many at once gives what hashing them one by one with `sha2` gives.

use sealtrail_proof::hash::{entry_hashes, leaf_hashes, node_hashes};
use sealtrail_proof::{Hash, leaf_hash, node_hash};
use sha2::{Digest, Sha256};

fn all(messages: &[&[u8]]) -> Vec<Hash> {
    let mut digests = Vec::new();
    entry_hashes(messages.iter().copied(), &mut digests);
    digests
}

fn one_by_one(messages: &[&[u8]]) -> Vec<Hash> {
    messages.iter().map(|message| Sha256::digest(message).into()).collect()
}

/// Bytes without a pattern that a wrong offset could hide behind (xorshift64).
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn known_answers_of_nist() {
    // FIPS 180-2 appendix B, and the messages of no bytes and of 896 bits that NIST publishes beside it.
    let million = vec![b'a'; 1_000_000];
    let vectors: [(&[u8], &str); 5] = [
        (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (
            b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr\
              lmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
        ),
        (&million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ];
    let digests = all(&vectors.map(|(message, _)| message));
    for ((_, expected), digest) in vectors.iter().zip(digests) {
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, *expected);
    }
}

#[test]
fn every_length_alone_and_beside_others() {
    let messages: Vec<_> = (0..300).map(|length| noise(length as u64, length)).collect();
    let messages: Vec<_> = messages.iter().map(Vec::as_slice).collect();
    assert_eq!(all(&messages), one_by_one(&messages));
    for message in &messages {
        assert_eq!(all(&[message]), one_by_one(&[message]), "{}", message.len());
    }
    assert!(all(&[]).is_empty());
}

#[test]
fn every_pair_of_unequal_lengths() {
    // Around each number of blocks that a message, its end bit and its length can need.
    let lengths = [0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, 200, 1000, 5000];
    let messages: Vec<_> = lengths.iter().map(|length| noise(*length as u64, *length)).collect();
    for one in &messages {
        for two in &messages {
            let pair: [&[u8]; 2] = [one, two];
            assert_eq!(all(&pair), one_by_one(&pair), "{} {}", one.len(), two.len());
        }
    }
}

#[test]
fn rows_of_random_lengths() {
    for seed in 1..200u64 {
        let sizes = noise(seed, 2 * (seed as usize % 40));
        let messages: Vec<_> = sizes
            .chunks(2)
            .map(|size| u16::from_be_bytes([size[0], size[1]]) as usize)
            // Mostly short, some long.
            .map(|size| if size % 5 == 0 { size } else { size % 700 })
            .map(|size| noise(seed + size as u64, size))
            .collect();
        let messages: Vec<_> = messages.iter().map(Vec::as_slice).collect();
        assert_eq!(all(&messages), one_by_one(&messages));
    }
}

#[test]
fn digests_are_put_after_those_that_are_there() {
    let mut digests = vec![[7; 32]];
    entry_hashes([b"abc".as_slice()].into_iter(), &mut digests);
    assert_eq!(digests[0], [7; 32]);
    assert_eq!(digests[1..], one_by_one(&[b"abc"]));
}

#[test]
fn leaves_and_nodes_of_every_number() {
    let row: Vec<Hash> =
        (0..257).map(|i| noise(i, 32).try_into().expect("32 bytes of noise")).collect();
    for count in 0..row.len() {
        let row = &row[..count];
        assert_eq!(leaf_hashes(row), row.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>());
        let nodes: Vec<_> = row.chunks_exact(2).map(|two| node_hash(&two[0], &two[1])).collect();
        assert_eq!(node_hashes(row), nodes);
    }
}
