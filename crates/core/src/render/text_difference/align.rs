use std::ops::Range;

use super::Budget;
use crate::diff::longest_increasing;
use crate::equal_runs::equal_runs;

/// What is the same in two lists of numbers below `count`, as (old, new, length) in their order, and
/// whether something was given up for want of budget.
pub(super) fn align(
    old: &[u32],
    new: &[u32],
    count: usize,
    budget: &mut Budget,
) -> (Vec<(usize, usize, usize)>, bool) {
    let mut search = Search { old, new, found: Vec::new(), coarse: false };
    let whole = (0..old.len(), 0..new.len());
    if search.between(whole.clone(), budget).is_none() {
        let anchors = anchors(old, new, count);
        let (mut i, mut j) = (0, 0);
        for (at_old, at_new) in anchors {
            search.part((i..at_old, j..at_new), budget);
            search.found.push((at_old, at_new, 1));
            (i, j) = (at_old + 1, at_new + 1);
        }
        search.part((i..whole.0.end, j..whole.1.end), budget);
    }
    (search.found, search.coarse)
}

/// What it costs at most to compare two lists of these lengths: the search for one split is cut off
/// after a number of edits that is the root of the length, and never less than 256.
fn worst_case(old: usize, new: usize) -> usize {
    let both = old.saturating_add(new);
    old.saturating_mul(new).min(both.saturating_mul(both.isqrt().max(256)))
}

/// Numbers that occur once on both sides, the most of them that are in the same order on both.
fn anchors(old: &[u32], new: &[u32], count: usize) -> Vec<(usize, usize)> {
    // How often, and where last.
    let places = |list: &[u32]| {
        let mut places = vec![(0u32, 0); count];
        for (i, &number) in list.iter().enumerate() {
            let place = &mut places[number as usize];
            *place = (place.0.saturating_add(1), i);
        }
        places
    };
    let (in_old, in_new) = (places(old), places(new));
    let once = |place: &(u32, usize)| (place.0 == 1).then_some(place.1);
    let pair = |(i, &number): (usize, &u32)| {
        once(&in_old[number as usize])?;
        Some((i, once(&in_new[number as usize])?))
    };
    increasing(old.iter().enumerate().filter_map(pair).collect())
}

/// A longest run of pairs that is in order on the right side too.
fn increasing(mut pairs: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let right: Vec<usize> = pairs.iter().map(|pair| pair.1).collect();
    let mut stays = longest_increasing(&right).into_iter();
    pairs.retain(|_| stays.next().unwrap_or_default());
    pairs
}

struct Search<'n> {
    old: &'n [u32],
    new: &'n [u32],
    found: Vec<(usize, usize, usize)>,
    coarse: bool,
}

impl Search<'_> {
    /// What is the same between two anchors, or nothing where that is too much to ask.
    fn part(&mut self, (old, new): (Range<usize>, Range<usize>), budget: &mut Budget) {
        let (left, right) = (&self.old[old.clone()], &self.new[new.clone()]);
        let same = |(a, b): &(&u32, &u32)| a == b;
        let head = left.iter().zip(right).take_while(same).count();
        let (left, right) = (&left[head..], &right[head..]);
        let tail = left.iter().rev().zip(right.iter().rev()).take_while(same).count();
        self.keep(old.start, new.start, head);
        let middle = (old.start + head..old.end - tail, new.start + head..new.end - tail);
        if self.between(middle, budget).is_none() {
            self.coarse = true;
        }
        self.keep(old.end - tail, new.end - tail, tail);
    }

    fn between(
        &mut self,
        (old, new): (Range<usize>, Range<usize>),
        budget: &mut Budget,
    ) -> Option<()> {
        if old.is_empty() || new.is_empty() {
            return Some(());
        }
        budget.take(worst_case(old.len(), new.len()))?;
        let (old_start, new_start) = (old.start, new.start);
        let (left, right) = (&self.old[old], &self.new[new]);
        for (i, j, len) in equal_runs(left, right) {
            self.keep(old_start + i, new_start + j, len);
        }
        Some(())
    }

    fn keep(&mut self, old: usize, new: usize, len: usize) {
        if len > 0 {
            self.found.push((old, new, len));
        }
    }
}
