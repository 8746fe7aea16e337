use std::borrow::Cow;

use clap::ValueEnum;
use sealtrail_record::json::{self, Member, Value};
use serde_json::json;

use crate::config::Limits;
use crate::engine::Sandbox;
use crate::erasure::{Destroyed, anonymise, seal_pseudonyms};
use crate::error::Result;
use crate::questions::STORED;

/// The columns of a table of attributes, as the core makes them.
///
/// Tables of databases and files have these names for longer than a program runs, so they stand here and do not follow the
/// core; a test says when they differ.
pub const COLUMNS: [&str; 18] = [
    "date",
    "time",
    "table_id",
    "entity_id",
    "microservice_name",
    "action",
    "request_id",
    "ip_address",
    "account_id",
    "user_id",
    "user_email",
    "user_name",
    "attribute",
    "previous_value",
    "current_value",
    "browser_name",
    "device_type",
    "os",
];

/// A cell for each of the [columns](COLUMNS).
pub type Row = [Option<String>; COLUMNS.len()];

/// How records are printed, where not as words or as their lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
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
        Ok(Self::of(format, Sandbox::new(&Limits::default())?))
    }

    /// The same with a sandbox that is there.
    pub fn of(format: Format, sandbox: Sandbox) -> Self {
        Self { format, sandbox, mark: erased_mark(), nobody: uuid::Uuid::nil().to_string() }
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
    pub fn rows(&self, line: &[u8], destroyed: &Destroyed) -> Result<String> {
        self.table(&mark_erased(line, destroyed, &self.mark, &self.nobody), false)
    }

    /// The same cell by cell, of a table of [`Format::Rows`].
    pub fn cells(&self, line: &[u8], destroyed: &Destroyed) -> Result<Vec<Row>> {
        let rows = self.rows(line, destroyed)?;
        let cells = |row: &str| {
            let row: serde_json::Value = serde_json::from_str(row).unwrap_or_default();
            COLUMNS.map(|name| row[name].as_str().map(str::to_owned))
        };
        Ok(rows.lines().filter(|row| !row.is_empty()).map(cells).collect())
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

/// Gives the seals whose key is gone the marked group, and pseudonyms too, and the actor whose key is gone the id of nobody.
pub fn mark_erased<'l>(
    line: &'l [u8],
    shredded: &Destroyed,
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
    seal_pseudonyms(&mut record, shredded, mark);
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
    fn the_columns_are_those_of_the_core() {
        let names = Table::new(Format::Csv).unwrap().names().unwrap();
        assert_eq!(names.trim_end(), COLUMNS.join(","));
    }

    #[test]
    fn only_seals_of_shredded_keys_are_marked() {
        let line = br#"{"id":"1","type":"sealtrail.change.update.v1","data":{"changes":[{"op":"add","path":"/a","new":"st1.0.x"},{"op":"add","path":"/b","new":"st1.1.x"}],"seals":[{"group":"contact","kids":["k_1","t_1"],"at":["/data/changes/0/new"]},{"group":"other","kids":["k_2","t_1"],"at":["/data/changes/1/new"]}]}}"#;
        let shredded = Destroyed::from(["k_1"]);
        let marked = mark_erased(line, &shredded, "MARK", "NOBODY");
        let text = words::record(&marked, words::Style::PLAIN);
        assert!(text.contains("[sealed MARK]") && text.contains("[sealed other]"), "{text}");
        let line = br#"{"id":"1","data":{"changes":[{"op":"add","path":"/a","new":{"b":"ps1.x"}}],"pseudonyms":[{"kid":"k_1","at":["/data/changes/0/new/b"]}]}}"#;
        let marked = mark_erased(line, &shredded, "MARK", "NOBODY");
        let text = words::record(&marked, words::Style::PLAIN);
        assert!(text.contains("[sealed MARK]") && !text.contains("ps1."), "{text}");
        assert_eq!(mark_erased(b"garbage", &shredded, "MARK", "NOBODY"), &b"garbage"[..]);
    }
}
