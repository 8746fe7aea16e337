use std::collections::HashMap;

use sealtrail_record::json::Value;
use sealtrail_record::sentences::clean;

/// Which values of a record are sealed, and for which data group: the pointers that its seals list. User text
/// that looks like a sealed field stays text.
pub(super) struct Sealed<'r> {
    groups: HashMap<&'r str, &'r str>,
    /// The group of what cannot be opened any more.
    erased: &'r str,
}

impl<'r> Sealed<'r> {
    pub(super) fn of(record: &'r Value<'_>, erased: &'r str) -> Self {
        let seals = record.pointer("/data/seals").map(Value::items).unwrap_or_default();
        let listed = seals.iter().flat_map(|seal| {
            let group = seal.get("group").and_then(Value::as_str).unwrap_or("(no group)");
            let at = seal.get("at").map(Value::items).unwrap_or_default();
            at.iter().filter_map(Value::as_str).map(move |at| (at, group))
        });
        Self { groups: listed.collect(), erased }
    }

    /// `[sealed contact]` or `[erased]`, if the value at this pointer is sealed.
    pub(super) fn group(&self, pointer: &str, value: &Value<'_>) -> Option<String> {
        let group = *self.groups.get(pointer)?;
        value.as_str()?.strip_prefix("st1.")?;
        Some(match group == self.erased && !group.is_empty() {
            true => "[erased]".to_owned(),
            false => format!("[sealed {}]", clean(group, 40)),
        })
    }
}
