//! The attribute-level difference of two images.
//!
//! Objects by key, arrays as the policy says ([`Matching`]), numbers by value, order of keys without
//! meaning. What is absent and what is null are two things.
//!
//! The list leads from `before` to `after` when it is carried out in its order, as RFC 6902 does
//! (sets excepted, which have no order): within an array first what changed inside of items that
//! stay, by their old index; then what is gone, last first; then moves; then what is new, by its
//! new index. So no two entries for one array speak of the same place on the same side.
//!
//! Nothing is built and nothing recurses: what the reader found to be the same bytes is passed over,
//! and what is left to compare stands in one list.

mod arrays;
mod intern;
mod moves;
mod objects;
mod path;

use sealtrail_record::json::{Document, Kind, NodeId};

pub(crate) use moves::longest_increasing;
pub(crate) use path::{Image, Path, PathStep};

use crate::Error;
use crate::policy::{Cursor, Matching, Policy};
use intern::{Budget, Sameness};

/// What happened to an attribute.
#[derive(Clone, Copy)]
pub(crate) enum What {
    Add(NodeId),
    Remove(NodeId),
    Replace {
        old: NodeId,
        new: NodeId,
    },
    /// An item of an array that has another place among its neighbours; `from` is its index before
    /// this move, the last of the steps its index after.
    Move {
        from: usize,
        item: NodeId,
    },
}

impl What {
    /// The RFC 6902 name.
    pub(crate) fn op(self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Remove(_) => "remove",
            Self::Replace { .. } => "replace",
            Self::Move { .. } => "move",
        }
    }

    pub(crate) fn before(self) -> Option<NodeId> {
        match self {
            Self::Remove(old) | Self::Replace { old, .. } => Some(old),
            Self::Add(_) | Self::Move { .. } => None,
        }
    }

    pub(crate) fn after(self) -> Option<NodeId> {
        match self {
            Self::Add(new) | Self::Replace { new, .. } => Some(new),
            Self::Remove(_) | Self::Move { .. } => None,
        }
    }
}

/// Takes the differences one by one. The last argument says that two arrays differ in more places
/// than there was time to compare, and are given whole.
pub(crate) trait Sink {
    fn take(&mut self, path: &mut Path<'_>, what: What, coarse: bool) -> Result<(), Error>;
}

/// The differences of two values; what the policy ignores is none.
pub(crate) fn compare(
    document: &Document<'_>,
    before: NodeId,
    after: NodeId,
    policy: Option<&Policy>,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    let mut walk = Walk::new(document, policy, sink, Room::default());
    walk.values(before, after)?;
    walk.finish()
}

/// The same for an entity that may not exist on one side: every attribute is added or removed.
pub(crate) fn compare_entities(
    document: &Document<'_>,
    before: Option<NodeId>,
    after: Option<NodeId>,
    policy: Option<&Policy>,
    sink: &mut dyn Sink,
    room: &mut Room,
) -> Result<(), Error> {
    let mut walk = Walk::new(document, policy, sink, std::mem::take(room));
    let is_object = |node| document.kind(node) == Kind::Object;
    match (before, after) {
        (Some(before), Some(after)) => walk.values(before, after)?,
        (None, Some(after)) if is_object(after) => walk.objects(None, Some(after)),
        (Some(before), None) if is_object(before) => walk.objects(Some(before), None),
        (None, Some(after)) => walk.give(What::Add(after), false)?,
        (Some(before), None) => walk.give(What::Remove(before), false)?,
        (None, None) => {}
    }
    walk.finish()?;
    *room = walk.into_room();
    Ok(())
}

/// What a comparison leaves for the next, so that it need not ask for memory again.
#[derive(Default)]
pub(crate) struct Room {
    path: path::Room,
    tasks: Vec<Task>,
    arrays: arrays::Room,
    due: Vec<(NodeId, NodeId)>,
}

struct Walk<'w> {
    document: &'w Document<'w>,
    policy: Option<&'w Policy>,
    path: Path<'w>,
    /// What is left to do, the next one last.
    tasks: Vec<Task>,
    budget: Budget,
    arrays: arrays::Room,
    sameness: Sameness,
    /// Bytes of all pointers so far.
    pointers: usize,
    sink: &'w mut dyn Sink,
}

/// All pointers of a change list together, in bytes.
const MAX_POINTERS: usize = 64 << 20;

struct Task {
    /// How many steps of the path lead to the container of this one.
    depth: usize,
    step: PathStep,
    due: Due,
}

enum Due {
    Compare(NodeId, NodeId),
    Give(What),
}

impl<'w> Walk<'w> {
    fn new(
        document: &'w Document<'_>,
        policy: Option<&'w Policy>,
        sink: &'w mut dyn Sink,
        room: Room,
    ) -> Self {
        Self {
            document,
            policy,
            path: Path::new(document, policy, room.path),
            tasks: room.tasks,
            budget: Budget::default(),
            arrays: room.arrays,
            sameness: Sameness::within(room.due),
            pointers: 0,
            sink,
        }
    }

    fn into_room(self) -> Room {
        let Self { path, tasks, arrays, sameness, .. } = self;
        Room { path: path.into_room(), tasks, arrays, due: sameness.into_room() }
    }

    fn finish(&mut self) -> Result<(), Error> {
        while let Some(Task { depth, step, due }) = self.tasks.pop() {
            self.path.go(depth, step);
            match due {
                Due::Compare(before, after) => self.values(before, after)?,
                Due::Give(what) => self.give(what, false)?,
            }
        }
        Ok(())
    }

    /// Gives the difference of two values, or leaves tasks for those of what they hold.
    fn values(&mut self, before: NodeId, after: NodeId) -> Result<(), Error> {
        match (self.document.kind(before), self.document.kind(after)) {
            (Kind::Object, Kind::Object) => self.objects(Some(before), Some(after)),
            (Kind::Array, Kind::Array) => {
                let matching = match (self.policy, self.path.cursors()) {
                    (Some(policy), Some([before, _])) => policy.matching(&before.state),
                    _ => &Matching::Sequence,
                };
                if !self.arrays(matching, before, after) {
                    return self.give(What::Replace { old: before, new: after }, true);
                }
            }
            _ if self.document.same(before, after) => {}
            _ => return self.give(What::Replace { old: before, new: after }, false),
        }
        Ok(())
    }

    fn give(&mut self, what: What, coarse: bool) -> Result<(), Error> {
        // What counts in one image counts.
        let is_ignored = |cursors: [&Cursor<'_>; 2]| cursors.iter().all(|c| c.state.is_ignored());
        if self.path.cursors().is_some_and(is_ignored) {
            return Ok(());
        }
        // One long key over many changes makes a list far longer than its images.
        self.pointers += self.path.pointer().len();
        if self.pointers > MAX_POINTERS {
            let message = format!("the paths of the changes are longer than {MAX_POINTERS} bytes");
            return Err(Error::new("too_large", message));
        }
        self.sink.take(&mut self.path, what, coarse)
    }

    /// Notes that two values have to be compared, unless a look says that they are the same.
    fn pair(&mut self, step: PathStep, before: NodeId, after: NodeId) {
        let document = self.document;
        if document.is_twin(before, after) {
            return;
        }
        let leaves = !document.has_children(before) && !document.has_children(after);
        if leaves && document.same(before, after) {
            return;
        }
        let due = match leaves {
            true => Due::Give(What::Replace { old: before, new: after }),
            false => Due::Compare(before, after),
        };
        self.tasks.push(Task { depth: self.path.len(), step, due });
    }

    fn later(&mut self, step: PathStep, what: What) {
        self.tasks.push(Task { depth: self.path.len(), step, due: Due::Give(what) });
    }
}

#[cfg(test)]
mod tests {
    use sealtrail_record::json::{Buffers, Limits};

    use super::*;

    struct List<'d>(&'d Document<'d>, Vec<String>);

    impl Sink for List<'_> {
        fn take(&mut self, path: &mut Path<'_>, what: What, _: bool) -> Result<(), Error> {
            let at = path.pointer().to_owned();
            let text = |node: Option<NodeId>| {
                node.map_or("-".into(), |node| self.0.to_value(node).to_json())
            };
            self.1.push(match what {
                What::Move { from, .. } => format!("move {} {at}", path.neighbour(from)),
                _ => format!("{} {at} {} {}", what.op(), text(what.before()), text(what.after())),
            });
            Ok(())
        }
    }

    fn list_with(policy: &str, before: &str, after: &str) -> Vec<String> {
        let policy = Policy::parse(policy.as_bytes()).unwrap();
        let joined = format!("{before}{after}");
        let (limits, buffers) = (Limits::default(), Buffers::default());
        let document =
            Document::read_pair(joined.as_bytes(), before.len(), &limits, buffers).unwrap();
        let mut list = List(&document, Vec::new());
        compare(&document, document.root(), document.second(), Some(&policy), &mut list).unwrap();
        list.1
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
