//! Records on standard output: words for a person, or the lines as they are.

use std::borrow::Cow;
use std::collections::HashSet;

use clap::ValueEnum;
use sealtrail_history::words;
use sealtrail_log::Reader;
use sealtrail_record::json::{self, Member, Value};

use serde_json::json;

use super::{Style, output, terminal};
use crate::code::Code;
use crate::config::{Config, Limits};
use crate::engine::Sandbox;
use crate::error::{Error, Result};
use crate::questions::{Found, Questions, Records, STORED};

/// How records are printed, where not as words or as their lines.
#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    /// One row per changed attribute, as NDJSON
    Rows,
    /// One row per changed attribute, as CSV (RFC 4180)
    Csv,
}

/// Opens the log to read, without its lock.
pub fn open(config: &Config) -> Result<Questions> {
    let reader = Reader::open(&config.log_dir)?;
    if reader.origin() != config.origin {
        let message = format!(
            "expected the log of `{}` in `{}`, got the log of `{}`",
            config.origin,
            config.log_dir.display(),
            reader.origin().escape_debug()
        );
        return Err(Error::new(Code::ForeignLog, message));
    }
    Questions::open_beside(reader, &config.index_dir, &config.origin)
}

pub fn print(
    questions: &Questions,
    records: &Records,
    format: Option<Format>,
    style: Style,
) -> Result<()> {
    let found = &records.found;
    if let Some(last) = records.first_kept.checked_sub(1) {
        eprintln!("note: the records 0 to {last} were removed by retention and are not looked at");
    }
    if let Some(format) = format {
        return print_rows(questions, found, format);
    }
    if style.json {
        for found in found {
            output::print_line(&found.line)?;
        }
        return Ok(());
    }
    let Some(first) = found.first() else {
        eprintln!("no records");
        return Ok(());
    };
    let shredded = shredded_since(questions.reader(), first.index)?;
    let mark = erased_mark();
    let lines = found.iter().map(|found| mark_erased(&found.line, &shredded, &mark));
    let style = words::Style { colour: terminal::wants_colour() };
    let text = words::history(lines, style);
    output::print(text.replace(&format!("[sealed {mark}]"), "[erased]").as_bytes())
}

/// A table has its names even where it has no rows.
fn print_rows(questions: &Questions, found: &[Found], format: Format) -> Result<()> {
    let shredded = match found.first() {
        Some(first) => shredded_since(questions.reader(), first.index)?,
        None => HashSet::new(),
    };
    let mark = erased_mark();
    let sandbox = Sandbox::new(&Limits::default())?;
    let print = |line: &[u8], header: bool| {
        let options = match format {
            Format::Rows => json!({"format": "ndjson"}),
            Format::Csv => json!({"format": "csv", "header": header}),
        };
        let rows = sandbox.guest()?.rows(&options, &mark_erased(line, &shredded, &mark))?;
        let rows = String::from_utf8_lossy(&rows);
        output::print(rows.replace(&format!("[sealed {mark}]"), "[erased]").as_bytes())
    };
    // Of a record without changes nothing is left but the names.
    print(br#"{"data":{}}"#, true)?;
    found.iter().try_for_each(|found| print(&found.line, false))
}

/// The ids of the keys that were destroyed after this record. The log says so itself; the keyring would
/// have to be opened, and a running server has its lock.
fn shredded_since(reader: &Reader, index: u64) -> Result<HashSet<String>> {
    const TYPES: [&str; 2] = ["sealtrail.shred.v1", "sealtrail.expire.v1"];
    let finders = TYPES.map(memchr::memmem::Finder::new);
    let mut kids = HashSet::new();
    for line in reader.lines(index)? {
        let (_, line) = line?;
        if finders.iter().all(|finder| finder.find(&line).is_none()) {
            continue;
        }
        let Ok(record) = json::parse(&line, &STORED) else { continue };
        if record.get("type").and_then(Value::as_str).is_some_and(|is| TYPES.contains(&is)) {
            let named = record.pointer("/data/kids").map(Value::items).unwrap_or_default();
            kids.extend(named.iter().filter_map(Value::as_str).map(str::to_owned));
        }
    }
    Ok(kids)
}

/// A group name that no policy has: random, so that nothing in a record can pass for it.
fn erased_mark() -> String {
    format!("erased-{}", uuid::Uuid::new_v4().simple())
}

/// Gives the seals whose key is gone the marked group.
fn mark_erased<'l>(line: &'l [u8], shredded: &HashSet<String>, mark: &str) -> Cow<'l, [u8]> {
    let Ok(mut record) = json::parse(line, &STORED) else { return line.into() };
    let seals = member(&mut record, "data").and_then(|data| member(data, "seals"));
    let Some(Value::Array(seals)) = seals else { return line.into() };
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
    use super::*;

    #[test]
    fn only_seals_of_shredded_keys_are_marked() {
        let line = br#"{"id":"1","type":"sealtrail.change.update.v1","data":{"changes":[{"op":"add","path":"/a","new":"st1.0.x"},{"op":"add","path":"/b","new":"st1.1.x"}],"seals":[{"group":"contact","kids":["k_1","t_1"],"at":["/data/changes/0/new"]},{"group":"other","kids":["k_2","t_1"],"at":["/data/changes/1/new"]}]}}"#;
        let shredded = HashSet::from(["k_1".to_owned()]);
        let marked = mark_erased(line, &shredded, "MARK");
        let text = words::record(&marked, words::Style::PLAIN);
        assert!(text.contains("[sealed MARK]") && text.contains("[sealed other]"), "{text}");
        assert_eq!(mark_erased(b"garbage", &shredded, "MARK"), &b"garbage"[..]);
    }
}
