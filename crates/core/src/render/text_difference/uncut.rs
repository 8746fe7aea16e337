//! Two texts for the [search for few edits](few_edits). Nothing is cut or numbered beforehand: two paths
//! on one diagonal differ from each other by as many units on both sides, so the one that is further by
//! bytes is further by units, and it is enough to know places. Equal parts are skipped a word of the
//! machine at a time.
//!
//! [few_edits]: crate::few_edits

use super::Unit;
use super::units::{common_head, end_of_unit};
use crate::few_edits::{Place, Sides};

pub(super) struct Uncut<'t> {
    pub(super) old: &'t str,
    pub(super) new: &'t str,
    pub(super) unit: Unit,
}

/// Of any step.
const LEAST_COST: usize = 4;

impl Uncut<'_> {
    fn end_of_unit(&self, text: &str, at: usize) -> (usize, usize) {
        let end = end_of_unit(text, at, self.unit);
        (end, (end - at) / 2 + LEAST_COST)
    }
}

impl Sides for Uncut<'_> {
    fn end(&self) -> Place {
        (self.old.len(), self.new.len())
    }

    fn skip_equal(&self, (old, new): Place) -> (Place, usize) {
        let equal = common_head(&self.old[old..], &self.new[new..], self.unit);
        ((old + equal, new + equal), equal / 8 + LEAST_COST)
    }

    fn end_of_old(&self, at: usize) -> (usize, usize) {
        self.end_of_unit(self.old, at)
    }

    fn end_of_new(&self, at: usize) -> (usize, usize) {
        self.end_of_unit(self.new, at)
    }
}
