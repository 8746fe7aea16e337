//! What is the same in two lists of numbers. Here and nowhere else, because every type of list and of
//! hook would be compiled by itself, and the search is large.

use std::convert::Infallible;

use similar::algorithms::{DiffHook, myers};

use crate::diff::longest_increasing;
use crate::few_edits::{Place, Sides, few_edits};

/// A run that is the same in both: where it begins in the old list and in the new one, and its length.
pub(crate) type Run = (usize, usize, usize);

/// The runs of a short edit script in their order. What that costs is for the caller to bound: long
/// lists with little in common are followed for seconds.
pub(crate) fn equal_runs(old: &[u32], new: &[u32]) -> Vec<Run> {
    let mut equal = Equal(Vec::new());
    let Ok(()) = myers::diff(&mut equal, old, 0..old.len(), new, 0..new.len());
    equal.0
}

/// The same for lists of any length; of long ones only scripts of few edits are looked for, and `None`
/// is where there is none.
pub(crate) fn bounded_runs(old: &[u32], new: &[u32]) -> Option<Vec<Run>> {
    if old.len().saturating_mul(new.len()) > SHORT {
        return match least_edits(old, new) > EDITS {
            true => None,
            false => few_edits(&Lists { old, new }, EDITS, &mut { STEPS }),
        };
    }
    Some(equal_runs(old, new))
}

/// No script has fewer edits. The search would come to the same, and take far longer.
fn least_edits(old: &[u32], new: &[u32]) -> usize {
    let numbers = old.iter().chain(new).max().map_or(0, |most| *most as usize + 1);
    // Of each number how often it is there, and where in the new list.
    let (mut of_old, mut of_new) = (vec![0usize; numbers], vec![(0usize, 0); numbers]);
    old.iter().for_each(|&number| of_old[number as usize] += 1);
    for (at, &number) in new.iter().enumerate() {
        let (count, _) = of_new[number as usize];
        of_new[number as usize] = (count + 1, at);
    }
    let alone: usize = of_old.iter().zip(&of_new).map(|(old, new)| old.abs_diff(new.0)).sum();
    // What is once in both and keeps no order with the others is removed and added.
    let once = old.iter().map(|&number| number as usize);
    let once = once.filter(|&number| of_old[number] == 1 && of_new[number].0 == 1);
    let places: Vec<usize> = once.map(|number| of_new[number].1).collect();
    let stays = longest_increasing(&places).into_iter().filter(|stays| *stays).count();
    alone + 2 * (places.len() - stays)
}

/// Pairs of items up to which lists are short.
const SHORT: usize = 4_000_000;
/// Steps that the search for few edits may take, and edits that it looks for.
const STEPS: usize = 8_000_000;
const EDITS: usize = 1_000;

struct Lists<'l> {
    old: &'l [u32],
    new: &'l [u32],
}

impl Sides for Lists<'_> {
    fn end(&self) -> Place {
        (self.old.len(), self.new.len())
    }

    fn skip_equal(&self, (old, new): Place) -> (Place, usize) {
        let both = self.old[old..].iter().zip(&self.new[new..]);
        let equal = both.take_while(|(a, b)| a == b).count();
        ((old + equal, new + equal), equal + 1)
    }

    fn end_of_old(&self, at: usize) -> (usize, usize) {
        (at + 1, 0)
    }

    fn end_of_new(&self, at: usize) -> (usize, usize) {
        (at + 1, 0)
    }
}

struct Equal(Vec<Run>);

impl DiffHook for Equal {
    type Error = Infallible;

    fn equal(&mut self, old: usize, new: usize, len: usize) -> Result<(), Infallible> {
        self.0.push((old, new, len));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_equal_in_order_and_as_many_as_there_can_be() {
        let mut seed = 1u64;
        let mut random = |bound: u64| {
            seed = seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            (seed >> 33) % bound
        };
        for _ in 0..3000 {
            let list = |random: &mut dyn FnMut(u64) -> u64| -> Vec<u32> {
                (0..random(12)).map(|_| random(4) as u32).collect()
            };
            let (old, new) = (list(&mut random), list(&mut random));
            let sides = Lists { old: &old, new: &new };
            let runs = few_edits(&sides, EDITS, &mut { STEPS }).unwrap();
            let (mut i, mut j, mut count) = (0, 0, 0);
            for &(x, y, len) in &runs {
                assert!(x >= i && y >= j && len > 0, "{old:?} {new:?} {runs:?}");
                assert_eq!(old[x..x + len], new[y..y + len], "{runs:?}");
                (i, j, count) = (x + len, y + len, count + len);
            }
            assert_eq!(count, longest_common(&old, &new), "{old:?} {new:?} {runs:?}");
            assert!(
                least_edits(&old, &new) <= old.len() + new.len() - 2 * count,
                "{old:?} {new:?}"
            );
        }
    }

    fn longest_common(old: &[u32], new: &[u32]) -> usize {
        let mut row = vec![0; new.len() + 1];
        for a in old {
            let mut diagonal = 0;
            for (j, b) in new.iter().enumerate() {
                let above = row[j + 1];
                row[j + 1] = if a == b { diagonal + 1 } else { row[j].max(above) };
                diagonal = above;
            }
        }
        row[new.len()]
    }

    #[test]
    fn what_is_in_another_order_is_known_to_take_many_edits() {
        let old: Vec<u32> = (0..5_000).collect();
        let reversed: Vec<u32> = (0..5_000).rev().collect();
        assert_eq!(least_edits(&old, &reversed), 2 * 4_999);
        assert_eq!(least_edits(&old, &old[10..]), 10);
        assert!(bounded_runs(&old, &reversed).is_none());
    }

    #[test]
    fn long_lists_without_much_in_common_are_given_up() {
        let old: Vec<u32> = (0..50_000).map(|i| i * 7 % 10).collect();
        let new: Vec<u32> = (0..50_001).map(|i| i * 13 % 11).collect();
        assert!(bounded_runs(&old, &new).is_none());
        let mut nearly = old.clone();
        nearly.remove(40_000);
        nearly.insert(10, 99);
        let runs = bounded_runs(&old, &nearly).unwrap();
        assert_eq!(runs.iter().map(|run| run.2).sum::<usize>(), 49_999);
    }
}
