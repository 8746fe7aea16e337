//! What a caller that compares two images itself may leave out of them.

use std::collections::BTreeSet;

use sealtrail_record::json::write_string;
use sealtrail_record::pointer;

use super::selector::{Segment, Selector};
use super::{Action, Matching, Policy, RuleSet, SubjectPart};

/// What the record may depend on beside the members that differ.
struct Pruning {
    /// Whether all arrays are compared by position, but for one that is the whole image.
    by_position: bool,
    /// Whether items that are the same on both sides, at one index, may be left out at all.
    arrays: bool,
    /// Names of arrays whose items are counted: they go whole.
    sets: BTreeSet<String>,
    /// Members of an item that may be its identity.
    keys: BTreeSet<String>,
    /// Where an image may name a data subject.
    subjects: BTreeSet<String>,
}

impl Policy {
    /// What of two images the record depends on, beside what differs in them, as JSON:
    /// `{"fold_keys":…,"by_position":…,"arrays":…,"sets":[…],"keys":[…],"subjects":[…]}`.
    ///
    /// Members of objects that are the same in both may be left out of both, but for those at the
    /// pointers `subjects`. With `fold_keys` no two keys of one object may fold to one. Where `arrays`
    /// is true, items that are the same at one index of two arrays of one length may be null in both;
    /// but arrays under a key of `sets` stay whole, and items keep their members `keys`. Items that differ
    /// side by side are searched for equal ones and stay whole too, unless all goes `by_position`.
    pub fn pruning(&self) -> Vec<u8> {
        let found = Pruning::of(self);
        let mut out = format!(
            "{{\"fold_keys\":{},\"by_position\":{},\"arrays\":{}",
            self.fold_keys, found.by_position, found.arrays
        );
        for (name, texts) in
            [("sets", &found.sets), ("keys", &found.keys), ("subjects", &found.subjects)]
        {
            out.push_str(&format!(",\"{name}\":["));
            let mut list = Vec::new();
            for text in texts {
                if !list.is_empty() {
                    list.push(b',');
                }
                write_string(text, &mut list);
            }
            out.push_str(&String::from_utf8_lossy(&list));
            out.push(']');
        }
        out.push('}');
        out.into_bytes()
    }
}

impl Pruning {
    fn of(policy: &Policy) -> Self {
        let subjects = subjects(&policy.payload);
        let by_position =
            policy.payload.automaton.array_paths().next().is_some_and(|(first, path)| {
                // The first rule that names an array decides.
                policy.matchings[first] == Matching::Position && names_all(&path)
            });
        let (sets, keys) = (BTreeSet::new(), BTreeSet::new());
        let mut found = Self { by_position, arrays: true, sets, keys, subjects };
        if by_position {
            return found;
        }
        for (number, path) in policy.payload.automaton.array_paths() {
            match &policy.matchings[number] {
                Matching::Sequence | Matching::Position => {}
                Matching::Set => {
                    let selectors = path.last().map_or(&[][..], |last| &last.selectors);
                    // The root, an index or a wildcard: any array may be the one that is meant.
                    found.arrays &= !selectors.is_empty();
                    for selector in selectors {
                        match selector {
                            Selector::Name(name) => found.sets.extend([name.clone()]),
                            _ => found.arrays = false,
                        }
                    }
                }
                Matching::Key(pointers) => {
                    pointers.iter().for_each(|pointer| found.identity(pointer))
                }
            }
        }
        found
    }

    fn identity(&mut self, at: &str) {
        let first = pointer::tokens(at).and_then(|tokens| tokens.into_iter().next());
        match first {
            // An item of an item: items that are arrays have identities too.
            Some(name) if pointer::index(&name).is_none() => self.keys.extend([name.into_owned()]),
            _ => self.arrays = false,
        }
    }
}

/// Whether a path is `$..*`: all that is below the root.
fn names_all(path: &[&Segment]) -> bool {
    matches!(path, [all] if all.descendant && all.selectors.contains(&Selector::Wildcard))
}

/// The pointers into an image that name data subjects.
fn subjects(set: &RuleSet) -> BTreeSet<String> {
    let actions = set.rules.iter().map(|rule| &rule.action).chain([&set.default]);
    let seals = actions.filter_map(|action| match action {
        Action::Pseudonym(seal) | Action::Seal(seal) => seal.subject.as_ref(),
        Action::Keep | Action::Drop | Action::Mask(_) => None,
    });
    let pointers = seals.flat_map(|subject| &subject.0).filter_map(|part| match part {
        SubjectPart::Pointer(pointer) => Some(pointer.clone()),
        SubjectPart::Text(_) => None,
    });
    pointers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pruning(rest: &str) -> String {
        let policy = format!("{{\"id\":\"t\",\"version\":\"1\",\"default\":\"seal\"{rest}}}");
        String::from_utf8(Policy::parse(policy.as_bytes()).unwrap().pruning()).unwrap()
    }

    #[test]
    fn all_that_differs_is_enough_without_rules() {
        let expected = r#"{"fold_keys":false,"by_position":false,"arrays":true,"sets":[],"keys":[],"subjects":[]}"#;
        assert_eq!(pruning(""), expected);
    }

    #[test]
    fn what_rules_look_at_is_named() {
        let rest = r#","fold_keys":true,"rules":[
            {"select":"$.a","action":"seal","subject":"customer/{/c/id}-{/d~1e}"},
            {"select":"$.b","action":"pseudonym","subject":"/f"}],
            "arrays":[{"select":"$.items","match":"key","key":["id","/ref/order"]},
                      {"select":"$..['tags','marks']","match":"set"},
                      {"select":"$.grid","match":"position"}]"#;
        let expected = r#"{"fold_keys":true,"by_position":false,"arrays":true,"sets":["marks","tags"],"keys":["id","ref"],"subjects":["/c/id","/d~1e","/f"]}"#;
        assert_eq!(pruning(rest), expected);
    }

    #[test]
    fn position_for_all_is_said_by_the_first_rule() {
        let all = r#"{"select":"$..*","match":"position"}"#;
        let key = r#"{"select":"$.a","match":"key","key":"id"}"#;
        let part = r#"{"select":"$.b..*","match":"position"}"#;
        let is_said = |rules: &[&str]| {
            let rest = format!(",\"arrays\":[{}]", rules.join(","));
            pruning(&rest).contains("\"by_position\":true")
        };
        assert!(is_said(&[all, key]));
        assert!(!is_said(&[key, all]));
        assert!(!is_said(&[part]));
    }

    #[test]
    fn arrays_stay_where_any_of_them_may_be_meant() {
        for rule in [
            r#"{"select":"$","match":"set"}"#,
            r#"{"select":"$.a[*]","match":"set"}"#,
            r#"{"select":"$..*","match":"set"}"#,
            r#"{"select":"$.a","match":"key","key":"/0"}"#,
        ] {
            let found = pruning(&format!(",\"arrays\":[{rule}]"));
            assert!(found.contains("\"arrays\":false"), "{rule}: {found}");
        }
    }
}
