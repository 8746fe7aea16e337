//! Where in two images a comparison stands, and what the policy knows of that place.

use sealtrail_record::json::{Document, NodeId, Place};
use sealtrail_record::pointer;

use crate::policy::{Cursor, Policy, Step};

/// Steps from the root, and the policy's state at each of them as far as somebody asked.
pub(crate) struct Path<'w> {
    document: &'w Document<'w>,
    policy: Option<&'w Policy>,
    steps: Vec<PathStep>,
    /// At the root, then behind each step.
    cursors: Vec<Cursor<'w>>,
    pointer: String,
    /// Where in the pointer each step ends, as far as it is written.
    ends: Vec<usize>,
}

#[derive(Clone, Copy)]
pub(crate) enum PathStep {
    Key(NodeId),
    /// An item: its index and the length of its array on either side.
    Index {
        index: [usize; 2],
        lengths: [usize; 2],
    },
}

impl PathStep {
    pub(crate) fn of(place: Place, lengths: [usize; 2]) -> Option<Self> {
        match place {
            Place::Root => None,
            Place::Key(key) => Some(Self::Key(key)),
            Place::Index(index) => Some(Self::Index { index: [index; 2], lengths }),
        }
    }

    /// Appends the step to a JSON pointer.
    pub(crate) fn push_to(self, document: &Document<'_>, pointer: &mut String) {
        match self {
            Self::Key(key) => pointer::push_key(pointer, &document.string(key)),
            Self::Index { index, .. } => pointer::push_index(pointer, index[0]),
        }
    }

    pub(crate) fn step<'d>(self, document: &'d Document<'_>) -> Step<'d> {
        match self {
            Self::Key(key) => Step::Key(document.string(key)),
            Self::Index { index, lengths } => Step::Index { index, lengths },
        }
    }
}

impl<'w> Path<'w> {
    pub(super) fn new(document: &'w Document<'w>, policy: Option<&'w Policy>) -> Self {
        Self {
            document,
            policy,
            steps: Vec::new(),
            cursors: Vec::new(),
            pointer: String::new(),
            ends: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Goes back to the first `depth` steps and takes another.
    pub(super) fn go(&mut self, depth: usize, step: PathStep) {
        self.steps.truncate(depth);
        self.cursors.truncate(depth + 1);
        self.ends.truncate(depth);
        self.pointer.truncate(self.ends.last().copied().unwrap_or(0));
        self.steps.push(step);
    }

    /// Where the rules for images stand here; `None` without a policy.
    pub(crate) fn cursor(&mut self) -> Option<&Cursor<'w>> {
        let policy = self.policy?;
        if self.cursors.is_empty() {
            self.cursors.push(Cursor::new(&policy.payload));
        }
        while self.cursors.len() <= self.steps.len() {
            let known = self.cursors.len() - 1;
            let step = self.steps[known].step(self.document);
            let next = self.cursors[known].down(policy, &step);
            self.cursors.push(next);
        }
        self.cursors.last()
    }

    /// Which of the steps name items of arrays, from 0.
    pub(crate) fn indices(&self) -> impl Iterator<Item = usize> + '_ {
        let steps = self.steps.iter().enumerate();
        steps.filter(|(_, step)| matches!(step, PathStep::Index { .. })).map(|(place, _)| place)
    }

    /// The RFC 6901 pointer.
    pub(crate) fn pointer(&mut self) -> &str {
        for step in &self.steps[self.ends.len()..] {
            step.push_to(self.document, &mut self.pointer);
            self.ends.push(self.pointer.len());
        }
        &self.pointer
    }

    /// The same for another item of the array that the last step names an item of.
    pub(crate) fn neighbour(&mut self, index: usize) -> String {
        self.pointer();
        let above = self.ends.len().checked_sub(2).map_or(0, |above| self.ends[above]);
        let mut neighbour = self.pointer[..above].to_owned();
        pointer::push_index(&mut neighbour, index);
        neighbour
    }
}
