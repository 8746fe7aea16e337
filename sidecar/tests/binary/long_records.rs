//! Records far longer than the changes they come from.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::place::Place;
use super::served::Served;
use super::wire::{get, post};

/// Less than a megabyte of change, more than eight megabytes of record: every attribute is sealed twice.
fn long_change() -> String {
    let image = |value: u8| -> Map<String, Value> {
        (0..ATTRIBUTES).map(|n| (format!("a{n:05}"), json!(value))).collect()
    };
    let change = json!({
        "entity": {"type": "customer", "id": "3"}, "action": "update",
        "before": image(1), "after": image(2), "context": {"correlation_id": "long"},
    });
    change.to_string()
}

const ATTRIBUTES: usize = 40_000;

#[test]
fn whatever_was_acknowledged_is_found() {
    let place = Place::new();
    let served = Served::start(&place);
    let change = long_change();
    assert!(change.len() < 1 << 20);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let receipt = served.post_change(&change).json();
        assert_eq!(receipt["status"], "recorded");
        ids.push(receipt["id"].as_str().unwrap().to_owned());
    }
    let lines = place.lines();
    assert!(lines.iter().all(|line| line.len() > 8 << 20), "{}", lines[0].len());

    let id = &ids[0];
    let answer = get(served.api, &format!("/v1/records/{id}"));
    assert_eq!(answer.status, 200);
    assert!(answer.text() == lines[0], "byte for byte");
    assert_eq!(get(served.api, &format!("/v1/records/{id}/proof")).status, 200);
    let body = r#"{"group":"default","reason":"x"}"#;
    let reveal = post(served.api, &format!("/v1/records/{id}/reveal"), "application/json", body);
    assert_eq!(reveal.json()["values"].as_array().map(Vec::len), Some(2 * ATTRIBUTES));

    // A page has as many records as fit in its bytes, and always one.
    for target in ["/v1/entities/customer/3/changes?", "/v1/records?correlation=long&"] {
        let mut seen = BTreeMap::new();
        let mut after = String::new();
        let mut pages = 0;
        loop {
            let page = get(served.api, &format!("{target}limit=1000{after}")).json();
            pages += 1;
            for item in page["records"].as_array().unwrap() {
                seen.insert(item["index"].as_u64().unwrap(), item["record"]["id"].clone());
            }
            assert!(pages <= 3, "one record for each page");
            let Some(next) = page["next"].as_u64() else { break };
            assert_eq!(seen.last_key_value().map(|(index, _)| *index), Some(next));
            after = format!("&after={next}");
        }
        assert_eq!(pages, 3, "{target}");
        assert_eq!(seen.into_values().collect::<Vec<_>>(), ids, "{target}");
    }
    assert_eq!(served.terminate().0, 0);

    let found = place.run("query", &["--correlation", "long", "--json"]);
    assert_eq!(found.stdout.lines().count(), 3);
    assert_eq!(place.run("prove", &[]).code, 2);
    let proved = super::place::sealtrail(&["prove", &place.log(), id]);
    assert_eq!(proved.code, 0, "{}", proved.stderr);
}

/// An image as deep as one may be stands deeper in its record.
#[test]
fn the_deepest_record_is_revealed() {
    let place = Place::new();
    let rules = json!([{"select": "$.deep", "action": "keep"}]);
    let policy =
        json!({"id": "deep", "version": "1", "default": {"action": "seal"}, "rules": rules});
    std::fs::write(place.path("policy.json"), policy.to_string()).unwrap();
    let deep = format!("{}1{}", "[".repeat(126), "]".repeat(126));
    let change = format!(
        r#"{{"entity":{{"type":"t","id":"1"}},"action":"create","before":null,"after":{{"deep":{deep},"name":"Ada"}}}}"#
    );
    let ran = place.append(change.as_bytes());
    let id = ran.json()["id"].as_str().unwrap().to_owned();
    let shown = place.run("reveal", &[&id, "--group", "default", "--reason", "x"]);
    assert!(shown.stdout.contains("/name  new  \"Ada\""), "{shown:?}");
    assert!(place.run("history", &["t", "1"]).stdout.contains("deep"));
}

#[test]
fn next_is_there_only_while_something_is_left() {
    let place = Place::new();
    let served = Served::start(&place);
    for n in 0..5 {
        served.post_change(&super::place::change(&format!("c-{n}")));
    }
    let page = |query: &str| {
        let page = get(served.api, &format!("/v1/entities/customer/3/changes?{query}")).json();
        (page["records"].as_array().unwrap().len(), page["next"].as_u64())
    };
    assert_eq!(page("limit=2"), (2, Some(1)));
    assert_eq!(page("limit=2&after=1"), (2, Some(3)));
    assert_eq!(page("limit=2&after=3"), (1, None));
    assert_eq!(page("limit=5"), (5, None));
    assert_eq!(page("after=4"), (0, None));
}

/// A candidate that cannot be read may be what was asked for.
#[test]
fn a_damaged_line_is_an_error_and_not_an_absence() {
    let place = Place::new();
    let ran = place.append(super::place::change("c-1").as_bytes());
    let id = ran.json()["id"].as_str().unwrap().to_owned();
    let segment = place.path("log/entries/00000000000000000000.jsonl");
    let text = std::fs::read_to_string(&segment).unwrap();
    std::fs::write(&segment, text.replace("}\n", "?\n")).unwrap();
    for found in [
        place.run("history", &["customer", "3"]),
        place.run("query", &["--correlation", "c-1"]),
        super::place::sealtrail(&["prove", &place.log(), &id]),
    ] {
        found.refused(6, "record 0 cannot be read");
    }
}
