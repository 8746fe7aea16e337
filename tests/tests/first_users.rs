//! What the first users send goes in exactly as it is: six plain differences, three with folded
//! keys, and the two of their own table with an ignored attribute.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sealtrail_core::{
    Draft, Format, KeyPair, Limits, Policy, Stamp, Table, diff, native_engine_sha256, rows,
};
use serde_json::Value;

fn file(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("first-users").join(name)).unwrap()
}

fn record(policy: &str) -> Value {
    serde_json::from_slice(&line(policy, |_| {})).unwrap()
}

/// The record's line, its context as a host made it.
fn line(policy: &str, joined: impl Fn(&mut Value)) -> Vec<u8> {
    let policy = Arc::new(Policy::parse(policy.as_bytes()).unwrap());
    let draft = Draft::read(&policy, &file("audit-object.json"), &Limits::default()).unwrap();
    let mut envelope: Value = serde_json::from_slice(draft.envelope()).unwrap();
    joined(&mut envelope["context"]);
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
    line
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

/// As the sidecar joins it: the user agent parsed (`sidecar/src/proxy/user_agent.rs` has the test that
/// this one parses to these three).
fn parsed_user_agent(context: &mut Value) {
    let agent = &mut context["request"]["user_agent"];
    assert!(agent.as_str().unwrap().contains("Windows NT 10.0; Win64; x64"));
    *agent = serde_json::json!({"browser": "Chrome", "os": "Windows 10", "device": "desktop"});
}

/// Eighteen columns, in their order, every value as they have it.
#[test]
fn one_row_per_attribute_is_their_own_table() {
    let policy = r#"{"id":"t","version":"1","default":"keep","fold_keys":true,"ignore":["$.sku_id"],
        "context_default":"keep","secrets":false}"#;
    let line = line(policy, parsed_user_agent);
    let table = |table| String::from_utf8(rows(&line, b"", table).unwrap()).unwrap();
    let wanted: Value = serde_json::from_slice(&file("attribute-rows.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&table(Table::Json)).unwrap(), wanted);

    // The order of columns is that of the file.
    let text = String::from_utf8(file("attribute-rows.json")).unwrap();
    let csv = table(Table::Csv { header: true });
    let names: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let places: Vec<usize> =
        names.iter().map(|name| text.find(&format!("\"{name}\":")).unwrap()).collect();
    assert_eq!((names.len(), places.is_sorted()), (18, true));
    assert!(csv.contains(",inventory,1,10,chrome,web,windows 10\r\n"), "{csv}");
}

/// With the starter's way of sealing what is personal, the same table without the personal.
#[test]
fn a_row_shows_what_is_sealed_as_sealed_until_it_is_opened() {
    let policy =
        r#"{"id":"t","version":"1","default":"keep","fold_keys":true,"ignore":["$.sku_id"]}"#;
    let line = line(policy, parsed_user_agent);
    let rows: Value = serde_json::from_slice(&rows(&line, b"", Table::Json).unwrap()).unwrap();
    let wanted: Value = serde_json::from_slice(&file("attribute-rows.json")).unwrap();
    for (row, wanted) in rows.as_array().unwrap().iter().zip(wanted.as_array().unwrap()) {
        for (name, wanted) in wanted.as_object().unwrap() {
            match name.as_str() {
                "ip_address" | "account_id" | "user_email" | "user_name" => {
                    assert_eq!(row[name], "[sealed actor]", "{name}");
                }
                _ => assert_eq!(&row[name], wanted, "{name}"),
            }
        }
    }
}

#[test]
fn a_change_in_words_is_in_their_manner() {
    let table = String::from_utf8(file("audit-table.md")).unwrap();
    let manner = table.split("in the manner of \"").nth(1).unwrap().split("\".").next().unwrap();
    let before = r#"{"notes":[{"note":"An older one"}]}"#;
    let after = r#"{"notes":[{"note":"An older one"},{"note":"Test note","staffOnly":false}]}"#;
    let format = Format::Words { entity: "instance/…" };
    let limits = Limits::default();
    let words = diff(before.as_bytes(), after.as_bytes(), None, false, format, &limits).unwrap();
    assert_eq!(String::from_utf8(words).unwrap().trim_end(), manner);
}
