use std::borrow::Cow;
use std::sync::Arc;

use crate::name::Called;
use crate::run::{Entry, List, NO_TIME, ZONE, Zone, entry, hash_of, index_of, sorted, widen};

/// The entries of the records that no complete run has yet.
#[derive(Clone)]
pub(crate) struct Active {
    first: u64,
    next: u64,
    /// Sorted, each at least twice as long as the next.
    levels: Vec<Arc<Vec<Entry>>>,
    /// As they came.
    tail: Vec<Entry>,
    /// Where nobody asks meanwhile, the records of names that come again and again: then they need not be sorted.
    lists: Vec<(u64, Vec<u32>)>,
    /// Which lists these are: those before are gone, and places in them mean nothing.
    lists_number: u32,
    times: Vec<Zone>,
}

/// What is to be written.
pub(crate) struct Before<'a> {
    pub(crate) entries: Cow<'a, [Entry]>,
    pub(crate) lists: Vec<List<'a>>,
    pub(crate) times: &'a [Zone],
}

/// A longer tail is sorted before anybody looks.
const TAIL: usize = 256;

/// Behind so many entries nobody asks, it seems.
const UNASKED: usize = if cfg!(test) { 300 } else { 1 << 12 };

/// More lists are not kept for the records to come.
const LISTS: usize = 1 << 15;

impl Active {
    pub(crate) fn new(first: u64) -> Self {
        Self {
            first,
            next: first,
            levels: Vec::new(),
            tail: Vec::new(),
            lists: Vec::new(),
            lists_number: 1,
            times: Vec::new(),
        }
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The record after the last.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Takes a name of the record that is to be added next.
    pub(crate) fn name(&mut self, Called { hash, often }: Called<'_>) {
        let Some(place) = often.filter(|_| self.tail.len() >= UNASKED) else {
            return self.tail.push(entry(hash, self.next));
        };
        if place.lists != self.lists_number {
            (place.lists, place.list) = (self.lists_number, self.lists.len() as u32);
            self.lists.push((hash, Vec::new()));
        }
        let records = &mut self.lists[place.list as usize].1;
        let record = (self.next - self.first) as u32;
        if records.last() != Some(&record) {
            records.push(record);
        }
    }

    /// Makes entries of the lists.
    fn unlist(&mut self) {
        if self.lists.is_empty() {
            return;
        }
        for (hash, records) in self.lists.drain(..) {
            let first = self.first;
            self.tail.extend(records.iter().map(|record| entry(hash, first + u64::from(*record))));
        }
        self.lists_number += 1;
    }

    /// The record has no more names.
    pub(crate) fn end_record(&mut self, time: Option<i64>) {
        let zone = ((self.next - self.first) / ZONE) as usize;
        if zone == self.times.len() {
            self.times.push(NO_TIME);
        }
        if let Some(time) = time {
            widen(&mut self.times[zone], time);
        }
        self.next += 1;
    }

    /// Records that have no names.
    pub(crate) fn skip_to(&mut self, next: u64) {
        self.next = next;
        self.times.resize((next - self.first).div_ceil(ZONE) as usize, NO_TIME);
    }

    /// Takes what a run has, which begins where this does.
    pub(crate) fn load(&mut self, entries: Vec<Entry>, times: &[Zone], next: u64) {
        self.levels.push(Arc::new(entries));
        self.times.extend_from_slice(times);
        self.next = next;
    }

    /// Makes asking fast.
    pub(crate) fn settle(&mut self) {
        // What is written stays in its lists until somebody asks.
        self.unlist();
        if self.tail.len() < TAIL {
            return;
        }
        let mut level = sorted(std::mem::take(&mut self.tail));
        while self.levels.last().is_some_and(|longer| longer.len() < 2 * level.len()) {
            let longer = self.levels.pop().expect("there is a last one");
            level.extend_from_slice(&longer);
            // Stable, for it goes along what is sorted already.
            level.sort();
        }
        self.levels.push(Arc::new(level));
    }

    /// Adds the records that have a name, ascending.
    pub(crate) fn find(&self, hash: u64, found: &mut Vec<u64>) {
        let start = found.len();
        let bounds = entry(hash, 0)..=entry(hash, u64::MAX);
        for level in &self.levels {
            let from = level.partition_point(|entry| entry < bounds.start());
            let same = level[from..].iter().take_while(|entry| *entry <= bounds.end());
            found.extend(same.map(|entry| index_of(*entry)));
        }
        found.extend(
            self.tail.iter().filter(|entry| bounds.contains(entry)).map(|entry| index_of(*entry)),
        );
        for (_, records) in self.lists.iter().filter(|(name, _)| *name == hash) {
            found.extend(records.iter().map(|record| self.first + u64::from(*record)));
        }
        found[start..].sort_unstable();
        let mut last = None;
        let mut kept = start;
        for at in start..found.len() {
            if last != Some(found[at]) {
                last = Some(found[at]);
                found[kept] = found[at];
                kept += 1;
            }
        }
        found.truncate(kept);
    }

    /// The names of the records before `next`, sorted, and their times.
    pub(crate) fn before(&mut self, next: u64) -> Before<'_> {
        if next != self.next {
            self.unlist();
        }
        if self.levels.len() != 1 || !self.tail.is_empty() {
            let levels = std::mem::take(&mut self.levels);
            let tail = std::mem::take(&mut self.tail);
            // Those of a name come in their order then, which is mostly what is to be made.
            let older = levels.iter().flat_map(|level| level.iter());
            let all = match levels.is_empty() {
                true => tail,
                false => older.chain(&tail).copied().collect(),
            };
            self.levels.push(Arc::new(sorted(all)));
        }
        let all = &self.levels[0];
        let entries = match next == self.next {
            true => Cow::Borrowed(&all[..]),
            false => all.iter().filter(|entry| index_of(**entry) < next).copied().collect(),
        };
        let mut lists: Vec<List<'_>> = Vec::with_capacity(self.lists.len());
        lists.extend(self.lists.iter().map(|(hash, records)| (*hash, &records[..])));
        lists.retain(|(_, records)| !records.is_empty());
        lists.sort_by_key(|list| list.0);
        let zones = (next - self.first).div_ceil(ZONE) as usize;
        Before { entries, lists, times: &self.times[..zones] }
    }

    /// Forgets the records before `next`, which begins a zone.
    pub(crate) fn drop_before(&mut self, next: u64) {
        if next == self.next {
            // Their room is what the next records need.
            let room = self.levels.pop().and_then(Arc::into_inner).unwrap_or_default();
            self.levels.clear();
            self.tail = room;
            self.tail.clear();
            if self.lists.len() > LISTS {
                self.lists.clear();
                self.lists_number += 1;
            }
            self.lists.iter_mut().for_each(|(_, records)| records.clear());
        } else {
            self.retain(|entry| index_of(entry) >= next);
        }
        self.times.drain(..((next - self.first) / ZONE) as usize);
        self.first = next;
    }

    /// Forgets names; says how many entries.
    pub(crate) fn forget(&mut self, hashes: &[u64]) -> u64 {
        self.retain(|entry| hashes.binary_search(&hash_of(entry)).is_err())
    }

    fn retain(&mut self, stays: impl Fn(Entry) -> bool) -> u64 {
        self.unlist();
        let before = self.len();
        self.tail.retain(|entry| stays(*entry));
        for level in &mut self.levels {
            if !level.iter().all(|entry| stays(*entry)) {
                Arc::make_mut(level).retain(|entry| stays(*entry));
            }
        }
        self.levels.retain(|level| !level.is_empty());
        (before - self.len()) as u64
    }

    fn len(&self) -> usize {
        self.levels.iter().map(|level| level.len()).sum::<usize>() + self.tail.len()
    }

    pub(crate) fn times(&self) -> &[Zone] {
        &self.times
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::ListPlace;
    use crate::run::grouped;

    /// Record n has the names n % 7 and 100 + n / 3; some of the first come from where they are remembered.
    fn filled(records: u64, settle_every: u64) -> Active {
        let mut active = Active::new(0);
        let mut places = [ListPlace::default(); 7];
        for n in 0..records {
            let place = (n % 7) as usize;
            if n % 50 == 0 {
                places[place] = ListPlace::default();
            }
            let often = Some(&mut places[place]).filter(|_| n % 20 != 0);
            active.name(Called { hash: n % 7, often });
            active.name(Called { hash: 100 + n / 3, often: None });
            active.name(Called { hash: n % 7, often: None });
            active.end_record(Some(n as i64));
            if n % settle_every == 0 {
                active.settle();
            }
        }
        active
    }

    fn written(active: &mut Active, next: u64) -> Vec<(u64, Vec<u32>)> {
        let first = active.first();
        let Before { entries, lists, .. } = active.before(next);
        let mut groups = Vec::new();
        let each = |hash, records: &[u32]| {
            groups.push((hash, records.to_vec()));
            Ok(())
        };
        grouped(&entries, &lists, first, each).unwrap();
        groups
    }

    #[test]
    fn written_is_the_same_whoever_asked_meanwhile() {
        let expected = written(&mut filled(3000, 1), 3000);
        assert!(expected.is_sorted());
        assert_eq!(expected[6], (6, (0..3000).filter(|n| n % 7 == 6).collect()));
        for settle_every in [100, 777, u64::MAX] {
            let mut active = filled(3000, settle_every);
            assert!(settle_every < 3000 || !active.lists.is_empty());
            assert_eq!(written(&mut active, 3000), expected);
            active.settle();
            assert!(active.lists.is_empty() && active.tail.len() < TAIL, "a question looks at few");
            assert_eq!(written(&mut active, 2048), written(&mut filled(2048, 1), 2048));
        }
    }

    #[test]
    fn found_in_every_level_once_and_in_order() {
        for settle_every in [1, 100, 777, u64::MAX] {
            let active = filled(3000, settle_every);
            let find = |hash| {
                let mut found = vec![9];
                active.find(hash, &mut found);
                found.split_off(1)
            };
            for name in 0..7 {
                let expected: Vec<u64> = (0..3000).filter(|n| n % 7 == name).collect();
                assert_eq!(find(name), expected);
            }
            assert_eq!(find(100 + 50), [150, 151, 152]);
            assert_eq!(find(99), [] as [u64; 0]);
        }
    }

    #[test]
    fn what_is_before_a_record_goes_and_what_is_forgotten_too() {
        for settle_every in [100, u64::MAX] {
            before_and_forgotten(filled(1000, settle_every));
        }
    }

    fn before_and_forgotten(mut active: Active) {
        let Before { entries, times, .. } = active.before(512);
        assert!(entries.is_sorted() && entries.iter().all(|entry| index_of(*entry) < 512));
        assert_eq!(times.len(), 2);
        assert_eq!(times[1], (256, 511));
        active.drop_before(512);
        assert_eq!((active.first(), active.times()[0]), (512, (512, 767)));
        let mut found = Vec::new();
        active.find(1, &mut found);
        assert_eq!(found[0], 512);
        assert!(active.forget(&[1, 3]) > 0);
        found.clear();
        active.find(1, &mut found);
        assert_eq!(found, [] as [u64; 0]);
    }
}
