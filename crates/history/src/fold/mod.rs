//! What an entity was: the fold of its changes.
//!
//! ```
//! use sealtrail_history::fold::Fold;
//!
//! let mut fold = Fold::default();
//! fold.record(br#"{"id":"r1","data":{"action":"create","changes":[{"op":"add","path":"/title","new":"a"},{"op":"add","path":"/tags","new":["x"]}]}}"#);
//! fold.record(br#"{"id":"r2","data":{"action":"update","changes":[{"op":"replace","path":"/title","old":"a","new":"b"},{"op":"add","path":"/tags/0","new":"w"}]}}"#);
//! let state = fold.state();
//! assert_eq!((state.exists, state.complete), (Some(true), true));
//! assert_eq!(state.json, r#"{"title":"b","tags":["w","x"]}"#);
//! ```
//!
//! A list of changes leads from one image to the next when it is carried out in its order, as RFC 6902 does.
//! Nothing is invented: where the history begins later than the entity, or leads through something that nobody
//! can read, the state says what is unknown. A sealed value stays as it stands in its record.

#[cfg(test)]
mod tests;
mod tree;

use std::collections::HashMap;

use sealtrail_record::json::{self, Limits, Value};

use tree::{Protected, Sealed, Tree};

/// The changes so far.
#[derive(Debug, Default)]
pub struct Fold {
    root: Tree,
    exists: Option<bool>,
    records: u64,
}

/// What the changes came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Whether there was such an entity; `None` where the history does not tell.
    pub exists: Option<bool>,
    /// Whether attributes that are not in it were not there. Otherwise nobody knows of them.
    pub complete: bool,
    /// The entity, as far as it is known.
    pub json: String,
    /// Pointers to what is not known within it.
    pub unknown: Vec<String>,
    /// What is sealed within it.
    pub sealed: Vec<SealedValue>,
    /// How many records it is the fold of.
    pub records: u64,
}

/// A value that nobody has opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedValue {
    /// Where it is in the entity.
    pub path: String,
    pub group: String,
    /// The record that it stands in, and where: to reveal it there.
    pub record: String,
    pub at: String,
    /// The key of the data subject and of the period.
    pub kids: Vec<String>,
}

/// Longer than any record that the log takes; depth bounds the recursion over values.
const LIMITS: Limits = Limits { max_bytes: 64 << 20, max_depth: 160, max_values: 32 << 20 };

impl Fold {
    /// The next record of the entity, in the order of the log. One that is no change does nothing.
    pub fn record(&mut self, line: &[u8]) {
        let Ok(record) = json::parse(line, &LIMITS) else { return };
        let Some(data) = record.get("data") else { return };
        let action = data.get("action").and_then(Value::as_str);
        let changes = data.get("changes");
        let seals = Seals::of(&record);
        if changes.is_none() && data.get("after").is_none() && action.is_none() {
            return;
        }
        self.records += 1;
        match action {
            Some("create") => (self.root, self.exists) = (Tree::empty(), Some(true)),
            Some("delete") => {
                (self.root, self.exists) = (Tree::empty(), Some(false));
                return;
            }
            // An event says nothing of what its entity is, unless a change came with it.
            _ if changes.is_none()
                && data.get("after").is_none()
                && data.get("before").is_none() =>
            {
                return;
            }
            _ => self.exists = Some(true),
        }
        if let Some(after) = data.get("after") {
            self.root = seals.tree(after, "/data/after");
        } else if data.get("before").is_some() {
            // What it became nobody knows.
            self.root = Tree::Unknown;
        }
        for (number, change) in changes.map(Value::items).unwrap_or_default().iter().enumerate() {
            let at = format!("/data/changes/{number}/new");
            let text = |key| change.get(key).and_then(Value::as_str);
            let Some(path) = text("path") else { continue };
            match (text("op"), change.get("new")) {
                (Some("remove"), _) => drop(self.root.take(path)),
                (Some("move"), _) => {
                    let moved = self.root.take(text("from").unwrap_or_default());
                    self.root.put(path, moved.unwrap_or_default(), true);
                }
                (Some(op), Some(new)) => self.root.put(path, seals.tree(new, &at), op == "add"),
                // Dropped by the policy, so nobody knows it.
                (Some(op), None) => self.root.put(path, Tree::Unknown, op == "add"),
                (None, _) => {}
            }
        }
    }

    /// Whether there is such an entity now, as far as the history tells.
    pub fn exists(&self) -> bool {
        self.exists == Some(true)
    }

    /// The entity as JSON for people to read: what is sealed is `[sealed contact]`, and it and pseudonyms are `[erased]`
    /// where a key of them is gone.
    ///
    /// ```
    /// # use sealtrail_history::fold::Fold;
    /// let mut fold = Fold::default();
    /// fold.record(br#"{"data":{"action":"create","changes":[{"op":"add","path":"/tax","new":"ps1.x"}],"pseudonyms":[{"group":"g","kid":"k_1","at":["/data/changes/0/new"]}]}}"#);
    /// assert_eq!(fold.shown(&|_| false), r#"{"tax":"ps1.x"}"#);
    /// assert_eq!(fold.shown(&|kid| kid == "k_1"), r#"{"tax":"[erased]"}"#);
    /// ```
    pub fn shown(&self, is_gone: &dyn Fn(&str) -> bool) -> String {
        let mut out = Vec::new();
        self.root.write_shown(is_gone, &mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    /// The keys of what is in the entity now, some of them twice.
    pub fn keys(&self, found: &mut dyn FnMut(&str)) {
        self.root.keys(found);
    }

    /// What it is after the records so far.
    pub fn state(&self) -> State {
        let mut state = State {
            exists: self.exists,
            complete: self.root.is_complete(),
            json: String::new(),
            unknown: Vec::new(),
            sealed: Vec::new(),
            records: self.records,
        };
        let mut out = Vec::new();
        self.root.write(&mut String::new(), &mut out, &mut state);
        state.json = String::from_utf8(out).unwrap_or_default();
        state
    }
}

/// Which values of a record are sealed, and which are pseudonyms, by their pointers.
struct Seals<'r> {
    record: &'r str,
    at: HashMap<&'r str, &'r Value<'r>>,
    pseudonyms: HashMap<&'r str, &'r str>,
}

impl<'r> Seals<'r> {
    fn of(record: &'r Value<'r>) -> Self {
        let mut at = HashMap::new();
        for seal in record.pointer("/data/seals").map(Value::items).unwrap_or_default() {
            let places = seal.get("at").map(Value::items).unwrap_or_default();
            at.extend(places.iter().filter_map(|place| Some((place.as_str()?, seal))));
        }
        let mut pseudonyms = HashMap::new();
        for made in record.pointer("/data/pseudonyms").map(Value::items).unwrap_or_default() {
            let Some(kid) = made.get("kid").and_then(Value::as_str) else { continue };
            let places = made.get("at").map(Value::items).unwrap_or_default();
            pseudonyms.extend(places.iter().filter_map(|place| Some((place.as_str()?, kid))));
        }
        let record = record.get("id").and_then(Value::as_str).unwrap_or_default();
        Self { record, at, pseudonyms }
    }

    fn tree(&self, value: &Value<'_>, at: &str) -> Tree {
        Tree::of(value, &mut at.to_owned(), &|at| {
            let Some(seal) = self.at.get(at) else {
                let kid = self.pseudonyms.get(at)?;
                return Some(Protected::Pseudonym((*kid).to_owned()));
            };
            let kids = seal.get("kids").map(Value::items).unwrap_or_default();
            Some(Protected::Sealed(Box::new(Sealed {
                group: seal.get("group").and_then(Value::as_str).unwrap_or_default().to_owned(),
                record: self.record.to_owned(),
                at: at.to_owned(),
                kids: kids.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            })))
        })
    }
}
