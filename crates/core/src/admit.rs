//! A record that was sealed elsewhere, checked before it goes into the log.

use base64ct::{Base64UrlUnpadded, Encoding};
use sealtrail_record::json::{self, Limits, Value, write_string};
use sealtrail_record::{pointer, time};

use crate::Error;
use crate::change::{Action, read_name};
use crate::seal::{NONCE_BYTES, TAG_BYTES, parse};

/// Checks the line of a record against the lease that it was sealed with, and gives what a receipt needs of it:
/// `{"correlation_id","source","change_id","entity":{"type","id"},"action"}`, `change_id` where there is one.
///
/// `lease` is `{"id","recorded_time","policy","keys":[{"group","kids":[…],"commit"}]}`: the id and the time that
/// the record must have, the digest of the policy that it must have been made by, and the keys that were leased
/// for it; those of pseudonyms have no `commit`.
///
/// A record is what [`Plan::seal`](crate::Plan::seal) writes: members that it does not write are refused, and so is
/// an act, which nobody can record for another, and a claim that somebody was verified. Every place that a seal lists must hold a token of that seal. What
/// a token holds is not looked at: that would take the keys.
///
/// It is spelled as the core spells it, to the byte: who looks for a key's id, or for a change's, among the bytes of
/// the log must not miss what a reader of JSON finds there.
pub fn admit(lease: &[u8], line: &[u8]) -> Result<Vec<u8>, Error> {
    let lease =
        json::parse(lease, &Limits { max_bytes: 1 << 20, max_depth: 8, max_values: 50_000 })
            .map_err(|e| Error::json("the lease", e))?;
    if let Some(at) = line.iter().position(|byte| *byte < b' ') {
        let message = format!("the record must be one line, got a control character at byte {at}");
        return Err(Error::new("not_a_record", message));
    }
    let limits = Limits { max_bytes: 64 << 20, max_depth: 160, max_values: 32 << 20 };
    let record = json::parse(line, &limits).map_err(|e| Error::json("the record", e))?;
    check_spelling(&record, line)?;
    check_members(&record, "", &TOP)?;
    let data = at(&record, "/data")?;
    check_members(data, "/data", &DATA)?;

    let entity = at(&record, "/data/entity")?;
    check_members(entity, "/data/entity", &["type", "id"])?;
    let entity_type = name(&record, "/data/entity/type")?;
    let entity_id = name(&record, "/data/entity/id")?;
    let action = name(&record, "/data/action")?;
    let known = [Action::Create, Action::Update, Action::Delete, Action::Event];
    let Some(known) = known.into_iter().find(|known| known.name() == action) else {
        let wanted = "`create`, `update`, `delete` or `event`";
        return Err(Error::field("/data/action", wanted, "another text"));
    };
    for (pointer, wanted) in [
        ("/specversion", "1.0"),
        ("/id", name(&lease, "/id")?),
        ("/type", known.record_type()),
        ("/subject", &format!("{entity_type}/{entity_id}")),
        ("/datacontenttype", "application/json"),
        ("/recordedtime", name(&lease, "/recorded_time")?),
    ] {
        if text(&record, pointer)? != wanted {
            return Err(Error::field(pointer, &format!("`{wanted}`"), "another text"));
        }
    }
    if !time::is_rfc3339(text(&record, "/time")?) {
        return Err(Error::field("/time", "an RFC 3339 date-time", "another text"));
    }
    let (source, correlation) = (name(&record, "/source")?, name(&record, "/correlationid")?);
    for pointer in OPTIONAL {
        if record.pointer(pointer).is_some() {
            name(&record, pointer)?;
        }
    }
    if record.pointer("/data/actor/verified").is_some() {
        let wanted = "what only a proxy says that has verified the token";
        return Err(Error::field("/data/actor/verified", wanted, "a claim of the service"));
    }
    check_policy_and_engine(&record, name(&lease, "/policy")?)?;
    check_changes(data)?;
    check_seals(&record, at(&lease, "/keys")?)?;

    let mut out = b"{\"correlation_id\":".to_vec();
    write_string(correlation, &mut out);
    out.extend_from_slice(b",\"source\":");
    write_string(source, &mut out);
    if let Some(id) = record.pointer("/data/change_id").and_then(Value::as_str) {
        out.extend_from_slice(b",\"change_id\":");
        write_string(id, &mut out);
    }
    out.extend_from_slice(b",\"entity\":{\"type\":");
    write_string(entity_type, &mut out);
    out.extend_from_slice(b",\"id\":");
    write_string(entity_id, &mut out);
    out.extend_from_slice(b"},\"action\":");
    write_string(action, &mut out);
    out.push(b'}');
    Ok(out)
}

const TOP: [&str; 15] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "recordedtime",
    "correlationid",
    "causationid",
    "traceparent",
    "tracestate",
    "authtype",
    "authid",
    "data",
];

const DATA: [&str; 14] = [
    "entity",
    "action",
    "tenant",
    "actor",
    "request",
    "event",
    "change_id",
    "changes",
    "before",
    "after",
    "seals",
    "pseudonyms",
    "policy",
    "engine",
];

/// Texts that a record may have.
const OPTIONAL: [&str; 6] =
    ["/causationid", "/traceparent", "/tracestate", "/authtype", "/authid", "/data/change_id"];

fn check_policy_and_engine(record: &Value<'_>, policy: &str) -> Result<(), Error> {
    check_members(at(record, "/data/policy")?, "/data/policy", &["id", "version", "sha256"])?;
    check_members(at(record, "/data/engine")?, "/data/engine", &["version", "sha256"])?;
    for pointer in ["/data/policy/id", "/data/policy/version", "/data/engine/version"] {
        name(record, pointer)?;
    }
    if text(record, "/data/policy/sha256")? != policy {
        let message =
            format!("the record was made by another policy than the one in force, `{policy}`");
        return Err(Error::new("policy_changed", message));
    }
    let digest = text(record, "/data/engine/sha256")?;
    if digest.len() != 64 || !digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        let wanted = "64 hexadecimal digits in lower case";
        return Err(Error::field("/data/engine/sha256", wanted, "another text"));
    }
    Ok(())
}

fn check_changes(data: &Value<'_>) -> Result<(), Error> {
    let Some(Value::Array(changes)) = data.get("changes") else {
        return Err(Error::field("/data/changes", "an array", "something else"));
    };
    for (i, change) in changes.iter().enumerate() {
        let place = format!("/data/changes/{i}");
        check_members(change, &place, &["op", "path", "from", "coarse", "old", "new"])?;
        let op = change.get("op").and_then(Value::as_str).unwrap_or_default();
        if !matches!(op, "add" | "remove" | "replace" | "move") {
            let wanted = "`add`, `remove`, `replace` or `move`";
            return Err(Error::field(&format!("{place}/op"), wanted, "something else"));
        }
        if change.get("path").and_then(Value::as_str).is_none() {
            return Err(Error::field(&format!("{place}/path"), "a pointer", "something else"));
        }
    }
    Ok(())
}

/// Every seal and every list of pseudonyms is of keys that were leased, and what they list is theirs.
fn check_seals(record: &Value<'_>, leased: &Value<'_>) -> Result<(), Error> {
    let mut listed = Vec::new();
    for (i, seal) in items(record, "/data/seals")?.iter().enumerate() {
        let place = format!("/data/seals/{i}");
        check_members(seal, &place, &["alg", "group", "kids", "commit", "at"])?;
        if text(seal, "/alg")? != "A256GCM-HS256" {
            return Err(Error::field(&format!("{place}/alg"), "`A256GCM-HS256`", "another text"));
        }
        let same = |lease: &&Value<'_>| {
            ["/group", "/kids/0", "/kids/1", "/commit"].iter().all(|part| {
                let text = |value: &Value<'_>| value.pointer(part)?.as_str().map(str::to_owned);
                text(lease).is_some() && text(lease) == text(seal)
            })
        };
        let has_two = seal.get("kids").is_some_and(|kids| kids.items().len() == 2);
        if !has_two || leased.items().iter().find(same).is_none() {
            return Err(not_leased(&place));
        }
        each_place(record, seal, &place, &mut listed, |token| {
            let (index, bytes) = parse(token)?;
            (index == i && bytes.len() > NONCE_BYTES + TAG_BYTES).then_some(())
        })?;
    }
    for (i, names) in items(record, "/data/pseudonyms")?.iter().enumerate() {
        let place = format!("/data/pseudonyms/{i}");
        check_members(names, &place, &["alg", "group", "kid", "at"])?;
        if text(names, "/alg")? != "HS256-128" {
            return Err(Error::field(&format!("{place}/alg"), "`HS256-128`", "another text"));
        }
        let (group, kid) = (text(names, "/group")?, text(names, "/kid")?);
        let same = |lease: &&Value<'_>| {
            let is = |part, wanted| lease.pointer(part).and_then(Value::as_str) == Some(wanted);
            is("/group", group) && is("/kids/0", kid) && lease.get("commit").is_none()
        };
        if leased.items().iter().find(same).is_none() {
            return Err(not_leased(&place));
        }
        each_place(record, names, &place, &mut listed, |text| {
            let mut tag = [0; 16];
            let tag = Base64UrlUnpadded::decode(text.strip_prefix("ps1.")?, &mut tag).ok()?;
            (tag.len() == 16).then_some(())
        })?;
    }
    listed.sort_unstable();
    match listed.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => Err(Error::new("not_a_record", format!("`{}` is listed twice", twice[0]))),
        None => Ok(()),
    }
}

fn each_place<'r>(
    record: &Value<'_>,
    entry: &'r Value<'_>,
    place: &str,
    listed: &mut Vec<&'r str>,
    is_protected: impl Fn(&str) -> Option<()>,
) -> Result<(), Error> {
    let wanted = "pointers to what it protects";
    let wrong = || Error::field(&format!("{place}/at"), wanted, "something else");
    let Some(Value::Array(pointers)) = entry.get("at") else { return Err(wrong()) };
    for pointer in pointers {
        let pointer = pointer.as_str().ok_or_else(wrong)?;
        let is_inside = INSIDE.iter().any(|start| {
            pointer.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let token = record.pointer(pointer).and_then(Value::as_str).filter(|_| is_inside);
        token.and_then(&is_protected).ok_or_else(wrong)?;
        listed.push(pointer);
    }
    Ok(())
}

/// Where protected values stand.
const INSIDE: [&str; 7] = [
    "/data/changes",
    "/data/before",
    "/data/after",
    "/data/event/data",
    "/data/tenant",
    "/data/actor",
    "/data/request",
];

fn not_leased(place: &str) -> Error {
    let message = format!(
        "`{place}` names a group, keys or a commitment that were not leased for this record"
    );
    Error::new("not_leased", message)
}

fn check_members(value: &Value<'_>, place: &str, known: &[&str]) -> Result<(), Error> {
    let Value::Object(members) = value else {
        let place = if place.is_empty() { "the record" } else { place };
        return Err(Error::field(place, "an object", value.kind()));
    };
    let place = if place.is_empty() { "the record" } else { place };
    let mut left = known.iter();
    for member in members {
        let key = member.key.as_ref();
        if left.any(|known| *known == key) {
            continue;
        }
        let what = match known.contains(&key) {
            true => format!("has `{key}` behind a member that stands behind it in a record"),
            false => "has a member that no record has".to_owned(),
        };
        let message = format!("`{place}` {what}; it may have {}, in this order", known.join(", "));
        return Err(Error::new("not_a_record", message));
    }
    Ok(())
}

/// What was read must have been written as the core writes it.
fn check_spelling(record: &Value<'_>, line: &[u8]) -> Result<(), Error> {
    let mut spelling = Spelling { left: line, place: String::new(), room: Vec::new() };
    match spelling.value(record) {
        Some(()) if spelling.left.is_empty() => Ok(()),
        found => {
            let place = if found.is_some() { "" } else { &spelling.place };
            // A key is the sender's, and may hold what a terminal obeys.
            let shown: String = place.chars().take(80).flat_map(char::escape_debug).collect();
            let shown = if shown.is_empty() { "the record" } else { &shown };
            let message = format!(
                "`{shown}` is not spelled as the core spells it: without white space, and escaped only what must be"
            );
            Err(Error::new("not_a_record", message))
        }
    }
}

/// Takes a value from the front of a text, as it would be written, and stays where the text is another.
struct Spelling<'l> {
    left: &'l [u8],
    place: String,
    room: Vec<u8>,
}

impl Spelling<'_> {
    /// The depth is that of the reader, which has a bound.
    fn value(&mut self, value: &Value<'_>) -> Option<()> {
        let length = self.place.len();
        match value {
            Value::Object(members) => {
                let mut before: &[u8] = b"{";
                for member in members {
                    self.text(std::mem::replace(&mut before, b","))?;
                    pointer::push_key(&mut self.place, &member.key);
                    self.written(|out| write_string(&member.key, out))?;
                    self.text(b":")?;
                    self.value(&member.value)?;
                    self.place.truncate(length);
                }
                self.text(if members.is_empty() { b"{}" } else { b"}" })
            }
            Value::Array(items) => {
                let mut before: &[u8] = b"[";
                for (i, item) in items.iter().enumerate() {
                    self.text(std::mem::replace(&mut before, b","))?;
                    pointer::push_index(&mut self.place, i);
                    self.value(item)?;
                    self.place.truncate(length);
                }
                self.text(if items.is_empty() { b"[]" } else { b"]" })
            }
            single => self.written(|out| single.write(out)),
        }
    }

    fn written(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Option<()> {
        self.room.clear();
        write(&mut self.room);
        self.left = self.left.strip_prefix(&self.room[..])?;
        Some(())
    }

    fn text(&mut self, text: &[u8]) -> Option<()> {
        self.left = self.left.strip_prefix(text)?;
        Some(())
    }
}

fn at<'v, 'a>(value: &'v Value<'a>, pointer: &str) -> Result<&'v Value<'a>, Error> {
    value.pointer(pointer).ok_or_else(|| Error::missing(pointer))
}

fn text<'v>(value: &'v Value<'_>, pointer: &str) -> Result<&'v str, Error> {
    let value = at(value, pointer)?;
    value.as_str().ok_or_else(|| Error::field(pointer, "a text", value.kind()))
}

/// A text as the core writes names.
fn name<'v>(value: &'v Value<'_>, pointer: &str) -> Result<&'v str, Error> {
    let name = text(value, pointer)?;
    read_name(at(value, pointer)?, pointer).map(|_| name)
}

fn items<'v, 'a>(value: &'v Value<'a>, pointer: &str) -> Result<&'v [Value<'a>], Error> {
    match value.pointer(pointer) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(other) => Err(Error::field(pointer, "an array", other.kind())),
    }
}

#[cfg(test)]
mod tests;
