//! The reader: one pass, an explicit stack instead of recursion, a bound on everything. It builds
//! no values; it notes where each begins and ends.
//!
//! A text that holds two images of one thing repeats itself. Where a container is read beside one
//! that came before it (its *model*), children that are byte for byte those of the model are not
//! read again: they were valid there, and what is known of them is copied. What matched is noted,
//! so that a comparison of the two need not look at it again.

use super::error::{Error, Kind};
use super::text::{common_prefix, decode, first_not_utf8, same_bytes};
use super::token::{self, Refused, byte, expected, is_space};
use super::{Limits, duplicates};
use crate::pointer;

/// A value, or the key in front of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) start: u32,
    /// Offset behind it; the top bit says that it is a string with escapes.
    end: u32,
    /// The entry behind all that it holds; the top bit says that it is a key.
    next: u32,
    /// The first entry that is known to have the same bytes.
    pub(super) twin: u32,
}

const FLAG: u32 = 1 << 31;
const NONE: u32 = u32::MAX;

impl Entry {
    /// The entry `here`, which holds no others so far; `key` is the flag of a key or zero.
    #[inline(always)]
    fn new(here: usize, start: usize, end: usize, escaped: bool, key: u32) -> Self {
        let end = end as u32 | if escaped { FLAG } else { 0 };
        let here = here as u32;
        Self { start: start as u32, end, next: (here + 1) | key, twin: here }
    }

    pub(super) fn end(&self) -> u32 {
        self.end & !FLAG
    }

    pub(super) fn next(&self) -> u32 {
        self.next & !FLAG
    }

    pub(super) fn is_key(&self) -> bool {
        self.next & FLAG != 0
    }

    pub(super) fn is_escaped(&self) -> bool {
        self.end & FLAG != 0
    }
}

/// Nested deeper than this is refused whatever the limits say.
const MAX_DEPTH: usize = 512;

/// What one reading leaves for the next, so that it need not ask for memory again.
#[derive(Default)]
pub struct Buffers {
    pub(super) entries: Vec<Entry>,
    /// Whether the text has neither white space between its tokens nor escapes.
    pub(super) plain: bool,
    open: Vec<Open>,
    keys: Vec<(u64, u32)>,
}

/// Reads `text[from..]`, one JSON text, and appends its entries. `model` is an entry of a text before it.
/// With `echoes` the members of the root are models for one another.
pub(super) fn read(
    text: &[u8],
    from: usize,
    model: Option<u32>,
    echoes: bool,
    limits: &Limits,
    buffers: &mut Buffers,
) -> Result<(), Error> {
    let input = &text[from..];
    // Offsets have 31 bits.
    let max_bytes = limits.max_bytes.min((FLAG - 1) as usize);
    if input.len() > max_bytes || text.len() >= FLAG as usize {
        let kind = Kind::TooManyBytes { limit: max_bytes, got: input.len() };
        return Err(Error::at(kind, input, 0, String::new()));
    }
    if let Some(offset) = first_not_utf8(input) {
        return Err(Error::at(Kind::Utf8, input, offset, String::new()));
    }
    let Buffers { entries, plain, open, keys } = buffers;
    open.clear();
    // A value every ten bytes is usual; growing from nothing would copy all of them several times.
    entries.reserve(input.len() / 10);
    let largest = Largest { entry: NONE, bytes: 0, wanted: echoes };
    let mut reader = Reader {
        text,
        at: from,
        entries,
        plain,
        open,
        keys,
        values: 0,
        max_depth: limits.max_depth.min(MAX_DEPTH),
        max_values: limits.max_values,
        run: Run { delta: usize::MAX, start: 0, end: 0 },
        largest,
    };
    let read = reader.document(model.unwrap_or(NONE));
    read.map_err(|(kind, offset)| Error::at(kind, input, offset - from, reader.place()))
}

struct Reader<'r> {
    text: &'r [u8],
    at: usize,
    entries: &'r mut Vec<Entry>,
    plain: &'r mut bool,
    open: &'r mut Vec<Open>,
    keys: &'r mut Vec<(u64, u32)>,
    values: usize,
    max_depth: usize,
    max_values: usize,
    run: Run,
    largest: Largest,
}

/// A container that has not been closed.
struct Open {
    entry: u32,
    object: bool,
    /// Child of the model that this child may be like; `NONE` where there is no model.
    model: u32,
    /// First child of the model that has not been met yet.
    anchor: u32,
    /// First child and end of the model.
    model_first: u32,
    model_end: u32,
    /// How many children of the model are tried for an item, less with each that was in vain.
    patience: u8,
    keys: Keys,
    shape: Shape,
}

/// What the next child probably looks like. Items of an array are mostly of one shape, and an object
/// has mostly the keys of the one before it, in their order; then these need not be read.
#[derive(Clone, Copy)]
struct Shape {
    /// In an object the key of the other that is expected; in an array an item.
    next: u32,
    /// Behind the last entry of the other.
    end: u32,
}

impl Shape {
    const UNKNOWN: Self = Self { next: NONE, end: 0 };
}

/// What is known of the keys of one object so far.
#[derive(Clone, Copy, Default)]
struct Keys {
    /// Two bits for each key: one with a bit that is free is new.
    seen: [u64; 2],
    /// Whether two of them may be the same.
    suspect: bool,
    /// Whether all of them are keys of one other object in its order, and so no two are the same.
    /// They have no bits then.
    foreseen: bool,
}

impl Keys {
    /// Notes the key that ends with its quote before `end`.
    #[inline]
    fn add(&mut self, text: &[u8], start: usize, end: usize, escaped: bool) {
        let len = end - start;
        // Keys of one object differ at their ends most of the time.
        let word = match text[..end].last_chunk() {
            Some(tail) => u64::from_le_bytes(*tail) >> (64 - 8 * len.min(8)),
            None => text[start..end].iter().rev().fold(0, |word, b| word << 8 | u64::from(*b)),
        };
        let mixed = (word ^ (len as u64) << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let bits = [1 << (mixed >> 58), 1 << (mixed >> 52 & 63)];
        self.suspect |= escaped || (self.seen[0] & bits[0] != 0 && self.seen[1] & bits[1] != 0);
        self.seen[0] |= bits[0];
        self.seen[1] |= bits[1];
    }
}

impl Open {
    /// Without a model.
    fn alone(entry: u32, object: bool) -> Self {
        Self {
            entry,
            object,
            model: NONE,
            anchor: NONE,
            model_first: NONE,
            model_end: 0,
            patience: 0,
            keys: Keys::default(),
            shape: Shape::UNKNOWN,
        }
    }
}

/// Bytes from `start` to `end` that stand again `delta` behind.
struct Run {
    delta: usize,
    start: usize,
    end: usize,
}

/// The largest container among the members of the root.
struct Largest {
    entry: u32,
    bytes: usize,
    wanted: bool,
}

const PATIENCE: u8 = 16;

impl Reader<'_> {
    fn document(&mut self, model: u32) -> Result<(), Refused> {
        self.skip_space();
        if self.value(model)? {
            self.children()?;
        }
        self.skip_space();
        match self.at < self.text.len() {
            true => Err(expected("the end of the text", self.at)),
            false => Ok(()),
        }
    }

    /// Reads on until all that is open is closed. A child of the innermost container is due.
    fn children(&mut self) -> Result<(), Refused> {
        loop {
            if self.innermost().model == NONE && !(self.largest.wanted && self.open.len() == 1) {
                let entry = self.children_alone()?;
                self.closed_entry(entry);
                if self.open.is_empty() {
                    return Ok(());
                }
            } else if !self.copied_children() {
                let model = match self.innermost().object {
                    true => self.key()?,
                    false => self.item_model(),
                };
                if model != COPIED && self.value(model)? {
                    continue;
                }
            }
            loop {
                self.skip_space();
                let object = self.innermost().object;
                if self.eat(b',') {
                    self.skip_space();
                    break;
                }
                if !self.eat(if object { b'}' } else { b']' }) {
                    return Err(expected(wanted(object), self.at));
                }
                self.close()?;
                if self.open.is_empty() {
                    return Ok(());
                }
            }
        }
    }

    /// Reads a value; true where it is a container that is open now.
    fn value(&mut self, model: u32) -> Result<bool, Refused> {
        if model != NONE && self.copied(model) {
            return Ok(false);
        }
        self.values += 1;
        if self.values > self.max_values {
            return Err((Kind::TooManyValues { limit: self.max_values }, self.at));
        }
        let start = self.at;
        let mut escaped = false;
        match byte(self.text, start) {
            opening @ (b'{' | b'[') => return self.open(opening, model),
            b'"' => (self.at, escaped) = token::string(self.text, start)?,
            b'-' | b'0'..=b'9' => self.at = token::number(self.text, start)?,
            _ => self.at = token::word(self.text, start)?,
        }
        self.push(start, escaped, 0);
        Ok(false)
    }

    fn open(&mut self, opening: u8, model: u32) -> Result<bool, Refused> {
        if self.open.len() == self.max_depth {
            return Err((Kind::TooDeep { limit: self.max_depth }, self.at));
        }
        let object = opening == b'{';
        let entry = self.entries.len() as u32;
        let (mut first, mut end) = (NONE, 0);
        if let Some(model_entry) = self.entries.get(model as usize)
            && self.text[model_entry.start as usize] == opening
        {
            (first, end) = (model + 1, model_entry.next());
        }
        self.at += 1;
        self.push(self.at - 1, false, 0);
        self.open.push(Open {
            entry,
            object,
            model: first,
            anchor: first,
            model_first: first,
            model_end: end,
            patience: PATIENCE,
            keys: Keys::default(),
            shape: Shape::UNKNOWN,
        });
        self.skip_space();
        if self.eat(if object { b'}' } else { b']' }) {
            self.close()?;
            return Ok(false);
        }
        Ok(true)
    }

    fn close(&mut self) -> Result<(), Refused> {
        let Some(open) = self.open.last() else { return Ok(()) };
        let (entry, suspect) = (open.entry, open.keys.suspect);
        self.end_container(entry, suspect)?;
        self.open.pop();
        self.closed_entry(entry);
        Ok(())
    }

    /// Completes the entry of a container that ends here.
    #[inline]
    fn end_container(&mut self, entry: u32, suspect: bool) -> Result<(), Refused> {
        if suspect
            && let Some(second) = duplicates::first(self.text, self.entries, entry, self.keys)
        {
            // Put away what stands behind it, so that the place names it.
            let offset = self.entries[second as usize].start as usize;
            self.entries.truncate(second as usize + 1);
            return Err((Kind::DuplicateKey, offset));
        }
        let next = self.entries.len() as u32;
        let container = &mut self.entries[entry as usize];
        (container.end, container.next) = (self.at as u32, next);
        Ok(())
    }

    /// Remembers the largest member of the root.
    fn closed_entry(&mut self, entry: u32) {
        let container = self.entries[entry as usize];
        let bytes = (container.end() - container.start) as usize;
        if self.largest.wanted && self.open.len() == 1 && bytes > self.largest.bytes {
            self.largest = Largest { entry, bytes, wanted: true };
        }
    }

    /// Reads all of the innermost container, which has no model, and so has nothing in it; gives its
    /// entry. Nearly every text is read here but for what repeats, so what changes at each token is
    /// kept close.
    fn children_alone(&mut self) -> Result<u32, Refused> {
        let text = self.text;
        let (mut at, mut spaced, mut escapes) = (self.at, false, false);
        let (base, mut values) = (self.open.len(), self.values);
        let (mut object, mut keys) = (self.innermost().object, Keys::default());
        let mut shape = Shape::UNKNOWN;
        macro_rules! skip_space {
            () => {
                while is_space(byte(text, at)) {
                    (at, spaced) = (at + 1, true);
                }
            };
        }
        let entry = loop {
            // What the value is probably like.
            let mut like = shape.next;
            if object {
                like = NONE;
                if shape.next != NONE {
                    (at, like) = self.foreseen_key(at, &mut shape, &mut keys);
                }
                if like == NONE {
                    if byte(text, at) != b'"' {
                        return Err(expected("a key in double quotes", at));
                    }
                    let (end, escaped) = token::string(text, at)?;
                    self.entries.push(Entry::new(self.entries.len(), at, end, escaped, FLAG));
                    keys.add(text, at, end, escaped);
                    (at, escapes) = (end, escapes | escaped);
                }
                skip_space!();
                if byte(text, at) != b':' {
                    return Err(expected("`:` after the key", at));
                }
                at += 1;
                skip_space!();
            }
            if values == self.max_values {
                return Err((Kind::TooManyValues { limit: values }, at));
            }
            values += 1;
            match byte(text, at) {
                b'"' => {
                    let (end, escaped) = token::string(text, at)?;
                    self.entries.push(Entry::new(self.entries.len(), at, end, escaped, 0));
                    (at, escapes) = (end, escapes | escaped);
                }
                b'-' | b'0'..=b'9' => {
                    let end = token::number(text, at)?;
                    self.entries.push(Entry::new(self.entries.len(), at, end, false, 0));
                    at = end;
                }
                opening @ (b'{' | b'[') => {
                    if self.open.len() == self.max_depth {
                        return Err((Kind::TooDeep { limit: self.max_depth }, at));
                    }
                    let entry = self.entries.len();
                    self.entries.push(Entry::new(entry, at, at, false, 0));
                    let above = self.innermost_mut();
                    (above.keys, above.shape) = (keys, shape);
                    (object, keys) = (opening == b'{', Keys::default());
                    shape = Shape::UNKNOWN;
                    if let Some(other) = self.entries.get(like as usize)
                        && byte(text, other.start as usize) == opening
                        && other.next() > like + 1
                    {
                        shape = Shape { next: like + 1, end: other.next() };
                        keys.foreseen = object;
                    }
                    self.open.push(Open::alone(entry as u32, object));
                    at += 1;
                    skip_space!();
                    if byte(text, at) != opening + 2 {
                        continue;
                    }
                }
                _ => {
                    let end = token::word(text, at)?;
                    self.entries.push(Entry::new(self.entries.len(), at, end, false, 0));
                    at = end;
                }
            }
            let closed = loop {
                skip_space!();
                match byte(text, at) {
                    b',' => {
                        at += 1;
                        skip_space!();
                        break None;
                    }
                    b'}' if object => {}
                    b']' if !object => {}
                    _ => return Err(expected(wanted(object), at)),
                }
                at += 1;
                let entry = self.innermost().entry;
                self.at = at;
                self.end_container(entry, keys.suspect)?;
                self.open.pop();
                if self.open.len() < base {
                    break Some(entry);
                }
                let above = self.innermost();
                (object, keys, shape) = (above.object, above.keys, above.shape);
                if !object {
                    shape.next = entry;
                }
            };
            if let Some(entry) = closed {
                break entry;
            }
        };
        (self.at, self.values) = (at, values);
        *self.plain &= !spaced && !escapes;
        Ok(entry)
    }

    /// Passes over a key that the object before had as well, and gives what is behind it and the value
    /// that it had there. Where it is another key, those so far get their bits, and nothing is
    /// expected any more.
    #[inline(always)]
    fn foreseen_key(&mut self, at: usize, shape: &mut Shape, keys: &mut Keys) -> (usize, u32) {
        // A few keys may be left out.
        for _ in 0..KEYS_LEFT_OUT {
            let other = self.entries[shape.next as usize];
            let (value, len) = (shape.next + 1, (other.end() - other.start) as usize);
            let next = self.entries[value as usize].next();
            shape.next = if next < shape.end { next } else { NONE };
            if same_bytes(self.text, other.start as usize, at, len) {
                let here = self.entries.len();
                let mut key = Entry::new(here, at, at + len, other.is_escaped(), FLAG);
                key.twin = other.twin;
                self.entries.push(key);
                return (at + len, value);
            }
            if shape.next == NONE {
                break;
            }
        }
        *shape = Shape::UNKNOWN;
        self.unforeseen(keys);
        (at, NONE)
    }

    /// Gives the keys of the innermost object so far their bits.
    #[cold]
    fn unforeseen(&self, keys: &mut Keys) {
        if !std::mem::take(&mut keys.foreseen) {
            return;
        }
        let mut at = self.innermost().entry + 1;
        while let Some(key) = self.entries.get(at as usize) {
            keys.add(self.text, key.start as usize, key.end() as usize, key.is_escaped());
            at = self.entries[at as usize + 1].next();
        }
    }

    /// Reads a key and its colon; gives the model of the value behind it.
    fn key(&mut self) -> Result<u32, Refused> {
        let start = self.at;
        let mut model = self.known_key();
        if model == NONE {
            if byte(self.text, start) != b'"' {
                return Err(expected("a key in double quotes", start));
            }
            let escaped;
            (self.at, escaped) = token::string(self.text, start)?;
            self.push(start, escaped, FLAG);
            model = self.find_key(start, escaped);
        }
        self.skip_space();
        if !self.eat(b':') {
            return Err(expected("`:` after the key", self.at));
        }
        self.skip_space();
        if self.largest.wanted && self.open.len() == 1 {
            model = self.largest.entry;
        }
        Ok(model)
    }

    /// Passes over a key that is the next of the model.
    fn known_key(&mut self) -> u32 {
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
    fn find_key(&mut self, start: usize, escaped: bool) -> u32 {
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
    fn copied_children(&mut self) -> bool {
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
    fn item_model(&mut self) -> u32 {
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
    fn copied(&mut self, model: u32) -> bool {
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
        self.entries.extend_from_within(from..to);
        let mut keys = 0;
        for entry in &mut self.entries[here..] {
            entry.start = entry.start.wrapping_add(delta);
            entry.end = entry.end.wrapping_add(delta);
            entry.next = entry.next.wrapping_add(shift);
            keys += entry.next >> 31;
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

    /// An entry for what stands between `start` and here.
    fn push(&mut self, start: usize, escaped: bool, key: u32) {
        *self.plain &= !escaped;
        self.entries.push(Entry::new(self.entries.len(), start, self.at, escaped, key));
    }

    fn innermost(&self) -> &Open {
        &self.open[self.open.len() - 1]
    }

    fn innermost_mut(&mut self) -> &mut Open {
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    fn skip_space(&mut self) {
        while is_space(byte(self.text, self.at)) {
            self.at += 1;
            *self.plain = false;
        }
    }

    fn eat(&mut self, wanted: u8) -> bool {
        let found = byte(self.text, self.at) == wanted;
        self.at += usize::from(found);
        found
    }

    /// Pointer to the value being read.
    fn place(&self) -> String {
        let mut place = String::new();
        for (depth, open) in self.open.iter().enumerate() {
            let child_end = self.open.get(depth + 1).map(|inner| inner.entry);
            let end = child_end.unwrap_or(self.entries.len() as u32);
            if open.object {
                pointer::push_key(&mut place, &self.key_in_front_of(end));
            } else {
                let mut count = 0;
                let mut at = open.entry + 1;
                while at < end {
                    at = self.entries[at as usize].next();
                    count += 1;
                }
                pointer::push_index(&mut place, count);
            }
        }
        place
    }

    /// The key that waits for its value; none in front of the next key.
    fn key_in_front_of(&self, end: u32) -> String {
        match self.entries.get((end as usize).wrapping_sub(1)) {
            Some(entry) if entry.is_key() => {
                let raw = &self.text[entry.start as usize + 1..entry.end() as usize - 1];
                decode(std::str::from_utf8(raw).unwrap_or_default()).into_owned()
            }
            _ => String::new(),
        }
    }
}

/// What [`Reader::item_model`] gives where the item has been read.
const COPIED: u32 = u32::MAX - 1;
const KEYS_LEFT_OUT: usize = 4;
/// How many keys of the model are tried for one that is not where it was expected.
const KEYS_TRIED: usize = 8;

fn wanted(object: bool) -> &'static str {
    if object { "`,` or `}`" } else { "`,` or `]`" }
}
