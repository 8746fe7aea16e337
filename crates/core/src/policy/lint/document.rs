//! The policy document as its author wrote it, with the place of each entry. It was read as a policy
//! before, so here it is not doubted.

use std::borrow::Cow;

use sealtrail_record::json::{self, Value};

use super::super::document::{CONTEXT_KEPT, LIMITS};
use super::super::selector::{self, Segment, Selector};
use crate::Error;
use crate::fold::fold_key;

pub(super) struct Document<'a> {
    pub(super) rules: List<'a>,
    pub(super) context: List<'a>,
    pub(super) ignore: List<'a>,
    pub(super) arrays: List<'a>,
    pub(super) fold_keys: bool,
    pub(super) secrets: bool,
}

/// Selectors in their order.
pub(super) struct List<'a> {
    pub(super) entries: Vec<Entry<'a>>,
    /// Entries from here on are built in.
    own: usize,
    /// What holds where no entry matches.
    pub(super) default: Default,
    /// An entry speaks of the very node that it names, and not of all below it.
    pub(super) exact: bool,
}

pub(super) struct Default {
    /// Where the document says it; `None` where it does not.
    pub(super) at: Option<&'static str>,
    pub(super) keeps: bool,
}

pub(super) struct Entry<'a> {
    pub(super) at: String,
    pub(super) select: Cow<'a, str>,
    pub(super) segments: Vec<Segment>,
    /// Whether its action is `keep`; neither for what is no rule.
    pub(super) keeps: Option<bool>,
    /// Pointers of an array's identity.
    pub(super) identity: Vec<String>,
}

impl<'a> Document<'a> {
    pub(super) fn read(text: &'a [u8]) -> Result<Self, Error> {
        let root = json::parse(text, &LIMITS).map_err(|e| Error::json("the policy", e))?;
        let default = |key: &str, at: &'static str| Default {
            at: root.get(key).map(|_| at),
            keeps: root.get(key).is_some_and(|value| action(value) == Some("keep")),
        };
        let list = |key: &str, default: Default, exact: bool| {
            let items = root.get(key).map(Value::items).unwrap_or_default();
            let entries: Vec<_> = items
                .iter()
                .enumerate()
                .filter_map(|(i, item)| Entry::read(item, format!("/{key}/{i}")))
                .collect();
            List { own: entries.len(), entries, default, exact }
        };
        let nothing = || Default { at: None, keeps: false };
        let mut context = list("context", default("context_default", "/context_default"), false);
        let at = if root.get("context").is_some() { "/context" } else { "" };
        let built_in = CONTEXT_KEPT.into_iter().filter_map(|select| {
            let segments = selector::parse(select).ok()?;
            let keeps = Some(true);
            let (at, select, identity) = (at.to_owned(), select.into(), Vec::new());
            Some(Entry { at, select, segments, keeps, identity })
        });
        context.entries.extend(built_in);
        Ok(Self {
            rules: list("rules", default("default", "/default"), false),
            context,
            ignore: list("ignore", nothing(), false),
            arrays: list("arrays", nothing(), true),
            fold_keys: matches!(root.get("fold_keys"), Some(Value::Bool(true))),
            secrets: !matches!(root.get("secrets"), Some(Value::Bool(false))),
        })
    }
}

impl<'a> List<'a> {
    /// Without what is built in.
    pub(super) fn own(&self) -> &[Entry<'a>] {
        &self.entries[..self.own]
    }
}

impl<'a> Entry<'a> {
    fn read(item: &Value<'a>, at: String) -> Option<Self> {
        let select = match item {
            Value::String(select) => select.clone(),
            _ => match item.get("select")? {
                Value::String(select) => select.clone(),
                _ => return None,
            },
        };
        let segments = selector::parse(&select).ok()?;
        let keeps = action(item).filter(|_| item.get("action").is_some()).map(|a| a == "keep");
        let identity = match item.get("key") {
            Some(Value::Array(parts)) => parts.iter().filter_map(Value::as_str).collect(),
            Some(part) => part.as_str().into_iter().collect(),
            None => Vec::new(),
        };
        let identity = identity.into_iter().map(as_pointer).collect();
        Some(Self { at, select, segments, keeps, identity })
    }

    /// Whether less of a value is stored by this entry than there was.
    pub(super) fn protects(&self) -> bool {
        self.keeps == Some(false)
    }

    /// For a person: `rules[2] $.email`, or `built-in $.actor.id`.
    pub(super) fn name(&self) -> String {
        match self.at[1.min(self.at.len())..].split_once('/') {
            Some((list, number)) => format!("{list}[{number}] `{}`", self.select),
            None => format!("built-in `{}`", self.select),
        }
    }

    /// A name in the selector that no folded key is.
    pub(super) fn unfolded_name(&self) -> Option<&str> {
        let selectors = self.segments.iter().flat_map(|segment| &segment.selectors);
        selectors.into_iter().find_map(|selector| match selector {
            Selector::Name(name) if fold_key(name) != name.as_str() => Some(name.as_str()),
            _ => None,
        })
    }
}

/// `"keep"` is the short form of `{"action": "keep"}`.
fn action<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    value.as_str().or_else(|| value.get("action").and_then(Value::as_str))
}

fn as_pointer(part: &str) -> String {
    if part.starts_with('/') {
        return part.to_owned();
    }
    let mut pointer = String::new();
    sealtrail_record::pointer::push_key(&mut pointer, part);
    pointer
}
