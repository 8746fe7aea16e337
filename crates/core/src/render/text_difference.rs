//! What differs between two texts, by words or by lines, for somebody to look at.
//!
//! Both texts are cut into units, equal units get the same number, and the numbers are compared:
//! what is equal at both ends is set aside; what is left goes to the algorithm of Myers, which has no
//! linear bound. So its worst case is paid from a [`Budget`] before it runs. Where that is not enough,
//! the units that occur once in both texts are the anchors (patience), and only what lies between two
//! of them is compared; where even that is too much, it is removed and added whole.

mod align;
mod intern;
mod units;

use std::ops::Range;

use align::align;
use intern::Interner;
use units::{common_head, common_tail, cut};

/// What a text is cut into. No cut is ever within a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A run of letters, digits, `_` and marks; a run of white space; any other character by itself.
    /// Scripts without spaces (Chinese, Japanese) are cut between all of their ideographs and
    /// syllables. These are not the boundaries of UAX #29, which need tables.
    Word,
    /// Up to and with each line feed.
    Line,
}

/// What may be spent on comparing, in steps of a few nanoseconds. Shared by all texts of a rendering.
#[derive(Debug)]
pub struct Budget(u64);

/// Two texts as one sequence of runs.
#[derive(Debug, PartialEq, Eq)]
pub struct TextDifference<'t> {
    /// Kept and removed runs put together are the text before; kept and added ones the text after.
    /// Where a part is replaced, what is removed stands first. No run is empty.
    pub runs: Vec<Run<'t>>,
    /// The budget was too small: some of what is removed and added may be the same.
    pub coarse: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run<'t> {
    pub part: Part,
    pub text: &'t str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Kept,
    Removed,
    Added,
}

impl Part {
    /// `=`, `-` or `+`.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Kept => "=",
            Self::Removed => "-",
            Self::Added => "+",
        }
    }
}

impl Default for Budget {
    /// Some tens of milliseconds at the very worst.
    fn default() -> Self {
        Self::steps(16_000_000)
    }
}

impl Budget {
    pub const fn steps(steps: u64) -> Self {
        Self(steps)
    }

    /// Pays, or leaves the budget as it is.
    fn take(&mut self, steps: usize) -> Option<()> {
        self.0 = self.0.checked_sub(steps as u64)?;
        Some(())
    }
}

/// The difference of two texts.
///
/// ```
/// use sealtrail_core::render::{Budget, Unit, text_difference};
///
/// let found = text_difference("6gb Ram, new", "4gb Ram, new!", Unit::Word, &mut Budget::default());
/// let runs: Vec<_> = found.runs.iter().map(|run| (run.part.sign(), run.text)).collect();
/// assert_eq!(runs, [("-", "6gb"), ("+", "4gb"), ("=", " Ram, new"), ("+", "!")]);
/// ```
pub fn text_difference<'t>(
    before: &'t str,
    after: &'t str,
    unit: Unit,
    budget: &mut Budget,
) -> TextDifference<'t> {
    let head = common_head(before, after, unit);
    let tail = common_tail(&before[head..], &after[head..], unit);
    let old = cut(before, head..before.len() - tail, unit);
    let new = cut(after, head..after.len() - tail, unit);
    let (equal, coarse) = compare(before, &old, after, &new, budget);

    let mut pieces = Pieces { before, after, unit, made: Vec::new() };
    pieces.push(0..head, 0..head, true);
    let (mut i, mut j) = (0, 0);
    for (at_old, at_new, len) in equal {
        pieces.push(bytes(&old, i..at_old), bytes(&new, j..at_new), false);
        (i, j) = (at_old + len, at_new + len);
        pieces.push(bytes(&old, at_old..i), bytes(&new, at_new..j), true);
    }
    pieces.push(bytes(&old, i..old.len() - 1), bytes(&new, j..new.len() - 1), false);
    pieces.push(before.len() - tail..before.len(), after.len() - tail..after.len(), true);
    TextDifference { runs: pieces.runs(), coarse }
}

/// Equal runs of units as (old, new, length), and whether the search was cut short.
fn compare(
    before: &str,
    old: &[usize],
    after: &str,
    new: &[usize],
    budget: &mut Budget,
) -> (Vec<(usize, usize, usize)>, bool) {
    if old.len() < 2 || new.len() < 2 {
        return (Vec::new(), false);
    }
    let mut interner = Interner::new(old.len() + new.len());
    let mut all = |text, ends| interner.all(text, ends, budget);
    match (all(before, old), all(after, new)) {
        (Some(old), Some(new)) => align(&old, &new, interner.len(), budget),
        _ => (Vec::new(), true),
    }
}

/// The bytes of these units; `cuts` has one more entry than there are units.
fn bytes(cuts: &[usize], units: Range<usize>) -> Range<usize> {
    cuts[units.start]..cuts[units.end]
}

/// Parts of both texts that are equal or stand in each other's place, in turn.
struct Pieces<'t> {
    before: &'t str,
    after: &'t str,
    unit: Unit,
    made: Vec<(Range<usize>, Range<usize>, bool)>,
}

impl<'t> Pieces<'t> {
    fn push(&mut self, old: Range<usize>, new: Range<usize>, equal: bool) {
        if old.is_empty() && new.is_empty() {
            return;
        }
        match self.made.last_mut() {
            Some((last_old, last_new, last_equal)) if *last_equal == equal => {
                (last_old.end, last_new.end) = (old.end, new.end);
            }
            _ => self.made.push((old, new, equal)),
        }
    }

    /// Two changed words with nothing but a space between them read better as one change.
    fn without_lone_spaces(self) -> Self {
        let Self { before, after, unit, made } = self;
        let mut joined = Self { before, after, unit, made: Vec::new() };
        let last = made.len().saturating_sub(1);
        for (i, (old, new, equal)) in made.into_iter().enumerate() {
            let space = || after[new.clone()].chars().all(char::is_whitespace);
            let equal = equal && (i == 0 || i == last || !space());
            joined.push(old, new, equal);
        }
        joined
    }

    fn runs(self) -> Vec<Run<'t>> {
        let Self { before, after, made, .. } = match self.unit {
            Unit::Word => self.without_lone_spaces(),
            Unit::Line => self,
        };
        let mut runs = Vec::new();
        for (old, new, equal) in made {
            let (old, new) = (&before[old], &after[new]);
            let parts: &[(Part, &'t str)] = match equal {
                true => &[(Part::Kept, new)],
                false => &[(Part::Removed, old), (Part::Added, new)],
            };
            let parts = parts.iter().filter(|(_, text)| !text.is_empty());
            runs.extend(parts.map(|&(part, text)| Run { part, text }));
        }
        runs
    }
}

#[cfg(test)]
mod tests;
