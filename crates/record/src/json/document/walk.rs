use super::{Document, Kind, NodeId};

/// Where a value stands in its container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Root,
    Key(NodeId),
    Index(usize),
}

/// A step of a walk through a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// An array or an object that is not empty; what it holds comes next.
    Open(NodeId, Place),
    /// Any other value.
    Leaf(NodeId, Place),
    Close(NodeId),
}

/// A walk through a value, without recursion.
pub struct Walk<'d, 't> {
    document: &'d Document<'t>,
    at: u32,
    stop: u32,
    open: Vec<Level>,
}

struct Level {
    node: NodeId,
    end: u32,
    object: bool,
    index: usize,
}

impl<'d, 't> Walk<'d, 't> {
    pub(super) fn new(document: &'d Document<'t>, node: NodeId) -> Self {
        let stop = document.entry(node).next();
        Self { document, at: node.0, stop, open: Vec::new() }
    }

    /// Passes over the container that was opened last; it will not be closed.
    pub fn pass(&mut self) {
        if let Some(level) = self.open.pop() {
            self.at = level.end;
        }
    }
}

impl Iterator for Walk<'_, '_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let mut place = Place::Root;
        if let Some(level) = self.open.last_mut() {
            if self.at >= level.end {
                let node = level.node;
                self.open.pop();
                return Some(Event::Close(node));
            }
            place = match level.object {
                true => Place::Key(NodeId(self.at)),
                false => Place::Index(level.index),
            };
            level.index += 1;
            self.at += u32::from(level.object);
        } else if self.at >= self.stop {
            return None;
        }
        let node = NodeId(self.at);
        let end = self.document.entry(node).next();
        if end == self.at + 1 {
            self.at = end;
            return Some(Event::Leaf(node, place));
        }
        self.at += 1;
        let object = self.document.kind(node) == Kind::Object;
        self.open.push(Level { node, end, object, index: 0 });
        Some(Event::Open(node, place))
    }
}
