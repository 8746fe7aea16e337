//! What is the same in two lists of numbers. Here and nowhere else, because every type of list and of
//! hook would be compiled by itself, and the search is large.

use std::convert::Infallible;

use similar::algorithms::{DiffHook, myers};

/// A run that is the same in both: where it begins in the old list and in the new one, and its length.
pub(crate) type Run = (usize, usize, usize);

/// The runs of a short edit script in their order. It is bounded by itself: on hard inputs it settles for
/// a script that is not the shortest.
pub(crate) fn equal_runs(old: &[u32], new: &[u32]) -> Vec<Run> {
    let mut equal = Equal(Vec::new());
    let Ok(()) = myers::diff(&mut equal, old, 0..old.len(), new, 0..new.len());
    equal.0
}

struct Equal(Vec<Run>);

impl DiffHook for Equal {
    type Error = Infallible;

    fn equal(&mut self, old: usize, new: usize, len: usize) -> Result<(), Infallible> {
        self.0.push((old, new, len));
        Ok(())
    }
}
