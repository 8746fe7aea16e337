//! RFC 9535 JSONPath without filters: what a policy needs to name attributes.
//!
//! ```text
//! path     = "$" segment*
//! segment  = "." name | "." "*" | ".." name | ".." "*" | [".."] "[" selector *("," selector) "]"
//! selector = 'name' | "name" | index | [start]:[end][:step] | *
//! ```

use std::borrow::Cow;

/// One step down a JSON tree.
#[derive(Debug, Clone)]
pub enum Step<'a> {
    Key(Cow<'a, str>),
    /// An item, with the length of its array: negative indices and slices count from the end.
    Index {
        index: usize,
        length: usize,
    },
}

/// One segment of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) descendant: bool,
    pub(super) selectors: Vec<Selector>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selector {
    Name(String),
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    Wildcard,
}

impl Segment {
    /// Whether the place of an item in its array decides.
    pub(super) fn counts(&self) -> bool {
        let counts =
            |selector: &Selector| matches!(selector, Selector::Index(_) | Selector::Slice { .. });
        self.selectors.iter().any(counts)
    }

    pub(super) fn matches(&self, step: &Step<'_>) -> bool {
        self.selectors.iter().any(|selector| selector.matches(step))
    }
}

impl Selector {
    fn matches(&self, step: &Step<'_>) -> bool {
        match (self, step) {
            (Selector::Wildcard, _) => true,
            (Selector::Name(name), Step::Key(key)) => name == key,
            (Selector::Index(wanted), Step::Index { index, length }) => {
                let at = if *wanted < 0 { *wanted + signed(*length) } else { *wanted };
                at == signed(*index)
            }
            (Selector::Slice { start, end, step }, Step::Index { index, length }) => {
                in_slice(signed(*index), signed(*length), *start, *end, *step)
            }
            _ => false,
        }
    }
}

/// RFC 9535 §2.3.4.2.2.
fn in_slice(i: i64, len: i64, start: Option<i64>, end: Option<i64>, step: i64) -> bool {
    let normalise = |bound: i64| if bound >= 0 { bound } else { len.saturating_add(bound) };
    if step > 0 {
        let lower = normalise(start.unwrap_or(0)).clamp(0, len);
        let upper = normalise(end.unwrap_or(len)).clamp(0, len);
        lower <= i && i < upper && (i - lower) % step == 0
    } else if step < 0 {
        let upper = normalise(start.unwrap_or(len - 1)).clamp(-1, len - 1);
        let lower = end.map_or(-1, |end| normalise(end).clamp(-1, len - 1));
        lower < i && i <= upper && (upper - i) % step.saturating_neg() == 0
    } else {
        false
    }
}

fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Reads a path; the error says what was expected and at which character, from 1.
pub(super) fn parse(path: &str) -> Result<Vec<Segment>, (String, usize)> {
    let mut reader = Reader { chars: path.chars().collect(), at: 0 };
    reader.path().map_err(|expected| (expected, reader.at + 1))
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn path(&mut self) -> Result<Vec<Segment>, String> {
        if !self.eat('$') {
            return Err("`$`, the root".into());
        }
        let mut segments = Vec::new();
        while self.at < self.chars.len() {
            // RFC 9535 §2.1.1: blanks may stand in front of a segment.
            self.space();
            segments.push(self.segment()?);
            if segments.len() > MAX_SEGMENTS {
                return Err(format!("at most {MAX_SEGMENTS} segments"));
            }
        }
        Ok(segments)
    }

    fn segment(&mut self) -> Result<Segment, String> {
        if self.eat('[') {
            return Ok(Segment { descendant: false, selectors: self.bracketed()? });
        }
        if !self.eat('.') {
            return Err("`.`, `..` or `[`".into());
        }
        let descendant = self.eat('.');
        let selectors = if descendant && self.eat('[') {
            self.bracketed()?
        } else if self.eat('*') {
            vec![Selector::Wildcard]
        } else {
            vec![Selector::Name(self.shorthand()?)]
        };
        Ok(Segment { descendant, selectors })
    }

    fn shorthand(&mut self) -> Result<String, String> {
        let starts = |c: char| c == '_' || c.is_ascii_alphabetic() || !c.is_ascii();
        let mut name = String::new();
        while let Some(c) = self.peek() {
            if !(starts(c) || (!name.is_empty() && c.is_ascii_digit())) {
                break;
            }
            name.push(c);
            self.at += 1;
        }
        if name.is_empty() {
            return Err("a name or `*` (a name that is not a plain word is written `['…']`)".into());
        }
        Ok(name)
    }

    fn bracketed(&mut self) -> Result<Vec<Selector>, String> {
        let mut selectors = Vec::new();
        loop {
            self.space();
            selectors.push(self.selector()?);
            self.space();
            if self.eat(']') {
                return Ok(selectors);
            }
            if !self.eat(',') {
                return Err("`,` or `]`".into());
            }
        }
    }

    fn selector(&mut self) -> Result<Selector, String> {
        match self.peek() {
            Some('*') => {
                self.at += 1;
                Ok(Selector::Wildcard)
            }
            Some('?') => Err("no filter: a policy decides by place, not by value".into()),
            Some(quote @ ('\'' | '"')) => {
                self.at += 1;
                self.quoted(quote).map(Selector::Name)
            }
            _ => self.index_or_slice(),
        }
    }

    fn index_or_slice(&mut self) -> Result<Selector, String> {
        let start = self.integer()?;
        self.space();
        if !self.eat(':') {
            return start
                .map(Selector::Index)
                .ok_or_else(|| "a name in quotes, an index, a slice or `*`".to_owned());
        }
        self.space();
        let end = self.integer()?;
        self.space();
        let mut step = 1;
        if self.eat(':') {
            self.space();
            step = self.integer()?.unwrap_or(1);
        }
        if step == 0 {
            return Err("a step other than 0, which selects nothing".into());
        }
        Ok(Selector::Slice { start, end, step })
    }

    fn integer(&mut self) -> Result<Option<i64>, String> {
        let from = self.at;
        self.eat('-');
        let digits = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let text: String = self.chars[from..self.at].iter().collect();
        if text.is_empty() {
            return Ok(None);
        }
        let leading_zero = self.chars.get(digits) == Some(&'0') && text != "0";
        match text.parse::<i64>() {
            // RFC 9535 §2.1: within the range of I-JSON.
            Ok(n) if !leading_zero && n.abs() < 1 << 53 => Ok(Some(n)),
            _ => {
                self.at = from;
                Err("an integer without leading zeros, within ±(2^53 - 1)".into())
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let mut name = String::new();
        loop {
            match self.next() {
                Some(c) if c == quote => return Ok(name),
                Some('\\') => name.push(self.escape(quote)?),
                Some(c) if c >= ' ' => name.push(c),
                _ => return Err("the closing quote".into()),
            }
        }
    }

    fn escape(&mut self, quote: char) -> Result<char, String> {
        match self.next() {
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some(c @ ('/' | '\\')) => Ok(c),
            Some(c) if c == quote => Ok(c),
            Some('u') => {
                let high = self.four_hex()?;
                if !(0xD800..0xDC00).contains(&high) {
                    return char::from_u32(high).ok_or_else(|| "no lone surrogate".into());
                }
                let low = if self.eat('\\') && self.eat('u') { self.four_hex()? } else { 0 };
                if !(0xDC00..0xE000).contains(&low) {
                    return Err("no lone surrogate".into());
                }
                char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
                    .ok_or_else(|| "no lone surrogate".into())
            }
            _ => Err("a known escape after the backslash".into()),
        }
    }

    fn four_hex(&mut self) -> Result<u32, String> {
        (0..4).try_fold(0, |unit, _| {
            let digit = self.next().and_then(|c| c.to_digit(16));
            digit.map(|d| unit << 4 | d).ok_or_else(|| "four hexadecimal digits".into())
        })
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += usize::from(c.is_some());
        c
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }
}

const MAX_SEGMENTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_rfc_9535_allows() {
        for path in [
            "$",
            "$.a.b_1",
            "$.*",
            "$..*",
            "$..email",
            "$['a b']",
            "$[\"a'b\", 'c']",
            "$[0]",
            "$[-1]",
            "$[ 1 : 5 : 2 ]",
            "$[::-1]",
            "$..[0]",
            "$.straße",
            "$['\\u00e9\\ud83d\\ude00\\'']",
        ] {
            assert!(parse(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn refuses_and_points_at_the_character() {
        for (path, column) in [
            ("", 1),
            ("a", 1),
            ("$.", 3),
            ("$a", 2),
            ("$.1a", 3),
            ("$[", 3),
            ("$[]", 3),
            ("$[01]", 3),
            ("$[9007199254740992]", 3),
            ("$[?(@.a)]", 3),
            ("$[::0]", 6),
            ("$['a]", 6),
            ("$['\\q']", 6),
            ("$['\\ud800']", 10),
            ("$[1 2]", 5),
            ("$...a", 4),
        ] {
            assert_eq!(parse(path).map_err(|(_, at)| at), Err(column), "{path}");
        }
    }

    #[test]
    fn slices() {
        let picked = |path: &str, len: usize| -> Vec<usize> {
            let segments = parse(path).unwrap();
            (0..len)
                .filter(|&index| segments[0].matches(&Step::Index { index, length: len }))
                .collect()
        };
        assert_eq!(picked("$[1:3]", 5), [1, 2]);
        assert_eq!(picked("$[5:]", 7), [5, 6]);
        assert_eq!(picked("$[1:5:2]", 7), [1, 3]);
        assert_eq!(picked("$[5:1:-2]", 7), [3, 5]);
        assert_eq!(picked("$[::-1]", 3), [0, 1, 2]);
        assert_eq!(picked("$[-2:]", 5), [3, 4]);
        assert_eq!(picked("$[-1]", 5), [4]);
        assert_eq!(picked("$[-6]", 5), [0; 0]);
    }
}
