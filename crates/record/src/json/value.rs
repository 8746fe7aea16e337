use std::borrow::Cow;

use super::number::same_number;
use super::write;
use crate::sort::sorted;

/// One JSON value, borrowed from its text where it can be.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    /// The number exactly as written.
    Number(&'a str),
    /// The decoded text.
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    /// Members in the order they were written; no key twice.
    Object(Vec<Member<'a>>),
}

/// One key and its value.
#[derive(Debug, Clone)]
pub struct Member<'a> {
    pub key: Cow<'a, str>,
    pub value: Value<'a>,
}

impl<'a> Value<'a> {
    /// The member of an object with this key.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.members().iter().find(|m| m.key == key).map(|m| &m.value)
    }

    /// The value at an RFC 6901 pointer; `None` where there is none or the pointer is not one.
    ///
    /// ```
    /// use sealtrail_record::json::{parse, Limits};
    ///
    /// let value = parse(br#"{"a/b":[10,20]}"#, &Limits::default()).unwrap();
    /// assert_eq!(value.pointer("/a~1b/1").unwrap().to_json(), "20");
    /// assert!(value.pointer("/a~1b/01").is_none());
    /// ```
    pub fn pointer(&self, pointer: &str) -> Option<&Value<'a>> {
        let mut at = self;
        for token in crate::pointer::tokens(pointer)? {
            at = match at {
                Value::Object(_) => at.get(&token)?,
                Value::Array(items) => items.get(crate::pointer::index(&token)?)?,
                _ => return None,
            };
        }
        Some(at)
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The members of an object; empty for anything else.
    pub fn members(&self) -> &[Member<'a>] {
        match self {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The items of an array; empty for anything else.
    pub fn items(&self) -> &[Value<'a>] {
        match self {
            Value::Array(items) => items,
            _ => &[],
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// What kind of value this is, in the words of RFC 8259.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    /// JSON text on one line, without white space, numbers as they were written.
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        self.write(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    /// Appends what [`to_json`](Self::to_json) gives.
    pub fn write(&self, out: &mut Vec<u8>) {
        write::write_value(self, out);
    }

    /// The same with other text in the place of some values, by their pointers: `at` is that of this one. Begins nothing
    /// new once `out` is longer than `end`.
    pub fn write_replacing(
        &self,
        at: &mut String,
        out: &mut Vec<u8>,
        end: usize,
        replace: write::Replace<'_>,
    ) {
        write::write_replacing(self, at, out, end, replace);
    }

    /// The same value, whatever the order of keys, the spelling of numbers or the escapes.
    pub fn same(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => same_number(a, b),
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Value::Object(a), Value::Object(b)) => a.len() == b.len() && same_members(a, b),
            _ => false,
        }
    }
}

fn same_members(a: &[Member<'_>], b: &[Member<'_>]) -> bool {
    // Nearly always both sides have the same order; only then is sorting saved.
    if a.iter().zip(b).all(|(a, b)| a.key == b.key) {
        return a.iter().zip(b).all(|(a, b)| a.value.same(&b.value));
    }
    let (a, b) = (by_key(a), by_key(b));
    a.iter().zip(&b).all(|(a, b)| a.key == b.key && a.value.same(&b.value))
}

fn by_key<'m, 'a>(members: &'m [Member<'a>]) -> Vec<&'m Member<'a>> {
    let order = sorted(members.len(), &mut |a, b| members[a].key.cmp(&members[b].key));
    order.into_iter().map(|i| &members[i]).collect()
}

#[cfg(test)]
mod tests {
    use crate::json::{Limits, parse};

    fn same(a: &str, b: &str) -> bool {
        let limits = Limits::default();
        let (a, b) = (parse(a.as_bytes(), &limits).unwrap(), parse(b.as_bytes(), &limits).unwrap());
        assert_eq!(a.same(&b), b.same(&a));
        a.same(&b)
    }

    #[test]
    fn sameness() {
        assert!(same(r#"{"a":1,"b":[1.0,"é"]}"#, r#"{"b":[1,"\u00e9"],"a":1e0}"#));
        assert!(!same(r#"{"a":null}"#, "{}"));
        assert!(!same(r#"{"a":1}"#, r#"{"b":1}"#));
        assert!(!same("[1,2]", "[2,1]"));
        assert!(!same("\"1\"", "1"));
        assert!(!same("\"\u{e9}\"", "\"e\u{301}\""), "no normalisation");
    }
}
