//! What is expected of the children of a container, and what is known of its keys.

use super::entry::NONE;

/// What the next child probably looks like. Items of an array are mostly of one shape, and an object
/// has mostly the keys of the one before it, in their order; then these need not be read.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// In an object the key of the other that is expected; in an array an item.
    pub(super) next: u32,
    /// Behind the last entry of the other.
    pub(super) end: u32,
}

impl Shape {
    pub(super) const UNKNOWN: Self = Self { next: NONE, end: 0 };
}

/// What is known of the keys of one object so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Keys {
    /// Two bits for each key: one with a bit that is free is new.
    pub(super) seen: [u64; 2],
    /// Whether two of them may be the same.
    pub(super) suspect: bool,
    /// Whether all of them are keys of one other object in its order, and so no two are the same.
    /// They have no bits then.
    pub(super) foreseen: bool,
}

impl Keys {
    /// Notes the key that ends with its quote before `end`.
    #[inline]
    pub(super) fn add(&mut self, text: &[u8], start: usize, end: usize, escaped: bool) {
        let len = end - start;
        // Keys of one object differ at their ends most of the time.
        let word = match text[..end].last_chunk() {
            Some(tail) => u64::from_le_bytes(*tail) >> (64 - 8 * len.min(8)),
            None => text[start..end].iter().rev().fold(0, |word, b| word << 8 | u64::from(*b)),
        };
        let mixed = (word ^ (len as u64) << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let bits = [1 << (mixed >> 58), 1 << (mixed >> 52 & 63)];
        self.suspect |= escaped || (self.seen[0] & bits[0] != 0 && self.seen[1] & bits[1] != 0);
        self.seen[0] |= bits[0];
        self.seen[1] |= bits[1];
    }
}
