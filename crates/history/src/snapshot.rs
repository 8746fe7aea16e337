use std::ops::Range;
use std::sync::Arc;

use crate::active::Active;
use crate::error::Result;
use crate::name::Hashes;
use crate::run::{NO_TIME, Run, ZONE, Zone};
use crate::search::Search;

/// An index at a moment. What is added later is not in it.
pub struct Snapshot {
    runs: Vec<Arc<Run>>,
    active: Active,
    hashes: Arc<Hashes>,
}

/// In which order an answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Oldest,
    Newest,
}

/// The indices of the records that may fit a [`Search`], in order; those that fit and seldom others.
pub struct Candidates {
    snapshot: Arc<Snapshot>,
    search: Search,
    /// The hashes of each term.
    terms: Vec<Vec<u64>>,
    /// What was not looked at yet.
    left: Range<u64>,
    order: Order,
    /// When so few are left, no other name is looked up.
    few: usize,
    waiting: std::vec::IntoIter<u64>,
}

/// When so few are left, looking at their lines is cheaper than at another list.
const FEW: usize = 512;

/// As many records are looked at together where no name is asked for.
const SPAN: u64 = 4096;

impl Snapshot {
    pub(crate) fn new(runs: Vec<Arc<Run>>, active: Active, hashes: Arc<Hashes>) -> Self {
        Self { runs, active, hashes }
    }

    /// The record after the last that it knows.
    pub fn next(&self) -> u64 {
        self.active.next()
    }

    /// The records within `window` that may fit. Read each, and see whether it [fits](Search::fits).
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use sealtrail_history::{Index, Name, Order, Search};
    /// # let place = tempfile::tempdir().unwrap();
    /// # let (mut index, _) = Index::open(place.path(), "example.com/shop")?;
    /// index.add(0, br#"{"id":"a","correlationid":"c"}"#)?;
    /// index.add(1, br#"{"id":"b","correlationid":"c"}"#)?;
    /// let snapshot = Arc::new(index.snapshot());
    /// let search = Search::all().with(Name::Correlation("c"));
    /// let newest = snapshot.candidates(search, 0..u64::MAX, Order::Newest);
    /// assert_eq!(newest.collect::<Result<Vec<_>, _>>()?, [1, 0]);
    /// # Ok::<(), sealtrail_history::Error>(())
    /// ```
    pub fn candidates(
        self: &Arc<Self>,
        search: Search,
        window: Range<u64>,
        order: Order,
    ) -> Candidates {
        let hash = |term: Vec<_>| term.into_iter().map(|name| self.hashes.of(name)).collect();
        Candidates {
            snapshot: self.clone(),
            terms: search.terms().into_iter().map(hash).collect(),
            search,
            left: window.start..window.end.min(self.next()).max(window.start),
            order,
            few: FEW,
            waiting: Vec::new().into_iter(),
        }
    }

    /// Where the part ends that a record is in, and where it begins.
    fn part_of(&self, index: u64) -> (Option<&Arc<Run>>, Range<u64>) {
        let number = self.runs.partition_point(|run| run.next() <= index);
        match self.runs.get(number) {
            Some(run) => (Some(run), run.first()..run.next()),
            None => (None, self.active.first()..self.active.next()),
        }
    }

    fn zone(&self, index: u64) -> Zone {
        let (run, part) = self.part_of(index);
        let times = run.map_or(self.active.times(), |run| run.times());
        times.get(((index - part.start) / ZONE) as usize).copied().unwrap_or(NO_TIME)
    }

    /// The records of a part that have one of these names, ascending.
    fn find(&self, run: Option<&Arc<Run>>, hashes: &[u64]) -> Result<Vec<u64>> {
        let mut found = Vec::new();
        for hash in hashes {
            match run {
                Some(run) => run.find(*hash, &mut found)?,
                None => self.active.find(*hash, &mut found),
            }
        }
        if hashes.len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
        Ok(found)
    }
}

impl Candidates {
    /// Looks every name up, for who counts records and does not read their lines: what is given has all names that
    /// were asked for, but for hashes that are alike.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use sealtrail_history::{Index, Name, Order, Search};
    /// # let place = tempfile::tempdir().unwrap();
    /// # let (mut index, _) = Index::open(place.path(), "example.com/shop")?;
    /// index.add(0, br#"{"id":"a","correlationid":"c"}"#)?;
    /// index.add(1, br#"{"id":"b","correlationid":"c","causationid":"a"}"#)?;
    /// let search = Search::all().with(Name::Correlation("c")).with(Name::Causation("a"));
    /// let candidates = Arc::new(index.snapshot()).candidates(search, 0..u64::MAX, Order::Oldest);
    /// assert_eq!(candidates.by_every_name().collect::<Result<Vec<_>, _>>()?, [1]);
    /// # Ok::<(), sealtrail_history::Error>(())
    /// ```
    #[must_use]
    pub fn by_every_name(mut self) -> Self {
        self.few = 0;
        self
    }

    /// Takes a piece of what is left, and what in it may fit.
    fn look(&mut self) -> Result<Vec<u64>> {
        let at = match self.order {
            Order::Oldest => self.left.start,
            Order::Newest => self.left.end - 1,
        };
        let (run, part) = self.snapshot.part_of(at);
        let piece = match self.terms.is_empty() {
            true => at / SPAN * SPAN..(at / SPAN + 1) * SPAN,
            false => part,
        };
        let piece = piece.start.max(self.left.start)..piece.end.min(self.left.end);
        let mut found = match self.terms.split_first() {
            None => piece.clone().collect(),
            Some((first, others)) => {
                let mut found = self.snapshot.find(run, first)?;
                found.retain(|index| piece.contains(index));
                for other in others {
                    if found.len() <= self.few {
                        break;
                    }
                    let other = self.snapshot.find(run, other)?;
                    keep_common(&mut found, &other);
                }
                found
            }
        };
        if self.search.has_times() {
            let mut zone = (u64::MAX, true);
            found.retain(|index| {
                if zone.0 != index / ZONE {
                    zone = (index / ZONE, self.search.overlaps(self.snapshot.zone(*index)));
                }
                zone.1
            });
        }
        match self.order {
            Order::Oldest => self.left.start = piece.end,
            Order::Newest => {
                self.left.end = piece.start;
                found.reverse();
            }
        }
        Ok(found)
    }
}

/// Keeps what is in both of two ascending lists. One may be much longer than the other, or as long.
fn keep_common(found: &mut Vec<u64>, mut other: &[u64]) {
    found.retain(|index| {
        // In steps that double, so that a list is passed over in no more time than reading it took.
        let mut step = 1;
        while other.get(step).is_some_and(|ahead| ahead < index) {
            other = &other[step..];
            step *= 2;
        }
        let near = &other[..other.len().min(step + 1)];
        other = &other[near.partition_point(|ahead| ahead < index)..];
        other.first() == Some(index)
    });
}

impl Iterator for Candidates {
    type Item = Result<u64>;

    fn next(&mut self) -> Option<Result<u64>> {
        loop {
            if let Some(index) = self.waiting.next() {
                return Some(Ok(index));
            }
            if self.left.is_empty() {
                return None;
            }
            match self.look() {
                Ok(found) => self.waiting = found.into_iter(),
                Err(error) => {
                    self.left = 0..0;
                    return Some(Err(error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_lists_have_in_common() {
        let every = |step: u64, from: u64, to: u64| -> Vec<u64> {
            (from..to).filter(|n| n % step == 0).collect()
        };
        let lists =
            [every(1, 0, 500), every(7, 0, 500), every(3, 100, 400), every(499, 0, 500), vec![]];
        for one in &lists {
            for other in &lists {
                let expected: Vec<u64> =
                    one.iter().filter(|n| other.contains(n)).copied().collect();
                let mut found = one.clone();
                keep_common(&mut found, other);
                assert_eq!(found, expected, "{one:?} {other:?}");
            }
        }
    }
}
