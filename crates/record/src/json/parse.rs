//! The reader: one pass, an explicit stack instead of recursion, a bound on everything.

use std::borrow::Cow;

use super::error::{Error, Kind};
use super::value::{Member, Value};
use crate::pointer;

/// What a text may cost at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest input, in bytes.
    pub max_bytes: usize,
    /// Deepest nesting of arrays and objects.
    pub max_depth: usize,
    /// Most values (scalars, arrays and objects) in one text.
    pub max_values: usize,
}

impl Default for Limits {
    /// 8 MiB, 128 levels, one million values.
    fn default() -> Self {
        Self { max_bytes: 8 << 20, max_depth: 128, max_values: 1_000_000 }
    }
}

/// Reads one JSON text; nothing but white space may follow it.
pub fn parse<'a>(input: &'a [u8], limits: &Limits) -> Result<Value<'a>, Error> {
    if input.len() > limits.max_bytes {
        let kind = Kind::TooManyBytes { limit: limits.max_bytes, got: input.len() };
        return Err(Error::at(kind, input, 0, String::new()));
    }
    let text = match std::str::from_utf8(input) {
        Ok(text) => text,
        Err(e) => return Err(Error::at(Kind::Utf8, input, e.valid_up_to(), String::new())),
    };
    let mut reader = Reader { text, at: 0, values: 0, limits, open: Vec::new() };
    reader.document().map_err(|(kind, offset)| Error::at(kind, input, offset, reader.place()))
}

type Refused = (Kind, usize);

struct Reader<'a, 'l> {
    text: &'a str,
    at: usize,
    values: usize,
    limits: &'l Limits,
    open: Vec<Container<'a>>,
}

enum Container<'a> {
    Array(Vec<Value<'a>>),
    Object { members: Vec<Member<'a>>, key: Cow<'a, str>, key_offsets: Vec<usize> },
}

impl<'a> Reader<'a, '_> {
    fn document(&mut self) -> Result<Value<'a>, Refused> {
        loop {
            // A value is due here. Either it is a whole one, or it opens a container.
            self.skip_space();
            let Some(mut value) = self.value_or_open()? else { continue };
            // Hand the finished value to its container; a container may finish in turn.
            loop {
                let Some(container) = self.open.last_mut() else {
                    self.skip_space();
                    return match self.peek() {
                        None => Ok(value),
                        Some(_) => Err(self.expected("the end of the text")),
                    };
                };
                match container {
                    Container::Array(items) => items.push(value),
                    Container::Object { members, key, .. } => {
                        members.push(Member { key: std::mem::take(key), value })
                    }
                }
                self.skip_space();
                match self.after_value()? {
                    Next::Value => break,
                    Next::Closed(closed) => value = closed,
                }
            }
        }
    }

    fn value_or_open(&mut self) -> Result<Option<Value<'a>>, Refused> {
        self.values += 1;
        if self.values > self.limits.max_values {
            return Err((Kind::TooManyValues { limit: self.limits.max_values }, self.at));
        }
        let scalar = match self.peek() {
            Some(b'{') => {
                self.open(Container::Object {
                    members: Vec::new(),
                    key: Cow::Borrowed(""),
                    key_offsets: Vec::new(),
                })?;
                self.skip_space();
                if self.eat(b'}') {
                    return self.close().map(Some);
                }
                self.key()?;
                return Ok(None);
            }
            Some(b'[') => {
                self.open(Container::Array(Vec::new()))?;
                self.skip_space();
                if self.eat(b']') {
                    return self.close().map(Some);
                }
                return Ok(None);
            }
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.expected("a value")),
        };
        Ok(Some(scalar))
    }

    fn after_value(&mut self) -> Result<Next<'a>, Refused> {
        let in_object = matches!(self.open.last(), Some(Container::Object { .. }));
        if self.eat(b',') {
            if in_object {
                self.skip_space();
                self.key()?;
            }
            return Ok(Next::Value);
        }
        if self.eat(if in_object { b'}' } else { b']' }) {
            return self.close().map(Next::Closed);
        }
        Err(self.expected(if in_object { "`,` or `}`" } else { "`,` or `]`" }))
    }

    fn open(&mut self, container: Container<'a>) -> Result<(), Refused> {
        if self.open.len() == self.limits.max_depth {
            return Err((Kind::TooDeep { limit: self.limits.max_depth }, self.at));
        }
        self.at += 1;
        self.open.push(container);
        Ok(())
    }

    fn close(&mut self) -> Result<Value<'a>, Refused> {
        match self.open.pop() {
            Some(Container::Array(items)) => Ok(Value::Array(items)),
            Some(Container::Object { members, key_offsets, .. }) => {
                match duplicate(&members) {
                    None => Ok(Value::Object(members)),
                    Some(second) => {
                        let offset = key_offsets[second];
                        // Put back what names the place.
                        let key = members[second].key.clone();
                        self.open.push(Container::Object { members, key, key_offsets });
                        Err((Kind::DuplicateKey, offset))
                    }
                }
            }
            None => Err(self.expected("a value")),
        }
    }

    fn key(&mut self) -> Result<(), Refused> {
        let offset = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key in double quotes"));
        }
        let text = self.string()?;
        if let Some(Container::Object { key, key_offsets, .. }) = self.open.last_mut() {
            *key = text;
            key_offsets.push(offset);
        }
        self.skip_space();
        if !self.eat(b':') {
            return Err(self.expected("`:` after the key"));
        }
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Refused> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut end = start;
        // The common string has no escape and is borrowed.
        while let Some(&b) = bytes.get(end) {
            match b {
                b'"' => {
                    self.at = end + 1;
                    return Ok(Cow::Borrowed(&self.text[start..end]));
                }
                b'\\' => break,
                0..=0x1F => return Err(self.expected_at("an escape for a control character", end)),
                _ => end += 1,
            }
        }
        let mut out = String::from(&self.text[start..end]);
        self.at = end;
        loop {
            let run = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1F)) {
                self.at += 1;
            }
            out.push_str(&self.text[run..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(out));
                }
                Some(b'\\') => out.push(self.escape()?),
                None => return Err(self.expected("the closing quote of a string")),
                Some(_) => return Err(self.expected("an escape for a control character")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Refused> {
        let start = self.at;
        self.at += 1;
        let simple = match self.peek() {
            Some(b @ (b'"' | b'\\' | b'/')) => b as char,
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                let unit = self.four_hex()?;
                if !(0xD800..0xE000).contains(&unit) {
                    return char::from_u32(unit).ok_or((Kind::LoneSurrogate, start));
                }
                let paired = unit < 0xDC00 && self.eat(b'\\') && self.eat(b'u');
                let low = if paired { self.four_hex()? } else { 0 };
                if !(0xDC00..0xE000).contains(&low) {
                    return Err((Kind::LoneSurrogate, start));
                }
                let scalar = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                return char::from_u32(scalar).ok_or((Kind::LoneSurrogate, start));
            }
            _ => return Err(self.expected("one of `\"\\/bfnrtu` after a backslash")),
        };
        self.at += 1;
        Ok(simple)
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

    fn number(&mut self) -> Result<&'a str, Refused> {
        let start = self.at;
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
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Result<(), Refused> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.expected("a digit"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, Refused> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.expected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expected(&self, what: &'static str) -> Refused {
        self.expected_at(what, self.at)
    }

    fn expected_at(&self, what: &'static str, offset: usize) -> Refused {
        (Kind::Syntax { expected: what }, offset)
    }

    /// Pointer to the value being read.
    fn place(&self) -> String {
        let mut place = String::new();
        for container in &self.open {
            match container {
                Container::Array(items) => pointer::push_index(&mut place, items.len()),
                Container::Object { key, .. } => pointer::push_key(&mut place, key),
            }
        }
        place
    }
}

enum Next<'a> {
    Value,
    Closed(Value<'a>),
}

/// Index of the first member whose key an earlier member has.
fn duplicate(members: &[Member<'_>]) -> Option<usize> {
    if members.len() <= 8 {
        return (1..members.len())
            .find(|&i| members[..i].iter().any(|earlier| earlier.key == members[i].key));
    }
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_unstable_by(|&a, &b| members[a].key.cmp(&members[b].key).then(a.cmp(&b)));
    order
        .windows(2)
        .filter(|pair| members[pair[0]].key == members[pair[1]].key)
        .map(|pair| pair[1])
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> String {
        parse(text.as_bytes(), &Limits::default()).unwrap().to_json()
    }

    fn refusal(text: &str) -> (&'static str, usize, String) {
        let e = parse(text.as_bytes(), &Limits::default()).unwrap_err();
        (e.code(), e.offset(), e.pointer().to_owned())
    }

    #[test]
    fn keeps_numbers_and_order_and_normalises_only_space_and_escapes() {
        assert_eq!(
            round(" { \"b\" : [ 1 , 1.10, -0, 1E+2, 12345678901234567890123 ] ,\n\"a\":{} } "),
            r#"{"b":[1,1.10,-0,1E+2,12345678901234567890123],"a":{}}"#
        );
        assert_eq!(round(r#""\u0041\ud83d\ude00\/\n\u0001\u007f""#), "\"A😀/\\n\\u0001\u{7f}\"");
        assert_eq!(round("[]"), "[]");
        assert_eq!(round("null"), "null");
    }

    #[test]
    fn refuses_and_names_the_place() {
        for (text, code, offset, pointer) in [
            ("", "malformed_json", 0, ""),
            ("{", "malformed_json", 1, "/"),
            ("[1,]", "malformed_json", 3, "/1"),
            ("[1 2]", "malformed_json", 3, "/1"),
            ("{\"a\":1,}", "malformed_json", 7, "/"),
            ("{\"a\" 1}", "malformed_json", 5, "/a"),
            ("{a:1}", "malformed_json", 1, "/"),
            ("01", "malformed_json", 1, ""),
            ("1.", "malformed_json", 2, ""),
            ("1e", "malformed_json", 2, ""),
            ("-", "malformed_json", 1, ""),
            ("NaN", "malformed_json", 0, ""),
            ("tru", "malformed_json", 0, ""),
            ("\"a\u{1}\"", "malformed_json", 2, ""),
            ("\"a", "malformed_json", 2, ""),
            ("\"\\x\"", "malformed_json", 2, ""),
            ("\"\\u12g4\"", "malformed_json", 5, ""),
            ("1 2", "malformed_json", 2, ""),
            ("\u{feff}1", "malformed_json", 0, ""),
            ("{\"a\":[\"\\ud800\"]}", "lone_surrogate", 7, "/a/0"),
            ("\"\\udc00\"", "lone_surrogate", 1, ""),
            ("\"\\ud800\\u0041\"", "lone_surrogate", 1, ""),
            ("{\"x\":{\"a\":1,\"b\":2,\"a\":3}}", "duplicate_key", 18, "/x/a"),
            ("{\"a\":1,\"\\u0061\":3}", "duplicate_key", 7, "/a"),
        ] {
            let (got_code, got_offset, got_pointer) = refusal(text);
            assert_eq!((got_code, got_offset), (code, offset), "{text}");
            // A place before the first key of an object is the object itself.
            let place = if pointer == "/" { "/" } else { pointer };
            assert_eq!(got_pointer, place, "{text}");
        }
        let wide: String = (0..40).map(|i| format!("\"k{i}\":0,")).collect();
        assert_eq!(refusal(&format!("{{{wide}\"k7\":1}}")).0, "duplicate_key");
        let e = parse(b"[\"\xff\"]", &Limits::default()).unwrap_err();
        assert_eq!((e.code(), e.offset()), ("malformed_json", 2));
    }

    #[test]
    fn bounds_depth_size_and_count() {
        let limits = Limits { max_bytes: 40, max_depth: 3, max_values: 5 };
        assert!(parse(b"[[[1]]]", &limits).is_ok());
        assert_eq!(parse(b"[[[[1]]]]", &limits).unwrap_err().code(), "too_deep");
        assert_eq!(parse(b"[1,2,3,4,5]", &limits).unwrap_err().code(), "too_large");
        assert_eq!(parse(&[b' '; 41], &limits).unwrap_err().code(), "too_large");
        // A million open brackets cost neither stack nor much time.
        let deep = vec![b'['; 1 << 20];
        assert_eq!(parse(&deep, &Limits::default()).unwrap_err().code(), "too_deep");
    }
}
