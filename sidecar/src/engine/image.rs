//! What a call has left in the memory of a guest, to be written into others.
//!
//! The state of a guest is its memory and the pointer to its stack; `build.rs` refuses a guest that has more.

use super::abi::Instance;
use crate::error::Result;

/// A whole memory, and the parts of it that differ from that of a fresh instance.
pub struct Image {
    whole: Box<[u8]>,
    /// Of each [`BLOCK`], whether there is anything in it.
    is_used: Box<[bool]>,
    /// Where each part begins, and its bytes; ascending.
    parts: Vec<(usize, Box<[u8]>)>,
}

/// Parts are compared in steps of this.
const STEP: usize = 64;

/// An instance is put back in steps of this.
const BLOCK: usize = 512;
static ZERO_BLOCK: [u8; BLOCK] = [0; BLOCK];

impl Image {
    /// What is in `used` and not in `fresh`. Memory beyond the end of `fresh` begins as zeros.
    pub fn between(fresh: &Instance, used: &Instance) -> Self {
        Self::of(fresh.memory(), used.memory())
    }

    fn of(fresh: &[u8], used: &[u8]) -> Self {
        const ZEROS: [u8; STEP] = [0; STEP];
        let differs = |step: &usize| {
            let end = used.len().min(step + STEP);
            let old = fresh.get(*step..end).unwrap_or(&ZEROS[..end - step]);
            used[*step..end] != *old
        };
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for step in (0..used.len()).step_by(STEP).filter(differs) {
            let end = used.len().min(step + STEP);
            match spans.last_mut() {
                Some((_, last)) if *last == step => *last = end,
                _ => spans.push((step, end)),
            }
        }
        let parts = spans.into_iter().map(|(from, to)| (from, used[from..to].into())).collect();
        let is_used = used.chunks(BLOCK).map(|block| *block != ZERO_BLOCK[..block.len()]).collect();
        Self { whole: used.into(), is_used, parts }
    }

    /// Into a fresh instance.
    pub fn write(&self, instance: &mut Instance) -> Result<()> {
        let memory = instance.memory_of_size(self.whole.len())?;
        for (at, bytes) in &self.parts {
            memory[*at..*at + bytes.len()].copy_from_slice(bytes);
        }
        Ok(())
    }
}

impl Image {
    /// Puts every byte of an instance back, and its stack; false if the instance has grown, for memory cannot be
    /// taken back, or has failed.
    pub fn restore(&self, instance: &mut Instance) -> bool {
        if instance.is_dead() || instance.memory().len() != self.whole.len() {
            return false;
        }
        let Ok(memory) = instance.memory_of_size(self.whole.len()) else { return false };
        // Every byte is looked at, and few were written: to compare is cheaper than to copy, and zeros are
        // compared with the same zeros again and again, which are near.
        let blocks = self.whole.chunks(BLOCK).zip(&self.is_used);
        for (now, (was, is_used)) in memory.chunks_mut(BLOCK).zip(blocks) {
            let was = if *is_used { was } else { &ZERO_BLOCK[..was.len()] };
            if *now != *was {
                now.copy_from_slice(was);
            }
        }
        instance.reset_stack().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_and_what_was_added() {
        let fresh = vec![1; 10 * STEP];
        let mut used = fresh.clone();
        used.resize(12 * STEP, 0);
        used[STEP] = 2;
        used[3 * STEP - 1] = 3;
        used[11 * STEP + 5] = 4;
        let image = Image::of(&fresh, &used);
        let spans: Vec<_> = image.parts.iter().map(|(at, part)| (at / STEP, part.len())).collect();
        assert_eq!((image.whole.len(), spans), (12 * STEP, vec![(1, 2 * STEP), (11, STEP)]));
    }

    #[test]
    fn blocks_of_zeros_are_known() {
        let mut used = vec![0; 3 * BLOCK + STEP];
        (used[BLOCK], used[3 * BLOCK]) = (1, 1);
        assert_eq!(*Image::of(&used, &used).is_used, [false, true, false, true]);
    }
}
