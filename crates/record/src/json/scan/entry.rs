/// A value, or the key in front of one.
#[derive(Debug, Clone, Copy)]
pub(in crate::json) struct Entry {
    pub(in crate::json) start: u32,
    /// Offset behind it; the top bit says that it is a string with escapes.
    pub(super) end: u32,
    /// The entry behind all that it holds; the top bit says that it is a key.
    pub(super) next: u32,
    /// The first entry that is known to have the same bytes.
    pub(in crate::json) twin: u32,
}

pub(super) const FLAG: u32 = 1 << 31;

/// No entry.
pub(super) const NONE: u32 = u32::MAX;

impl Entry {
    /// The entry `here`, which holds no others so far; `key` is the flag of a key or zero.
    #[inline(always)]
    pub(super) fn new(here: usize, start: usize, end: usize, escaped: bool, key: u32) -> Self {
        let end = end as u32 | if escaped { FLAG } else { 0 };
        let here = here as u32;
        Self { start: start as u32, end, next: (here + 1) | key, twin: here }
    }

    /// The same so many bytes and so many entries further on.
    #[inline(always)]
    pub(super) fn moved(&self, bytes: u32, entries: u32) -> Self {
        Self {
            start: self.start.wrapping_add(bytes),
            end: self.end.wrapping_add(bytes),
            next: self.next.wrapping_add(entries),
            twin: self.twin,
        }
    }

    pub(in crate::json) fn end(&self) -> u32 {
        self.end & !FLAG
    }

    pub(in crate::json) fn next(&self) -> u32 {
        self.next & !FLAG
    }

    pub(in crate::json) fn is_key(&self) -> bool {
        self.next & FLAG != 0
    }

    pub(in crate::json) fn is_escaped(&self) -> bool {
        self.end & FLAG != 0
    }
}
