//! What is going to be sealed, wiped when it is done with.

use std::ops::Range;

use zeroize::{Zeroize, Zeroizing};

/// Texts behind one another.
#[derive(Default)]
pub(crate) struct Plaintext {
    texts: Zeroizing<Vec<u8>>,
    /// How far anything may have been written.
    touched: usize,
}

impl Plaintext {
    /// Adds a text of at most `bound` bytes.
    pub(crate) fn write(&mut self, bound: usize, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.texts.len();
        if self.texts.capacity() - start < bound {
            // A vector that grows by itself leaves what it held where it was.
            let mut larger = Vec::with_capacity((start + bound).next_power_of_two().max(512));
            larger.extend_from_slice(&self.texts);
            self.texts = Zeroizing::new(larger);
        }
        let room = self.texts.capacity();
        self.touched = start + bound;
        write(&mut self.texts);
        debug_assert_eq!(room, self.texts.capacity(), "the bound was too low");
        start..self.texts.len()
    }

    /// Wipes all of it, and keeps the room.
    pub(crate) fn clear(&mut self) {
        // What was written may have been longer than what it came to.
        let touched = self.touched.min(self.texts.capacity());
        self.texts.resize(touched, 0);
        self.texts.as_mut_slice().zeroize();
        self.texts.clear();
        self.touched = 0;
    }

    pub(crate) fn get(&self, range: Range<usize>) -> &[u8] {
        &self.texts[range]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_wiped_and_the_room_kept() {
        let mut plaintext = Plaintext::default();
        let range = plaintext.write(8, |out| {
            out.extend_from_slice(b"12345678");
            out.truncate(3);
        });
        assert_eq!(plaintext.get(range), b"123");
        let room = plaintext.texts.capacity();
        plaintext.clear();
        assert_eq!((plaintext.texts.len(), plaintext.texts.capacity()), (0, room));
        // SAFETY: all of it was written above, and is bytes.
        unsafe { plaintext.texts.set_len(8) };
        assert_eq!(&plaintext.texts[..], [0; 8]);
    }
}
