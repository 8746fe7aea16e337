use sealtrail_record::time::unix_millis;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::View;

/// The version of the schema (schema.ocsf.io) that is spoken.
const VERSION: &str = "1.4.0";

/// An event of the class Entity Management (3004) of the Open Cybersecurity Schema Framework.
pub fn ocsf(view: &View<'_>) -> Vec<u8> {
    let (activity, name) = match view.action() {
        "create" => (1, "Create"),
        "reveal" => (2, "Read"),
        "update" => (3, "Update"),
        "delete" => (4, "Delete"),
        other => (99, other),
    };
    let (status, status_name) = match view.is_refusal() {
        true => (2, "Failure"),
        false => (1, "Success"),
    };
    let time = view.text("/time").or_else(|| view.text("/recordedtime"));
    let number = |at: Option<&str>| at.and_then(unix_millis);
    let mut event = json!({
        "category_uid": 3, "category_name": "Identity & Access Management",
        "class_uid": 3004, "class_name": "Entity Management",
        "activity_id": activity, "activity_name": name, "type_uid": 300_400 + activity,
        "severity_id": 1, "severity": "Informational", "status_id": status, "status": status_name,
        "time": number(time),
        "metadata": {"version": VERSION, "product": {"name": "sealtrail", "vendor_name": "sealtrail"},
            "uid": view.text("/id"), "sequence": view.index,
            "correlation_uid": view.text("/correlationid"), "tenant_uid": view.text("/data/tenant"),
            "log_provider": view.text("/source"), "original_time": time,
            "logged_time": number(view.text("/recordedtime"))},
        "actor": {"user": {"uid": view.actor(), "name": view.text("/data/actor/name"),
            "email_addr": view.text("/data/actor/email"), "type": view.text("/authtype")}},
        "entity": {"type": view.text("/data/entity/type"), "uid": view.text("/data/entity/id"),
            "name": view.text("/subject")},
        "src_endpoint": {"ip": view.text("/data/request/ip")},
        "http_request": {"http_method": view.text("/data/request/method"),
            "url": {"path": view.text("/data/request/path")}},
        "comment": view.text("/data/reason"),
    });
    without_nulls(&mut event);
    with_raw(event, "unmapped", &[("changes", view.raw("/data/changes"))])
}

/// Leaves out what a record does not say, and what holds nothing else.
pub(super) fn without_nulls(value: &mut Value) {
    let Value::Object(members) = value else { return };
    members.values_mut().for_each(without_nulls);
    let is_nothing =
        |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    members.retain(|_, value| !is_nothing(value));
}

/// Adds an object of values that keep the spelling that they have in the record.
pub(super) fn with_raw(
    event: Value,
    name: &str,
    members: &[(&str, Option<Box<RawValue>>)],
) -> Vec<u8> {
    let mut out = serde_json::to_vec(&event).unwrap_or_default();
    let member = |(name, value): &(&str, Option<Box<RawValue>>)| {
        value.as_ref().map(|value| format!("\"{name}\":{}", value.get()))
    };
    let members: Vec<String> = members.iter().filter_map(member).collect();
    if !members.is_empty() {
        out.pop();
        out.extend_from_slice(format!(",\"{name}\":{{{}}}}}", members.join(",")).as_bytes());
    }
    out
}
