use std::sync::Arc;

use crate::run::{Entry, NO_TIME, ZONE, Zone, entry, hash_of, index_of, widen};

/// The entries of the records that no complete run has yet.
#[derive(Clone)]
pub(crate) struct Active {
    first: u64,
    next: u64,
    /// Sorted, each at least twice as long as the next.
    levels: Vec<Arc<Vec<Entry>>>,
    /// As they came.
    tail: Vec<Entry>,
    times: Vec<Zone>,
}

/// A longer tail is sorted before anybody looks.
const TAIL: usize = 256;

impl Active {
    pub(crate) fn new(first: u64) -> Self {
        Self { first, next: first, levels: Vec::new(), tail: Vec::new(), times: Vec::new() }
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The record after the last.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Takes a name of the record that is to be added next.
    pub(crate) fn name(&mut self, hash: u64) {
        self.tail.push(entry(hash, self.next));
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
        if self.tail.len() < TAIL {
            return;
        }
        let mut level = std::mem::take(&mut self.tail);
        level.sort_unstable();
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

    /// The sorted entries of the records before `next`, and their times.
    pub(crate) fn before(&self, next: u64) -> (Vec<Entry>, &[Zone]) {
        let all = self.levels.iter().flat_map(|level| level.iter()).chain(&self.tail);
        let entries = sorted(all.filter(|entry| index_of(**entry) < next).copied().collect());
        let zones = (next - self.first).div_ceil(ZONE) as usize;
        (entries, &self.times[..zones])
    }

    /// Forgets the records before `next`, which begins a zone.
    pub(crate) fn drop_before(&mut self, next: u64) {
        if next == self.next {
            self.levels.clear();
            self.tail.clear();
        }
        self.retain(|entry| index_of(entry) >= next);
        self.times.drain(..((next - self.first) / ZONE) as usize);
        self.first = next;
    }

    /// Forgets names; says how many entries.
    pub(crate) fn forget(&mut self, hashes: &[u64]) -> u64 {
        self.retain(|entry| hashes.binary_search(&hash_of(entry)).is_err())
    }

    fn retain(&mut self, stays: impl Fn(Entry) -> bool) -> u64 {
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

/// Hashes are spread evenly, so most of the order is made by giving each entry its place by its first bits.
fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    /// As many entries share a place, if all hashes are different.
    const TOGETHER: usize = 32;
    let bits = (entries.len() / TOGETHER).checked_ilog2().unwrap_or(0).min(14);
    if bits < 4 {
        entries.sort_unstable();
        return entries;
    }
    let place = |entry: Entry| (entry >> (128 - bits)) as usize;
    let mut ends = vec![0; 1 << bits];
    for entry in &entries {
        ends[place(*entry)] += 1_usize;
    }
    let mut start = 0;
    for end in &mut ends {
        start += std::mem::replace(end, start);
    }
    let mut placed = vec![0; entries.len()];
    for entry in entries {
        let at = &mut ends[place(entry)];
        placed[*at] = entry;
        *at += 1;
    }
    let mut start = 0;
    for end in ends {
        // Stable, for it goes along what is sorted already: the records of a name that many have.
        placed[start..end].sort();
        start = end;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_sorted_however_many_and_however_alike_they_are() {
        for length in [0, 1, 2, 500, 513, 5000, 100_000] {
            for alike in [1, 7, 1000, u64::MAX] {
                let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % alike;
                for shift in [0, 40] {
                    let entries: Vec<Entry> =
                        (0..length).map(|n| entry(hash(n) << shift, n / 3)).collect();
                    let mut expected = entries.clone();
                    expected.sort();
                    assert_eq!(sorted(entries), expected, "{length} {alike} {shift}");
                }
            }
        }
    }

    /// Record n has the names n % 7 and 100 + n / 3.
    fn filled(records: u64, settle_every: u64) -> Active {
        let mut active = Active::new(0);
        for n in 0..records {
            active.name(n % 7);
            active.name(100 + n / 3);
            active.name(n % 7);
            active.end_record(Some(n as i64));
            if n % settle_every == 0 {
                active.settle();
            }
        }
        active
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
        let mut active = filled(1000, 100);
        let (entries, times) = active.before(512);
        assert!(entries.is_sorted() && entries.iter().all(|entry| index_of(*entry) < 512));
        assert_eq!((entries.len(), times.len()), (3 * 512, 2));
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
