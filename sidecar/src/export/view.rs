use std::collections::HashMap;
use std::net::IpAddr;

use sealtrail_record::json::{self, Value, write_string};
use serde_json::value::RawValue;

use crate::code::Code;
use crate::erasure::{Destroyed, anonymise, erase_pseudonyms};
use crate::error::{Error, Result};
use crate::questions::{Found, STORED};

/// The type of a record of an event without a change.
const EVENT: &str = "sealtrail.event.v1";

/// What was done, in a word: `update`, the type of an event that comes without a change, or what an act is.
pub fn action_of<'r>(record: &'r Value<'_>) -> Option<&'r str> {
    let text = |at: &str| record.pointer(at).and_then(Value::as_str);
    let kind = text("/type");
    let of_event = kind.filter(|kind| *kind == EVENT).and_then(|_| text("/data/event/type"));
    let of_type = || kind?.rsplit('.').nth(1);
    of_event.or_else(|| text("/data/action")).or_else(of_type)
}

/// A record as others may see it: what is sealed is named and not shown.
pub struct View<'r> {
    pub index: u64,
    record: Value<'r>,
    /// What stands for the values at these pointers.
    sealed: HashMap<String, String>,
}

impl<'r> View<'r> {
    /// `destroyed` are the keys that do not exist any more, `nobody` stands for whoever acted and had one of them.
    pub fn of(found: &'r Found, destroyed: &Destroyed, nobody: &str) -> Result<Self> {
        let index = found.index;
        let unreadable = |error: json::Error| {
            Error::new(Code::LogDamaged, format!("record {index} cannot be read: {error}"))
        };
        let mut record = json::parse(&found.line, &STORED).map_err(unreadable)?;
        anonymise(&mut record, destroyed, nobody);
        erase_pseudonyms(&mut record, destroyed);
        let mut sealed = HashMap::new();
        for seal in record.pointer("/data/seals").map(Value::items).unwrap_or_default() {
            let list = |name| seal.get(name).map(Value::items).unwrap_or_default();
            let mut kids = list("kids").iter().filter_map(Value::as_str);
            let shown = match kids.any(|kid| destroyed.contains(kid)) {
                true => "[erased]".to_owned(),
                false => {
                    let group = seal.get("group").and_then(Value::as_str).unwrap_or_default();
                    format!("[sealed {group}]")
                }
            };
            for at in list("at").iter().filter_map(Value::as_str) {
                sealed.insert(at.to_owned(), shown.clone());
            }
        }
        Ok(Self { index, record, sealed })
    }

    /// A text that is not sealed.
    pub fn text(&self, at: &str) -> Option<&str> {
        let text = self.record.pointer(at)?.as_str()?;
        (!self.sealed.contains_key(at)).then_some(text)
    }

    /// `update`; of an act what it is; of an event alone the word that it was sent with.
    pub fn action(&self) -> &str {
        action_of(&self.record).unwrap_or("unknown")
    }

    /// The same where it is one of ours: an event may be called `delete`, and is none.
    pub fn own_action(&self) -> Option<&str> {
        (self.text("/type") != Some(EVENT)).then(|| self.action())
    }

    /// What happened in the terms of the business, alone or beside a change.
    pub fn event(&self) -> Option<&str> {
        self.text("/data/event/type")
    }

    /// An address, if it is one: what is masked is none, and is refused in the place of one.
    pub fn ip(&self) -> Option<&str> {
        self.text("/data/request/ip").filter(|ip| ip.parse::<IpAddr>().is_ok())
    }

    /// Whether it tells of what was tried and not done.
    pub fn is_refusal(&self) -> bool {
        self.text("/type") == Some("sealtrail.refused.v1")
    }

    pub fn actor(&self) -> Option<&str> {
        self.text("/authid").or_else(|| self.text("/data/actor/id"))
    }

    /// The changes, each with its place in the record.
    pub fn changes(&self) -> impl Iterator<Item = (String, &Value<'r>)> {
        let changes = self.record.pointer("/data/changes").map(Value::items).unwrap_or_default();
        changes.iter().enumerate().map(|(i, change)| (format!("/data/changes/{i}"), change))
    }

    /// The same as JSON, if there are any.
    pub fn raw_changes(&self) -> Option<Box<RawValue>> {
        self.changes().next().and_then(|_| self.raw("/data/changes"))
    }

    /// Writes a value of the record, exactly as it is spelt there, but for what is sealed.
    pub fn write(&self, value: &Value<'_>, at: &mut String, out: &mut Vec<u8>) {
        value.write_replacing(at, out, usize::MAX, &|value, at, out| {
            let shown = self.sealed.get(at).filter(|_| value.as_str().is_some());
            shown.map(|shown| write_string(shown, out)).is_some()
        });
    }

    /// The value at a pointer, as JSON for another document.
    pub fn raw(&self, at: &str) -> Option<Box<RawValue>> {
        let value = self.record.pointer(at)?;
        let mut out = Vec::new();
        self.write(value, &mut at.to_owned(), &mut out);
        RawValue::from_string(String::from_utf8(out).ok()?).ok()
    }
}
