mod same;
mod walk;

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::error::Error;
use super::scan::{self, Buffers, Entry};
use super::text::decode;
use super::value::{Member, Value};
use super::{Limits, write_string};
pub use walk::{Event, Place, Walk};

/// A JSON text that has been read whole, and of which no value has been built.
///
/// ```
/// use sealtrail_record::json::{Buffers, Document, Limits};
///
/// let text = br#"{"before": {"a": 1, "b": [2]}, "after": {"a": 1.0, "b": [2]}}"#;
/// let document = Document::read_images(text, &Limits::default(), Buffers::default()).unwrap();
/// let image = |name| document.get(document.root(), name).unwrap();
/// assert_eq!(document.raw(document.get(image("after"), "a").unwrap()), "1.0");
/// assert!(document.same(image("before"), image("after")));
/// ```
pub struct Document<'t> {
    text: &'t str,
    buffers: Buffers,
    /// Keys that are to be read as something else than they are written.
    renamed: BTreeMap<u32, String>,
}

/// A value of a document, or a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

/// The kinds of RFC 8259.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl<'t> Document<'t> {
    /// Reads one JSON text; nothing but white space may follow it.
    pub fn read(text: &'t [u8], limits: &Limits, buffers: Buffers) -> Result<Self, Error> {
        Self::read_texts(text, None, limits, buffers, false).map_err(|(_, error)| error)
    }

    /// The same for an object of whose members some are images of one thing: what the second has in
    /// common with the first is read once.
    pub fn read_images(text: &'t [u8], limits: &Limits, buffers: Buffers) -> Result<Self, Error> {
        Self::read_texts(text, None, limits, buffers, true).map_err(|(_, error)| error)
    }

    /// Two texts that stand behind one another, the second from `split` on; the other root is
    /// [`second`](Self::second). The error says whether it is the second text that was refused.
    pub fn read_pair(
        text: &'t [u8],
        split: usize,
        limits: &Limits,
        buffers: Buffers,
    ) -> Result<Self, (bool, Error)> {
        Self::read_texts(text, Some(split), limits, buffers, false)
    }

    fn read_texts(
        text: &'t [u8],
        split: Option<usize>,
        limits: &Limits,
        mut buffers: Buffers,
        images: bool,
    ) -> Result<Self, (bool, Error)> {
        buffers.entries.clear();
        buffers.plain = true;
        let first = &text[..split.unwrap_or(text.len())];
        scan::read(first, 0, None, images, limits, &mut buffers).map_err(|e| (false, e))?;
        if let Some(split) = split {
            scan::read(text, split, Some(0), false, limits, &mut buffers).map_err(|e| (true, e))?;
        }
        // SAFETY: the reader refuses what is not UTF-8, and has read all of the text: the whole, or what
        // stands on either side of the split.
        let text = unsafe { std::str::from_utf8_unchecked(text) };
        Ok(Self { text, buffers, renamed: BTreeMap::new() })
    }

    /// What the next reading can use again.
    pub fn into_buffers(self) -> Buffers {
        self.buffers
    }

    pub fn root(&self) -> NodeId {
        NodeId(0)
    }

    /// The root of the second text of a [pair](Self::read_pair).
    pub fn second(&self) -> NodeId {
        NodeId(self.entry(self.root()).next())
    }

    /// One more than any node has; nodes are numbered in the order of the text.
    pub fn len(&self) -> usize {
        self.buffers.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn kind(&self, node: NodeId) -> Kind {
        match self.text.as_bytes()[self.entry(node).start as usize] {
            b'n' => Kind::Null,
            b't' | b'f' => Kind::Bool,
            b'"' => Kind::String,
            b'[' => Kind::Array,
            b'{' => Kind::Object,
            _ => Kind::Number,
        }
    }

    /// The text of a value as it is written.
    pub fn raw(&self, node: NodeId) -> &'t str {
        self.text_of(self.entry(node))
    }

    /// The text of a string, or of a key as it is to be read.
    pub fn string(&self, node: NodeId) -> Cow<'_, str> {
        if !self.renamed.is_empty()
            && let Some(name) = self.renamed.get(&node.0)
        {
            return Cow::Borrowed(name);
        }
        self.written(node)
    }

    /// The text of a string as it stands, whatever it has been renamed to.
    pub fn written(&self, node: NodeId) -> Cow<'t, str> {
        let entry = self.entry(node);
        let raw = self.text_of(entry);
        let text = raw.get(1..raw.len() - 1).unwrap_or_default();
        if entry.is_escaped() { decode(text) } else { Cow::Borrowed(text) }
    }

    /// Lets a key be read as another.
    pub fn rename(&mut self, key: NodeId, name: String) {
        self.renamed.insert(key.0, name);
    }

    /// Whether a key is read as another than is written.
    pub fn has_renamed(&self) -> bool {
        !self.renamed.is_empty()
    }

    /// The values in a container, each with its place; none in anything else.
    pub fn children(&self, node: NodeId) -> impl Iterator<Item = (Place, NodeId)> + '_ {
        let object = self.kind(node) == Kind::Object;
        let end = self.entry(node).next();
        let (mut at, mut index) = (node.0 + 1, 0);
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let place = if object { Place::Key(NodeId(at)) } else { Place::Index(index) };
            let value = NodeId(at + u32::from(object));
            (at, index) = (self.entry(value).next(), index + 1);
            Some((place, value))
        })
    }

    /// Whether a container holds something.
    pub fn has_children(&self, node: NodeId) -> bool {
        self.entry(node).next() > node.0 + 1
    }

    /// The node behind a value and all that it holds.
    pub fn next(&self, node: NodeId) -> NodeId {
        NodeId(self.entry(node).next())
    }

    /// The number of a node, below [`len`](Self::len).
    pub fn index(&self, node: NodeId) -> usize {
        node.0 as usize
    }

    /// The node of a number.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub fn node(&self, index: usize) -> NodeId {
        assert!(index < self.len(), "no node has this number");
        NodeId(index as u32)
    }

    /// Whether a node is a key and no value.
    pub fn is_key(&self, node: NodeId) -> bool {
        self.entry(node).is_key()
    }

    /// The first node that is known to be written with the same bytes; the node itself if none is.
    pub fn twin(&self, node: NodeId) -> NodeId {
        NodeId(self.entry(node).twin)
    }

    /// A value and all that it holds, in the order of the text.
    pub fn walk(&self, node: NodeId) -> Walk<'_, 't> {
        Walk::new(self, node)
    }

    /// The member of an object with this key.
    pub fn get(&self, node: NodeId, key: &str) -> Option<NodeId> {
        self.children(node).find_map(|(place, value)| match place {
            Place::Key(name) if self.is_read_as(name, key) => Some(value),
            _ => None,
        })
    }

    fn is_read_as(&self, key: NodeId, name: &str) -> bool {
        let entry = self.entry(key);
        if !self.renamed.is_empty() || entry.is_escaped() {
            return self.string(key) == name;
        }
        let raw = self.bytes(entry);
        raw.len() == name.len() + 2 && raw[1..=name.len()] == *name.as_bytes()
    }

    /// The value at an RFC 6901 pointer; `None` where there is none or the pointer is not one.
    pub fn pointer(&self, node: NodeId, pointer: &str) -> Option<NodeId> {
        let mut at = node;
        for token in crate::pointer::each_token(pointer)? {
            let token = token?;
            at = match self.kind(at) {
                Kind::Object => self.get(at, &token)?,
                Kind::Array => self.children(at).nth(crate::pointer::index(&token)?)?.1,
                _ => return None,
            };
        }
        Some(at)
    }

    /// Appends a value on one line, without white space, numbers as they were written.
    pub fn write(&self, node: NodeId, out: &mut Vec<u8>) {
        if self.buffers.plain && self.renamed.is_empty() {
            return out.extend_from_slice(self.bytes(self.entry(node)));
        }
        if !self.has_children(node) {
            return self.write_leaf(node, out);
        }
        let mut first = true;
        for event in self.walk(node) {
            match event {
                Event::Open(node, place) => {
                    self.write_place(place, first, out);
                    out.push(if self.kind(node) == Kind::Object { b'{' } else { b'[' });
                    first = true;
                }
                Event::Leaf(node, place) => {
                    self.write_place(place, first, out);
                    self.write_leaf(node, out);
                    first = false;
                }
                Event::Close(node) => {
                    out.push(if self.kind(node) == Kind::Object { b'}' } else { b']' });
                    first = false;
                }
            }
        }
    }

    /// Appends a scalar or an empty container.
    pub fn write_leaf(&self, node: NodeId, out: &mut Vec<u8>) {
        let entry = self.entry(node);
        match self.kind(node) {
            Kind::String if entry.is_escaped() => write_string(&self.written(node), out),
            Kind::Array => out.extend_from_slice(b"[]"),
            Kind::Object => out.extend_from_slice(b"{}"),
            _ => out.extend_from_slice(self.bytes(entry)),
        }
    }

    /// Appends a key as a JSON string.
    pub fn write_key(&self, key: NodeId, out: &mut Vec<u8>) {
        let entry = self.entry(key);
        match self.renamed.is_empty() && !entry.is_escaped() {
            true => out.extend_from_slice(self.bytes(entry)),
            false => write_string(&self.string(key), out),
        }
    }

    fn write_place(&self, place: Place, first: bool, out: &mut Vec<u8>) {
        if !first {
            out.push(b',');
        }
        if let Place::Key(key) = place {
            self.write_key(key, out);
            out.push(b':');
        }
    }

    /// The value built.
    pub fn to_value(&self, node: NodeId) -> Value<'t> {
        if !self.has_children(node) {
            return self.leaf_value(node);
        }
        // Each open container, with the key that it will have in its own.
        let mut open: Vec<(Value<'t>, Cow<'t, str>)> = Vec::new();
        let mut key = Cow::Borrowed("");
        let put = |container: Option<&mut (Value<'t>, Cow<'t, str>)>, key, value| match container {
            Some((Value::Array(items), _)) => items.push(value),
            Some((Value::Object(members), _)) => members.push(Member { key, value }),
            _ => {}
        };
        for event in self.walk(node) {
            if let Event::Open(_, Place::Key(name)) | Event::Leaf(_, Place::Key(name)) = event {
                key = match self.renamed.get(&name.0) {
                    Some(name) => Cow::Owned(name.clone()),
                    None => self.written(name),
                };
            }
            match event {
                Event::Open(node, _) => {
                    let empty = match self.kind(node) {
                        Kind::Object => Value::Object(Vec::new()),
                        _ => Value::Array(Vec::new()),
                    };
                    open.push((empty, std::mem::take(&mut key)));
                }
                Event::Leaf(node, _) => {
                    put(open.last_mut(), std::mem::take(&mut key), self.leaf_value(node));
                }
                Event::Close(_) => {
                    let Some((value, key)) = open.pop() else { break };
                    if open.is_empty() {
                        return value;
                    }
                    put(open.last_mut(), key, value);
                }
            }
        }
        Value::Null
    }

    fn leaf_value(&self, node: NodeId) -> Value<'t> {
        match self.kind(node) {
            Kind::Null => Value::Null,
            Kind::Bool => Value::Bool(self.raw(node) == "true"),
            Kind::Number => Value::Number(self.raw(node)),
            Kind::String => Value::String(self.written(node)),
            Kind::Array => Value::Array(Vec::new()),
            Kind::Object => Value::Object(Vec::new()),
        }
    }

    #[inline]
    fn entry(&self, node: NodeId) -> &Entry {
        &self.buffers.entries[node.0 as usize]
    }

    #[inline]
    fn bytes(&self, entry: &Entry) -> &'t [u8] {
        &self.text.as_bytes()[entry.start as usize..entry.end() as usize]
    }

    /// What an entry spans begins and ends with a character of ASCII, and so between characters.
    #[inline]
    fn text_of(&self, entry: &Entry) -> &'t str {
        self.text.get(entry.start as usize..entry.end() as usize).unwrap_or_default()
    }
}

impl Kind {
    /// In the words of RFC 8259.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool => "a boolean",
            Kind::Number => "a number",
            Kind::String => "a string",
            Kind::Array => "an array",
            Kind::Object => "an object",
        }
    }
}

#[cfg(test)]
mod tests;
