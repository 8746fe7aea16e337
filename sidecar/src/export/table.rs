use std::borrow::Cow;
use std::collections::HashSet;

use clap::ValueEnum;
use sealtrail_record::json::{self, Member, Value};
use serde_json::json;

use super::anonymised::anonymise;
use crate::config::Limits;
use crate::engine::Sandbox;
use crate::error::Result;
use crate::questions::STORED;

/// How records are printed, where not as words or as their lines.
#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    /// One row per changed attribute, as NDJSON
    Rows,
    /// One row per changed attribute, as CSV (RFC 4180)
    Csv,
}

/// Records as rows of attributes, which the core makes.
pub struct Table {
    format: Format,
    sandbox: Sandbox,
    mark: String,
    nobody: String,
}

impl Table {
    pub fn new(format: Format) -> Result<Self> {
        let sandbox = Sandbox::new(&Limits::default())?;
        Ok(Self { format, sandbox, mark: erased_mark(), nobody: uuid::Uuid::nil().to_string() })
    }

    /// Shows an actor who was shredded as this.
    #[must_use]
    pub fn with_nobody(self, nobody: &str) -> Self {
        Self { nobody: nobody.to_owned(), ..self }
    }

    /// The names of the columns, where the format has them.
    pub fn names(&self) -> Result<String> {
        // Of a record without changes nothing is left but the names.
        self.table(br#"{"data":{}}"#, true)
    }

    /// `destroyed` are the keys that do not exist any more.
    pub fn rows(&self, line: &[u8], destroyed: &HashSet<String>) -> Result<String> {
        self.table(&mark_erased(line, destroyed, &self.mark, &self.nobody), false)
    }

    fn table(&self, line: &[u8], header: bool) -> Result<String> {
        let options = match self.format {
            Format::Rows => json!({"format": "ndjson"}),
            Format::Csv => json!({"format": "csv", "header": header}),
        };
        let rows = self.sandbox.guest()?.rows(&options, line)?;
        let rows = String::from_utf8_lossy(&rows);
        Ok(rows.replace(&format!("[sealed {}]", self.mark), "[erased]"))
    }
}

/// A group name that no policy has: random, so that nothing in a record can pass for it.
pub fn erased_mark() -> String {
    format!("erased-{}", uuid::Uuid::new_v4().simple())
}

/// Gives the seals whose key is gone the marked group, and the actor whose key is gone the id of nobody.
pub fn mark_erased<'l>(
    line: &'l [u8],
    shredded: &HashSet<String>,
    mark: &str,
    nobody: &str,
) -> Cow<'l, [u8]> {
    if shredded.is_empty() {
        return line.into();
    }
    let Ok(mut record) = json::parse(line, &STORED) else { return line.into() };
    anonymise(&mut record, shredded, nobody);
    let seals = member(&mut record, "data").and_then(|data| member(data, "seals"));
    let mut none = Vec::new();
    let seals = if let Some(Value::Array(seals)) = seals { seals } else { &mut none };
    for seal in seals {
        let kids = seal.get("kids").map(Value::items).unwrap_or_default();
        let is_erased = kids.iter().filter_map(Value::as_str).any(|kid| shredded.contains(kid));
        if let (true, Some(group)) = (is_erased, member(seal, "group")) {
            *group = Value::String(mark.to_owned().into());
        }
    }
    record.to_json().into_bytes().into()
}

fn member<'v, 'a>(value: &'v mut Value<'a>, key: &str) -> Option<&'v mut Value<'a>> {
    let Value::Object(members) = value else { return None };
    members.iter_mut().find(|Member { key: k, .. }| k == key).map(|member| &mut member.value)
}

#[cfg(test)]
mod tests {
    use sealtrail_history::words;

    use super::*;

    #[test]
    fn only_seals_of_shredded_keys_are_marked() {
        let line = br#"{"id":"1","type":"sealtrail.change.update.v1","data":{"changes":[{"op":"add","path":"/a","new":"st1.0.x"},{"op":"add","path":"/b","new":"st1.1.x"}],"seals":[{"group":"contact","kids":["k_1","t_1"],"at":["/data/changes/0/new"]},{"group":"other","kids":["k_2","t_1"],"at":["/data/changes/1/new"]}]}}"#;
        let shredded = HashSet::from(["k_1".to_owned()]);
        let marked = mark_erased(line, &shredded, "MARK", "NOBODY");
        let text = words::record(&marked, words::Style::PLAIN);
        assert!(text.contains("[sealed MARK]") && text.contains("[sealed other]"), "{text}");
        assert_eq!(mark_erased(b"garbage", &shredded, "MARK", "NOBODY"), &b"garbage"[..]);
    }
}
