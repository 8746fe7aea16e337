//! Containers without a model: nearly every text but for what repeats.

use super::entry::{Entry, FLAG, NONE};
use super::keys::{Keys, Shape};
use super::{Open, Reader, wanted};
use crate::json::error::Kind;
use crate::json::text::same_bytes;
use crate::json::token::{self, Refused, byte, expected, is_space};

impl Reader<'_> {
    /// Reads all of the innermost container, which has no model, and so has nothing in it; gives its
    /// entry. Nearly every text is read here but for what repeats, so what changes at each token is
    /// kept close.
    pub(super) fn children_alone(&mut self) -> Result<u32, Refused> {
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
                    (at, like) = self.foreseen_key(at, &mut shape);
                }
                if like == NONE {
                    self.unforeseen(&mut keys);
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
                    let above = self.innermost_mut();
                    (above.keys, above.shape) = (keys, shape);
                    let other = self.entries.get(like as usize).filter(|other| {
                        byte(text, other.start as usize) == opening && other.next() > like + 1
                    });
                    let inside = other.map(|other| Shape { next: like + 1, end: other.next() });
                    self.values = values - 1;
                    if (!object || inside.is_some())
                        && let Some(echo) = self.echoes(at, like, !object)
                    {
                        (at, values) = (echo.at, self.values);
                        if let Some(last) = echo.whole {
                            if !object {
                                shape.next = last;
                            }
                        } else {
                            let innermost = self.innermost();
                            (object, keys, shape) =
                                (innermost.object, innermost.keys, innermost.shape);
                        }
                    } else {
                        self.entries.push(Entry::new(entry, at, at, false, 0));
                        (object, keys) = (opening == b'{', Keys::default());
                        shape = Shape::UNKNOWN;
                        if let Some(inside) = inside {
                            shape = inside;
                            keys.foreseen = object;
                        }
                        self.open.push(Open::alone(entry as u32, object));
                        at += 1;
                        skip_space!();
                        if byte(text, at) != opening + 2 {
                            continue;
                        }
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
                    self.known.note(entry, self.open.len());
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
    /// that it had there. Where it is another key, nothing is expected any more.
    #[inline(always)]
    fn foreseen_key(&mut self, at: usize, shape: &mut Shape) -> (usize, u32) {
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
        (at, NONE)
    }

    /// Gives the keys of the innermost object so far their bits, if they have none.
    #[inline(always)]
    fn unforeseen(&self, keys: &mut Keys) {
        if std::mem::take(&mut keys.foreseen) {
            self.add_keys(keys);
        }
    }

    #[cold]
    fn add_keys(&self, keys: &mut Keys) {
        let mut at = self.innermost().entry + 1;
        while let Some(key) = self.entries.get(at as usize) {
            keys.add(self.text, key.start as usize, key.end() as usize, key.is_escaped());
            at = self.entries[at as usize + 1].next();
        }
    }
}

const KEYS_LEFT_OUT: usize = 4;
