//! What the samples show of a policy: which entries ever match, which ever decide, and what is kept.

use std::borrow::Cow;

use sealtrail_record::json::Value;
use sealtrail_record::pointer;

use super::super::secrets;
use super::super::selector::Step;
use super::document::{Document, List};
use super::finding::{Finding, Findings, Severity};
use super::personal::{self, Kind};
use super::sample::Sample;
use crate::fold::fold_key;

pub(super) struct Seen<'d> {
    document: &'d Document<'d>,
    /// In the order of `rules`, `context`, `ignore`, `arrays`.
    marks: [Vec<Mark>; 4],
    /// Whether any sample had an image, and whether any had a context.
    has: [bool; 2],
    budget: usize,
    is_exhausted: bool,
}

/// What became of one entry.
#[derive(Clone, Copy, Default)]
struct Mark {
    matched: bool,
    decided: bool,
    met_array: bool,
}

/// Where one list stands at a node.
#[derive(Default)]
struct Follow {
    /// Entries by their number, and how many of their segments have matched.
    active: Vec<(usize, usize)>,
    /// The first entry that names this node or one above it.
    first: Option<usize>,
    /// Those that name this very node.
    ended: Vec<usize>,
}

/// What is known at a node.
struct State {
    follows: [Follow; 3],
    is_secret: bool,
    kind: Option<Kind>,
}

/// One open container.
struct Frame<'v, 'a> {
    value: &'v Value<'a>,
    next: usize,
    path: usize,
    general: usize,
    state: State,
}

const RULES: usize = 0;
const IGNORE: usize = 1;
const ARRAYS: usize = 2;

impl<'d> Seen<'d> {
    pub(super) fn new(document: &'d Document<'d>, budget: usize) -> Self {
        let lists = [&document.rules, &document.context, &document.ignore, &document.arrays];
        let marks = lists.map(|list| vec![Mark::default(); list.entries.len()]);
        Self { document, marks, has: [false; 2], budget, is_exhausted: budget == 0 }
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.is_exhausted
    }

    pub(super) fn sample(&mut self, sample: &Sample<'_>, findings: &mut Findings) {
        for image in &sample.images {
            self.has[0] = true;
            self.walk(image, false, findings);
        }
        if !sample.context.members().is_empty() {
            self.has[1] = true;
            self.walk(&sample.context, true, findings);
        }
    }

    /// Says which entries no sample gave anything to do.
    pub(super) fn tell_unused(
        &self,
        lists: [&List<'_>; 4],
        vain: &[Vec<bool>],
        findings: &mut Findings,
    ) {
        // What a bound cut off may be what matches.
        if self.is_exhausted {
            return;
        }
        for (i, list) in lists.into_iter().enumerate() {
            let is_shown = if i == 1 { self.has[1] } else { self.has[0] };
            for (number, entry) in list.own().iter().enumerate() {
                let mark = self.marks[i][number];
                let select = &entry.select;
                let (code, message) = match i {
                    _ if !is_shown || vain[i][number] => continue,
                    3 if !mark.matched => {
                        ("never_meets_array", format!("`{select}` names nothing in the samples"))
                    }
                    3 if !mark.met_array => {
                        ("never_meets_array", format!("what `{select}` names is never an array"))
                    }
                    _ if !mark.matched => {
                        ("never_matches", format!("`{select}` names nothing in the samples"))
                    }
                    2 => continue,
                    _ if !mark.decided => (
                        "never_first",
                        format!("earlier entries decide all that `{select}` names in the samples"),
                    ),
                    _ => continue,
                };
                let (at, severity) = (entry.at.clone(), Severity::Warning);
                findings.add(Finding { code, at, path: None, message, severity });
            }
        }
    }

    /// Visits every node of a tree, with a stack of its own: the depth of a sample is not that of
    /// ours.
    fn walk(&mut self, root: &Value<'_>, is_context: bool, findings: &mut Findings) {
        let mut path = String::from(if is_context { "/context" } else { "" });
        let mut general = path.clone();
        let state = State { follows: self.start(is_context), is_secret: false, kind: None };
        let mut open: Vec<Frame<'_, '_>> = Vec::new();
        let mut visited = Some((root, state));
        loop {
            if let Some((value, state)) = visited.take() {
                if self.is_exhausted {
                    return;
                }
                let place = Place { path: &path, general: &general, is_context };
                if children(value) > 0 {
                    self.array(value, &state, &place, findings);
                    let (path, general) = (path.len(), general.len());
                    open.push(Frame { value, next: 0, path, general, state });
                } else {
                    self.leaf(value, &state, &place, findings);
                }
            }
            let Some(frame) = open.last_mut() else { return };
            path.truncate(frame.path);
            general.truncate(frame.general);
            if frame.next == children(frame.value) {
                open.pop();
                continue;
            }
            let (index, value) = (frame.next, frame.value);
            frame.next += 1;
            let (step, child) = child(value, index);
            match &step {
                Step::Key(key) => {
                    pointer::push_key(&mut path, key);
                    // Spellings of one attribute are told once.
                    let fold = self.document.fold_keys;
                    let name = if fold { fold_key(key) } else { Cow::Borrowed(&**key) };
                    pointer::push_key(&mut general, &name);
                }
                Step::Index { index, .. } => {
                    pointer::push_index(&mut path, *index);
                    general.push_str("/*");
                }
            }
            let state = self.down(&open, &step, is_context);
            visited = Some((child, state));
        }
    }

    fn start(&mut self, is_context: bool) -> [Follow; 3] {
        let lists = self.lists(is_context);
        [RULES, IGNORE, ARRAYS].map(|which| {
            // Only rules speak of the context.
            if is_context && which != RULES {
                return Follow::default();
            }
            let mut follow = Follow::default();
            for (number, entry) in lists[which].entries.iter().enumerate() {
                match entry.segments.is_empty() {
                    true => follow.end(number, &mut self.marks[mark_of(which, is_context)]),
                    false => follow.active.push((number, 0)),
                }
            }
            follow
        })
    }

    fn down(&mut self, open: &[Frame<'_, '_>], step: &Step<'_>, is_context: bool) -> State {
        let Some(Frame { state: above, .. }) = open.last() else {
            return State { follows: Default::default(), is_secret: false, kind: None };
        };
        let lists = self.lists(is_context);
        let step = match step {
            Step::Key(key) if self.document.fold_keys => Step::Key(fold_key(key)),
            Step::Key(key) => Step::Key(Cow::Borrowed(key)),
            Step::Index { index, length } => Step::Index { index: *index, length: *length },
        };
        let cost: usize = above.follows.iter().map(|follow| follow.active.len() + 1).sum();
        match self.budget.checked_sub(cost) {
            Some(left) => self.budget = left,
            None => self.is_exhausted = true,
        }
        let follows = [RULES, IGNORE, ARRAYS].map(|which| {
            let marks = &mut self.marks[mark_of(which, is_context)];
            above.follows[which].step(lists[which], marks, &step)
        });
        let name = match &step {
            Step::Key(key) => Some(key),
            Step::Index { .. } => None,
        };
        State {
            follows,
            is_secret: above.is_secret || name.is_some_and(|name| secrets::is_secret_name(name)),
            kind: name.and_then(|name| personal::of_name(name)).or(above.kind),
        }
    }

    /// `rules` or `context`, `ignore`, `arrays`.
    fn lists(&self, is_context: bool) -> [&'d List<'d>; 3] {
        let document = self.document;
        let rules = if is_context { &document.context } else { &document.rules };
        [rules, &document.ignore, &document.arrays]
    }

    fn array(
        &mut self,
        value: &Value<'_>,
        state: &State,
        place: &Place<'_>,
        findings: &mut Findings,
    ) {
        let ended = &state.follows[ARRAYS].ended;
        if !matches!(value, Value::Array(_)) {
            return;
        }
        for number in ended {
            self.marks[3][*number].met_array = true;
        }
        let Some(&number) = ended.iter().min() else { return };
        self.marks[3][number].decided = true;
        let entry = &self.document.arrays.entries[number];
        let cost = value.items().len() * entry.identity.len();
        self.budget = self.budget.saturating_sub(cost);
        let has_all =
            |item: &Value<'_>| entry.identity.iter().all(|pointer| self.has_scalar(item, pointer));
        if value.items().iter().all(has_all) {
            return;
        }
        let message = format!("`{}` matches by key, and an item here has none", entry.select);
        findings.add_once(
            place.general,
            Finding {
                code: "identity_missing",
                at: entry.at.clone(),
                path: Some(place.path.to_owned()),
                message,
                severity: Severity::Warning,
            },
        );
    }

    fn has_scalar(&self, item: &Value<'_>, pointer: &str) -> bool {
        let mut at = item;
        for token in pointer::tokens(pointer).unwrap_or_default() {
            let fold = self.document.fold_keys;
            let found = match at {
                Value::Object(members) => members
                    .iter()
                    .find(|m| m.key == token || (fold && fold_key(&m.key) == token))
                    .map(|m| &m.value),
                Value::Array(items) => pointer::index(&token).and_then(|index| items.get(index)),
                _ => None,
            };
            let Some(found) = found else { return false };
            at = found;
        }
        !matches!(at, Value::Null | Value::Array(_) | Value::Object(_))
    }

    fn leaf(
        &mut self,
        value: &Value<'_>,
        state: &State,
        place: &Place<'_>,
        findings: &mut Findings,
    ) {
        // An empty array is one all the same.
        self.array(value, state, place, findings);
        let list = self.lists(place.is_context)[RULES];
        let follow = &state.follows[RULES];
        // What is built in names single values, and nothing below.
        let is_single = !matches!(value, Value::Object(_) | Value::Array(_));
        let own = follow.first.filter(|number| *number < list.own().len());
        let built_in = follow.ended.iter().copied().filter(|_| is_single).min();
        let first = own.or(built_in);
        if let Some(number) = first {
            self.marks[mark_of(RULES, place.is_context)][number].decided = true;
        }
        let mut add = |code, at: &str, severity, message| {
            let (at, path) = (at.to_owned(), Some(place.path.to_owned()));
            findings.add_once(place.general, Finding { code, at, path, message, severity })
        };
        let (at, keeps) = match first {
            Some(number) => {
                let entry = &list.entries[number];
                (entry.at.as_str(), entry.keeps == Some(true))
            }
            None => (list.default.at.unwrap_or_default(), list.default.keeps),
        };
        let is_named = first.is_some() || state.follows[IGNORE].first.is_some();
        let mut fits = true;
        if !is_named && list.default.at.is_some() {
            let severity = if keeps { Severity::Warning } else { Severity::Note };
            let message = "no rule names it, so the default decides".to_owned();
            fits &= add("unnamed", at, severity, message);
        }
        let is_masked =
            self.document.secrets && (state.is_secret || personal::has_card_number(value));
        if keeps && !is_masked {
            let is_told = match value {
                Value::String(text) => !text.is_empty(),
                Value::Number(_) => true,
                _ => false,
            };
            let by_name = state.kind.filter(|_| is_told);
            let found = match (personal::of_value(value), by_name) {
                (Some(what), _) => {
                    Some((Severity::Warning, format!("is kept, and its value reads as {what}")))
                }
                (None, Some(Kind { what, is_common: false })) => {
                    Some((Severity::Warning, format!("is kept, and its name is that of {what}")))
                }
                (None, Some(Kind { what, is_common: true })) => {
                    Some((Severity::Note, format!("is kept, and its name may be that of {what}")))
                }
                (None, None) => None,
            };
            if let Some((severity, message)) = found {
                fits &= add("personal_kept", at, severity, message);
            }
        }
        self.is_exhausted |= !fits;
    }
}

/// Where a node stands: its pointer, the same with `*` for every index, and in which tree.
struct Place<'p> {
    path: &'p str,
    general: &'p str,
    is_context: bool,
}

impl Follow {
    fn step(&self, list: &List<'_>, marks: &mut [Mark], step: &Step<'_>) -> Self {
        let mut to = Self { first: self.first, ..Self::default() };
        for &(number, place) in &self.active {
            let segments = &list.entries[number].segments;
            let segment = &segments[place];
            if segment.descendant {
                to.enter(number, place);
            }
            if segment.matches(step) {
                match place + 1 == segments.len() {
                    true => to.end(number, marks),
                    false => to.enter(number, place + 1),
                }
            }
        }
        to
    }

    /// Places of one entry stand together, so a second way to the same place is found nearby.
    fn enter(&mut self, number: usize, place: usize) {
        let mut own = self.active.iter().rev().take_while(|(other, _)| *other == number);
        if !own.any(|(_, other)| *other == place) {
            self.active.push((number, place));
        }
    }

    fn end(&mut self, number: usize, marks: &mut [Mark]) {
        marks[number].matched = true;
        self.first = Some(self.first.map_or(number, |first| first.min(number)));
        self.ended.push(number);
    }
}

/// The index into the marks.
fn mark_of(which: usize, is_context: bool) -> usize {
    match which {
        RULES => usize::from(is_context),
        which => which + 1,
    }
}

fn children(value: &Value<'_>) -> usize {
    value.members().len() + value.items().len()
}

fn child<'v, 'a>(value: &'v Value<'a>, index: usize) -> (Step<'v>, &'v Value<'a>) {
    match value.members().get(index) {
        Some(member) => (Step::Key(Cow::Borrowed(&member.key)), &member.value),
        None => {
            let items = value.items();
            (Step::Index { index, length: items.len() }, &items[index])
        }
    }
}
