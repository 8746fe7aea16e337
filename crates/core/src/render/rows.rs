//! One row per attribute: a stored change as the table that reports and spreadsheets are made of.
//!
//! | column | from the record |
//! |---|---|
//! | `date`, `time` | its time in UTC, `2020-07-29` and `19:45:00` |
//! | `table_id`, `entity_id` | type and id of the entity |
//! | `microservice_name` | `source` |
//! | `action` | `create`, `update` or `delete` |
//! | `request_id` | the correlation id |
//! | `ip_address` | `ip` of the request |
//! | `account_id`, `user_id`, `user_email`, `user_name` | `account_id`, `id` (else `authid`), `email`, `name` of the actor |
//! | `attribute` | the pointer without its first slash: `title`, `address/city`; empty for the whole entity |
//! | `previous_value`, `current_value` | the values; of a moved item its places |
//! | `browser_name`, `device_type`, `os` | the parsed user agent, see [`user_agent`] |
//!
//! Every cell is a text or null: texts and numbers as they are, anything else as compact JSON, null
//! where the record has nothing. A value that is sealed and was not opened is `[sealed <group>]`; what
//! was masked shows its mask.

use std::borrow::Cow;

use sealtrail_record::json::{self, Limits, Value};
use sealtrail_record::sort::sorted;
use sealtrail_record::{pointer, time};

use super::table::Table;
use crate::Error;

/// The columns, in their order.
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

/// Where the cells of an attribute stand; all others are the same in all rows of a record.
const ATTRIBUTE: usize = 12;

pub(super) type Row = [Option<String>; COLUMNS.len()];

/// The rows of a record, as a table. `opened` is empty or what [`open`](crate::open) gives for this
/// record; an entry of it with `"erased":true` in place of a value shows as `[erased]`.
///
/// A record that is no change (a reveal, a shred) has no rows.
pub fn rows(line: &[u8], opened: &[u8], table: Table) -> Result<Vec<u8>, Error> {
    // What can be opened can be shown.
    let limits = Limits { max_bytes: 64 << 20, max_depth: 160, max_values: 32 << 20 };
    let parse = |text, what| json::parse(text, &limits).map_err(|e| Error::json(what, e));
    let record = parse(line, "the record")?;
    let opened = if opened.is_empty() { Value::Null } else { parse(opened, "the opened fields")? };
    if !matches!(record.get("data"), Some(Value::Object(_))) {
        return Err(Error::field("/data", "an object", "none"));
    }
    let cells = Cells::of(&record, &opened)?;
    let shared = shared(&record, &cells);
    let changes = record.pointer("/data/changes").map(Value::items).unwrap_or_default();
    table.write(changes.iter().enumerate().map(|(i, change)| row(i, change, &shared, &cells)))
}

fn row(i: usize, change: &Value<'_>, shared: &Row, cells: &Cells<'_>) -> Result<Row, Error> {
    let at = format!("/data/changes/{i}");
    let text = |key: &str| match change.get(key) {
        Some(Value::String(text)) => Ok(attribute(text)),
        Some(other) => Err(Error::field(&format!("{at}/{key}"), "a string", other.kind())),
        None => Err(Error::missing(&format!("{at}/{key}"))),
    };
    let path = text("path")?;
    let [old, new] = match change.get("op").and_then(Value::as_str) {
        Some("move") => [Some(text("from")?), Some(path.clone())],
        _ => ["old", "new"].map(|side| cells.at(change.get(side), format!("{at}/{side}"))),
    };
    let mut row = shared.clone();
    for (cell, value) in row[ATTRIBUTE..].iter_mut().zip([Some(path), old, new]) {
        *cell = value;
    }
    Ok(row)
}

/// The cells that are the same in all rows of a record.
fn shared(record: &Value<'_>, cells: &Cells<'_>) -> Row {
    let at = |pointer: &str| cells.at(record.pointer(pointer), pointer.to_owned());
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let (date, time) =
        text("/time").or_else(|| text("/recordedtime")).and_then(time::utc_date_and_time).unzip();
    let [browser, device, os] = user_agent(record, cells);
    [
        date,
        time,
        at("/data/entity/type"),
        at("/data/entity/id"),
        at("/source"),
        at("/data/action"),
        at("/correlationid"),
        at("/data/request/ip"),
        at("/data/actor/account_id"),
        at("/data/actor/id").or_else(|| at("/authid")),
        at("/data/actor/email"),
        at("/data/actor/name"),
        None,
        None,
        None,
        browser,
        device,
        os,
    ]
}

/// Browser, kind of device and system, in lower case; a desktop is called `web`. The record has them as
/// `{"browser":"Chrome","os":"Windows 10","device":"desktop"}`. A user agent that nobody parsed, or its
/// mask, stands as it is in the place of the browser.
fn user_agent(record: &Value<'_>, cells: &Cells<'_>) -> [Option<String>; 3] {
    const AT: &str = "/data/request/user_agent";
    let Some(agent) = record.pointer(AT) else { return [None, None, None] };
    let Value::Object(_) = agent else {
        let whole = cells.at(Some(agent), AT.to_owned());
        let others = whole.clone().filter(|_| cells.is_sealed(AT));
        return [whole, others.clone(), others];
    };
    ["browser", "device", "os"].map(|key| {
        let at = format!("{AT}/{key}");
        let is_sealed = cells.is_sealed(&at);
        let cell = cells.at(agent.get(key), at)?;
        Some(match cell.chars().flat_map(char::to_lowercase).collect::<String>() {
            _ if is_sealed => cell,
            kind if key == "device" && kind == "desktop" => "web".to_owned(),
            lower => lower,
        })
    })
}

/// The pointer without its first slash; with it where it begins with an empty key, so that no two
/// attributes look the same.
fn attribute(path: &str) -> String {
    match path.strip_prefix('/') {
        Some(short) if !short.is_empty() && !short.starts_with('/') => short.to_owned(),
        _ => path.to_owned(),
    }
}

/// What stands in place of the sealed values of a record, by their pointers.
struct Cells<'r> {
    cells: Vec<(&'r str, Shown<'r>)>,
    /// By their pointers.
    sorted: Vec<usize>,
}

enum Shown<'r> {
    Label(String),
    Opened(&'r Value<'r>),
}

impl<'r> Cells<'r> {
    fn of(record: &'r Value<'r>, opened: &'r Value<'r>) -> Result<Self, Error> {
        let mut cells: Vec<(&str, Shown<'_>)> = Vec::new();
        for seal in record.pointer("/data/seals").map(Value::items).unwrap_or_default() {
            let group = seal.get("group").and_then(Value::as_str).unwrap_or("(no group)");
            let places = seal.get("at").map(Value::items).unwrap_or_default();
            for at in places.iter().filter_map(Value::as_str) {
                cells.push((at, Shown::Label(format!("[sealed {group}]"))));
            }
        }
        let sorted = sorted(cells.len(), &mut |a, b| cells[a].0.cmp(cells[b].0));
        let mut found = Self { cells, sorted };
        if !matches!(opened, Value::Array(_) | Value::Null) {
            return Err(Error::field("the opened fields", "an array", opened.kind()));
        }
        for (i, field) in opened.items().iter().enumerate() {
            let at = field.get("at").and_then(Value::as_str);
            let at = at.ok_or_else(|| Error::missing(&format!("the opened fields: /{i}/at")))?;
            // A seal lists it, or it is of another record.
            let place = found.place(at).ok_or_else(|| {
                let message = format!("the opened fields: /{i} names a place that no seal lists");
                Error::new("invalid_field", message)
            })?;
            found.cells[place].1 = match (field.get("value"), field.get("erased")) {
                (_, Some(Value::Bool(true))) => Shown::Label("[erased]".to_owned()),
                (Some(value), _) => Shown::Opened(value),
                (None, _) => {
                    return Err(Error::missing(&format!("the opened fields: /{i}/value")));
                }
            };
        }
        Ok(found)
    }

    /// Which one stands for this pointer; the last where several seals list it.
    fn place(&self, at: &str) -> Option<usize> {
        let end = self.sorted.partition_point(|&cell| self.cells[cell].0 <= at);
        let cell = *self.sorted.get(end.checked_sub(1)?)?;
        (self.cells[cell].0 == at).then_some(cell)
    }

    fn get(&self, at: &str) -> Option<&Shown<'r>> {
        self.place(at).map(|place| &self.cells[place].1)
    }

    fn is_sealed(&self, at: &str) -> bool {
        self.place(at).is_some()
    }

    fn at(&self, value: Option<&Value<'_>>, at: String) -> Option<String> {
        let value = value?;
        Some(match (self.get(&at), value) {
            (Some(Shown::Label(label)), _) => label.clone(),
            (Some(Shown::Opened(Value::String(text))), _) => text.clone().into_owned(),
            (Some(Shown::Opened(opened)), _) => opened.to_json(),
            (None, Value::String(text)) => text.clone().into_owned(),
            (None, _) => self.shown(value, &mut at.clone()).to_json(),
        })
    }

    /// The value with what is shown in place of the sealed ones within it. The depth of recursion is
    /// that of the JSON reader's limit.
    fn shown<'v>(&'v self, value: &'v Value<'v>, at: &mut String) -> Value<'v> {
        match self.get(at) {
            Some(Shown::Label(label)) => return Value::String(Cow::Borrowed(label)),
            Some(Shown::Opened(opened)) => return (*opened).clone(),
            None => {}
        }
        let here = at.len();
        let mut within = |push: &dyn Fn(&mut String), value: &'v Value<'v>| {
            push(at);
            let shown = self.shown(value, at);
            at.truncate(here);
            shown
        };
        match value {
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let item = |(i, item)| within(&|at| pointer::push_index(at, i), item);
                Value::Array(items.map(item).collect())
            }
            Value::Object(members) => {
                let member = |member: &'v json::Member<'v>| json::Member {
                    key: Cow::Borrowed(member.key.as_ref()),
                    value: within(&|at| pointer::push_key(at, &member.key), &member.value),
                };
                Value::Object(members.iter().map(member).collect())
            }
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
