//! The shortest edit script where it is short, as it mostly is: the greedy algorithm of E. W. Myers
//! ("An O(ND) Difference Algorithm and Its Variations", 1986), on bytes.
//!
//! Nothing is cut or numbered beforehand. Two paths on one diagonal differ from each other by as many
//! units on both sides, so the one that is further by bytes is further by units, and it is enough to
//! know places. Equal parts are skipped a word of the machine at a time.

use super::Unit;
use super::units::{common_head, end_of_unit};

/// The most units that are removed and added before the search is given up.
const MOST_EDITS: usize = 100;

/// Where a path has come to, in both texts.
type Place = (usize, usize);

/// Equal parts as (old, new, length) in bytes; `None` where there are too many edits or `steps` run
/// out. Counts down what it spends.
pub(super) fn few_edits(
    old: &str,
    new: &str,
    unit: Unit,
    steps: &mut usize,
) -> Option<Vec<(usize, usize, usize)>> {
    let mut search = Search { old, new, unit, steps };
    // For each number of edits the furthest place on each diagonal, from all added to all removed.
    let mut rows: Vec<Vec<Option<Place>>> = vec![vec![Some(search.skip_equal((0, 0))?)]];
    let end = (old.len(), new.len());
    while let Some(row) = rows.last() {
        if let Some(diagonal) = row.iter().position(|place| *place == Some(end)) {
            return Some(search.backwards(&rows, diagonal));
        }
        if rows.len() > MOST_EDITS {
            return None;
        }
        let mut next = Vec::with_capacity(row.len() + 1);
        for diagonal in 0..=row.len() {
            next.push(match search.edit(row, diagonal)? {
                Some((place, _)) => Some(search.skip_equal(place)?),
                None => None,
            });
        }
        rows.push(next);
    }
    None
}

struct Search<'t, 's> {
    old: &'t str,
    new: &'t str,
    unit: Unit,
    steps: &'s mut usize,
}

impl Search<'_, '_> {
    /// The furthest place on a diagonal after one more edit, and the diagonal that it comes from; no
    /// place where both would lead out of the texts. The outer `None` is the end of the steps.
    fn edit(&mut self, row: &[Option<Place>], diagonal: usize) -> Option<Option<(Place, usize)>> {
        let removing = diagonal.checked_sub(1).and_then(|from| row[from]);
        let removing = removing.filter(|(old, _)| *old < self.old.len());
        let adding = row.get(diagonal).copied().flatten();
        let adding = adding.filter(|(_, new)| *new < self.new.len());
        Some(match (removing, adding) {
            // Ahead by a unit at least, so not behind the other after its edit.
            (removing, Some((old, new))) if removing.is_none_or(|other| other.0 < old) => {
                Some(((old, self.end_of_unit(self.new, new)?), diagonal))
            }
            (Some((old, new)), _) => Some(((self.end_of_unit(self.old, old)?, new), diagonal - 1)),
            (None, _) => None,
        })
    }

    fn skip_equal(&mut self, (old, new): Place) -> Option<Place> {
        let equal = common_head(&self.old[old..], &self.new[new..], self.unit);
        self.pay(equal / 8)?;
        Some((old + equal, new + equal))
    }

    fn end_of_unit(&mut self, text: &str, at: usize) -> Option<usize> {
        let end = end_of_unit(text, at, self.unit);
        self.pay((end - at) / 2)?;
        Some(end)
    }

    fn pay(&mut self, steps: usize) -> Option<()> {
        *self.steps = self.steps.checked_sub(steps + 4)?;
        Some(())
    }

    /// The way that led to the end: what was skipped as equal after each edit.
    fn backwards(
        &mut self,
        rows: &[Vec<Option<Place>>],
        diagonal: usize,
    ) -> Vec<(usize, usize, usize)> {
        // It was paid for when it was gone.
        let mut steps = usize::MAX;
        let mut again = Search { old: self.old, new: self.new, unit: self.unit, steps: &mut steps };
        let (mut equal, mut diagonal) = (Vec::new(), diagonal);
        for edits in (0..rows.len()).rev() {
            let Some(end) = rows[edits][diagonal] else { break };
            let above = edits.checked_sub(1);
            let came = above.and_then(|above| again.edit(&rows[above], diagonal).flatten());
            let ((old, new), from) = came.unwrap_or(((0, 0), 0));
            if end.0 > old {
                equal.push((old, new, end.0 - old));
            }
            diagonal = from;
        }
        equal.reverse();
        equal
    }
}
