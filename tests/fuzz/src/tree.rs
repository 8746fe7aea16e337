//! JSON as serde_json reads it, with every member of an object, a second of the same key too.

use std::fmt;

use sealtrail_record::json::Value;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

pub enum Tree {
    Null,
    Bool(bool),
    Number(f64),
    String(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// What serde_json makes of the text; `Err(true)` where it only has no room for a number.
pub fn read(text: &[u8]) -> Result<Tree, bool> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    // The depth of what is fuzzed is bounded by its length.
    reader.disable_recursion_limit();
    let tree = Tree::deserialize(&mut reader).and_then(|tree| reader.end().map(|()| tree));
    tree.map_err(|error| error.to_string().starts_with("number out of range"))
}

impl Tree {
    pub fn has_key_twice(&self) -> bool {
        match self {
            Tree::Array(items) => items.iter().any(Tree::has_key_twice),
            Tree::Object(members) => {
                let earlier = |i: usize| members[..i].iter().any(|(key, _)| *key == members[i].0);
                (1..members.len()).any(earlier) || members.iter().any(|(_, v)| v.has_key_twice())
            }
            _ => false,
        }
    }

    pub fn depth(&self) -> usize {
        match self {
            Tree::Array(items) => 1 + items.iter().map(Tree::depth).max().unwrap_or(0),
            Tree::Object(members) => 1 + members.iter().map(|m| m.1.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Whether the core read the same; of a number only what a double holds of it.
    pub fn is(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Tree::Null, Value::Null) => true,
            (Tree::Bool(a), Value::Bool(b)) => a == b,
            (Tree::Number(a), Value::Number(b)) => b.parse() == Ok(*a),
            (Tree::String(a), Value::String(b)) => a == b,
            (Tree::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is(b))
            }
            (Tree::Object(a), Value::Object(b)) => {
                let same = a.iter().zip(b).all(|((k, a), b)| *k == b.key && a.is(&b.value));
                a.len() == b.len() && same
            }
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Tree::Object(members))
    }
}
