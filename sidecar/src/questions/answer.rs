//! From a question to the records that fit.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use sealtrail_history::{Candidates, Name, Order, Search, Snapshot};
use sealtrail_log::{Lines, Reader};
use sealtrail_record::json;

use super::about::Targets;
use super::subject::OfSubject;
use super::{Page, Question, Questions, STORED, Stop, no_record};
use crate::code::Code;
use crate::error::{Error, Result};

/// One record and where it stands.
#[derive(Debug, Clone)]
pub struct Found {
    pub index: u64,
    pub line: Vec<u8>,
}

/// One page of an answer.
#[derive(Debug, Default)]
pub struct Records {
    pub found: Vec<Found>,
    /// Where the next page begins: after this index. None if nothing is left.
    pub next: Option<u64>,
    /// The first record that is kept; what was before it was removed by retention, and is not found.
    pub first_kept: u64,
}

/// The records that fit, one after another; those that had come when it began.
pub struct Fitting {
    reader: Reader,
    /// The record behind the one that was read last.
    behind: u64,
    /// The lines from there on, where they were read.
    ahead: Option<Lines>,
    search: Search,
    candidates: Candidates,
    /// The first record that is kept, as far as is known.
    pub first_kept: u64,
    /// Records that are passed over.
    pub skip: HashSet<u64>,
    /// What acts must concern, where they are asked for.
    targets: Option<Box<Targets>>,
    /// Whom they must be about, where somebody is asked about.
    subject: Option<OfSubject>,
    stop: Stop,
}

/// So many lines are passed over rather than a segment opened again.
const NEAR: u64 = 64;

impl Questions {
    /// One page of the records that fit.
    pub fn ask(&self, question: &Question, page: Page) -> Result<Records> {
        let mut fitting = self.fitting(question, page.after)?;
        let (mut found, mut bytes) = (Vec::<Found>::new(), 0_usize);
        let mut next = None;
        while let Some(record) = fitting.next()? {
            bytes = bytes.saturating_add(record.line.len());
            if found.len() >= page.limit || (bytes > page.bytes && !found.is_empty()) {
                next = found.last().map(|last| last.index);
                break;
            }
            found.push(record);
        }
        Ok(Records { found, next, first_kept: fitting.first_kept })
    }

    /// The records that fit behind one of them, to be read one by one: an answer of any length needs no more
    /// memory than its longest record.
    pub fn fitting(&self, question: &Question, after: Option<u64>) -> Result<Fitting> {
        self.fitting_of(&self.snapshot()?, question, after)
    }

    /// The same of what the index knew at a moment.
    pub(super) fn fitting_of(
        &self,
        snapshot: &Arc<Snapshot>,
        question: &Question,
        after: Option<u64>,
    ) -> Result<Fitting> {
        let window = match (question.order(), after) {
            (_, None) => 0..u64::MAX,
            (Order::Oldest, Some(after)) => after.saturating_add(1)..u64::MAX,
            (Order::Newest, Some(after)) => 0..after,
        };
        let search = question.search();
        let fitting = self.fitting_within(snapshot, search, window, question.order())?;
        let fitting = fitting.about(question.subject());
        if let Some(subject) = question.subject() {
            self.expect_known(snapshot, subject)?;
        }
        let targets = question.about().map(|about| self.targets(about)).transpose()?;
        Ok(Fitting { targets: targets.map(Box::new), ..fitting })
    }

    pub(super) fn fitting_in(
        &self,
        search: &Search,
        window: Range<u64>,
        order: Order,
    ) -> Result<Fitting> {
        self.fitting_within(&self.snapshot()?, search, window, order)
    }

    pub(super) fn fitting_within(
        &self,
        snapshot: &Arc<Snapshot>,
        search: &Search,
        window: Range<u64>,
        order: Order,
    ) -> Result<Fitting> {
        let fitting = Fitting::of(self.reader(), snapshot, search.clone(), window, order)?;
        Ok(fitting.until(&self.stop))
    }

    pub fn record(&self, id: &str) -> Result<Found> {
        let search = Search::all().with(Name::Record(id));
        let found = self.fitting_in(&search, 0..u64::MAX, Order::Oldest)?.next()?;
        found.ok_or_else(|| no_record(id, self.reader()))
    }
}

impl Fitting {
    pub(super) fn of(
        reader: &Reader,
        snapshot: &Arc<Snapshot>,
        search: Search,
        window: Range<u64>,
        order: Order,
    ) -> Result<Self> {
        let first_kept = reader.first()?;
        let window = window.start.max(first_kept)..window.end.max(first_kept);
        Ok(Self {
            reader: reader.clone(),
            behind: 0,
            ahead: None,
            candidates: snapshot.candidates(search.clone(), window, order),
            search,
            first_kept,
            skip: HashSet::new(),
            targets: None,
            subject: None,
            stop: Stop::default(),
        })
    }

    pub(super) fn about(self, subject: Option<&OfSubject>) -> Self {
        Self { subject: subject.cloned(), ..self }
    }

    pub(super) fn until(self, stop: &Stop) -> Self {
        Self { stop: stop.clone(), ..self }
    }

    pub fn next(&mut self) -> Result<Option<Found>> {
        loop {
            let Some(index) = self.candidates.next() else { return Ok(None) };
            self.stop.check()?;
            let index = index?;
            if index < self.first_kept || self.skip.contains(&index) {
                continue;
            }
            let line = match self.read(index) {
                Err(error) if error.is_pruned() => {
                    self.first_kept = error.first_kept().unwrap_or(index + 1);
                    continue;
                }
                line => line?,
            };
            // A line that cannot be read may be the one that was asked for: that is no "not found".
            json::parse(&line, &STORED).map_err(|error| unreadable(index, &error))?;
            let concerns = |targets: &Targets| targets.concern(&line);
            let is_about = |subject: &OfSubject| subject.fits(&line);
            if self.search.fits(&line)
                && self.subject.as_ref().is_none_or(is_about)
                && self.targets.as_deref().map_or(Ok(true), concerns)?
            {
                return Ok(Some(Found { index, line }));
            }
        }
    }

    /// A line. Where one is near the one before, its segment is read on: to open it again costs more than what is between.
    fn read(&mut self, index: u64) -> Result<Vec<u8>, sealtrail_log::Error> {
        let is_near = (self.behind..self.behind.saturating_add(NEAR)).contains(&index);
        self.behind = index + 1;
        let ahead = self.ahead.take();
        if !is_near {
            return self.reader.read(index);
        }
        let mut lines = ahead.map_or_else(|| self.reader.lines(index), Ok)?;
        while let Some(Ok((at, line))) = lines.next() {
            if at == index {
                self.ahead = Some(lines);
                return Ok(line);
            }
        }
        // It has come since, or what is between was removed.
        self.reader.read(index)
    }

    /// Which records the index names, without a look at their lines.
    pub(super) fn indices(self) -> Result<Vec<u64>> {
        let stop = self.stop;
        let indices = self.candidates.by_every_name();
        indices.map(|index| stop.check().and_then(|()| Ok(index?))).collect()
    }
}

fn unreadable(index: u64, error: &json::Error) -> Error {
    Error::new(Code::LogDamaged, format!("record {index} cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::Trail;

    #[test]
    fn records_are_found_however_far_they_are_from_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let trail = Trail::create_for_test(dir.path(), "");
        let mut wanted = vec![0_u64];
        for gap in [1, 1, 2, NEAR, NEAR + 1, NEAR + 2, 3, 2 * NEAR, 1] {
            wanted.push(wanted[wanted.len() - 1] + gap);
        }
        let line = |n: u64| {
            let kind = if wanted.contains(&n) { "wanted" } else { "other" };
            format!(r#"{{"id":"r-{n}","data":{{"entity":{{"type":"{kind}","id":"1"}}}}}}"#)
        };
        trail.append((0..600).map(|n| line(n).into_bytes()).collect()).unwrap();
        for (order, after) in [("oldest", None), ("newest", None), ("oldest", Some(wanted[3]))] {
            let question = Question::parse([("type", "wanted"), ("order", order)]).unwrap();
            let mut fitting = trail.questions.fitting(&question, after).unwrap();
            let mut expected: Vec<u64> =
                wanted.iter().copied().filter(|n| after.is_none_or(|after| *n > after)).collect();
            if order == "newest" {
                expected.reverse();
            }
            for n in expected {
                let found = fitting.next().unwrap().unwrap();
                assert_eq!((found.index, found.line), (n, line(n).into_bytes()), "{order}");
            }
            assert!(fitting.next().unwrap().is_none());
        }
    }
}
