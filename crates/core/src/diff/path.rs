//! Where in two images a comparison stands, and what the policy knows of that place.

use sealtrail_record::json::{Document, NodeId, Place};
use sealtrail_record::pointer;

use crate::policy::{Cursor, Policy, Step};

/// Steps from the root, and the policy's state at each of them as far as somebody asked.
pub(crate) struct Path<'w> {
    document: &'w Document<'w>,
    policy: Option<&'w Policy>,
    steps: Vec<PathStep>,
    /// At the root, then behind each step, as the before image goes.
    cursors: Vec<Cursor<'w>>,
    /// The same as the after image goes, from the first step on that is another one there.
    others: Vec<Cursor<'w>>,
    parting: Option<usize>,
    pointer: String,
    /// Where in the pointer each step ends, as far as it is written.
    ends: Vec<usize>,
}

/// What a path leaves for the next one.
#[derive(Default)]
pub(super) struct Room {
    steps: Vec<PathStep>,
    cursors: Vec<Cursor<'static>>,
    others: Vec<Cursor<'static>>,
    pointer: String,
    ends: Vec<usize>,
}

/// The room of a list for cursors of another policy: the standard library lets it stay where it is.
fn emptied<'a>(cursors: Vec<Cursor<'_>>) -> Vec<Cursor<'a>> {
    cursors.into_iter().map_while(|_| None).collect()
}

#[derive(Clone, Copy)]
pub(crate) enum PathStep {
    Key(NodeId),
    /// An item: the index that names it, and its index and the length of its array on either side.
    /// What is on one side only has that twice.
    Index {
        named: usize,
        index: [usize; 2],
        length: [usize; 2],
    },
}

/// One of the two images.
#[derive(Clone, Copy)]
pub(crate) enum Image {
    Before = 0,
    After = 1,
}

impl PathStep {
    pub(crate) fn of(place: Place, length: usize) -> Option<Self> {
        match place {
            Place::Root => None,
            Place::Key(key) => Some(Self::Key(key)),
            Place::Index(index) => {
                Some(Self::Index { named: index, index: [index; 2], length: [length; 2] })
            }
        }
    }

    fn parts(self) -> bool {
        match self {
            Self::Key(_) => false,
            Self::Index { index, length, .. } => index[0] != index[1] || length[0] != length[1],
        }
    }

    /// Appends the step to a JSON pointer.
    pub(crate) fn push_to(self, document: &Document<'_>, pointer: &mut String) {
        match self {
            Self::Key(key) => pointer::push_key(pointer, &document.string(key)),
            Self::Index { named, .. } => pointer::push_index(pointer, named),
        }
    }

    /// The step in one image, with a key as it is written: rules fold it themselves.
    pub(crate) fn step<'d>(self, document: &Document<'d>, image: Image) -> Step<'d> {
        match self {
            Self::Key(key) => Step::Key(document.written(key)),
            Self::Index { index, length, .. } => {
                let side = image as usize;
                Step::Index { index: index[side], length: length[side] }
            }
        }
    }
}

impl<'w> Path<'w> {
    /// A path at the root, in the room of one that is done with.
    pub(super) fn new(document: &'w Document<'w>, policy: Option<&'w Policy>, room: Room) -> Self {
        let Room { steps, cursors, others, pointer, ends } = room;
        let (cursors, others) = (emptied(cursors), emptied(others));
        Self { document, policy, steps, cursors, others, parting: None, pointer, ends }
    }

    pub(super) fn into_room(mut self) -> Room {
        self.steps.clear();
        self.pointer.clear();
        self.ends.clear();
        let (cursors, others) = (emptied(self.cursors), emptied(self.others));
        Room { steps: self.steps, cursors, others, pointer: self.pointer, ends: self.ends }
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
        self.parting = self.parting.filter(|parting| *parting < depth);
        self.others.truncate(self.parting.map_or(0, |parting| depth - parting));
        if self.parting.is_none()
            && step.parts()
            && self.policy.is_some_and(|policy| policy.payload.counts())
        {
            self.parting = Some(depth);
        }
        self.steps.push(step);
    }

    /// Where the rules for images stand here in the before image and in the after image; `None`
    /// without a policy.
    pub(crate) fn cursors(&mut self) -> Option<[&Cursor<'w>; 2]> {
        let policy = self.policy?;
        if self.cursors.is_empty() {
            self.cursors.push(Cursor::new(&policy.payload));
        }
        while self.cursors.len() <= self.steps.len() {
            let known = self.cursors.len() - 1;
            let step = self.steps[known].step(self.document, Image::Before);
            let next = self.cursors[known].down(policy, &step);
            self.cursors.push(next);
        }
        if let Some(parting) = self.parting {
            while parting + self.others.len() < self.steps.len() {
                let known = parting + self.others.len();
                let step = self.steps[known].step(self.document, Image::After);
                let above = self.others.last().unwrap_or(&self.cursors[parting]);
                let next = above.down(policy, &step);
                self.others.push(next);
            }
        }
        let before = self.cursors.last()?;
        Some([before, self.others.last().unwrap_or(before)])
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
