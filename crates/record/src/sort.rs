//! One small sort for all lists that are not hot.
//!
//! The standard library's is compiled anew for every type and every comparison, at 5 to 9 KB of a module
//! that a page loads. This one sorts indices and is there once.

use std::cmp::Ordering;

/// Up to here there is no room to work in, and shifting is the cheapest.
const SHORT: usize = 16;

/// Sorts indices by the comparison of what they stand for; equals keep their order. O(n log n).
pub fn sort(indices: &mut [usize], order: &mut dyn FnMut(usize, usize) -> Ordering) {
    for short in indices.chunks_mut(SHORT) {
        for end in 1..short.len() {
            let index = short[end];
            let mut at = end;
            while at > 0 && order(short[at - 1], index) == Ordering::Greater {
                short[at] = short[at - 1];
                at -= 1;
            }
            short[at] = index;
        }
    }
    if indices.len() <= SHORT {
        return;
    }
    let mut left = Vec::with_capacity(indices.len());
    let mut width = SHORT;
    while width < indices.len() {
        for both in indices.chunks_mut(width.saturating_mul(2)) {
            if both.len() > width {
                merge(both, width, &mut left, order);
            }
        }
        width = width.saturating_mul(2);
    }
}

/// Numbers from nought, in the order of what they stand for.
pub fn sorted(count: usize, order: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..count).collect();
    sort(&mut indices, order);
    indices
}

/// Two sorted runs, of which the first ends at `middle`, become one.
fn merge(
    both: &mut [usize],
    middle: usize,
    left: &mut Vec<usize>,
    order: &mut dyn FnMut(usize, usize) -> Ordering,
) {
    if order(both[middle - 1], both[middle]) != Ordering::Greater {
        return;
    }
    left.clear();
    left.extend_from_slice(&both[..middle]);
    let mut right = middle;
    let mut to = 0;
    for &index in &*left {
        while right < both.len() && order(index, both[right]) == Ordering::Greater {
            both[to] = both[right];
            (to, right) = (to + 1, right + 1);
        }
        both[to] = index;
        to += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_as_the_standard_library_does() {
        let mut seed = 1u64;
        for len in (0..70).chain([255, 256, 257, 1000, 4099]) {
            for kinds in [1, 2, 7, 1 << 20] {
                let keys: Vec<u64> = (0..len)
                    .map(|_| {
                        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        (seed >> 33) % kinds
                    })
                    .collect();
                let mut expected: Vec<usize> = (0..len).collect();
                expected.sort_by_key(|&i| keys[i]);
                let found = sorted(len, &mut |a, b| keys[a].cmp(&keys[b]));
                assert_eq!(found, expected, "{len} of {kinds}");
                let backwards = sorted(len, &mut |a, b| b.cmp(&a));
                assert!(backwards.iter().rev().copied().eq(0..len), "{len}");
            }
        }
    }

    #[test]
    fn asks_about_n_log_n_times() {
        for len in [1_000usize, 50_000] {
            let most = len * (len.ilog2() as usize + SHORT / 2 + 1);
            for step in [1, 7919, len - 1] {
                let mut asked = 0;
                sorted(len, &mut |a, b| {
                    asked += 1;
                    (a * step % len).cmp(&(b * step % len))
                });
                assert!(asked <= most, "{asked} questions for {len}");
            }
        }
    }
}
