//! The attribute-level difference of two images.
//!
//! Objects by key, arrays as the policy says ([`Matching`]), numbers by value, order of keys without
//! meaning. What is absent and what is null are two things.
//!
//! The list leads from `before` to `after` when it is carried out in its order, as RFC 6902 does
//! (sets excepted, which have no order): within an array first what changed inside of items that
//! stay, by their old index; then what is gone, last first; then moves; then what is new, by its
//! new index. So no two entries for one array speak of the same place on the same side.

mod arrays;
mod intern;
mod moves;

use std::borrow::Cow;
use std::collections::BTreeMap;

use sealtrail_record::json::{Member, Value};
use sealtrail_record::pointer;

use crate::policy::{Matching, Policy, Step};
use intern::Budget;

/// One attribute that differs.
pub(crate) struct Difference<'v, 'a> {
    pub(crate) steps: Vec<Step<'v>>,
    pub(crate) kind: Kind<'v, 'a>,
    /// The arrays differ in more places than there was time to compare, and are given whole.
    pub(crate) coarse: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum Kind<'v, 'a> {
    Add(&'v Value<'a>),
    Remove(&'v Value<'a>),
    Replace {
        old: &'v Value<'a>,
        new: &'v Value<'a>,
    },
    /// An item of an array that has another place among its neighbours; `from` is its index before
    /// this move, the last of the steps its index after.
    Move {
        from: usize,
        item: &'v Value<'a>,
    },
}

impl<'v, 'a> Difference<'v, 'a> {
    /// The RFC 6902 name of what happened.
    pub(crate) fn op(&self) -> &'static str {
        match self.kind {
            Kind::Add(_) => "add",
            Kind::Remove(_) => "remove",
            Kind::Replace { .. } => "replace",
            Kind::Move { .. } => "move",
        }
    }

    pub(crate) fn before(&self) -> Option<&'v Value<'a>> {
        match self.kind {
            Kind::Remove(old) | Kind::Replace { old, .. } => Some(old),
            Kind::Add(_) | Kind::Move { .. } => None,
        }
    }

    pub(crate) fn after(&self) -> Option<&'v Value<'a>> {
        match self.kind {
            Kind::Add(new) | Kind::Replace { new, .. } => Some(new),
            Kind::Remove(_) | Kind::Move { .. } => None,
        }
    }

    pub(crate) fn pointer(&self) -> String {
        let mut out = String::new();
        self.steps.iter().for_each(|step| push_step(&mut out, step));
        out
    }

    /// Where a moved item was.
    pub(crate) fn from(&self) -> Option<String> {
        let Kind::Move { from, .. } = self.kind else { return None };
        let (_, above) = self.steps.split_last()?;
        let mut out = String::new();
        above.iter().for_each(|step| push_step(&mut out, step));
        pointer::push_index(&mut out, from);
        Some(out)
    }
}

pub(crate) fn push_step(out: &mut String, step: &Step<'_>) {
    match step {
        Step::Key(key) => pointer::push_key(out, key),
        Step::Index { index, .. } => pointer::push_index(out, *index),
    }
}

/// The differences of two values.
pub(crate) fn compare<'v, 'a>(
    before: &'v Value<'a>,
    after: &'v Value<'a>,
    policy: Option<&Policy>,
) -> Vec<Difference<'v, 'a>> {
    let mut walk = Walk::new(policy);
    walk.values(before, after);
    walk.found
}

/// The same for an entity that does not exist on one side: every attribute is added or removed.
pub(crate) fn compare_entities<'v, 'a>(
    before: &'v Value<'a>,
    after: &'v Value<'a>,
    policy: Option<&Policy>,
) -> Vec<Difference<'v, 'a>> {
    let mut walk = Walk::new(policy);
    match (before, after) {
        (Value::Null, Value::Object(members)) => walk.objects(&[], members),
        (Value::Object(members), Value::Null) => walk.objects(members, &[]),
        (Value::Null, Value::Null) => {}
        (Value::Null, _) => walk.push(Kind::Add(after)),
        (_, Value::Null) => walk.push(Kind::Remove(before)),
        _ => walk.values(before, after),
    }
    walk.found
}

struct Walk<'v, 'a, 'p> {
    steps: Vec<Step<'v>>,
    found: Vec<Difference<'v, 'a>>,
    policy: Option<&'p Policy>,
    budget: Budget,
}

impl<'v, 'a, 'p> Walk<'v, 'a, 'p> {
    fn new(policy: Option<&'p Policy>) -> Self {
        Self { steps: Vec::new(), found: Vec::new(), policy, budget: Budget::default() }
    }

    // The depth of recursion is that of the JSON reader's limit.
    fn values(&mut self, before: &'v Value<'a>, after: &'v Value<'a>) {
        match (before, after) {
            (Value::Object(old), Value::Object(new)) => self.objects(old, new),
            (Value::Array(old), Value::Array(new)) => {
                let matching = self.policy.map_or(&Matching::Sequence, |p| p.matching(&self.steps));
                if !self.arrays(matching, old, new) {
                    self.push(Kind::Replace { old: before, new: after });
                    self.found.iter_mut().next_back().into_iter().for_each(|d| d.coarse = true);
                }
            }
            _ if before.same(after) => {}
            _ => self.push(Kind::Replace { old: before, new: after }),
        }
    }

    fn objects(&mut self, old: &'v [Member<'a>], new: &'v [Member<'a>]) {
        let mut find = Finder::new(new);
        for (i, member) in old.iter().enumerate() {
            self.steps.push(key(member));
            match find.take(i, &member.key) {
                Some(other) => self.values(&member.value, &other.value),
                None => self.push(Kind::Remove(&member.value)),
            }
            self.steps.pop();
        }
        for member in find.left() {
            self.steps.push(key(member));
            self.push(Kind::Add(&member.value));
            self.steps.pop();
        }
    }

    fn push(&mut self, kind: Kind<'v, 'a>) {
        self.found.push(Difference { steps: self.steps.clone(), kind, coarse: false });
    }
}

fn key<'v>(member: &'v Member<'_>) -> Step<'v> {
    Step::Key(Cow::Borrowed(&member.key))
}

/// Members by key: in the same place where the order is the same, else through a table that is
/// only made when it is needed.
struct Finder<'v, 'a> {
    members: &'v [Member<'a>],
    taken: Vec<bool>,
    by_key: Option<BTreeMap<&'v str, usize>>,
}

impl<'v, 'a> Finder<'v, 'a> {
    fn new(members: &'v [Member<'a>]) -> Self {
        Self { members, taken: vec![false; members.len()], by_key: None }
    }

    fn take(&mut self, guess: usize, key: &str) -> Option<&'v Member<'a>> {
        let found = match self.members.get(guess) {
            Some(member) if member.key == key => guess,
            _ => {
                let members = self.members;
                let table = self.by_key.get_or_insert_with(|| {
                    members.iter().enumerate().map(|(i, m)| (m.key.as_ref(), i)).collect()
                });
                *table.get(key)?
            }
        };
        self.taken[found] = true;
        Some(&self.members[found])
    }

    fn left(self) -> impl Iterator<Item = &'v Member<'a>> {
        let Self { members, taken, .. } = self;
        members.iter().zip(taken).filter(|(_, taken)| !taken).map(|(member, _)| member)
    }
}

#[cfg(test)]
mod tests {
    use sealtrail_record::json::{Limits, parse};

    use super::*;

    fn list_with(policy: &str, before: &str, after: &str) -> Vec<String> {
        let policy = Policy::parse(policy.as_bytes()).unwrap();
        let limits = Limits::default();
        let before = parse(before.as_bytes(), &limits).unwrap();
        let after = parse(after.as_bytes(), &limits).unwrap();
        let text = |v: Option<&Value<'_>>| v.map_or("-".into(), |v| v.to_json());
        compare(&before, &after, Some(&policy))
            .iter()
            .map(|d| match d.from() {
                Some(from) => format!("move {from} {}", d.pointer()),
                None => {
                    format!("{} {} {} {}", d.op(), d.pointer(), text(d.before()), text(d.after()))
                }
            })
            .collect()
    }

    fn list(before: &str, after: &str) -> Vec<String> {
        list_with(r#"{"id":"t","version":"1","default":"keep"}"#, before, after)
    }

    #[test]
    fn objects_by_key_numbers_by_value() {
        let before = r#"{"a":1,"b":{"c":[1,2,3],"d":null},"e/f":1.10,"g":"x"}"#;
        let after = r#"{"b":{"d":1,"c":[1,5]},"a":1.0,"e/f":1.1,"h":null}"#;
        assert_eq!(
            list(before, after),
            [
                "replace /b/c/1 2 5",
                "remove /b/c/2 3 -",
                "replace /b/d null 1",
                "remove /g \"x\" -",
                "add /h - null",
            ]
        );
        assert_eq!(list(before, before), [""; 0]);
    }

    #[test]
    fn roots_and_kinds() {
        assert_eq!(list("1", "2"), ["replace  1 2"]);
        assert_eq!(list("null", "{\"a\":1}"), ["replace  null {\"a\":1}"]);
        assert_eq!(list("{\"a\":[]}", "{\"a\":{}}"), ["replace /a [] {}"]);
        assert_eq!(list("[1,2,3]", "[1]"), ["remove /2 3 -", "remove /1 2 -"]);
        assert_eq!(list("[]", "[[1]]"), ["add /0 - [1]"]);
    }

    #[test]
    fn sequences_find_what_was_put_in_and_taken_out() {
        assert_eq!(list("[1,2,3]", "[0,1,2,3]"), ["add /0 - 0"]);
        assert_eq!(list("[1,2,3,4]", "[2,3,4,5]"), ["remove /0 1 -", "add /3 - 5"]);
        assert_eq!(
            list(r#"[{"a":1},{"a":2},{"a":3}]"#, r#"[{"a":1},{"a":9},{"a":3},{"a":4}]"#),
            ["replace /1/a 2 9", "add /3 - {\"a\":4}"]
        );
        // A replaced item and an added one never share a place.
        assert_eq!(
            list("[\"a\",\"k\",\"b\"]", "[\"x\",\"y\",\"k\",\"c\",\"d\"]"),
            [
                "replace /0 \"a\" \"x\"",
                "replace /2 \"b\" \"c\"",
                "add /1 - \"y\"",
                "add /4 - \"d\""
            ]
        );
        assert_eq!(list("[\"a\",\"k\"]", "[\"k\",\"b\"]"), ["remove /0 \"a\" -", "add /1 - \"b\""]);
    }

    const BY_KEY: &str = r#"{"id":"t","version":"1","default":"keep",
        "arrays":[{"select":"$.items","match":"key","key":"id"},{"select":"$.tags","match":"set"},
                  {"select":"$.grid","match":"position"},
                  {"select":"$.lines","match":"key","key":["/ref/order","n"]}]}"#;

    #[test]
    fn keyed_items_are_followed() {
        assert_eq!(
            list_with(
                BY_KEY,
                r#"{"items":[{"id":1,"q":1},{"id":2,"q":1},{"id":3,"q":1}]}"#,
                r#"{"items":[{"id":3,"q":1},{"id":4,"q":1},{"id":1,"q":2}]}"#
            ),
            [
                "replace /items/0/q 1 2",
                "remove /items/1 {\"id\":2,\"q\":1} -",
                "move /items/0 /items/1",
                "add /items/1 - {\"id\":4,\"q\":1}"
            ]
        );
        assert_eq!(
            list_with(
                BY_KEY,
                r#"{"lines":[{"ref":{"order":7},"n":1,"q":1},{"ref":{"order":7},"n":2,"q":1}]}"#,
                r#"{"lines":[{"ref":{"order":7},"n":2,"q":5}]}"#
            ),
            ["replace /lines/1/q 1 5", "remove /lines/0 {\"ref\":{\"order\":7},\"n\":1,\"q\":1} -"]
        );
        // Two items of one identity, or none: then they are a sequence.
        assert_eq!(
            list_with(BY_KEY, r#"{"items":[{"id":1},{"id":1}]}"#, r#"{"items":[{"id":1}]}"#),
            ["remove /items/1 {\"id\":1} -"]
        );
    }

    #[test]
    fn sets_count_and_have_no_order() {
        assert_eq!(list_with(BY_KEY, r#"{"tags":["a","b"]}"#, r#"{"tags":["b","a"]}"#), [""; 0]);
        assert_eq!(
            list_with(BY_KEY, r#"{"tags":["a","b"]}"#, r#"{"tags":["b","b","c"]}"#),
            ["remove /tags/0 \"a\" -", "add /tags/1 - \"b\"", "add /tags/2 - \"c\""]
        );
    }

    #[test]
    fn positions() {
        assert_eq!(
            list_with(BY_KEY, r#"{"grid":[1,2,3]}"#, r#"{"grid":[2,3]}"#),
            ["replace /grid/0 1 2", "replace /grid/1 2 3", "remove /grid/2 3 -"]
        );
    }

    #[test]
    fn twenty_thousand_items_in_another_order_end_soon() {
        let array = |reverse: bool| {
            let mut ids: Vec<u32> = (0..20_000).collect();
            if reverse {
                ids.reverse();
            }
            let items: Vec<String> = ids.iter().map(|i| format!("{{\"id\":{i}}}")).collect();
            format!("{{\"items\":[{}],\"list\":[{}]}}", items.join(","), items.join(","))
        };
        let found = list_with(BY_KEY, &array(false), &array(true));
        // The keyed array would take 200 million steps to move about: it is given whole.
        assert!(found[0].starts_with("replace /items "), "{}", &found[0][..40]);
        assert!(found.len() > 1);
    }
}
