//! Submissions that are committed together, and where those who brought them wait for the outcome.

use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use sealtrail_proof::Hash;

use crate::Error;
use crate::submission::Submission;

/// What one sync makes durable.
///
/// Those who wait for it wait in one place: a thousand of them are woken by one call of the system.
#[derive(Default)]
pub(crate) struct Batch {
    submissions: Vec<Submission>,
    lines: u64,
    outcome: Arc<Outcome>,
}

impl Batch {
    /// As many submissions may come as in the batch before.
    pub(crate) fn with_room(submissions: usize) -> Self {
        let mut batch = Self::default();
        batch.submissions.reserve(submissions);
        batch
    }

    pub(crate) fn of(submission: Submission) -> Self {
        let mut batch = Self::default();
        batch.push(submission);
        batch
    }

    /// Takes a submission in, and says where its caller may wait.
    pub(crate) fn push(&mut self, submission: Submission) -> Place {
        let lines = self.lines..self.lines + submission.entries.len() as u64;
        self.lines = lines.end;
        self.submissions.push(submission);
        Place { lines, outcome: Arc::clone(&self.outcome) }
    }

    /// Submissions.
    pub(crate) fn len(&self) -> usize {
        self.submissions.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.submissions.is_empty()
    }

    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    pub(crate) fn bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.submissions.iter().map(|submission| submission.bytes.as_slice())
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &[Hash]> {
        self.submissions.iter().map(|submission| submission.entries.as_slice())
    }

    /// Tells everybody: the index of the first line, or why there is none.
    pub(crate) fn finish(mut self, result: Result<u64, Error>) {
        self.outcome.tell(|| result.clone());
        let mut line = 0;
        for submission in self.submissions.drain(..) {
            let lines = line..line + submission.entries.len() as u64;
            line = lines.end;
            submission.finish(result.clone().map(|first| shift(&lines, first)));
        }
    }
}

impl Drop for Batch {
    /// Nobody waits for ever, even if the commit thread dies with the batch in its hands. After
    /// [`Batch::finish`] this tells nobody anything.
    fn drop(&mut self) {
        self.outcome.tell(|| Err(Error::poisoned("the commit thread died")));
    }
}

/// The lines of one caller within a batch.
pub(crate) struct Place {
    lines: Range<u64>,
    outcome: Arc<Outcome>,
}

impl Place {
    /// Waits until it is known what became of the batch.
    pub(crate) fn wait(self) -> Result<Range<u64>, Error> {
        let mut result = self.outcome.result.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &*result {
                Some(result) => return result.clone().map(|first| shift(&self.lines, first)),
                None => {
                    let told = self.outcome.told.wait(result);
                    result = told.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

#[derive(Default)]
struct Outcome {
    result: Mutex<Option<Result<u64, Error>>>,
    told: Condvar,
}

impl Outcome {
    /// Only what is told first counts.
    fn tell(&self, result: impl FnOnce() -> Result<u64, Error>) {
        let mut told = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none() {
            *told = Some(result());
            drop(told);
            self.told.notify_all();
        }
    }
}

fn shift(lines: &Range<u64>, first: u64) -> Range<u64> {
    first + lines.start..first + lines.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    fn submission(lines: usize) -> Submission {
        Submission::new(&vec![b"{}".to_vec(); lines], &Options::default()).unwrap()
    }

    #[test]
    fn each_learns_its_own_lines() {
        let mut batch = Batch::default();
        let places = [2, 1, 3].map(|lines| batch.push(submission(lines)));
        assert_eq!((batch.len(), batch.lines()), (3, 6));
        batch.finish(Ok(10));
        let ranges = places.map(|place| place.wait().unwrap());
        assert_eq!(ranges, [10..12, 12..13, 13..16]);
    }

    #[test]
    fn who_waits_hears_of_a_batch_that_is_dropped() {
        let mut batch = Batch::of(submission(1));
        let place = batch.push(submission(1));
        let waits = std::thread::spawn(move || place.wait());
        drop(batch);
        assert!(waits.join().unwrap().unwrap_err().is_poisoned());
    }
}
