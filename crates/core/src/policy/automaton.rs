//! All selectors of a policy as one automaton that walks down a tree once: a bit per place in a path,
//! and all paths followed together.

use super::selector::{Segment, Step};

/// What the paths of an automaton are for, by their numbers.
#[derive(Clone, Copy, Default)]
pub(super) struct Numbering {
    /// Numbers below this are rules.
    pub(super) rules: usize,
    /// From there up to this they name what is ignored; the rest name arrays.
    pub(super) ignored: usize,
}

/// A set of paths.
pub struct Automaton {
    places: Vec<Place>,
    starts: Vec<usize>,
    numbering: Numbering,
    counts: bool,
}

enum Place {
    /// Waiting for this segment.
    Before(Segment),
    /// The whole path of this number has matched.
    End(usize),
}

/// Where the walk stands in every path at once.
#[derive(Clone)]
pub struct State {
    bits: Bits,
    /// The lowest-numbered rule that matched this node or one above it.
    first: Option<usize>,
    ignored: bool,
}

/// Policies of some dozens of rules need no memory of their own.
#[derive(Clone)]
enum Bits {
    Few([u64; 2]),
    Many(Vec<u64>),
}

impl Automaton {
    pub(super) fn new(paths: impl IntoIterator<Item = Vec<Segment>>, numbering: Numbering) -> Self {
        let (mut places, mut starts, mut counts) = (Vec::new(), Vec::new(), false);
        for (number, segments) in paths.into_iter().enumerate() {
            starts.push(places.len());
            counts |= segments.iter().any(Segment::counts);
            places.extend(segments.into_iter().map(Place::Before));
            places.push(Place::End(number));
        }
        Self { places, starts, numbering, counts }
    }

    /// Whether a path names items by their place in an array.
    pub(super) fn counts(&self) -> bool {
        self.counts
    }

    /// At the root of a tree.
    pub fn start(&self) -> State {
        let words = self.places.len().div_ceil(64);
        let bits = if words <= 2 { Bits::Few([0; 2]) } else { Bits::Many(vec![0; words]) };
        let mut state = State { bits, first: None, ignored: false };
        for &start in &self.starts {
            self.enter(start, &mut state);
        }
        state
    }

    /// One step down.
    pub fn step(&self, from: &State, step: &Step<'_>) -> State {
        let mut to = State { bits: from.bits.none(), first: from.first, ignored: from.ignored };
        for (word, &bits) in from.bits.words().iter().enumerate() {
            let mut left = bits;
            while left != 0 {
                let place = word * 64 + left.trailing_zeros() as usize;
                left &= left - 1;
                if let Place::Before(segment) = &self.places[place] {
                    if segment.descendant {
                        self.enter(place, &mut to);
                    }
                    if segment.matches(step) {
                        self.enter(place + 1, &mut to);
                    }
                }
            }
        }
        to
    }

    /// The first array path that names exactly this node, from 0.
    pub(super) fn array(&self, state: &State) -> Option<usize> {
        self.places.iter().enumerate().find_map(|(place, what)| match what {
            Place::End(number) if state.bits.has(place) => {
                number.checked_sub(self.numbering.ignored)
            }
            _ => None,
        })
    }

    /// Whether the path of this number names exactly this node.
    pub(super) fn ends(&self, state: &State, number: usize) -> bool {
        // Each path is followed by its end, and that by the next path.
        let behind = self.starts.get(number + 1).copied().unwrap_or(self.places.len());
        state.bits.has(behind - 1)
    }

    /// The array paths by their numbers from 0, as segments.
    pub(super) fn array_paths(&self) -> impl Iterator<Item = (usize, Vec<&Segment>)> {
        let segments = |number: usize| {
            let path = self.places[self.starts[number]..].iter();
            path.map_while(|place| match place {
                Place::Before(segment) => Some(segment),
                Place::End(_) => None,
            })
        };
        let first = self.numbering.ignored;
        (first..self.starts.len()).map(move |number| (number - first, segments(number).collect()))
    }

    fn enter(&self, place: usize, state: &mut State) {
        state.bits.set(place);
        if let Place::End(number) = self.places[place] {
            if number < self.numbering.rules {
                state.first = Some(state.first.map_or(number, |first| first.min(number)));
            } else if number < self.numbering.ignored {
                state.ignored = true;
            }
        }
    }
}

impl State {
    /// The first rule, in the order of the policy, that names this node or one above it.
    pub fn first(&self) -> Option<usize> {
        self.first
    }

    /// Whether a change here is none.
    pub(crate) fn is_ignored(&self) -> bool {
        self.ignored
    }

    /// Whether no path can match below, so that all of it has this state.
    pub(crate) fn is_settled(&self) -> bool {
        self.bits.words().iter().all(|word| *word == 0)
    }
}

impl Bits {
    fn none(&self) -> Self {
        match self {
            Self::Few(_) => Self::Few([0; 2]),
            Self::Many(words) => Self::Many(vec![0; words.len()]),
        }
    }

    fn words(&self) -> &[u64] {
        match self {
            Self::Few(words) => words,
            Self::Many(words) => words,
        }
    }

    fn has(&self, place: usize) -> bool {
        self.words()[place / 64] >> (place % 64) & 1 == 1
    }

    fn set(&mut self, place: usize) {
        let words = match self {
            Self::Few(words) => &mut words[..],
            Self::Many(words) => words,
        };
        words[place / 64] |= 1 << (place % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::super::selector::parse;
    use super::*;

    fn walk(paths: &[&str], steps: &[Step<'static>]) -> Option<usize> {
        let numbering = Numbering { rules: paths.len(), ignored: paths.len() };
        let automaton = Automaton::new(paths.iter().map(|p| parse(p).unwrap()), numbering);
        steps.iter().fold(automaton.start(), |state, step| automaton.step(&state, step)).first()
    }

    fn key(key: &'static str) -> Step<'static> {
        Step::Key(key.into())
    }

    #[test]
    fn the_first_rule_at_or_above_wins() {
        let paths = ["$.customer.country", "$.customer", "$..email", "$.items[*].note"];
        assert_eq!(walk(&paths, &[key("customer"), key("country")]), Some(0));
        assert_eq!(walk(&paths, &[key("customer"), key("name"), key("first")]), Some(1));
        assert_eq!(walk(&paths, &[key("a"), key("b"), key("email")]), Some(2));
        assert_eq!(walk(&paths, &[key("customer"), key("email")]), Some(1));
        let item = Step::Index { index: 3, length: 4 };
        assert_eq!(walk(&paths, &[key("items"), item, key("note")]), Some(3));
        assert_eq!(walk(&paths, &[key("items")]), None);
        assert_eq!(walk(&["$"], &[]), Some(0));
        assert_eq!(walk(&[], &[key("a")]), None);
    }

    #[test]
    fn more_places_than_one_word() {
        let paths: Vec<String> = (0..100).map(|i| format!("$.a.k{i}")).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        assert_eq!(walk(&paths, &[key("a"), key("k99")]), Some(99));
    }
}
