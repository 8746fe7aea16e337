//! The attribute-level difference of two images.
//!
//! Objects by key, arrays by position, numbers by value, order of keys without meaning. What is
//! absent and what is null are two things.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sealtrail_record::json::{Member, Value};
use sealtrail_record::pointer;

use crate::policy::Step;

/// One attribute that differs.
pub(crate) struct Difference<'v, 'a> {
    pub(crate) steps: Vec<Step<'v>>,
    pub(crate) old: Option<&'v Value<'a>>,
    pub(crate) new: Option<&'v Value<'a>>,
}

impl Difference<'_, '_> {
    /// The RFC 6902 name of what happened.
    pub(crate) fn op(&self) -> &'static str {
        match (self.old, self.new) {
            (None, _) => "add",
            (_, None) => "remove",
            _ => "replace",
        }
    }

    pub(crate) fn pointer(&self) -> String {
        let mut out = String::new();
        for step in &self.steps {
            push_step(&mut out, step);
        }
        out
    }
}

pub(crate) fn push_step(out: &mut String, step: &Step<'_>) {
    match step {
        Step::Key(key) => pointer::push_key(out, key),
        Step::Index { index, .. } => pointer::push_index(out, *index),
    }
}

/// The differences of two images, in the order of `before`, then what only `after` has. Items
/// that are gone from the end of an array come last first, so that they can be removed in turn.
pub(crate) fn compare<'v, 'a>(
    before: &'v Value<'a>,
    after: &'v Value<'a>,
) -> Vec<Difference<'v, 'a>> {
    let mut walk = Walk { steps: Vec::new(), found: Vec::new() };
    walk.values(before, after);
    walk.found
}

/// The same for an entity that does not exist on one side: every attribute is added or removed.
pub(crate) fn compare_entities<'v, 'a>(
    before: &'v Value<'a>,
    after: &'v Value<'a>,
) -> Vec<Difference<'v, 'a>> {
    let mut walk = Walk { steps: Vec::new(), found: Vec::new() };
    match (before, after) {
        (Value::Null, Value::Object(members)) => walk.objects(&[], members),
        (Value::Object(members), Value::Null) => walk.objects(members, &[]),
        (Value::Null, Value::Null) => {}
        (Value::Null, _) => walk.push(None, Some(after)),
        (_, Value::Null) => walk.push(Some(before), None),
        _ => walk.values(before, after),
    }
    walk.found
}

struct Walk<'v, 'a> {
    steps: Vec<Step<'v>>,
    found: Vec<Difference<'v, 'a>>,
}

impl<'v, 'a> Walk<'v, 'a> {
    // The depth of recursion is that of the JSON reader's limit.
    fn values(&mut self, before: &'v Value<'a>, after: &'v Value<'a>) {
        match (before, after) {
            (Value::Object(old), Value::Object(new)) => self.objects(old, new),
            (Value::Array(old), Value::Array(new)) => self.arrays(old, new),
            _ if before.same(after) => {}
            _ => self.push(Some(before), Some(after)),
        }
    }

    fn objects(&mut self, old: &'v [Member<'a>], new: &'v [Member<'a>]) {
        let mut find = Finder::new(new);
        for (i, member) in old.iter().enumerate() {
            self.steps.push(key(member));
            match find.take(i, &member.key) {
                Some(other) => self.values(&member.value, &other.value),
                None => self.push(Some(&member.value), None),
            }
            self.steps.pop();
        }
        for member in find.left() {
            self.steps.push(key(member));
            self.push(None, Some(&member.value));
            self.steps.pop();
        }
    }

    fn arrays(&mut self, old: &'v [Value<'a>], new: &'v [Value<'a>]) {
        let lengths = [old.len(), new.len()];
        let both = old.len().min(new.len());
        for index in 0..both {
            self.steps.push(Step::Index { index, lengths });
            self.values(&old[index], &new[index]);
            self.steps.pop();
        }
        for index in (both..old.len()).rev() {
            self.steps.push(Step::Index { index, lengths });
            self.push(Some(&old[index]), None);
            self.steps.pop();
        }
        for (index, value) in new.iter().enumerate().skip(both) {
            self.steps.push(Step::Index { index, lengths });
            self.push(None, Some(value));
            self.steps.pop();
        }
    }

    fn push(&mut self, old: Option<&'v Value<'a>>, new: Option<&'v Value<'a>>) {
        self.found.push(Difference { steps: self.steps.clone(), old, new });
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

    fn list(before: &str, after: &str) -> Vec<String> {
        let limits = Limits::default();
        let before = parse(before.as_bytes(), &limits).unwrap();
        let after = parse(after.as_bytes(), &limits).unwrap();
        let text = |v: Option<&Value<'_>>| v.map_or("-".into(), |v| v.to_json());
        compare(&before, &after)
            .iter()
            .map(|d| format!("{} {} {} {}", d.op(), d.pointer(), text(d.old), text(d.new)))
            .collect()
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
}
