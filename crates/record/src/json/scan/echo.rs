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

/// Containers and keys in front of the first scalar, beyond which a container that is not known to
/// come again is no model.
const FIRST_SEAM: usize = 16;

/// How many entries a container may have whose seams are kept. Its copies are made room for at once,
/// which must not cost much where little of one is read.
const SEAMS_OF: usize = 128;

/// How far an echo was read.
pub(super) struct Echo {
    /// Behind the last thing that was read: a whole container, or a scalar in one.
    pub(super) at: usize,
    /// The last container that was read whole, if nothing was read behind it.
    pub(super) whole: Option<u32>,
}

/// How much of a container was read.
enum Read {
    Nothing,
    Partly(usize),
    Whole(usize),
}

/// What is known of containers that may come again.
#[derive(Default)]
pub(super) struct Known {
    seams: [Seams; 4],
    /// The seams that are the next to be forgotten.
    turn: usize,
    /// Entries of items that were like nothing before, by their level, with the level.
    strange: [(u32, usize); 8],
}

impl Known {
    pub(super) fn forget(&mut self) {
        self.seams.iter_mut().for_each(|seams| seams.each.clear());
        self.strange = [(NONE, 0); 8];
    }

    /// Notes the item of an array that was not read as an echo.
    #[inline]
    pub(super) fn note(&mut self, item: u32, level: usize) {
        self.strange[level % 8] = (item, level);
    }
}

/// The seams of a container, for those that are read after it. None where nothing is known.
#[derive(Default)]
struct Seams {
    /// The entry of the container and how many there are of it.
    first: usize,
    count: usize,
    /// How many of them are values.
    values: usize,
    /// In how many containers it is. In another that is as deep it may be read again.
    level: usize,
    each: Vec<Seam>,
    /// Where the last one begins, which no scalar follows, and its length.
    behind: (u32, usize),
    /// Containers, counted from the whole one on, in the order in which they end.
    ends: Vec<u32>,
    /// Room to find them in.
    open: Vec<u32>,
}

/// What stands in front of a scalar.
#[derive(Clone, Copy)]
struct Seam {
    start: u32,
    len: u32,
    /// The entry of the scalar, counted from that of the whole container on.
    leaf: u32,
    /// How many containers end in this seam or before it.
    ended: u32,
}

impl Reader<'_> {
    /// Reads a container at `at` as far as it is written as one that was read on the same level, maybe
    /// `like`; and, as `items` of one array, those behind it as long as they are echoes. If the last
    /// one is not read whole, the containers that are open are on the stack. `None` where nothing was
    /// read.
    #[inline(never)]
    pub(super) fn echoes(&mut self, mut at: usize, like: u32, items: bool) -> Option<Echo> {
        let level = self.open.len();
        let mut last = None;
        let mut slot = 0;
        loop {
            let here = self.entries.len() as u32;
            let mut read = Read::Nothing;
            // The one that came last first.
            for _ in 0..self.known.seams.len() {
                read = self.echo_of_seams(at, slot, level);
                if !matches!(read, Read::Nothing) {
                    break;
                }
                slot = (slot + 1) % self.known.seams.len();
            }
            if matches!(read, Read::Nothing) && last.is_none() {
                let (strange, of_level) = self.known.strange[level % 8];
                let mut model = like;
                read = self.echo(at, like);
                if matches!(read, Read::Nothing) && of_level == level && strange != like {
                    model = strange;
                    read = self.echo(at, strange);
                }
                if let Read::Whole(end) = read
                    && items
                    && byte(self.text, end) == b','
                {
                    // Where two are alike there may be more.
                    slot = self.known.turn;
                    self.known.turn = (slot + 1) % self.known.seams.len();
                    self.find_seams(slot, model as usize, level);
                }
            }
            match read {
                Read::Nothing => return last,
                Read::Partly(at) => return Some(Echo { at, whole: None }),
                Read::Whole(end) => last = Some(Echo { at: end, whole: Some(here) }),
            }
            match last {
                Some(Echo { at: end, .. }) if items && byte(self.text, end) == b',' => at = end + 1,
                _ => return last,
            }
        }
    }

    /// Reads a container by the seams of another one.
    #[inline(always)]
    fn echo_of_seams(&mut self, mut at: usize, slot: usize, level: usize) -> Read {
        let text = self.text;
        let Seams { first, count, values, level: of_level, each: seams, behind, ends, .. } =
            &self.known.seams[slot];
        let (first, count) = (*first, *count);
        let Some(seam) = seams.first() else { return Read::Nothing };
        if *of_level != level
            || *values > self.max_values - self.values
            || !same_bytes(text, seam.start as usize, at, seam.len as usize)
        {
            return Read::Nothing;
        }
        let here = self.entries.len();
        let shift = (here as u32).wrapping_sub(first as u32);
        self.entries.resize(here + count, Entry::new(0, 0, 0, false, 0));
        let (others, copies) = self.entries.split_at_mut(here);
        let (others, copies) = (&others[first..first + count], &mut copies[..count]);
        let (mut from, mut ended, mut escapes) = (0, 0, false);
        for seam in seams {
            let delta = (at as u32).wrapping_sub(seam.start);
            let (leaf, len) = (seam.leaf as usize, seam.len as usize);
            if !same_bytes(text, seam.start as usize, at, len) {
                break;
            }
            let start = at.wrapping_add(len);
            let Some((end, escaped)) = leaf_end(text, start, &others[leaf]) else { break };
            for (copy, other) in copies[from..leaf].iter_mut().zip(&others[from..leaf]) {
                *copy = other.moved(delta, shift);
            }
            copies[leaf] = Entry::new(here + leaf, start, end, escaped, 0);
            let until = seam.ended as usize;
            close(others, copies, &ends[ended..until], delta, here);
            (at, from, ended, escapes) = (end, leaf + 1, until, escapes | escaped);
        }
        *self.plain &= !escapes;
        let (start, len) = *behind;
        if from == count && same_bytes(text, start as usize, at, len) {
            let delta = (at as u32).wrapping_sub(start);
            close(others, copies, &ends[ended..], delta, here);
            self.values += *values;
            return Read::Whole(at + len);
        }
        self.entries.truncate(here + from);
        if from == 0 {
            return Read::Nothing;
        }
        self.open_echoes(here, first);
        Read::Partly(at)
    }

    /// Finds the seams of the container at the entry `first`.
    fn find_seams(&mut self, slot: usize, first: usize, level: usize) {
        let count = self.entries[first].next() as usize - first;
        if count > SEAMS_OF {
            return;
        }
        let entries = &self.entries[first..first + count];
        let Seams { each: seams, ends, open, .. } = &mut self.known.seams[slot];
        seams.clear();
        ends.clear();
        open.clear();
        let mut values = 0;
        let mut start = entries[0].start;
        for (here, entry) in entries.iter().enumerate() {
            values += usize::from(!entry.is_key());
            while let Some(inner) = open.last()
                && entries[*inner as usize].next() as usize == first + here
            {
                ends.extend(open.pop());
            }
            if entry.next as usize == first + here + 1 {
                let (len, ended) = (entry.start - start, ends.len() as u32);
                seams.push(Seam { start, len, leaf: here as u32, ended });
                start = entry.end();
            } else if !entry.is_key() {
                open.push(here as u32);
            }
        }
        ends.append(open);
        let behind = (start, (entries[0].end() - start) as usize);
        let seams = &mut self.known.seams[slot];
        (seams.first, seams.count, seams.values) = (first, count, values);
        (seams.level, seams.behind) = (level, behind);
    }

    /// Reads a container by the entries of another one.
    #[inline(never)]
    fn echo(&mut self, mut at: usize, other: u32) -> Read {
        let text = self.text;
        let (here, first) = (self.entries.len(), other as usize);
        let Some(&whole) = self.entries.get(first) else { return Read::Nothing };
        let count = whole.next() as usize - first;
        if count == 1
            || count > self.max_values - self.values
            || byte(text, at) != byte(text, whole.start as usize)
        {
            return Read::Nothing;
        }
        // Where the seam begins in the other, and how far from there the same is here.
        let mut seam = whole.start;
        let mut delta = (at as u32).wrapping_sub(seam);
        let shift = (here as u32).wrapping_sub(first as u32);
        // The innermost container that is open, and the entry of the other behind all it holds. Its
        // copy has the one around it for an end so far.
        let (mut inner, mut inner_end) = (NONE, NONE);
        let (mut values, mut escapes, mut read) = (0, false, 0);
        for k in 0..count {
            let entry = self.entries[first + k];
            let number = (first + k) as u32;
            while number == inner_end {
                (inner, inner_end) = self.close_echo(here, first, inner, delta);
            }
            let mut copy = Entry {
                start: entry.start.wrapping_add(delta),
                end: entry.end.wrapping_add(delta),
                next: entry.next.wrapping_add(shift),
                twin: entry.twin,
            };
            if entry.next & FLAG != 0 {
                self.entries.push(copy);
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
                let Some((behind, escaped)) = leaf_end(text, at, &entry) else { break };
                copy.end = behind as u32 | if escaped { FLAG } else { 0 };
                escapes |= escaped;
                (at, seam, read) = (behind, entry.end(), k + 1);
                delta = (at as u32).wrapping_sub(seam);
            } else {
                if read == 0 && k > FIRST_SEAM {
                    break;
                }
                copy.end = inner;
                (inner, inner_end) = (k as u32, entry.next);
            }
            self.entries.push(copy);
        }
        *self.plain &= !escapes;
        if read == count {
            let len = whole.end().wrapping_sub(seam) as usize;
            if same_bytes(text, seam as usize, at, len) {
                while inner != NONE {
                    (inner, _) = self.close_echo(here, first, inner, delta);
                }
                self.values += values;
                return Read::Whole(at + len);
            }
        }
        self.entries.truncate(here + read);
        if read == 0 {
            return Read::Nothing;
        }
        self.open_echoes(here, first);
        Read::Partly(self.entries[here + read - 1].end() as usize)
    }

    /// Completes the copy of a container; gives the one around it, and where that ends.
    #[inline(always)]
    fn close_echo(&mut self, here: usize, first: usize, inner: u32, delta: u32) -> (u32, u32) {
        let end = self.entries[first + inner as usize].end.wrapping_add(delta);
        let around = std::mem::replace(&mut self.entries[here + inner as usize].end, end);
        match around {
            NONE => (NONE, NONE),
            _ => (around, self.entries[first + around as usize].next),
        }
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
            self.entries[here + k].twin = (here + k) as u32;
            self.open.push(open);
        }
        for open in &mut self.open[base..] {
            if open.shape.next >= open.shape.end {
                open.shape = Shape::UNKNOWN;
            }
        }
    }
}

/// Completes the copies of containers that end here.
#[inline(always)]
fn close(others: &[Entry], copies: &mut [Entry], ends: &[u32], delta: u32, here: usize) {
    for &container in ends {
        let copy = &mut copies[container as usize];
        copy.end = others[container as usize].end.wrapping_add(delta);
        copy.twin = container.wrapping_add(here as u32);
    }
}

/// The end of a scalar, or of an empty container where the other is the same one.
#[inline(always)]
fn leaf_end(text: &[u8], at: usize, other: &Entry) -> Option<(usize, bool)> {
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
