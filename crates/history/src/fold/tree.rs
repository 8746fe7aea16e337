use sealtrail_record::json::{Value, write_string};
use sealtrail_record::pointer;

use super::{SealedValue, State};

/// A value that changes.
#[derive(Debug, Clone, Default)]
pub(super) enum Tree {
    /// Nobody has said what it is.
    #[default]
    Unknown,
    /// JSON text of a scalar.
    Leaf(String),
    /// JSON text of what stands for a value.
    Protected(String, Protected),
    /// Members in the order in which they came; whether there are no others.
    Object(Vec<(String, Tree)>, bool),
    Array(Vec<Tree>),
}

/// What the policy has put in the place of a value.
#[derive(Debug, Clone)]
pub(super) enum Protected {
    Sealed(Box<Sealed>),
    /// The key that it was made with.
    Pseudonym(String),
}

#[derive(Debug, Clone)]
pub(super) struct Sealed {
    pub(super) group: String,
    pub(super) record: String,
    pub(super) at: String,
    pub(super) kids: Vec<String>,
}

impl Tree {
    /// An entity without attributes.
    pub(super) fn empty() -> Self {
        Self::Object(Vec::new(), true)
    }

    pub(super) fn of(
        value: &Value<'_>,
        at: &mut String,
        protection: &dyn Fn(&str) -> Option<Protected>,
    ) -> Self {
        let here = at.len();
        match value {
            Value::String(_) => match protection(at) {
                Some(protected) => Self::Protected(value.to_json(), protected),
                None => Self::Leaf(value.to_json()),
            },
            Value::Array(items) => {
                let mut trees = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    pointer::push_index(at, index);
                    trees.push(Self::of(item, at, protection));
                    at.truncate(here);
                }
                Self::Array(trees)
            }
            Value::Object(members) => {
                let mut trees = Vec::with_capacity(members.len());
                for member in members {
                    pointer::push_key(at, &member.key);
                    trees.push((
                        member.key.clone().into_owned(),
                        Self::of(&member.value, at, protection),
                    ));
                    at.truncate(here);
                }
                Self::Object(trees, true)
            }
            scalar => Self::Leaf(scalar.to_json()),
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        !matches!(self, Self::Unknown | Self::Object(_, false))
    }

    /// Takes a value out. What is not there, or cannot be found, is none.
    pub(super) fn take(&mut self, path: &str) -> Option<Tree> {
        let (parent, last) = self.parent(path)?;
        match parent {
            Self::Object(members, _) => {
                let at = members.iter().position(|(key, _)| *key == last)?;
                Some(members.remove(at).1)
            }
            Self::Array(items) => {
                let at = pointer::index(&last).filter(|at| *at < items.len());
                // Which items are left is not known any more.
                if at.is_none() {
                    *parent = Self::Unknown;
                    return None;
                }
                Some(items.remove(at?))
            }
            _ => None,
        }
    }

    /// Puts a value in its place; into an array between its items where it is `added`.
    pub(super) fn put(&mut self, path: &str, value: Tree, added: bool) {
        if path.is_empty() {
            *self = value;
            return;
        }
        let Some((parent, last)) = self.parent(path) else { return };
        match parent {
            Self::Object(members, _) => match members.iter_mut().find(|(key, _)| *key == last) {
                Some((_, old)) => *old = value,
                None => members.push((last, value)),
            },
            Self::Array(items) => match pointer::index(&last) {
                Some(at) if added && at <= items.len() => items.insert(at, value),
                Some(at) if !added && at < items.len() => items[at] = value,
                _ => *parent = Self::Unknown,
            },
            _ => {}
        }
    }

    /// What holds the value at a path, and its last step. On the way through what is not known, objects come into being
    /// of which only this is known; of an array too little would be.
    fn parent(&mut self, path: &str) -> Option<(&mut Tree, String)> {
        let tokens = pointer::tokens(path)?;
        let (last, above) = tokens.split_last()?;
        let mut at = self;
        for token in above.iter().map(Some).chain([None]) {
            if matches!(at, Self::Unknown) {
                let next = token.unwrap_or(last);
                if pointer::index(next).is_some() {
                    return None;
                }
                *at = Self::Object(Vec::new(), false);
            }
            let Some(token) = token else { break };
            let is_outside =
                |items: &Vec<Tree>| pointer::index(token).is_none_or(|index| index >= items.len());
            if matches!(at, Self::Array(items) if is_outside(items)) {
                *at = Self::Unknown;
                return None;
            }
            at = match at {
                Self::Object(members, complete) => {
                    let found = members.iter().position(|(key, _)| key == token);
                    let found = match found {
                        Some(found) => found,
                        // A part of what is not there: the history is not whole.
                        None => {
                            *complete = false;
                            members.push((token.clone().into_owned(), Self::Unknown));
                            members.len() - 1
                        }
                    };
                    &mut members[found].1
                }
                Self::Array(items) => &mut items[pointer::index(token)?],
                // A part of a sealed value, or of none: it is another one now, and not known.
                _ => {
                    *at = Self::Unknown;
                    return None;
                }
            };
        }
        if matches!(at, Self::Leaf(_) | Self::Protected(..)) {
            *at = Self::Unknown;
            return None;
        }
        Some((at, last.clone().into_owned()))
    }

    /// Writes JSON; what is unknown is left out, in an array it is null, and listed.
    pub(super) fn write(&self, at: &mut String, out: &mut Vec<u8>, state: &mut State) {
        let here = at.len();
        match self {
            Self::Unknown => {
                state.unknown.push(at.clone());
                out.extend_from_slice(b"null");
            }
            Self::Leaf(json) | Self::Protected(json, Protected::Pseudonym(_)) => {
                out.extend_from_slice(json.as_bytes());
            }
            Self::Protected(json, Protected::Sealed(sealed)) => {
                out.extend_from_slice(json.as_bytes());
                state.sealed.push(SealedValue {
                    path: at.clone(),
                    group: sealed.group.clone(),
                    record: sealed.record.clone(),
                    at: sealed.at.clone(),
                    kids: sealed.kids.clone(),
                });
            }
            Self::Object(members, complete) => {
                if !complete && !at.is_empty() {
                    state.unknown.push(at.clone());
                }
                out.push(b'{');
                let mut is_first = true;
                for (key, member) in members {
                    pointer::push_key(at, key);
                    if matches!(member, Self::Unknown) {
                        state.unknown.push(at.clone());
                    } else {
                        if !std::mem::take(&mut is_first) {
                            out.push(b',');
                        }
                        write_string(key, out);
                        out.push(b':');
                        member.write(at, out, state);
                    }
                    at.truncate(here);
                }
                out.push(b'}');
            }
            Self::Array(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    pointer::push_index(at, index);
                    item.write(at, out, state);
                    at.truncate(here);
                }
                out.push(b']');
            }
        }
    }

    /// Writes JSON with a name in the place of what is sealed or erased, and without what is unknown.
    pub(super) fn write_shown(&self, is_gone: &dyn Fn(&str) -> bool, out: &mut Vec<u8>) {
        match self {
            Self::Unknown => out.extend_from_slice(b"null"),
            Self::Leaf(json) => out.extend_from_slice(json.as_bytes()),
            Self::Protected(_, protected) if protected.kids().iter().any(|kid| is_gone(kid)) => {
                out.extend_from_slice(b"\"[erased]\"");
            }
            Self::Protected(_, Protected::Sealed(sealed)) => {
                write_string(&format!("[sealed {}]", sealed.group), out);
            }
            Self::Protected(json, Protected::Pseudonym(_)) => {
                out.extend_from_slice(json.as_bytes());
            }
            Self::Object(members, _) => {
                out.push(b'{');
                let known = members.iter().filter(|(_, member)| !matches!(member, Self::Unknown));
                for (number, (key, member)) in known.enumerate() {
                    out.extend_from_slice(if number > 0 { b"," } else { b"" });
                    write_string(key, out);
                    out.push(b':');
                    member.write_shown(is_gone, out);
                }
                out.push(b'}');
            }
            Self::Array(items) => {
                out.push(b'[');
                for (number, item) in items.iter().enumerate() {
                    out.extend_from_slice(if number > 0 { b"," } else { b"" });
                    item.write_shown(is_gone, out);
                }
                out.push(b']');
            }
        }
    }

    pub(super) fn keys(&self, found: &mut dyn FnMut(&str)) {
        match self {
            Self::Unknown | Self::Leaf(_) => {}
            Self::Protected(_, protected) => protected.kids().iter().for_each(|kid| found(kid)),
            Self::Object(members, _) => members.iter().for_each(|(_, member)| member.keys(found)),
            Self::Array(items) => items.iter().for_each(|item| item.keys(found)),
        }
    }
}

impl Protected {
    fn kids(&self) -> &[String] {
        match self {
            Self::Sealed(sealed) => &sealed.kids,
            Self::Pseudonym(kid) => std::slice::from_ref(kid),
        }
    }
}
