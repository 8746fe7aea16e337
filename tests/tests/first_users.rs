//! What the first users send goes in exactly as it is: six plain differences, three with folded
//! keys, and the two of their own table with an ignored attribute.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sealtrail_core::{Draft, KeyPair, Limits, Policy, Stamp, native_engine_sha256};
use serde_json::Value;

fn file(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("first-users").join(name)).unwrap()
}

fn record(policy: &str) -> Value {
    let policy = Arc::new(Policy::parse(policy.as_bytes()).unwrap());
    let draft = Draft::read(&policy, &file("audit-object.json"), &Limits::default()).unwrap();
    let envelope: Value = serde_json::from_slice(draft.envelope()).unwrap();
    let plan = draft.plan(envelope["context"].to_string().as_bytes()).unwrap();
    let key = || sealtrail_core::Key::from_slice(&[7; 32], "a key").unwrap();
    let pairs: Vec<_> = plan
        .needs()
        .iter()
        .map(|_| KeyPair { subject_kid: "k_1", subject: key(), period_kid: "t_1", period: key() })
        .collect();
    let engine = native_engine_sha256();
    let stamp = Stamp {
        origin: "sealtrail.test/first-users",
        id: "019aa6c5-8f00-7000-8000-0000000000ab",
        recorded_time: "2026-11-21T19:45:00.047Z",
        engine_version: "test",
        engine_sha256: &engine,
    };
    let entropy: Vec<u8> = (0..plan.nonces() * 12).map(|i| i as u8).collect();
    let line = plan.seal(&stamp, &entropy, &pairs).unwrap();
    assert!(!line.contains(&b'\n'));
    serde_json::from_slice(&line).unwrap()
}

fn changes(record: &Value) -> Vec<(String, String, Value, Value)> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let list = record["data"]["changes"].as_array().unwrap();
    list.iter()
        .map(|c| (text(&c["op"]), text(&c["path"]), c["old"].clone(), c["new"].clone()))
        .collect()
}

#[test]
fn six_as_they_are_written() {
    let record = record(r#"{"id":"t","version":"1","default":"keep"}"#);
    let found = changes(&record);
    let short: Vec<_> = found.iter().map(|(op, path, ..)| format!("{op} {path}")).collect();
    assert_eq!(
        short,
        [
            "remove / id",
            "replace /title",
            "remove /sku_id",
            "replace /inventory",
            "add /_id",
            "add /sku id"
        ]
    );
}

#[test]
fn three_with_folded_keys() {
    let record = record(r#"{"id":"t","version":"1","default":"keep","fold_keys":true}"#);
    let paths: Vec<_> = changes(&record).into_iter().map(|c| c.1).collect();
    assert_eq!(paths, ["/title", "/sku_id", "/inventory"]);
    assert_eq!(changes(&record)[1].2, "sku_1");
    assert_eq!(changes(&record)[1].3, "sku 1");
}

#[test]
fn the_two_of_their_own_table() {
    let policy =
        r#"{"id":"t","version":"1","default":"keep","fold_keys":true,"ignore":["$.sku_id"]}"#;
    let record = record(policy);
    let rows: Value = serde_json::from_slice(&file("attribute-rows.json")).unwrap();
    let rows = rows.as_array().unwrap();
    let found = changes(&record);
    assert_eq!(found.len(), rows.len());
    for ((_, path, old, new), row) in found.iter().zip(rows) {
        let shown = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        assert_eq!(path.trim_start_matches('/'), row["attribute"]);
        assert_eq!(shown(old), row["previous_value"]);
        assert_eq!(shown(new), row["current_value"]);
        assert_eq!(record["data"]["entity"]["type"], row["table_id"]);
        assert_eq!(record["data"]["entity"]["id"], row["entity_id"]);
        assert_eq!(record["source"], row["microservice_name"]);
        assert_eq!(record["data"]["action"], row["action"]);
        assert_eq!(record["correlationid"], row["request_id"]);
        assert_eq!(record["authid"], row["user_id"]);
    }
    assert_eq!(record["time"], "2020-07-29T19:45:00.047Z");
    // What is personal of the actor is there, and not in clear.
    let line = record.to_string();
    for personal in ["user@example.com", "Sample User", "203.0.113.86"] {
        assert!(!line.contains(personal), "{personal}");
    }
    assert!(record["data"]["actor"]["email"].as_str().unwrap().starts_with("st1."));
}
