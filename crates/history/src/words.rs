//! What records say, as text for a person: who did what to which entity, when, in which request, the id
//! by which it is revealed and proven, and every attribute that changed.
//!
//! ```
//! use sealtrail_history::words::{self, Style};
//!
//! let line = br#"{"id":"01a1ffa9-be2f-73ed-8b10-49bb862aa357","type":"sealtrail.change.update.v1","time":"2026-11-21T19:45:00.047Z",
//!     "correlationid":"a20e389c-134b-40e7-9827-1c94eb895412",
//!     "data":{"entity":{"type":"product","id":"1"},"action":"update","actor":{"type":"user","id":"7"},
//!     "changes":[{"op":"replace","path":"/inventory","old":1,"new":10},
//!                {"op":"add","path":"/owner/email","new":"st1.0.AAAA"}],
//!     "seals":[{"group":"contact","at":["/data/changes/1/new"]}]}}"#;
//! assert_eq!(
//!     words::record(line, Style::PLAIN),
//!     "2026-11-21 19:45:00Z  update product/1  by user 7  request a20e389c…  \
//!      record 01a1ffa9-be2f-73ed-8b10-49bb862aa357\n\
//!      \x20 'inventory' changed: '1' -> '10'\n\
//!      \x20 'owner.email' = [sealed contact]\n"
//! );
//! ```
//!
//! Changes are told in the [sentences](sealtrail_record::sentences) of a difference.
//!
//! Any bytes may be given, and none of them reach the terminal as commands: control characters and those that
//! turn the direction of text are shown as `\u{…}`.

mod changes;
mod columns;
mod sealed;

use std::borrow::Cow;

use sealtrail_record::id::is_uuid;
use sealtrail_record::json::{self, Limits, Value};
use sealtrail_record::sentences::{Bounds, Teller, clean};
use sealtrail_record::time::is_rfc3339;

use columns::Columns;
use sealed::Sealed;

/// How text is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// ANSI colours, for a terminal.
    pub colour: bool,
}

impl Style {
    /// For a pipe or a file.
    pub const PLAIN: Self = Self { colour: false };
    /// For a terminal.
    pub const COLOUR: Self = Self { colour: true };

    fn paint<'t>(self, code: &str, text: &'t str) -> Cow<'t, str> {
        if self.colour && !code.is_empty() {
            Cow::Owned(format!("\x1b[{code}m{text}\x1b[0m"))
        } else {
            Cow::Borrowed(text)
        }
    }
}

const DIM: &str = "2";
const BOLD: &str = "1";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const MAGENTA: &str = "35";

/// A text of a record on one line, its controls shown and not obeyed, and what is too long cut.
///
/// ```
/// assert_eq!(sealtrail_history::words::shown("a\nb\x1b[2J"), r"a\nb\u{1b}[2J");
/// ```
pub fn shown(text: &str) -> String {
    clean(text, 200)
}

/// One record: its head, and a line for each change.
pub fn record(line: &[u8], style: Style) -> String {
    history([line], style, "")
}

/// Several records, in the order they are given, the parts of their heads below each other. A data group `erased`, if that
/// is one, stands for all whose key is gone: what is sealed for it is `[erased]`.
///
/// ```
/// use sealtrail_history::words::{self, Style};
///
/// let lines = ["{\"type\":\"sealtrail.shred.v1\",\"subject\":\"key/k_1\"}", "\x1b[2Jgarbage"];
/// assert_eq!(
///     words::history(lines, Style::PLAIN, ""),
///     "(no time)       shred key/k_1\n\n(not a record)  11 bytes\n"
/// );
/// ```
pub fn history<L: AsRef<[u8]>>(
    lines: impl IntoIterator<Item = L>,
    style: Style,
    erased: &str,
) -> String {
    let mut heads = Columns::new();
    let mut bodies = Vec::new();
    for line in lines {
        let line = line.as_ref();
        match json::parse(line, &LIMITS) {
            Ok(record) if !record.members().is_empty() => {
                let sealed = Sealed::of(&record, erased);
                heads.row(head(&record, &sealed));
                bodies.push(body(&record, &sealed, style));
            }
            _ => {
                heads.row([("(not a record)".into(), RED), (format!("{} bytes", line.len()), "")]);
                bodies.push(String::new());
            }
        }
    }
    let mut text = String::new();
    for (head, body) in heads.set(style).into_iter().zip(bodies) {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &head;
        text.push('\n');
        text += &body;
    }
    text
}

/// Longer than any record that the log takes; depth bounds the recursion over values.
const LIMITS: Limits = Limits { max_bytes: 64 << 20, max_depth: 160, max_values: 4_000_000 };

/// `time  action what  by whom  request id  record id`; the place of what the record does not say is empty. The id
/// of the record is whole, because other commands ask for it.
fn head(record: &Value<'_>, sealed: &Sealed<'_>) -> Vec<(String, &'static str)> {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let mut cells = vec![(time(text("/time").or_else(|| text("/recordedtime"))), DIM)];

    // `sealtrail.change.update.v1`, `sealtrail.shred.v1`: the word before the version says what was done.
    let from_type = || text("/type")?.rsplit('.').nth(1);
    let action = text("/data/action").or_else(from_type).unwrap_or("(no action)");
    let what = match (text("/data/entity/type"), text("/data/entity/id")) {
        (Some(kind), Some(id)) => Some(format!("{}/{}", name(kind), id_name(id))),
        _ => text("/subject").map(name),
    };
    cells
        .push((what.map_or_else(|| name(action), |what| format!("{} {what}", name(action))), BOLD));

    let actor = ["/data/actor/id", "/data/actor/email", "/data/actor/name", "/authid"];
    let actor = actor.iter().find_map(|pointer| Some((*pointer, record.pointer(pointer)?)));
    let by = actor.map_or_else(String::new, |(pointer, actor)| {
        let kind = text("/data/actor/type").or_else(|| text("/authtype")).unwrap_or("user");
        let who = match (sealed.group(pointer, actor), actor) {
            (Some(group), _) => group,
            (None, Value::String(id)) => id_name(id),
            (None, other) => name(&other.to_json()),
        };
        let verified = match record.pointer("/data/actor/verified") {
            Some(Value::Bool(false)) => " (unverified)",
            _ => "",
        };
        format!("by {} {who}{verified}", name(kind))
    });
    cells.push((by, ""));
    let told = |what: &str, id: Option<String>| {
        (id.map_or_else(String::new, |id| format!("{what} {id}")), DIM)
    };
    cells.push(told("request", text("/correlationid").map(id_name)));
    cells.push(told("record", text("/id").map(name)));
    cells
}

/// How much is shown of a value, of what is in one that came or went, and of all that.
const BOUNDS: Bounds = Bounds { characters: 100, leaves: 16, bytes: 4096 };

fn body(record: &Value<'_>, sealed: &Sealed<'_>, style: Style) -> String {
    let hidden = |at: &str, value: &Value<'_>| sealed.group(at, value);
    let teller = Teller { hidden: &hidden, bounds: BOUNDS };
    let text = changes::changes(record, &teller, style) + &changes::image(record, &teller, style);
    let mut rows = Columns::new();
    event(record, &teller, &mut rows);
    for (label, pointer) in ACT {
        let value = match record.pointer(pointer) {
            Some(Value::Bool(false)) | None => continue,
            Some(Value::Number(none)) if pointer == "/data/unrecorded" && *none == "0" => continue,
            Some(value) => teller.json(value, pointer),
        };
        rows.row([(format!("    {label}:"), ""), (value, "")]);
    }
    rows.set(style).into_iter().fold(text, |text, row| text + &row + "\n")
}

/// The type of an event of the business, and each member of its data.
fn event(record: &Value<'_>, teller: &Teller<'_>, rows: &mut Columns) {
    const DATA: &str = "/data/event/data";
    let Some(kind) = record.pointer("/data/event/type") else { return };
    rows.row([
        ("    event:".to_owned(), ""),
        (kind.as_str().map_or_else(|| teller.json(kind, ""), name), ""),
    ]);
    let mut row = |label: String, value: &Value<'_>, at: &str| {
        let colour = if (teller.hidden)(at, value).is_some() { MAGENTA } else { "" };
        rows.row([(format!("      {label}:"), ""), (teller.json(value, at), colour)]);
    };
    match record.pointer(DATA) {
        Some(Value::Object(members)) => {
            for member in members.iter().take(changes::MOST) {
                let mut pointer = DATA.to_owned();
                sealtrail_record::pointer::push_key(&mut pointer, &member.key);
                row(name(&member.key), &member.value, &pointer);
            }
            if let Some(more @ 1..) = members.len().checked_sub(changes::MOST) {
                rows.row([(format!("      … and {more} more"), DIM)]);
            }
        }
        Some(other) => row("data".to_owned(), other, DATA),
        None => {}
    }
}

/// What a record of an act says.
const ACT: [(&str, &str); 16] = [
    ("attributes", "/data/attributes"),
    ("caused by", "/data/cause"),
    ("attempt", "/data/attempt"),
    ("record", "/data/record"),
    ("group", "/data/group"),
    ("keys", "/data/kids"),
    ("hard", "/data/hard"),
    ("class", "/data/class"),
    ("period", "/data/period"),
    ("first removed", "/data/first_removed"),
    ("first kept", "/data/first_kept"),
    ("older than", "/data/older_than"),
    ("hold", "/data/hold"),
    ("from record", "/data/from"),
    ("reason", "/data/reason"),
    ("not recorded before", "/data/unrecorded"),
];

/// `2026-11-21 19:45:00Z`: to the second, which is what people compare by.
fn time(text: Option<&str>) -> String {
    match text {
        None => "(no time)".into(),
        Some(text) if is_rfc3339(text) => {
            let zone = text[19..]
                .trim_start_matches(['.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
            format!("{} {}{zone}", &text[..10], &text[11..19])
        }
        Some(text) => name(text),
    }
}

/// A text that is not quoted where it stands: a type, a path, a reason.
fn name(text: &str) -> String {
    clean(text, 80)
}

/// An id. The first eight digits of a UUID tell the few that a person looks at apart.
fn id_name(id: &str) -> String {
    if is_uuid(id) { format!("{}…", &id[..8]) } else { name(id) }
}

#[cfg(test)]
mod tests;
