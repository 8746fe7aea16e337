//! The reader: one pass, an explicit stack instead of recursion, a bound on everything. It builds
//! no values; it notes where each begins and ends.
//!
//! A text that holds two images of one thing repeats itself. Where a container is read beside one
//! that came before it (its *model*), children that are byte for byte those of the model are not
//! read again: they were valid there, and what is known of them is copied. What matched is noted,
//! so that a comparison of the two need not look at it again.

mod alone;
mod echo;
mod entry;
mod keys;
mod model;
mod place;

use super::error::{Error, Kind};
use super::text::first_not_utf8;
use super::token::{self, Refused, byte, expected, is_space};
use super::{Limits, duplicates};
use echo::Known;
pub(super) use entry::Entry;
use entry::{FLAG, NONE};
use keys::{Keys, Shape};
use model::{COPIED, PATIENCE, Run};

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
    known: Known,
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
    let Buffers { entries, plain, open, keys, known } = buffers;
    known.forget();
    open.clear();
    // A value every ten bytes is usual; growing from nothing would copy all of them several times.
    entries.reserve(input.len() / 10);
    // A number at the end of a text has nothing behind it by which it would be whole.
    let model = model.filter(|model| {
        let of_model = entries.get(*model as usize).map(|entry| byte(text, entry.start as usize));
        matches!(of_model, Some(b'{' | b'['))
    });
    let largest = Largest { entry: NONE, bytes: 0, wanted: echoes };
    let mut reader = Reader {
        text,
        at: from,
        entries,
        plain,
        open,
        keys,
        known,
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
    known: &'r mut Known,
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

/// The largest container among the members of the root.
struct Largest {
    entry: u32,
    bytes: usize,
    wanted: bool,
}

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
}

fn wanted(object: bool) -> &'static str {
    if object { "`,` or `}`" } else { "`,` or `]`" }
}
