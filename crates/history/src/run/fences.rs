use std::ops::Range;

/// The hash of the first group of each block, ascending. Of one that has none left it is that of the next block, or
/// the greatest number behind the last: so what is before the fences that a hash is not greater than is never an empty one.
pub(super) struct Fences {
    fences: Vec<u64>,
    /// For each beginning of a hash the first block whose fence begins so or is greater, and the number of blocks. Hashes
    /// are spread evenly, so few fences are left to look at: halving all of them again and again waits for the memory each
    /// time.
    begins: Vec<u32>,
    /// How far a hash is shifted to be its beginning.
    shift: u32,
}

/// So many fences have the same beginning, mostly.
const ALIKE: usize = 4;

impl Fences {
    /// None if they do not ascend, or if there are more than a run can have.
    pub(super) fn new(fences: Vec<u64>) -> Option<Self> {
        let count = u32::try_from(fences.len()).ok().filter(|_| fences.is_sorted())?;
        let bits = (fences.len() / ALIKE).checked_ilog2().unwrap_or(0).max(1);
        let shift = u64::BITS - bits;
        let mut begins = Vec::with_capacity((1 << bits) + 1);
        for (number, fence) in (0..count).zip(&fences) {
            let begin = (fence >> shift) as usize;
            if begin >= begins.len() {
                begins.resize(begin + 1, number);
            }
        }
        begins.resize((1 << bits) + 1, count);
        Some(Self { fences, begins, shift })
    }

    pub(super) fn all(&self) -> &[u64] {
        &self.fences
    }

    pub(super) fn of(&self, block: usize) -> u64 {
        self.fences[block]
    }

    /// The blocks that may have records of a hash: those with its fence, and the one before, which may end with it.
    pub(super) fn blocks_of(&self, hash: u64) -> Range<usize> {
        let begin = (hash >> self.shift) as usize;
        let (from, to) = (self.begins[begin] as usize, self.begins[begin + 1] as usize);
        let first = from + self.fences[from..to].partition_point(|fence| *fence < hash);
        let same = self.fences[first..].iter().take_while(|fence| **fence == hash).count();
        first.saturating_sub(1)..first + same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_of_a_hash_are_those_that_a_look_at_every_fence_gives() {
        for count in [0, 1, 2, 7, 8, 100, 5000] {
            for alike in [1, 60, u64::MAX] {
                let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let mut all: Vec<u64> = (0..count).map(|n| hash(n % alike)).collect();
                all.sort_unstable();
                let fences = Fences::new(all.clone()).unwrap();
                let near = all
                    .iter()
                    .flat_map(|fence| [fence.saturating_sub(1), *fence, fence.saturating_add(1)]);
                for hash in near.chain([0, 1, 1 << 63, u64::MAX]) {
                    let first = all.iter().filter(|fence| **fence < hash).count();
                    let end = all.iter().filter(|fence| **fence <= hash).count();
                    assert_eq!(
                        fences.blocks_of(hash),
                        first.saturating_sub(1)..end,
                        "{count} {alike}"
                    );
                }
            }
        }
        assert!(Fences::new(vec![2, 1]).is_none());
    }
}
