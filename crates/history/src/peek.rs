use sealtrail_record::json::{self, Limits};

/// What the sender of a change called it: the `source` of its record and `data.change_id`, where it has one.
///
/// Looks at the members in front of both and at nothing behind them. As with all of this file, a line that
/// is no record gives something odd or nothing, never an error.
pub fn change_id(line: &[u8]) -> Option<(String, String)> {
    let mut source = None;
    for (key, value) in Members::of(line) {
        match key {
            b"source" => source = text(value),
            b"data" => {
                let (_, id) = Members::of(value).find(|(key, _)| *key == b"change_id")?;
                return Some((source?, text(id)?));
            }
            _ => {}
        }
    }
    None
}

/// Finds the few members of a record that the index is made of, without building the value of a line: a
/// record may be megabytes long, and what is wanted stands near its front.
///
/// This skips values and does not check them. A line that is no JSON gives odd names or none; either way the
/// caller looks at the line that an answer points to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Names {
    pub(crate) id: Option<String>,
    pub(crate) correlation: Option<String>,
    pub(crate) entity: Option<(String, String)>,
}

impl Names {
    pub(crate) fn of(line: &[u8]) -> Self {
        let mut names = Self::default();
        for (key, value) in Members::of(line) {
            match key {
                b"id" => names.id = text(value),
                b"correlationid" => names.correlation = text(value),
                b"data" => {
                    let mut data = Members::of(value);
                    names.entity = data
                        .find(|(key, _)| *key == b"entity")
                        .and_then(|(_, value)| entity(value));
                }
                _ => {}
            }
        }
        names
    }
}

fn entity(object: &[u8]) -> Option<(String, String)> {
    let (mut kind, mut id) = (None, None);
    for (key, value) in Members::of(object) {
        match key {
            b"type" => kind = text(value),
            b"id" => id = text(value),
            _ => {}
        }
    }
    Some((kind?, id?))
}

/// The text of a JSON string. One longer than any name can be is none.
fn text(value: &[u8]) -> Option<String> {
    let limits = Limits { max_bytes: 64 << 10, max_depth: 1, max_values: 1 };
    json::parse(value, &limits).ok()?.as_str().map(str::to_owned)
}

/// The members of one object: each key as it is written between its quotes, each value as it is written.
struct Members<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Members<'a> {
    fn of(object: &'a [u8]) -> Self {
        let mut members = Self { text: object, at: 0 };
        members.space();
        // Anything but an object has no members: the position is past the end.
        if members.peek() == Some(b'{') {
            members.at += 1
        } else {
            members.at = object.len()
        }
        members
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Skips a string; the position is on its opening quote.
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    /// Skips a value of any kind. Brackets are counted, not matched, so depth costs nothing.
    fn value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    if depth == 0 {
                        return Some(());
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 1 => {
                    self.at += 1;
                    return Some(());
                }
                b'}' | b']' | b',' if depth == 0 => return Some(()),
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.space();
        if self.peek() == Some(b',') {
            self.at += 1;
            self.space();
        }
        if self.peek() != Some(b'"') {
            return None;
        }
        let key = self.at + 1;
        self.string()?;
        let key = &self.text[key..self.at - 1];
        self.space();
        if self.peek() != Some(b':') {
            return None;
        }
        self.at += 1;
        self.space();
        let value = self.at;
        self.value()?;
        Some((key, &self.text[value..self.at]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_record() {
        let line = r#"{"specversion":"1.0","id":"0199\u0041","source":"s","subject":"a\"b","time":"t",
            "correlationid":"a20e389c","data":{"entity":{"type":"pro\"duct","id":"1","x":[{"id":"9"}]},
            "changes":[{"op":"replace","path":"/id","old":"}]\\","new":{"id":"no"}}]},"last":1}"#;
        let names = Names::of(line.as_bytes());
        assert_eq!(names.id.as_deref(), Some("0199A"));
        assert_eq!(names.correlation.as_deref(), Some("a20e389c"));
        assert_eq!(names.entity, Some(("pro\"duct".into(), "1".into())));
    }

    #[test]
    fn what_the_sender_called_it() {
        let of = |line: &str| change_id(line.as_bytes());
        let both = Some(("shop".to_owned(), "c\"7".to_owned()));
        assert_eq!(of(r#"{"id":"r","source":"shop","data":{"a":{},"change_id":"c\"7"}}"#), both);
        for line in [
            "",
            r#"{"source":"shop","data":{"a":{"change_id":"c"}}}"#,
            r#"{"source":"shop","change_id":"c","data":{}}"#,
            r#"{"source":"shop","data":{"change_id":7}}"#,
            r#"{"data":{"change_id":"c"}}"#,
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_not_there_or_no_text_is_none() {
        for line in [
            "",
            "{}",
            "null",
            "[1]",
            "{\"id\"",
            r#"{"id":7,"correlationid":null,"data":{"entity":{"type":"x"}}}"#,
        ] {
            assert_eq!(Names::of(line.as_bytes()), Names::default(), "{line}");
        }
    }

    #[test]
    fn every_prefix_and_every_changed_byte_is_survived() {
        let line = br#"{"id":"0199","correlationid":"a\\","data":{"entity":{"type":"t","id":"1"},"c":[[],{}]}}"#;
        for end in 0..line.len() {
            Names::of(&line[..end]);
            for byte in [b'"', b'\\', b'{', b'}', b'[', b']', b',', b':', 0, 0xff] {
                let mut edited = line.to_vec();
                edited[end] = byte;
                Names::of(&edited);
            }
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = format!(r#"{{"x":{}{},"id":"0199"}}"#, "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(Names::of(deep.as_bytes()).id.as_deref(), Some("0199"));
        let open = format!(r#"{{"x":{}"#, "[".repeat(200_000));
        assert_eq!(Names::of(open.as_bytes()), Names::default());
    }
}
