/// A place in the text of a record: goes into what is of interest, and skips the rest.
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Goes behind the bracket, if one is here.
    pub(super) fn enter(&mut self, bracket: u8) -> Option<()> {
        self.space();
        (self.peek()? == bracket).then(|| self.at += 1)
    }

    /// The next key of the object, as it is written between its quotes; `None` behind its end, or where it
    /// is none.
    pub(super) fn key(&mut self) -> Option<&'a [u8]> {
        if !self.item() {
            return None;
        }
        let start = self.at + 1;
        if self.peek()? != b'"' {
            return self.give_up();
        }
        self.string()?;
        let key = &self.text[start..self.at - 1];
        self.space();
        if self.peek()? != b':' {
            return self.give_up();
        }
        self.at += 1;
        Some(key)
    }

    /// Whether an array or object has another member; if not, goes behind its end.
    pub(super) fn item(&mut self) -> bool {
        self.space();
        if self.peek() == Some(b',') {
            self.at += 1;
            self.space();
        }
        match self.peek() {
            Some(b']' | b'}') => {
                self.at += 1;
                false
            }
            None => false,
            Some(_) => true,
        }
    }

    /// Goes into the next item of an array that is an object, past those that are none; false behind the end of the
    /// array.
    pub(super) fn next_object(&mut self) -> Option<bool> {
        while self.item() {
            if self.enter(b'{').is_some() {
                return Some(true);
            }
            self.skip()?;
        }
        Some(false)
    }

    /// The value here as it is written, and goes behind it.
    pub(super) fn value(&mut self) -> Option<&'a [u8]> {
        self.space();
        let start = self.at;
        self.skip()?;
        Some(&self.text[start..self.at])
    }

    /// Goes behind the value. Brackets are counted, not matched, so depth costs nothing.
    pub(super) fn skip(&mut self) -> Option<()> {
        self.space();
        match self.peek()? {
            b'"' => self.string(),
            b'{' | b'[' => self.nested(),
            _ => {
                let rest = &self.text[self.at..];
                let end = rest.iter().position(|byte| {
                    matches!(byte, b'}' | b']' | b',' | b' ' | b'\t' | b'\n' | b'\r')
                });
                match end {
                    // Nothing at all is no value, and whoever asks on would ask for ever.
                    Some(0) => self.give_up(),
                    Some(end) => {
                        self.at += end;
                        Some(())
                    }
                    None => None,
                }
            }
        }
    }

    /// Goes behind the object or array; its bracket is here.
    fn nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 1 => {
                    self.at += 1;
                    return Some(());
                }
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Goes behind a string; its opening quote is here.
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            self.at += quote_or_backslash(self.text.get(self.at..)?)?;
            if self.text[self.at] == b'"' {
                self.at += 1;
                return Some(());
            }
            self.at += 2;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// What is no JSON is read no further.
    fn give_up<T>(&mut self) -> Option<T> {
        self.at = self.text.len();
        None
    }
}

/// Where the first quote or backslash is. To find the ends of strings is most of what reading a line costs, and most
/// are so short that calling for a search takes longer than the search.
fn quote_or_backslash(rest: &[u8]) -> Option<usize> {
    const SHORT: usize = 4;
    let words = &rest.as_chunks().0;
    let words = &words[..words.len().min(SHORT)];
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found =
            zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return Some(8 * number + found.trailing_zeros() as usize / 8);
        }
    }
    let passed = 8 * words.len();
    Some(passed + memchr::memchr2(b'"', b'\\', &rest[passed..])?)
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// The highest bit of each byte that is 0, and perhaps of some above the lowest such byte.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & ONES << 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_quote_or_backslash_is_found_wherever_it_is() {
        for length in 0..80 {
            for filling in [b'a', b'!', b'#', b'[', b']', 0, 0xff, 0xa2, 0xdc] {
                let mut text = vec![filling; length];
                assert_eq!(quote_or_backslash(&text), None);
                for at in (0..length).rev() {
                    text[at] = if at % 2 == 0 { b'"' } else { b'\\' };
                    assert_eq!(quote_or_backslash(&text), Some(at), "{text:?}");
                }
            }
        }
    }
}
