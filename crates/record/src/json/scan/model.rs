//! Containers beside a model: what is byte for byte the same is copied.

use super::Reader;
use super::entry::{Entry, FLAG, NONE};
use crate::json::text::common_prefix;

/// Bytes from `start` to `end` that stand again `delta` behind.
pub(super) struct Run {
    pub(super) delta: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Reader<'_> {
    /// Passes over a key that is the next of the model.
    pub(super) fn known_key(&mut self) -> u32 {
        let model = self.innermost().model;
        if model == NONE || model >= self.innermost().model_end {
            return NONE;
        }
        let of_model = self.entries[model as usize];
        if (of_model.end() as usize) > self.run_end(of_model.start as usize) {
            return NONE;
        }
        let start = self.at as u32;
        let len = of_model.end() - of_model.start;
        let here = self.entries.len() as u32;
        let end = (start + len) | (of_model.end & FLAG);
        self.entries.push(Entry { start, end, next: (here + 1) | FLAG, twin: of_model.twin });
        self.at += len as usize;
        let value = model + 1;
        self.innermost_mut().model = self.entries[value as usize].next();
        value
    }

    /// The value in the model behind the key that was just read, which is not where it was expected.
    pub(super) fn find_key(&mut self, start: usize, escaped: bool) -> u32 {
        let raw = &self.text[start..self.at];
        let Some(open) = self.open.last_mut() else { return NONE };
        open.keys.add(self.text, start, self.at, escaped);
        open.keys.suspect |= open.model != NONE;
        if open.model == NONE {
            return NONE;
        }
        let (first, end) = (open.model_first, open.model_end);
        let mut candidate = if open.model < end { open.model } else { first };
        for _ in 0..KEYS_TRIED {
            if candidate >= end {
                break;
            }
            let entry = self.entries[candidate as usize];
            let next = self.entries[candidate as usize + 1].next();
            if &self.text[entry.start as usize..entry.end() as usize] == raw {
                open.model = next;
                if let Some(key) = self.entries.last_mut() {
                    key.twin = entry.twin;
                }
                return candidate + 1;
            }
            candidate = if next < end { next } else { first };
        }
        NONE
    }

    /// Whether children of the innermost container, from this one on, are those of its model; they
    /// are read then.
    pub(super) fn copied_children(&mut self) -> bool {
        let open = self.innermost();
        let (model, end, object) = (open.model, open.model_end, open.object);
        if model == NONE || model >= end {
            return false;
        }
        let run_end = self.run_end(self.entries[model as usize].start as usize);
        let (mut to, mut text_end) = (model, 0);
        while to < end {
            let value = self.entries[to as usize + usize::from(object)];
            // One byte more has to match: a number ends only where something else begins.
            if value.end() as usize >= run_end {
                break;
            }
            (to, text_end) = (value.next(), value.end());
        }
        if to == model || !self.copy(model, to, text_end) {
            return false;
        }
        let open = self.innermost_mut();
        (open.model, open.anchor, open.patience) = (to, to, PATIENCE);
        true
    }

    /// The model of an item that is not as a whole that of the model's turn. Where items were put in
    /// or taken out the next ones are found again nearby; then they are read, and that is `COPIED`.
    pub(super) fn item_model(&mut self) -> u32 {
        let open = self.innermost();
        let (turn, anchor, end, patience) =
            (open.model, open.anchor, open.model_end, open.patience);
        if turn == NONE {
            return NONE;
        }
        let mut candidate = anchor;
        for _ in 0..patience {
            if candidate >= end {
                break;
            }
            let entry = self.entries[candidate as usize];
            if candidate != turn
                && self.text[entry.start as usize] == self.text[self.at.min(self.text.len() - 1)]
            {
                let start = entry.start as usize;
                let len = (entry.end() - entry.start) as usize + 1;
                let here = self.text.get(self.at..self.at + len);
                if here
                    .is_some_and(|here| common_prefix(here, &self.text[start..start + len]) == len)
                {
                    self.innermost_mut().model = candidate;
                    if self.copied_children() {
                        return COPIED;
                    }
                }
            }
            candidate = entry.next();
        }
        let next = if turn < end { self.entries[turn as usize].next() } else { turn };
        let open = self.innermost_mut();
        open.patience = patience / 2;
        open.model = next;
        if turn < end { turn } else { NONE }
    }

    /// Whether the value that is due is, as a whole, that of the model; it is read then.
    pub(super) fn copied(&mut self, model: u32) -> bool {
        let entry = self.entries[model as usize];
        let run_end = self.run_end(entry.start as usize);
        (entry.end() as usize) < run_end && self.copy(model, entry.next(), entry.end())
    }

    /// Copies entries of a model, whose text up to `text_end` stands here again. False where that is
    /// too many of them: they are read one by one then, for an error that names the place.
    fn copy(&mut self, from: u32, to: u32, text_end: u32) -> bool {
        let (from, to) = (from as usize, to as usize);
        if self.values + (to - from) > self.max_values {
            return false;
        }
        let first = self.entries[from];
        let here = self.entries.len();
        let delta = (self.at as u32).wrapping_sub(first.start);
        let shift = (here as u32).wrapping_sub(from as u32);
        // One pass: what is copied may be more than the caches hold.
        self.entries.resize(here + (to - from), first);
        let (models, copies) = self.entries.split_at_mut(here);
        let mut keys = 0;
        for (copy, model) in copies.iter_mut().zip(&models[from..to]) {
            *copy = model.moved(delta, shift);
            keys += model.next >> 31;
        }
        self.values += to - from - keys as usize;
        self.at = text_end.wrapping_add(delta) as usize;
        true
    }

    /// How far the text from `start` stands here again.
    fn run_end(&mut self, start: usize) -> usize {
        let delta = self.at - start;
        if delta != self.run.delta || start < self.run.start || start >= self.run.end {
            let common = common_prefix(&self.text[start..], &self.text[self.at..]);
            self.run = Run { delta, start, end: start + common };
        }
        self.run.end
    }
}

/// How many children of the model are tried for an item at first.
pub(super) const PATIENCE: u8 = 16;

/// What [`Reader::item_model`] gives where the item has been read.
pub(super) const COPIED: u32 = u32::MAX - 1;

/// How many keys of the model are tried for one that is not where it was expected.
const KEYS_TRIED: usize = 8;
