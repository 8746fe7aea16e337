//! What is going to be sealed, wiped when it is done with.

use std::ops::Range;

use zeroize::Zeroizing;

/// Texts behind one another.
#[derive(Default)]
pub(crate) struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
    /// Adds a text of at most `bound` bytes.
    pub(crate) fn write(&mut self, bound: usize, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.0.len();
        if self.0.capacity() - start < bound {
            // A vector that grows by itself leaves what it held where it was.
            let mut larger = Vec::with_capacity((start + bound).next_power_of_two());
            larger.extend_from_slice(&self.0);
            self.0 = Zeroizing::new(larger);
        }
        let room = self.0.capacity();
        write(&mut self.0);
        debug_assert_eq!(room, self.0.capacity(), "the bound was too low");
        start..self.0.len()
    }

    pub(crate) fn get(&self, range: Range<usize>) -> &[u8] {
        &self.0[range]
    }
}
