//! The shortest edit script where it is short, as it mostly is: the greedy algorithm of E. W. Myers
//! ("An O(ND) Difference Algorithm and Its Variations", 1986), for lists and for texts that are not
//! cut into a list.

use crate::equal_runs::Run;

/// Where a path has come to, in both.
pub(crate) type Place = (usize, usize);

/// Two sequences of units. Places are offsets that grow from unit to unit, so that of two paths with as
/// many units removed and added the one with the greater offset is ahead. What a step took is given
/// beside its result.
pub(crate) trait Sides {
    fn end(&self) -> Place;

    /// The place behind all units that are equal from here on.
    fn skip_equal(&self, place: Place) -> (Place, usize);

    /// The end of the unit of the old side that begins here, before its end.
    fn end_of_old(&self, at: usize) -> (usize, usize);

    /// The same for the new side.
    fn end_of_new(&self, at: usize) -> (usize, usize);
}

/// The runs that are equal, in their order; `None` where there are more than so many edits, or `steps`
/// run out. Counts down what it spends.
pub(crate) fn few_edits<S: Sides>(
    sides: &S,
    most_edits: usize,
    steps: &mut usize,
) -> Option<Vec<Run>> {
    // For each number of edits the furthest place on each diagonal, from all added to all removed.
    let mut rows: Vec<Vec<Option<Place>>> = vec![vec![Some(skip_equal(sides, (0, 0), steps)?)]];
    while let Some(row) = rows.last() {
        if let Some(diagonal) = row.iter().position(|place| *place == Some(sides.end())) {
            return Some(backwards(sides, &rows, diagonal));
        }
        if rows.len() > most_edits {
            return None;
        }
        let mut next = Vec::with_capacity(row.len() + 1);
        for diagonal in 0..=row.len() {
            next.push(match edit(sides, row, diagonal) {
                Some((place, _, cost)) => {
                    *steps = steps.checked_sub(cost)?;
                    Some(skip_equal(sides, place, steps)?)
                }
                None => None,
            });
        }
        rows.push(next);
    }
    None
}

fn skip_equal(sides: &impl Sides, place: Place, steps: &mut usize) -> Option<Place> {
    let (place, cost) = sides.skip_equal(place);
    *steps = steps.checked_sub(cost)?;
    Some(place)
}

/// The furthest place on a diagonal after one more edit, the diagonal that it comes from, and what that
/// took; none where both edits would lead beyond an end.
fn edit(
    sides: &impl Sides,
    row: &[Option<Place>],
    diagonal: usize,
) -> Option<(Place, usize, usize)> {
    let removing = diagonal.checked_sub(1).and_then(|from| row[from]);
    let removing = removing.filter(|(old, _)| *old < sides.end().0);
    let adding = row.get(diagonal).copied().flatten();
    let adding = adding.filter(|(_, new)| *new < sides.end().1);
    match (removing, adding) {
        // Ahead by a unit at least, so not behind the other after its edit.
        (removing, Some((old, new))) if removing.is_none_or(|other| other.0 < old) => {
            let (end, cost) = sides.end_of_new(new);
            Some(((old, end), diagonal, cost))
        }
        (Some((old, new)), _) => {
            let (end, cost) = sides.end_of_old(old);
            Some(((end, new), diagonal - 1, cost))
        }
        (None, _) => None,
    }
}

/// The way that led to the end: what was skipped as equal after each edit.
fn backwards(sides: &impl Sides, rows: &[Vec<Option<Place>>], mut diagonal: usize) -> Vec<Run> {
    let mut equal = Vec::new();
    for edits in (0..rows.len()).rev() {
        let Some(end) = rows[edits][diagonal] else { break };
        let above = edits.checked_sub(1);
        let came = above.and_then(|above| edit(sides, &rows[above], diagonal));
        let ((old, new), from, _) = came.unwrap_or(((0, 0), 0, 0));
        if end.0 > old {
            equal.push((old, new, end.0 - old));
        }
        diagonal = from;
    }
    equal.reverse();
    equal
}
