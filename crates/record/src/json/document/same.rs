//! Whether two values are the same.

use super::{Document, Kind, NodeId, Place};
use crate::json::number::same_number;

impl Document<'_> {
    /// Whether two values are known to be the same without looking at them.
    pub fn is_twin(&self, a: NodeId, b: NodeId) -> bool {
        self.entry(a).twin == self.entry(b).twin
    }

    /// The same value, whatever the order of keys, the spelling of numbers or the escapes.
    pub fn same(&self, a: NodeId, b: NodeId) -> bool {
        self.same_within(a, b, &mut Vec::new())
    }

    /// The same; `due` is room for what is left to compare.
    pub fn same_within(&self, a: NodeId, b: NodeId, due: &mut Vec<(NodeId, NodeId)>) -> bool {
        if self.is_twin(a, b) {
            return true;
        }
        if !(self.has_children(a) && self.has_children(b)) {
            return self.same_leaf(a, b);
        }
        // Mostly what a container holds are leaves, and they are compared at once.
        due.clear();
        if self.kind(a) != self.kind(b) || !self.pair_children(a, b, due) {
            return false;
        }
        while let Some((a, b)) = due.pop() {
            if self.is_twin(a, b) {
                continue;
            }
            if !(self.has_children(a) && self.has_children(b)) {
                if !self.same_leaf(a, b) {
                    return false;
                }
            } else if self.kind(a) != self.kind(b) || !self.pair_children(a, b, due) {
                return false;
            }
        }
        true
    }

    /// Whether two containers have equally many children, with the same keys; adds those that are not
    /// known to be the same to `due`.
    fn pair_children(&self, a: NodeId, b: NodeId, due: &mut Vec<(NodeId, NodeId)>) -> bool {
        let start = due.len();
        let (mut of_a, mut of_b) = (self.children(a), self.children(b));
        let mut in_order = true;
        loop {
            match (of_a.next(), of_b.next()) {
                (None, None) => break,
                (Some((place_a, a)), Some((place_b, b))) => {
                    if let (Place::Key(a), Place::Key(b)) = (place_a, place_b)
                        && !self.same_key(a, b)
                    {
                        in_order = false;
                    }
                    // Leaves at once: where they differ nothing else has to be looked at.
                    if in_order && !self.is_twin(a, b) {
                        if self.has_children(a) || self.has_children(b) {
                            due.push((a, b));
                        } else if !self.same_leaf(a, b) {
                            return false;
                        }
                    }
                }
                _ => return false,
            }
        }
        if in_order {
            return true;
        }
        due.truncate(start);
        let by_key = |node: NodeId| {
            let mut members: Vec<_> = self
                .children(node)
                .filter_map(|(place, value)| match place {
                    Place::Key(key) => Some((self.string(key), value)),
                    _ => None,
                })
                .collect();
            members.sort_unstable();
            members
        };
        let (of_a, of_b) = (by_key(a), by_key(b));
        due.extend(of_a.iter().zip(&of_b).map(|((_, a), (_, b))| (*a, *b)));
        of_a.iter().zip(&of_b).all(|((a, _), (b, _))| a == b)
    }

    /// Whether two keys are to be read as the same.
    pub fn same_key(&self, a: NodeId, b: NodeId) -> bool {
        let (of_a, of_b) = (self.entry(a), self.entry(b));
        if self.renamed.is_empty() && !of_a.is_escaped() && !of_b.is_escaped() {
            return of_a.twin == of_b.twin || self.bytes(of_a) == self.bytes(of_b);
        }
        self.string(a) == self.string(b)
    }

    fn same_leaf(&self, a: NodeId, b: NodeId) -> bool {
        let (of_a, of_b) = (self.entry(a), self.entry(b));
        let kind = self.kind(a);
        if kind != self.kind(b) || self.has_children(a) || self.has_children(b) {
            return false;
        }
        match kind {
            Kind::Null | Kind::Array | Kind::Object => true,
            Kind::Bool => self.bytes(of_a) == self.bytes(of_b),
            Kind::Number => same_number(self.raw(a), self.raw(b)),
            Kind::String if of_a.is_escaped() || of_b.is_escaped() => {
                self.written(a) == self.written(b)
            }
            Kind::String => self.bytes(of_a) == self.bytes(of_b),
        }
    }
}
