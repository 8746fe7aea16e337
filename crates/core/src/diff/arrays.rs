//! The four ways to match the items of two arrays.

use std::ops::Range;

use sealtrail_record::json::{Document, Kind, NodeId, write_canonical_number};

use super::intern::{Budget, Table, bytes, numbers};
use super::moves::moves;
use super::{PathStep, Walk, What};
use crate::equal_runs::bounded_runs;
use crate::policy::Matching;

/// Items on a side that are compared with each other before anything is made for a search.
const FEW: usize = 4;

/// What becomes of the items of two arrays, by index.
#[derive(Default)]
struct Plan {
    /// An old item and the new one that it became.
    pairs: Vec<(usize, usize)>,
    removed: Vec<usize>,
    added: Vec<usize>,
}

/// What one pair of arrays leaves for the next.
#[derive(Default)]
pub(super) struct Room {
    old: Vec<NodeId>,
    new: Vec<NodeId>,
    plan: Plan,
    runs: Vec<Range<usize>>,
}

impl Walk<'_> {
    /// Leaves tasks for the items of two arrays; false where these should be given whole.
    pub(super) fn arrays(&mut self, matching: &Matching, before: NodeId, after: NodeId) -> bool {
        let document = self.document;
        let mut room = std::mem::take(&mut self.arrays);
        for (items, array) in [(&mut room.old, before), (&mut room.new, after)] {
            items.clear();
            items.extend(document.children(array).map(|(_, item)| item));
        }
        let first_task = self.tasks.len();
        let Room { old, new, plan, runs } = &mut room;
        let found = self.match_items(matching, old, new, plan, runs);
        self.tasks[first_task..].reverse();
        self.arrays = room;
        found
    }

    fn match_items(
        &mut self,
        matching: &Matching,
        old: &[NodeId],
        new: &[NodeId],
        plan: &mut Plan,
        runs: &mut Vec<Range<usize>>,
    ) -> bool {
        match matching {
            Matching::Position => self.by_position(old, new, plan),
            Matching::Sequence => return self.by_sequence(old, new, plan, runs).is_some(),
            Matching::Set => self.by_set(old, new, plan),
            Matching::Key(names) => {
                let (document, budget) = (self.document, &mut self.budget);
                let mut of = |items| Identities::of(document, items, names, budget);
                let followed = match (of(old), of(new)) {
                    (Some(old_ids), Some(new_ids)) => self.follow(old, new, &old_ids, &new_ids),
                    _ => None,
                };
                return match followed {
                    Some(plan) => self.by_key(old, new, plan),
                    // Without one identity each, they are a sequence like any other.
                    None => self.by_sequence(old, new, plan, runs).is_some(),
                };
            }
        }
        true
    }

    fn by_position(&mut self, old: &[NodeId], new: &[NodeId], plan: &mut Plan) {
        let both = old.len().min(new.len());
        plan.clear();
        plan.pairs.extend((0..both).map(|i| (i, i)));
        plan.removed.extend(both..old.len());
        plan.added.extend(both..new.len());
        self.emit(old, new, plan);
    }

    /// Equal items are anchors; between two anchors items are paired in their order, and what is
    /// left over is removed or added. `None` where that takes too long to find.
    fn by_sequence(
        &mut self,
        old: &[NodeId],
        new: &[NodeId],
        plan: &mut Plan,
        runs: &mut Vec<Range<usize>>,
    ) -> Option<()> {
        let document = self.document;
        let mut same = |a: &NodeId, b: &NodeId| self.sameness.same(document, *a, *b);
        let head = old.iter().zip(new).take_while(|(a, b)| same(a, b)).count();
        let (old_rest, new_rest) = (&old[head..], &new[head..]);
        let from_end = old_rest.iter().rev().zip(new_rest.iter().rev());
        let tail = from_end.take_while(|(a, b)| same(a, b)).count();
        let (old_end, new_end) = (old.len() - tail, new.len() - tail);
        plan.clear();
        if old_end == new_end {
            // Mostly a few items changed where they stand: only what lies between two that did not
            // is worth a search.
            runs.clear();
            let mut from = head;
            while from < old_end {
                let to = (from..old_end).find(|&i| same(&old[i], &new[i])).unwrap_or(old_end);
                runs.push(from..to);
                from = (to..old_end).find(|&i| !same(&old[i], &new[i])).unwrap_or(old_end);
            }
            for run in runs {
                self.search(old, new, (run.clone(), run.clone()), plan)?;
            }
        } else {
            self.search(old, new, (head..old_end, head..new_end), plan)?;
        }
        plan.part_colliding();
        self.emit(old, new, plan);
        Some(())
    }

    /// Adds to the plan what becomes of these two ranges; `None` where that takes too long to find.
    fn search(
        &mut self,
        old: &[NodeId],
        new: &[NodeId],
        (old_range, new_range): (Range<usize>, Range<usize>),
        plan: &mut Plan,
    ) -> Option<()> {
        let mut anchors = Vec::new();
        if old_range.len().min(new_range.len()) > 0 && old_range.len().max(new_range.len()) > 1 {
            let (old_items, new_items) = (&old[old_range.clone()], &new[new_range.clone()]);
            // Of a few items mostly none are equal, and to see that takes no numbers.
            let few = old_items.len().max(new_items.len()) <= FEW;
            let (document, sameness) = (self.document, &mut self.sameness);
            let mut any = |a: &NodeId| new_items.iter().any(|b| sameness.same(document, *a, *b));
            let none = few && !old_items.iter().any(&mut any);
            let ids =
                if none { None } else { numbers(document, old_items, new_items, &mut self.budget) };
            if let Some((old_ids, new_ids)) = ids {
                anchors = bounded_runs(&old_ids, &new_ids)?;
            }
        }
        let (mut i, mut j) = (0, 0);
        let end = (old_range.len(), new_range.len(), 0);
        for &(anchor_i, anchor_j, len) in anchors.iter().chain([&end]) {
            let (head_i, head_j) = (old_range.start, new_range.start);
            let both = (anchor_i - i).min(anchor_j - j);
            plan.pairs.extend((0..both).map(|k| (head_i + i + k, head_j + j + k)));
            plan.removed.extend((i + both..anchor_i).map(|i| head_i + i));
            plan.added.extend((j + both..anchor_j).map(|j| head_j + j));
            (i, j) = (anchor_i + len, anchor_j + len);
        }
        Some(())
    }

    fn by_set(&mut self, old: &[NodeId], new: &[NodeId], plan: &mut Plan) {
        let ids = numbers(self.document, old, new, &mut self.budget);
        let Some((old_ids, new_ids)) = ids else { return self.by_position(old, new, plan) };
        let most = old_ids.iter().chain(&new_ids).max().map_or(0, |id| *id as usize + 1);
        let mut left = vec![0u32; most];
        new_ids.iter().for_each(|id| left[*id as usize] += 1);
        let mut take = |id: &u32| match &mut left[*id as usize] {
            count if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        };
        let removed: Vec<usize> = (0..old.len()).filter(|&i| !take(&old_ids[i])).collect();
        // What is still counted is new; from the end, so that the first of equals are the old ones.
        let mut added: Vec<usize> = (0..new.len()).rev().filter(|&j| take(&new_ids[j])).collect();
        added.reverse();
        let kept = old.len() - removed.len();
        self.removed(old, &removed);
        for (k, j) in added.into_iter().enumerate() {
            // A set has no order to keep, but rules that count speak of the place in the image.
            let (index, length) = ([j; 2], [new.len(); 2]);
            let step = PathStep::Index { named: kept + k, index, length };
            self.later(step, What::Add(new[j]));
        }
    }

    /// Who became whom, by identity.
    fn follow(
        &mut self,
        old: &[NodeId],
        new: &[NodeId],
        old_ids: &Identities,
        new_ids: &Identities,
    ) -> Option<Plan> {
        let (mut plan, mut is_new) = (Plan::default(), vec![true; new.len()]);
        for i in 0..old.len() {
            match new_ids.find(old_ids.get(i), &mut self.budget)? {
                Some(j) => {
                    is_new[j] = false;
                    plan.pairs.push((i, j));
                }
                None => plan.removed.push(i),
            }
        }
        plan.added = (0..new.len()).filter(|&j| is_new[j]).collect();
        Some(plan)
    }

    fn by_key(&mut self, old: &[NodeId], new: &[NodeId], mut plan: Plan) -> bool {
        let document = self.document;
        let mut same = |(i, j): (usize, usize)| self.sameness.same(document, old[i], new[j]);
        // In the order of the old items, and whether they are the same.
        let pairs = std::mem::take(&mut plan.pairs);
        let all: Vec<_> = pairs.into_iter().map(|pair| (pair, same(pair))).collect();
        plan.pairs = all.iter().filter(|(_, same)| !same).map(|(pair, _)| *pair).collect();
        // Whoever has an identity is followed, unless that let sealed values share a place.
        if self.policy.is_some_and(|policy| policy.payload.seals()) {
            plan.part_colliding();
        }
        // Those who stay, and their places among each other.
        let mut changed = plan.pairs.iter().peekable();
        let stay = all.iter().filter(|(pair, same)| *same || changed.next_if_eq(&pair).is_some());
        let followed: Vec<(usize, usize)> = stay.map(|(pair, _)| *pair).collect();
        let mut stays = vec![false; new.len()];
        followed.iter().for_each(|pair| stays[pair.1] = true);
        let (mut count, mut rank) = (0, vec![0; new.len()]);
        for (j, _) in stays.into_iter().enumerate().filter(|(_, stays)| *stays) {
            (rank[j], count) = (count, count + 1);
        }
        let order: Vec<usize> = followed.iter().map(|pair| rank[pair.1]).collect();
        let Some(made) = moves(&order, &mut self.budget) else { return false };
        self.pairs(old, new, &plan.pairs);
        self.removed(old, &plan.removed);
        for (from, to, item) in made {
            let (i, j) = followed[item];
            let (index, length) = ([i, j], [old.len(), new.len()]);
            let step = PathStep::Index { named: to, index, length };
            self.later(step, What::Move { from, item: old[i] });
        }
        self.added(new, &plan.added);
        true
    }

    fn emit(&mut self, old: &[NodeId], new: &[NodeId], plan: &Plan) {
        self.pairs(old, new, &plan.pairs);
        self.removed(old, &plan.removed);
        self.added(new, &plan.added);
    }

    fn pairs(&mut self, old: &[NodeId], new: &[NodeId], pairs: &[(usize, usize)]) {
        for &(i, j) in pairs {
            let (index, length) = ([i, j], [old.len(), new.len()]);
            self.pair(PathStep::Index { named: i, index, length }, old[i], new[j]);
        }
    }

    fn removed(&mut self, old: &[NodeId], removed: &[usize]) {
        for &i in removed.iter().rev() {
            let step = PathStep::Index { named: i, index: [i; 2], length: [old.len(); 2] };
            self.later(step, What::Remove(old[i]));
        }
    }

    fn added(&mut self, new: &[NodeId], added: &[usize]) {
        for &j in added {
            let step = PathStep::Index { named: j, index: [j; 2], length: [new.len(); 2] };
            self.later(step, What::Add(new[j]));
        }
    }
}

impl Plan {
    fn clear(&mut self) {
        self.pairs.clear();
        self.removed.clear();
        self.added.clear();
    }

    /// An item that changed is named by its old index, an added one by its new index. Where both
    /// are the same number, a sealed value of the one could stand in for that of the other; so such
    /// a pair is removed and added instead.
    fn part_colliding(&mut self) {
        if self.pairs.is_empty() || self.added.is_empty() {
            return;
        }
        // By their old index the pairs are in order, so an index is found in them.
        let new = self.pairs.iter().map(|pair| pair.1).chain(self.added.iter().copied());
        let places = new.max().unwrap_or(0) + 1;
        let mut added = vec![false; places];
        self.added.iter().for_each(|&index| added[index] = true);
        let mut parted = vec![false; self.pairs.len()];
        let mut open: Vec<usize> = self.added.clone();
        let mut found = false;
        while let Some(index) = open.pop() {
            if let Ok(pair) = self.pairs.binary_search_by_key(&index, |pair| pair.0)
                && !parted[pair]
            {
                (parted[pair], found) = (true, true);
                let new = self.pairs[pair].1;
                if !added[new] {
                    added[new] = true;
                    open.push(new);
                }
            }
        }
        if !found {
            return;
        }
        let mut removed = std::mem::take(&mut self.removed).into_iter().peekable();
        for (&(old, _), _) in self.pairs.iter().zip(&parted).filter(|(_, parted)| **parted) {
            while let Some(before) = removed.next_if(|&before| before < old) {
                self.removed.push(before);
            }
            self.removed.push(old);
        }
        self.removed.extend(removed);
        let mut parted = parted.into_iter();
        self.pairs.retain(|_| !parted.next().unwrap_or_default());
        self.added = (0..places).filter(|&index| added[index]).collect();
    }
}

/// What tells the items of an array apart, each once.
struct Identities {
    /// All of them, one behind the other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    table: Table,
}

impl Identities {
    /// `None` where an item has none or two have the same.
    fn of(
        document: &Document<'_>,
        items: &[NodeId],
        pointers: &[String],
        budget: &mut Budget,
    ) -> Option<Self> {
        let (mut all, mut ends) = (Vec::new(), Vec::with_capacity(items.len()));
        let mut hashes = Vec::with_capacity(items.len());
        for item in items {
            let start = all.len();
            for pointer in pointers {
                let part = document.pointer(*item, pointer)?;
                if !matches!(document.kind(part), Kind::String | Kind::Number | Kind::Bool) {
                    return None;
                }
                let canonical = match document.kind(part) {
                    Kind::Number => write_canonical_number(document.raw(part), &mut all),
                    _ => None,
                };
                if canonical.is_none() {
                    document.write_leaf(part, &mut all);
                }
                all.push(b',');
            }
            ends.push(all.len());
            hashes.push(bytes(&all[start..]));
        }
        let mut table = Table::new(hashes);
        let get = |item: usize| identity(&all, &ends, item);
        for item in 0..items.len() {
            if table.place(item, budget, &mut |other| get(other) == get(item))? != item {
                return None;
            }
        }
        Some(Self { bytes: all, ends, table })
    }

    fn get(&self, item: usize) -> &[u8] {
        identity(&self.bytes, &self.ends, item)
    }

    /// The item of this identity; the outer `None` is the end of the budget.
    fn find(&self, identity: &[u8], budget: &mut Budget) -> Option<Option<usize>> {
        self.table.find(bytes(identity), budget, &mut |item| self.get(item) == identity)
    }
}

fn identity<'b>(bytes: &'b [u8], ends: &[usize], item: usize) -> &'b [u8] {
    let start = item.checked_sub(1).map_or(0, |before| ends[before]);
    &bytes[start..ends[item]]
}
