//! All selectors of a policy as one automaton that walks down a tree once.

use super::selector::{Segment, Step};

/// A set of paths, followed together: a bit per place in a path.
pub struct Automaton {
    places: Vec<Place>,
    starts: Vec<usize>,
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
    bits: Vec<u64>,
    /// The lowest-numbered path that matched this node or one above it.
    first: Option<usize>,
}

impl Automaton {
    pub(super) fn new(paths: impl IntoIterator<Item = Vec<Segment>>) -> Self {
        let (mut places, mut starts) = (Vec::new(), Vec::new());
        for (number, segments) in paths.into_iter().enumerate() {
            starts.push(places.len());
            places.extend(segments.into_iter().map(Place::Before));
            places.push(Place::End(number));
        }
        Self { places, starts }
    }

    /// At the root of a tree.
    pub fn start(&self) -> State {
        let mut state = State { bits: vec![0; self.places.len().div_ceil(64)], first: None };
        for &start in &self.starts {
            self.enter(start, &mut state);
        }
        state
    }

    /// One step down.
    pub fn step(&self, from: &State, step: &Step<'_>) -> State {
        let mut to = State { bits: vec![0; from.bits.len()], first: from.first };
        for (word, &bits) in from.bits.iter().enumerate() {
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

    /// The first path that names exactly this node, whatever names one above it.
    pub(super) fn ends(&self, state: &State) -> Option<usize> {
        let is_set = |place: usize| state.bits[place / 64] >> (place % 64) & 1 == 1;
        self.places.iter().enumerate().find_map(|(place, what)| match what {
            Place::End(number) if is_set(place) => Some(*number),
            _ => None,
        })
    }

    fn enter(&self, place: usize, state: &mut State) {
        state.bits[place / 64] |= 1 << (place % 64);
        if let Place::End(number) = self.places[place] {
            state.first = Some(state.first.map_or(number, |first| first.min(number)));
        }
    }
}

impl State {
    /// The first path, in the order of the policy, that names this node or one above it.
    pub fn first(&self) -> Option<usize> {
        self.first
    }
}

#[cfg(test)]
mod tests {
    use super::super::selector::parse;
    use super::*;

    fn walk(paths: &[&str], steps: &[Step<'static>]) -> Option<usize> {
        let automaton = Automaton::new(paths.iter().map(|p| parse(p).unwrap()));
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
        let item = Step::Index { index: 3, lengths: [4, 4] };
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
