use super::{Entry, hash_of};

/// So few are compared with each other at once.
const FEW: usize = 1 << 10;

/// As many bits of what the hashes differ in are looked at in one pass of two.
const DIGIT: u32 = 11;

/// Puts entries in order, those of a hash mostly being so already.
///
/// Hashes are spread evenly, so most of the order is made without comparing any two: by one digit after the other, the
/// first last. What the digits have not told apart is compared, and that is quick however many have chosen their names
/// to be alike.
pub(crate) fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    if entries.len() <= FEW {
        entries.sort_unstable();
        return entries;
    }
    let hashes = || entries.iter().map(|entry| hash_of(*entry));
    let (lowest, highest) = (hashes().min().unwrap_or(0), hashes().max().unwrap_or(0));
    let bits = u64::BITS - (highest - lowest).leading_zeros();
    let lost = bits.saturating_sub(2 * DIGIT);
    // None is below the lowest.
    let key = |entry: Entry| hash_of(entry).wrapping_sub(lowest) >> lost;
    let digits = |entry: Entry| {
        let key = key(entry) as usize;
        [key & ((1 << DIGIT) - 1), key >> DIGIT & ((1 << DIGIT) - 1)]
    };
    let mut ends = [[0_u32; 1 << DIGIT]; 2];
    for entry in &entries {
        let [second, first] = digits(*entry);
        ends[0][second] += 1;
        ends[1][first] += 1;
    }
    let mut placed = vec![0; entries.len()];
    for (digit, ends) in ends.iter_mut().enumerate() {
        let mut start = 0;
        for end in ends.iter_mut() {
            start += std::mem::replace(end, start);
        }
        for entry in &entries {
            let at = &mut ends[digits(*entry)[digit]];
            placed[*at as usize] = *entry;
            *at += 1;
        }
        std::mem::swap(&mut entries, &mut placed);
    }
    for alike in entries.chunk_by_mut(|a, b| key(*a) == key(*b)) {
        if !alike.is_sorted() {
            // Stable, for it goes along what is sorted already.
            alike.sort();
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::entry;

    #[test]
    fn entries_are_sorted_however_many_and_however_alike_they_are() {
        for length in [0, 1, 2, 500, 513, 5000, 100_000] {
            for alike in [1, 7, 1000, u64::MAX] {
                let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % alike;
                for shift in [0, 40] {
                    let mut entries: Vec<Entry> =
                        (0..length).map(|n| entry(hash(n) << shift, n / 3)).collect();
                    let mut expected = entries.clone();
                    expected.sort();
                    assert!(sorted(entries.clone()) == expected, "{length} {alike} {shift}");
                    entries.reverse();
                    assert!(sorted(entries) == expected, "reversed: {length} {alike} {shift}");
                }
            }
        }
    }
}
