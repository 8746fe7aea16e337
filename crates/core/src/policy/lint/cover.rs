//! Whether earlier selectors leave anything to a later one, whatever the payload.
//!
//! Both are automata over the steps of a path, and the question is one of inclusion: does every path
//! that the later one names lead through a node that an earlier one names? The later automaton is
//! walked over all its symbols beside the set of places where the earlier ones can be. Where a symbol
//! stands for many items of an array, an earlier selector counts only if it names all of them: the
//! answer may miss a cover, and never invents one.

use super::super::selector::{Segment, Selector};

/// The earlier selectors that together cover the later one; `None` if they do not, or the budget is
/// used up. With `exact` an earlier selector must name the very nodes, and not one above them.
pub(super) fn covering(
    earlier: &[&[Segment]],
    later: &[Segment],
    exact: bool,
    budget: &mut usize,
) -> Option<Vec<usize>> {
    // Sorted lists and not sets: there are few of each, and the module is loaded by pages.
    let mut by = Vec::new();
    let start: Vec<Place> = (0..earlier.len()).map(|number| (number, 0)).collect();
    let mut open = vec![(0, start)];
    let mut visited: Vec<(usize, Vec<Place>)> = Vec::new();
    while let Some((at, places)) = open.pop() {
        let ended = places.iter().find(|(number, place)| *place == earlier[*number].len());
        if let Some((number, _)) = ended.filter(|_| !exact || at == later.len()) {
            if let Err(place) = by.binary_search(number) {
                by.insert(place, *number);
            }
            continue;
        }
        let segment = later.get(at)?;
        *budget = budget.checked_sub(visited.len())?;
        if visited.iter().any(|(was, then)| *was == at && *then == places) {
            continue;
        }
        visited.push((at, places.clone()));
        for (symbol, ends) in symbols(segment, earlier, &places) {
            *budget = budget.checked_sub(places.len() + 1)?;
            let next = step(earlier, &places, &symbol);
            if segment.descendant {
                open.push((at, next.clone()));
            }
            if ends {
                open.push((at + 1, next));
            }
        }
    }
    Some(by)
}

/// A selector by its number, and how many of its segments have matched.
type Place = (usize, usize);

/// A step, or all steps that no selector tells from one another.
enum Symbol<'s> {
    Key(&'s str),
    /// A key that nothing names.
    OtherKey,
    /// The items that this index or slice names.
    Items(&'s Selector),
    AnyItem,
}

/// The steps that a segment of the later selector can take, and whether each ends the segment.
fn symbols<'s>(
    segment: &'s Segment,
    earlier: &[&'s [Segment]],
    places: &[Place],
) -> Vec<(Symbol<'s>, bool)> {
    let mut found = Vec::new();
    let any = segment.selectors.contains(&Selector::Wildcard);
    for selector in &segment.selectors {
        match selector {
            Selector::Name(name) => found.push((Symbol::Key(name), true)),
            Selector::Index(_) | Selector::Slice { .. } => {
                found.push((Symbol::Items(selector), true));
            }
            Selector::Wildcard => {}
        }
    }
    if any || segment.descendant {
        let named = places.iter().filter_map(|(number, place)| earlier[*number].get(*place));
        for selector in named.flat_map(|segment| &segment.selectors) {
            if let Selector::Name(name) = selector {
                found.push((Symbol::Key(name), any));
            }
        }
        found.push((Symbol::OtherKey, any));
        found.push((Symbol::AnyItem, any));
    }
    found
}

fn step(earlier: &[&[Segment]], places: &[Place], symbol: &Symbol<'_>) -> Vec<Place> {
    let mut next = Vec::new();
    // From sorted places come sorted ones, so that the same place twice stands side by side.
    let mut enter = |place: Place| {
        if next.last() != Some(&place) {
            next.push(place);
        }
    };
    for &(number, place) in places {
        let Some(segment) = earlier[number].get(place) else { continue };
        if segment.descendant {
            enter((number, place));
        }
        if segment.selectors.iter().any(|selector| names(selector, symbol)) {
            enter((number, place + 1));
        }
    }
    next
}

/// Whether a selector names every step of a symbol.
fn names(selector: &Selector, symbol: &Symbol<'_>) -> bool {
    match (selector, symbol) {
        (Selector::Wildcard, _) => true,
        (Selector::Name(name), Symbol::Key(key)) => name == key,
        (Selector::Slice { .. }, Symbol::AnyItem) => is_whole(selector),
        (_, Symbol::Items(items)) => {
            selector == *items || is_whole(selector) || is_within(items, selector)
        }
        _ => false,
    }
}

/// `[:]`, `[0:]`, `[::-1]`: every item.
fn is_whole(selector: &Selector) -> bool {
    matches!(
        selector,
        Selector::Slice { start: None | Some(0), end: None, step: 1 }
            | Selector::Slice { start: None, end: None, step: -1 }
    )
}

/// An index from the start within a slice from the start.
fn is_within(items: &Selector, slice: &Selector) -> bool {
    match (items, slice) {
        (Selector::Index(index), Selector::Slice { start, end, step: 1 }) => {
            let start = start.unwrap_or(0);
            *index >= 0 && start >= 0 && start <= *index && end.is_none_or(|end| *index < end)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::selector::parse;
    use super::*;

    fn cover(earlier: &[&str], later: &str, exact: bool) -> Option<Vec<usize>> {
        let earlier: Vec<_> = earlier.iter().map(|path| parse(path).unwrap()).collect();
        let earlier: Vec<_> = earlier.iter().map(Vec::as_slice).collect();
        covering(&earlier, &parse(later).unwrap(), exact, &mut 100_000)
    }

    #[test]
    fn covers() {
        for (earlier, later, by) in [
            (&["$"][..], "$.a", &[0][..]),
            (&["$.a"], "$.a", &[0]),
            (&["$.a"], "$.a.b", &[0]),
            (&["$..email"], "$.customer.email", &[0]),
            (&["$..email"], "$.customer..email", &[0]),
            (&["$.*"], "$.a", &[0]),
            (&["$.*"], "$..a", &[0]),
            (&["$..*"], "$.a[0]", &[0]),
            (&["$.a", "$.b"], "$['a','b']", &[0, 1]),
            (&["$.x", "$.items[*]"], "$.items[0].name", &[1]),
            (&["$.items[:]"], "$.items[-1]", &[0]),
            (&["$.items[2:5]"], "$.items[2]", &[0]),
            (&["$.items[-1]"], "$.items[-1].x", &[0]),
            (&["$..a"], "$..b..a", &[0]),
            (&["$..a.b"], "$..a..a.b", &[0]),
        ] {
            assert_eq!(cover(earlier, later, false).as_deref(), Some(by), "{earlier:?} {later}");
        }
    }

    #[test]
    fn leaves_something() {
        for (earlier, later) in [
            (&[][..], "$.a"),
            (&["$.a"], "$"),
            (&["$.a.b"], "$.a"),
            (&["$.a"], "$.*"),
            (&["$.a"], "$..a"),
            (&["$.a", "$.b"], "$['a','b','c']"),
            (&["$.items[0]"], "$.items[*]"),
            (&["$.items[0]"], "$.items[-1]"),
            (&["$.items[2:5]"], "$.items[5]"),
            (&["$.items[1:]"], "$.items[:]"),
            (&["$.items[::2]"], "$.items[2]"),
            (&["$..a.b"], "$..a"),
            (&["$..a.b"], "$..b"),
            (&["$[*].a"], "$..a"),
        ] {
            assert_eq!(cover(earlier, later, false), None, "{earlier:?} {later}");
        }
    }

    #[test]
    fn exactly() {
        assert_eq!(cover(&["$.a"], "$.a.b", true), None);
        assert_eq!(cover(&["$..tags"], "$.a.tags", true), Some(vec![0]));
        assert_eq!(cover(&["$.*"], "$..a", true), None);
    }

    #[test]
    fn gives_up() {
        let path = "$".to_owned() + &"..a..b".repeat(20);
        let earlier = parse(&path).unwrap();
        let later = parse("$..a").unwrap();
        assert_eq!(covering(&[&earlier], &later, false, &mut 3), None);
    }
}
