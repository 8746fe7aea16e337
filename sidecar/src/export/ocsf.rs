use sealtrail_record::time::unix_millis;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::View;

/// The version of the schema (schema.ocsf.io) that is spoken.
const VERSION: &str = "1.4.0";

/// The methods that the schema knows.
const METHODS: [&str; 8] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE"];

/// An event of the class Entity Management (3004) of the Open Cybersecurity Schema Framework. What it has no attribute for
/// stands below `unmapped`.
pub fn ocsf(view: &View<'_>) -> Vec<u8> {
    let (activity, name) = match view.own_action() {
        Some("create") => (1, "Create"),
        Some("reveal") => (2, "Read"),
        Some("update") => (3, "Update"),
        Some("delete") => (4, "Delete"),
        _ => (99, view.action()),
    };
    let (status, status_name) = match view.is_refusal() {
        true => (2, "Failure"),
        false => (1, "Success"),
    };
    let time = view.text("/time").or_else(|| view.text("/recordedtime"));
    let number = |at: Option<&str>| at.and_then(unix_millis);
    let method = view.text("/data/request/method");
    let mut event = json!({
        "category_uid": 3, "category_name": "Identity & Access Management",
        "class_uid": 3004, "class_name": "Entity Management",
        "activity_id": activity, "activity_name": name, "type_uid": 300_400 + activity,
        "severity_id": 1, "severity": "Informational", "status_id": status, "status": status_name,
        "time": number(time),
        "metadata": {"version": VERSION, "product": {"name": "sealtrail", "vendor_name": "sealtrail"},
            "uid": view.text("/id"), "sequence": view.index, "event_code": view.event(),
            "correlation_uid": view.text("/correlationid"), "tenant_uid": view.text("/data/tenant"),
            "log_provider": view.text("/source"), "original_time": time,
            "logged_time": number(view.text("/recordedtime"))},
        "actor": actor(view),
        "src_endpoint": {"ip": view.ip()},
        "http_request": {"http_method": method.filter(|method| METHODS.contains(method)),
            "url": {"path": view.text("/data/request/path")}},
        "comment": view.text("/data/reason"),
    });
    without_nulls(&mut event);
    let mut out = serde_json::to_vec(&event).unwrap_or_default();
    let before = view.raw("/data/before");
    push_raw(&mut out, "entity", &entity(view, before));
    // The entity as it is afterwards, where the record has it whole.
    if let Some(after) = view.raw("/data/after") {
        push_raw(&mut out, "entity_result", &entity(view, Some(after)));
    }
    let other_method = method.filter(|method| !METHODS.contains(method));
    push_raw(
        &mut out,
        "unmapped",
        &[
            ("changes", view.raw_changes()),
            ("event", view.raw("/data/event")),
            ("http_method", raw_text(other_method)),
        ],
    );
    out
}

/// A user is named by id or name, or is none.
fn actor(view: &View<'_>) -> Value {
    let (id, name) = (view.actor(), view.text("/data/actor/name"));
    if id.is_none() && name.is_none() {
        return Value::Null;
    }
    // What is masked is no address.
    let mail = view.text("/data/actor/email").filter(|mail| mail.contains('@'));
    json!({"user": {"uid": id, "name": name, "email_addr": mail,
        "type": view.text("/authtype")}})
}

/// The entity, with its content as far as it is known.
fn entity(
    view: &View<'_>,
    data: Option<Box<RawValue>>,
) -> Vec<(&'static str, Option<Box<RawValue>>)> {
    let kind = view.text("/data/entity/type");
    vec![
        // 99 is Other, which has its name in `type`.
        ("type_id", kind.and_then(|_| to_raw_value(&99).ok())),
        ("type", raw_text(kind)),
        ("uid", raw_text(view.text("/data/entity/id"))),
        ("name", raw_text(view.text("/subject"))),
        ("data", data),
    ]
}

fn raw_text(text: Option<&str>) -> Option<Box<RawValue>> {
    to_raw_value(text?).ok()
}

/// Leaves out what a record does not say, and what holds nothing else.
pub(super) fn without_nulls(value: &mut Value) {
    let Value::Object(members) = value else { return };
    members.values_mut().for_each(without_nulls);
    let is_nothing =
        |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    members.retain(|_, value| !is_nothing(value));
}

/// Adds to an object another one, of values that keep the spelling that they have in the record; none that would be empty.
pub(super) fn push_raw(out: &mut Vec<u8>, name: &str, members: &[(&str, Option<Box<RawValue>>)]) {
    let member = |(name, value): &(&str, Option<Box<RawValue>>)| {
        value.as_ref().map(|value| format!("\"{name}\":{}", value.get()))
    };
    let members: Vec<String> = members.iter().filter_map(member).collect();
    if !members.is_empty() {
        out.pop();
        out.extend_from_slice(format!(",\"{name}\":{{{}}}}}", members.join(",")).as_bytes());
    }
}
