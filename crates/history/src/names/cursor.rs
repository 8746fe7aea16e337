use sealtrail_record::json::end_of_plain;

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
        let mut end = self.at;
        loop {
            end = end_of_plain(self.text, end);
            match self.text.get(end)? {
                b'"' => {
                    self.at = end + 1;
                    return Some(());
                }
                b'\\' => {
                    end += 2;
                    self.at = end;
                }
                // A control character, which is not for us to refuse.
                _ => end += 1,
            }
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
