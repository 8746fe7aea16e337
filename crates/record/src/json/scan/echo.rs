//! Containers that are written as the one before was, but for their scalars.
//!
//! Between two scalars of a container stand closing and opening brackets, commas, keys and colons.
//! Where an item of an array has the keys of the item before it, in its order, this *seam* is mostly
//! the same byte for byte, and what was valid there is valid here. Then only the scalars are read,
//! and the entries are those of the other, moved.

use super::entry::{Entry, FLAG, NONE};
use super::keys::{Keys, Shape};
use super::{Open, Reader};
use crate::json::text::same_bytes;
use crate::json::token::{self, byte};

/// How far an echo was read.
pub(super) struct Echo {
    /// Behind the last thing that was read: a whole container, or a scalar in one.
    pub(super) at: usize,
    /// The last container that was read whole, if nothing was read behind it.
    pub(super) whole: Option<u32>,
}

impl Reader<'_> {
    /// Reads a container at `at`, as far as it is written as the container `other` is, which was read
    /// on the same level; and, as `items` of one array, those behind it as long as they are alike.
    /// If the last one is not read whole, the containers that are open are on the stack. `None` where
    /// nothing was read.
    #[inline(never)]
    pub(super) fn echoes(&mut self, mut at: usize, mut other: u32, items: bool) -> Option<Echo> {
        let mut whole = None;
        loop {
            let here = self.entries.len();
            let (end, partly) = self.echo(at, other as usize);
            match (end, partly) {
                (Some(end), false) => {
                    whole = Some(Echo { at: end, whole: Some(here as u32) });
                    if !items || byte(self.text, end) != b',' {
                        return whole;
                    }
                    (at, other) = (end + 1, here as u32);
                }
                (Some(end), true) => return Some(Echo { at: end, whole: None }),
                _ => return whole,
            }
        }
    }

    #[inline(always)]
    fn echo(&mut self, mut at: usize, first: usize) -> (Option<usize>, bool) {
        let text = self.text;
        let here = self.entries.len();
        let whole = self.entries[first];
        let count = whole.next() as usize - first;
        if count > self.max_values - self.values {
            return (None, false);
        }
        self.entries.resize(here + count, Entry::new(0, 0, 0, false, 0));
        let (before, copies) = self.entries.split_at_mut(here);
        let (others, copies) = (&before[first..first + count], &mut copies[..count]);
        // Where the seam begins in the other, and how far from there the same is here.
        let mut seam = whole.start;
        let mut delta = (at as u32).wrapping_sub(seam);
        let shift = (here as u32).wrapping_sub(first as u32);
        // The innermost container that is open, and the entry of the other behind all it holds. Its
        // copy has the one around it for an end so far.
        let (mut inner, mut inner_end) = (NONE, NONE);
        let (mut values, mut escapes, mut read) = (0, false, 0);
        for k in 0..count {
            let entry = others[k];
            let number = (first + k) as u32;
            while number == inner_end {
                (inner, inner_end) = close(others, copies, inner, delta);
            }
            let mut copy = Entry {
                start: entry.start.wrapping_add(delta),
                end: entry.end.wrapping_add(delta),
                next: entry.next.wrapping_add(shift),
                twin: entry.twin,
            };
            if entry.next & FLAG != 0 {
                copies[k] = copy;
                continue;
            }
            copy.twin = (here + k) as u32;
            values += 1;
            if entry.next == number + 1 {
                let len = entry.start.wrapping_sub(seam) as usize;
                if !same_bytes(text, seam as usize, at, len) {
                    break;
                }
                at += len;
                let Some((behind, escaped)) = leaf(text, at, &entry) else { break };
                copy.end = behind as u32 | if escaped { FLAG } else { 0 };
                escapes |= escaped;
                (at, seam, read) = (behind, entry.end(), k + 1);
                delta = (at as u32).wrapping_sub(seam);
            } else {
                copy.end = inner;
                (inner, inner_end) = (k as u32, entry.next);
            }
            copies[k] = copy;
        }
        *self.plain &= !escapes;
        if read == count {
            let len = whole.end().wrapping_sub(seam) as usize;
            if same_bytes(text, seam as usize, at, len) {
                while inner != NONE {
                    (inner, _) = close(others, copies, inner, delta);
                }
                self.values += values;
                return (Some(at + len), false);
            }
        }
        self.entries.truncate(here + read);
        if read == 0 {
            return (None, false);
        }
        self.open_echoes(here, first);
        (Some((self.entries[here + read - 1].end()) as usize), true)
    }

    /// Puts the containers that are open behind what has been read on the stack, and counts that.
    #[cold]
    fn open_echoes(&mut self, here: usize, first: usize) {
        let read = self.entries.len() - here;
        let due = (first + read) as u32;
        let base = self.open.len();
        for k in 0..read {
            let (other, copy) = (self.entries[first + k], self.entries[here + k]);
            if copy.is_key() {
                continue;
            }
            self.values += 1;
            // A scalar ends before what is due, and so does a container that has been closed.
            if other.next <= (first + k) as u32 + 1 || other.next < due {
                continue;
            }
            let object = byte(self.text, copy.start as usize) == b'{';
            let mut open = Open::alone((here + k) as u32, object);
            if object {
                open.keys = Keys { foreseen: true, ..Keys::default() };
                open.shape = Shape { next: due, end: other.next };
            }
            if let Some(around) = self.open[base..].last_mut()
                && around.object
            {
                around.shape.next = other.next;
            }
            self.open.push(open);
        }
        for open in &mut self.open[base..] {
            if open.shape.next >= open.shape.end {
                open.shape = Shape::UNKNOWN;
            }
        }
    }
}

/// Completes the copy of a container, and gives the one around it.
#[inline(always)]
fn close(others: &[Entry], copies: &mut [Entry], inner: u32, delta: u32) -> (u32, u32) {
    let (Some(other), Some(copy)) = (others.get(inner as usize), copies.get_mut(inner as usize))
    else {
        return (NONE, NONE);
    };
    let around = std::mem::replace(&mut copy.end, other.end.wrapping_add(delta));
    (around, others.get(around as usize).map_or(NONE, |around| around.next))
}

/// The end of a scalar, or of an empty container where the other is the same one.
#[inline(always)]
fn leaf(text: &[u8], at: usize, other: &Entry) -> Option<(usize, bool)> {
    match byte(text, at) {
        b'"' => token::string(text, at).ok(),
        b'-' | b'0'..=b'9' => Some((token::number(text, at).ok()?, false)),
        b'{' | b'[' => {
            let (start, len) = (other.start as usize, (other.end() - other.start) as usize);
            let same = matches!(byte(text, start), b'{' | b'[') && same_bytes(text, start, at, len);
            same.then_some((at + len, false))
        }
        _ => Some((token::word(text, at).ok()?, false)),
    }
}
