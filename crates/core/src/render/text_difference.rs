//! What differs between two texts, by words or by lines, for somebody to look at.
//!
//! What is equal at both ends is set aside, and a [short search](few_edits) is made for a few edits
//! between. Where there are more, both texts are cut into units, equal units get the same number, and the
//! numbers go to the algorithm of Myers, which has no linear bound: so its worst case is paid from a
//! [`Budget`] before it runs. Where that is not enough, the units that occur once in both texts are the
//! anchors (patience), and only what lies between two of them is compared; where even that is too
//! much, it is removed and added whole.

mod align;
mod intern;
mod uncut;
mod units;

use std::ops::Range;

use crate::Error;
use crate::few_edits::few_edits;
use align::align;
use intern::Interner;
use uncut::Uncut;
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
    /// Enough for some 100 kB of text without any order, and less than a tenth of a second at the worst.
    fn default() -> Self {
        Self::steps(8_000_000)
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
    let (old_end, new_end) = (before.len() - tail, after.len() - tail);
    let (old, new) = (&before[head..old_end], &after[head..new_end]);
    let (equal, coarse) = middle(old, new, unit, budget);

    let mut pieces = Pieces { before, after, unit, made: Vec::new() };
    pieces.push(0..head, 0..head, true);
    let (mut i, mut j) = (head, head);
    for (at_old, at_new, len) in equal {
        let (at_old, at_new) = (head + at_old, head + at_new);
        pieces.push(i..at_old, j..at_new, false);
        (i, j) = (at_old + len, at_new + len);
        pieces.push(at_old..i, at_new..j, true);
    }
    pieces.push(i..old_end, j..new_end, false);
    pieces.push(old_end..before.len(), new_end..after.len(), true);
    TextDifference { runs: pieces.runs(), coarse }
}

/// `{"runs":[["=",7],["-",3],["+",3]],"coarse":false}`: how long each run is, in UTF-16 code units as
/// JavaScript counts them, for whoever has the texts. `unit` is `word` or `line`.
pub fn text_runs(before: &[u8], after: &[u8], unit: &str) -> Result<Vec<u8>, Error> {
    let unit = match unit {
        "word" => Unit::Word,
        "line" => Unit::Line,
        _ => return Err(Error::field("/unit", "`word` or `line`", "another text")),
    };
    let [Ok(before), Ok(after)] = [before, after].map(std::str::from_utf8) else {
        return Err(Error::invalid_input("a text must be UTF-8"));
    };
    let found = text_difference(before, after, unit, &mut Budget::default());
    let run = |run: &Run<'_>| format!("[\"{}\",{}]", run.part.sign(), utf16_len(run.text));
    let runs: Vec<String> = found.runs.iter().map(run).collect();
    Ok(format!("{{\"runs\":[{}],\"coarse\":{}}}", runs.join(","), found.coarse).into_bytes())
}

/// One for each character, one more for each beyond the first plane.
fn utf16_len(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.bytes().map(|b| usize::from(b & 0xC0 != 0x80) + usize::from(b >= 0xF0)).sum()
}

/// The most units that are removed and added before the short search is given up.
const MOST_EDITS: usize = 100;

/// Equal parts as (old, new, length) in bytes, and whether the search was cut short.
fn middle(
    old: &str,
    new: &str,
    unit: Unit,
    budget: &mut Budget,
) -> (Vec<(usize, usize, usize)>, bool) {
    if old.is_empty() || new.is_empty() {
        return (Vec::new(), false);
    }
    // A short search first: about as much as it costs to cut and to number the units.
    let allowed = 50_000 + (old.len() + new.len()) / 2;
    let mut steps = allowed;
    if budget.take(allowed).is_some() {
        let found = few_edits(&Uncut { old, new, unit }, MOST_EDITS, &mut steps);
        budget.0 += steps as u64;
        if let Some(equal) = found {
            return (equal, false);
        }
    }
    let (old_cuts, new_cuts) = (cut(old, unit), cut(new, unit));
    let mut interner = Interner::new(old_cuts.len() + new_cuts.len());
    let mut all = |text, cuts: &[usize]| interner.all(text, cuts, budget);
    let (Some(old), Some(new)) = (all(old, &old_cuts), all(new, &new_cuts)) else {
        return (Vec::new(), true);
    };
    let (equal, coarse) = align(&old, &new, interner.len(), budget);
    let bytes = |(i, j, len): (usize, usize, usize)| {
        (old_cuts[i], new_cuts[j], old_cuts[i + len] - old_cuts[i])
    };
    (equal.into_iter().map(bytes).collect(), coarse)
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
