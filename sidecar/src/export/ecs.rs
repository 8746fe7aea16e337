use serde_json::json;

use super::View;
use super::ocsf::{push_raw, without_nulls};

/// The version of the Elastic Common Schema that is spoken.
const VERSION: &str = "8.17.0";

/// A document of the Elastic Common Schema; what it has no field for stands below `sealtrail`.
pub fn ecs(view: &View<'_>) -> Vec<u8> {
    let kind = match view.own_action() {
        Some("create") => "creation",
        Some("update") => "change",
        Some("delete" | "shred" | "expire" | "prune") => "deletion",
        Some("reveal") => "access",
        Some("refused") => "denied",
        _ => "info",
    };
    let outcome = if view.is_refusal() { "failure" } else { "success" };
    // version-traceid-parentid-flags (W3C Trace Context)
    let trace = view.text("/traceparent").and_then(|traceparent| traceparent.split('-').nth(1));
    let time = view.text("/time").or_else(|| view.text("/recordedtime"));
    let mut event = json!({
        "@timestamp": time,
        "ecs": {"version": VERSION},
        "event": {"id": view.text("/id"), "kind": "event", "category": ["database"], "type": [kind],
            "action": view.action(), "code": view.event(), "outcome": outcome, "created": view.text("/recordedtime"), "sequence": view.index,
            "module": "sealtrail", "dataset": "sealtrail.records", "reason": view.text("/data/reason")},
        "service": {"name": view.text("/source")},
        "organization": {"id": view.text("/data/tenant")},
        "user": {"id": view.actor(), "name": view.text("/data/actor/name"),
            "email": view.text("/data/actor/email")},
        "client": {"ip": view.ip()},
        "http": {"request": {"id": view.text("/correlationid"),
            "method": view.text("/data/request/method")}},
        "url": {"path": view.text("/data/request/path")},
        "user_agent": {"name": view.text("/data/request/user_agent/browser"),
            "os": {"full": view.text("/data/request/user_agent/os")},
            "device": {"name": view.text("/data/request/user_agent/device")}},
        "trace": {"id": trace},
    });
    without_nulls(&mut event);
    let own = [
        ("entity", view.raw("/data/entity")),
        ("causation", view.raw("/causationid")),
        ("changes", view.raw_changes()),
        ("before", view.raw("/data/before")),
        ("after", view.raw("/data/after")),
        ("event", view.raw("/data/event")),
    ];
    let mut out = serde_json::to_vec(&event).unwrap_or_default();
    push_raw(&mut out, "sealtrail", &own);
    out
}
