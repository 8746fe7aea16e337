//! The reader: one pass, an explicit stack instead of recursion, a bound on everything. It builds
//! no values; it notes where each begins and ends.
//!
//! A text that holds two images of one thing repeats itself. Where a container is read beside one
//! that came before it (its *model*), children that are byte for byte those of the model are not
//! read again: they were valid there, and what is known of them is copied. What matched is noted,
//! so that a comparison of the two need not look at it again.

use super::error::{Error, Kind};
use super::text::{common_prefix, decode, end_of_plain, first_not_utf8};
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

pub(super) type Refused = (Kind, usize);

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
    /// Of the keys so far one bit each: a key whose bit is free is new.
    seen: u64,
    /// Whether two keys may be the same.
    suspect: bool,
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
            true => Err(self.expected("the end of the text")),
            false => Ok(()),
        }
    }

    /// Reads on until all that is open is closed. A child of the innermost container is due.
    fn children(&mut self) -> Result<(), Refused> {
        loop {
            if !self.copied_children() {
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
                    return Err(self.expected(if object { "`,` or `}`" } else { "`,` or `]`" }));
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
        match self.peek() {
            Some(opening @ (b'{' | b'[')) => return self.open(opening, model),
            Some(b'"') => escaped = self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word(b"true")?,
            Some(b'f') => self.word(b"false")?,
            Some(b'n') => self.word(b"null")?,
            _ => return Err(self.expected("a value")),
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
            seen: 0,
            suspect: false,
        });
        self.skip_space();
        if self.eat(if object { b'}' } else { b']' }) {
            self.close()?;
            return Ok(false);
        }
        Ok(true)
    }

    fn close(&mut self) -> Result<(), Refused> {
        let next = self.entries.len() as u32;
        let Some(open) = self.open.last() else { return Ok(()) };
        let entry = open.entry;
        if open.suspect {
            let twice = duplicates::first(self.text, self.entries, entry, self.keys);
            if let Some(second) = twice {
                // Put away what stands behind it, so that the place names it.
                let offset = self.entries[second as usize].start as usize;
                self.entries.truncate(second as usize + 1);
                return Err((Kind::DuplicateKey, offset));
            }
        }
        self.open.pop();
        let container = &mut self.entries[entry as usize];
        (container.end, container.next) = (self.at as u32, next);
        let bytes = self.at - container.start as usize;
        if self.largest.wanted && self.open.len() == 1 && bytes > self.largest.bytes {
            self.largest = Largest { entry, bytes, wanted: true };
        }
        Ok(())
    }

    /// Reads a key and its colon; gives the model of the value behind it.
    fn key(&mut self) -> Result<u32, Refused> {
        let start = self.at;
        let mut model = self.known_key();
        if model == NONE {
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in double quotes"));
            }
            let escaped = self.string()?;
            self.push(start, escaped, FLAG);
            model = self.find_key(start, escaped);
        }
        self.skip_space();
        if !self.eat(b':') {
            return Err(self.expected("`:` after the key"));
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
        let bit = 1 << (spread(raw) & 63);
        open.suspect |= escaped || open.seen & bit != 0 || open.model != NONE;
        open.seen |= bit;
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

    /// Reads a string; true where it has escapes.
    fn string(&mut self) -> Result<bool, Refused> {
        let mut escaped = false;
        self.at += 1;
        loop {
            self.at = end_of_plain(self.text, self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    (escaped, *self.plain) = (true, false);
                    self.escape()?;
                }
                None => return Err(self.expected("the closing quote of a string")),
                Some(_) => return Err(self.expected("an escape for a control character")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Refused> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                let unit = self.four_hex()?;
                if (0xD800..0xE000).contains(&unit) {
                    let paired = unit < 0xDC00 && self.eat(b'\\') && self.eat(b'u');
                    let low = if paired { self.four_hex()? } else { 0 };
                    if !(0xDC00..0xE000).contains(&low) {
                        return Err((Kind::LoneSurrogate, start));
                    }
                }
            }
            _ => return Err(self.expected("one of `\"\\/bfnrtu` after a backslash")),
        }
        Ok(())
    }

    fn four_hex(&mut self) -> Result<u32, Refused> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| (b as char).to_digit(16));
            let Some(digit) = digit else { return Err(self.expected("four hexadecimal digits")) };
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }

    fn number(&mut self) -> Result<(), Refused> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Refused> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Refused> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.expected("a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// An entry for what stands between `start` and here.
    fn push(&mut self, start: usize, escaped: bool, key: u32) {
        let here = self.entries.len() as u32;
        let end = self.at as u32 | if escaped { FLAG } else { 0 };
        self.entries.push(Entry { start: start as u32, end, next: (here + 1) | key, twin: here });
    }

    fn innermost(&self) -> &Open {
        &self.open[self.open.len() - 1]
    }

    fn innermost_mut(&mut self) -> &mut Open {
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    #[inline]
    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
            *self.plain = false;
        }
    }

    #[inline]
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn expected(&self, what: &'static str) -> Refused {
        (Kind::Syntax { expected: what }, self.at)
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
/// How many keys of the model are tried for one that is not where it was expected.
const KEYS_TRIED: usize = 8;

/// Some bits that differ between most keys of one object.
fn spread(key: &[u8]) -> u32 {
    let at = |i: usize| u32::from(key.get(i).copied().unwrap_or(0));
    let len = key.len();
    let mixed = at(1) ^ at(len / 2) << 5 ^ at(len.saturating_sub(2)) << 10 ^ (len as u32) << 15;
    mixed.wrapping_mul(0x9E37_79B1) >> 26
}
