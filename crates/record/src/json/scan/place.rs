use super::Reader;
use crate::json::text::decode;
use crate::pointer;

impl Reader<'_> {
    /// Pointer to the value being read.
    pub(super) fn place(&self) -> String {
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
