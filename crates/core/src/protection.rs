//! What is to be done with a value and all that it holds, decided in one walk.

use sealtrail_record::json::{Document, Event, Kind, NodeId, Place};

use crate::diff::{Image, PathStep};
use crate::policy::{Action, Cursor, Decision, Policy, Reason, RuleSet};

/// What is to be done with a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protection {
    Keep,
    /// One pair of keys for whatever is sealed in it.
    Seal(Reason),
    Pseudonym(Reason),
    Mask(Reason),
    Drop,
    /// Parts are masked or dropped, nothing is sealed.
    Parts,
    /// More than one pair of keys: every part for itself, so that each stays within its group.
    Apart,
}

/// The protection of a value and of each that it holds.
pub(crate) struct Protections<'p> {
    set: &'p RuleSet,
    first: usize,
    whole: Protection,
    /// Why, where all that it holds has the protection of the whole.
    reason: Option<Reason>,
    /// Else by node; and why, for leaves.
    each: Vec<(Protection, Reason)>,
}

impl<'p> Protections<'p> {
    pub(crate) fn of(
        policy: &Policy,
        cursor: &Cursor<'p>,
        document: &Document<'_>,
        node: NodeId,
    ) -> Self {
        let set = cursor.set;
        let first = document.index(node);
        // Masks and pseudonyms are of single values: what holds some is looked at part by part.
        let uniform = policy
            .decide_all(set, &cursor.state, cursor.secret)
            .filter(|all| matches!(all.action(), Action::Keep | Action::Drop | Action::Seal(_)));
        if uniform.is_some() || !document.has_children(node) {
            let decision = uniform.unwrap_or_else(|| cursor.decide(policy, document, node));
            let (whole, reason) = (of_leaf(decision), Some(decision.reason()));
            return Self { set, first, whole, reason, each: Vec::new() };
        }
        let size = document.index(document.next(node)) - first;
        let each = vec![(Protection::Keep, Reason::Default); size];
        let mut found = Self { set, first, whole: Protection::Keep, reason: None, each };
        found.walk(policy, cursor, document, node);
        found.whole = found.each[0].0;
        found
    }

    fn walk(&mut self, policy: &Policy, root: &Cursor<'p>, document: &Document<'_>, node: NodeId) {
        let mut open: Vec<Open<'p>> = Vec::new();
        for event in document.walk(node) {
            let cursor = |place: Place| match open.last() {
                Some(above) => above.down(policy, document, place),
                None => root.clone(),
            };
            let (node, protection) = match event {
                Event::Open(node, place) => {
                    let cursor = cursor(place);
                    let length = match document.kind(node) {
                        Kind::Array => document.children(node).count(),
                        _ => 0,
                    };
                    open.push(Open { cursor, length, joined: None });
                    continue;
                }
                Event::Leaf(node, place) => {
                    let decision = cursor(place).decide(policy, document, node);
                    self.each[document.index(node) - self.first].1 = decision.reason();
                    (node, of_leaf(decision))
                }
                Event::Close(node) => {
                    let joined = open.pop().and_then(|closed| closed.joined);
                    (node, joined.unwrap_or(Protection::Keep))
                }
            };
            self.each[document.index(node) - self.first].0 = protection;
            if let Some(above) = open.last_mut() {
                above.joined = Some(match above.joined {
                    Some(joined) => join(joined, protection),
                    // Pseudonyms are of single values: what holds one is taken apart.
                    None if matches!(protection, Protection::Pseudonym(_)) => Protection::Apart,
                    None => protection,
                });
            }
        }
    }

    pub(crate) fn set(&self) -> &'p RuleSet {
        self.set
    }

    /// Of a value that stands at one place of the before image and at another of the after image, and
    /// is protected wherever one of the two is.
    pub(crate) fn of_either(
        policy: &Policy,
        cursors: [&Cursor<'p>; 2],
        document: &Document<'_>,
        node: NodeId,
    ) -> Self {
        let first = Self::of(policy, cursors[0], document, node);
        if std::ptr::eq(cursors[0], cursors[1]) {
            return first;
        }
        let second = Self::of(policy, cursors[1], document, node);
        let (weaker, stronger) = match first.whole.strength() < second.whole.strength() {
            true => (first, second),
            false => (second, first),
        };
        let taken_apart = matches!(stronger.whole, Protection::Parts | Protection::Apart);
        if weaker.whole == Protection::Keep || !taken_apart || weaker.each == stronger.each {
            return stronger;
        }
        // Each protects parts that the other keeps.
        let (whole, reason) = (Protection::Mask(Reason::SecretName), Some(Reason::SecretName));
        Self { whole, reason, each: Vec::new(), ..stronger }
    }

    /// Of the value itself.
    pub(crate) fn whole(&self) -> Protection {
        self.whole
    }

    /// Of a value in it.
    pub(crate) fn at(&self, document: &Document<'_>, node: NodeId) -> Protection {
        self.each.get(document.index(node) - self.first).map_or(self.whole, |each| each.0)
    }

    /// What decided about a leaf in it.
    pub(crate) fn decision(&self, document: &Document<'_>, leaf: NodeId) -> Decision<'p> {
        let each = || self.each.get(document.index(leaf) - self.first).map(|each| each.1);
        Decision::of(self.set, self.reason.or_else(each).unwrap_or(Reason::Default))
    }

    /// Whether all that it holds has the protection of the whole.
    pub(crate) fn is_uniform(&self) -> bool {
        self.reason.is_some()
    }

    /// Something that is sealed in it.
    pub(crate) fn any_seal(&self) -> Option<Reason> {
        let all = std::iter::once(self.whole).chain(self.each.iter().map(|each| each.0));
        all.into_iter().find_map(|protection| match protection {
            Protection::Seal(reason) => Some(reason),
            _ => None,
        })
    }
}

impl Protection {
    /// Which of two sides of a change says how both are protected.
    pub(crate) fn strength(self) -> u8 {
        match self {
            Self::Keep => 0,
            Self::Parts => 1,
            Self::Seal(_) => 2,
            Self::Apart => 3,
            Self::Pseudonym(_) => 4,
            Self::Mask(_) => 5,
            Self::Drop => 6,
        }
    }
}

fn of_leaf(decision: Decision<'_>) -> Protection {
    match decision.action() {
        Action::Keep => Protection::Keep,
        Action::Drop => Protection::Drop,
        Action::Mask(_) => Protection::Mask(decision.reason()),
        Action::Pseudonym(_) => Protection::Pseudonym(decision.keys()),
        Action::Seal(_) => Protection::Seal(decision.keys()),
    }
}

/// A container on the way down.
struct Open<'p> {
    cursor: Cursor<'p>,
    /// Of an array, its number of items.
    length: usize,
    /// What its parts came to so far.
    joined: Option<Protection>,
}

impl<'p> Open<'p> {
    fn down(&self, policy: &Policy, document: &Document<'_>, place: Place) -> Cursor<'p> {
        match PathStep::of(place, self.length) {
            Some(step) => self.cursor.down(policy, &step.step(document, Image::Before)),
            None => self.cursor.clone(),
        }
    }
}

/// The protection of a container from that of two of its parts.
fn join(a: Protection, b: Protection) -> Protection {
    use Protection::{Apart, Drop, Keep, Mask, Parts, Pseudonym, Seal};
    match (a, b) {
        (Drop, Drop) => Drop,
        (Keep, Keep) => Keep,
        (Apart | Pseudonym(_), _) | (_, Apart | Pseudonym(_)) => Apart,
        (Seal(a), Seal(b)) if a != b => Apart,
        (Seal(reason), _) | (_, Seal(reason)) => Seal(reason),
        (Keep | Mask(_) | Drop | Parts, Keep | Mask(_) | Drop | Parts) => Parts,
    }
}
