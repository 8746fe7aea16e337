//! What must hold for any two images, on images from a seed: the difference leads from one to the
//! other and back, and a protected value is in no byte that comes out.

use std::sync::Arc;

use sealtrail_core::{
    Draft, Format, Key, KeyPair, Limits, Opening, Policy, Stamp, diff, native_engine_sha256, open,
};
use sealtrail_tests::random::images;
use serde_json::{Value, json};

const ROUNDS: u64 = 400;

/// How arrays are matched where the order is part of the promise.
const MATCHINGS: [&str; 4] = [
    "[]",
    r#"[{"select":"$..*","match":"position"}]"#,
    r#"[{"select":"$..items","match":"key","key":"id"}]"#,
    r#"[{"select":"$..*","match":"key","key":["/id"]},{"select":"$..items","match":"sequence"}]"#,
];

/// One seal, one place: no two fields of a record can be taken for each other.
#[test]
fn no_two_sealed_values_share_their_place() {
    let rules = json!([{"select": "$..a", "action": "seal", "group": "one"},
                       {"select": "$..b", "action": "seal", "group": "two"}]);
    for seed in 0..ROUNDS {
        let (before, after) = images(seed);
        for arrays in MATCHINGS {
            let arrays: Value = serde_json::from_str(arrays).unwrap();
            let policy = json!({"id": "p", "version": "1", "default": "seal", "rules": rules, "arrays": arrays});
            let change = json!({"entity": {"type": "t", "id": "1"}, "action": "update", "before": before, "after": after});
            let Some((line, _)) = record(&policy, &change) else { continue };
            let record: Value = serde_json::from_slice(&line).unwrap();
            let mut places = std::collections::BTreeSet::new();
            let seals = record["data"]["seals"].as_array().into_iter().flatten();
            for at in seals.flat_map(|seal| seal["at"].as_array().unwrap()) {
                // `/data/changes/<number>/<side>` and what is below it.
                let parts: Vec<&str> = at.as_str().unwrap().splitn(6, '/').collect();
                let path = &record["data"]["changes"][parts[3].parse::<usize>().unwrap()]["path"];
                let below = parts.get(5).map(|below| format!("/{below}")).unwrap_or_default();
                let place = format!("{}:{}{below}", parts[4], path.as_str().unwrap());
                assert!(places.insert(place), "seed {seed}, {arrays}: {at} in {record}");
            }
        }
    }
}

/// A value that takes the place of a protected one is no less protected, and the other way round.
#[test]
fn no_side_of_a_change_is_weaker_than_the_other() {
    for (before, after) in [
        (json!({"a": ["canary-1"]}), json!({"a": {"pin": "1", "c": "canary-2"}})),
        (json!({"a": {"pin": "1", "c": "canary-2"}}), json!({"a": ["canary-1"]})),
        (json!({"a": ["canary-1"]}), json!({"a": "canary-2"})),
    ] {
        for rule in [
            json!({"select": "$.a[0]", "action": "seal"}),
            json!({"select": "$.a[0]", "action": "pseudonym"}),
            json!({"select": "$.a[0]", "action": "mask"}),
            json!({"select": "$.a[0]", "action": "drop"}),
        ] {
            let policy = json!({"id": "p", "version": "1", "default": "keep", "rules": [rule]});
            let change = json!({"entity": {"type": "t", "id": "1"}, "action": "update", "before": before, "after": after});
            let (line, _) = record(&policy, &change).unwrap();
            let text = String::from_utf8(line).unwrap();
            assert!(!text.contains("canary"), "{rule}: {text}");
        }
    }
}

/// A rule that keeps one place of an array keeps it in the image that it is in, and nothing else.
#[test]
fn a_kept_place_keeps_no_other() {
    for (keep, matching, before, after) in [
        (
            "$.a[0]",
            "key",
            json!([{"id": 1, "n": "p"}, {"id": 2, "n": "q"}]),
            json!([{"id": 2, "n": "q"}, {"id": 1, "n": "canary"}]),
        ),
        ("$.a[-1]", "sequence", json!(["p", "canary", "q"]), json!(["p", "q"])),
        ("$.a[2]", "set", json!(["a", "b"]), json!(["canary", "a", "b"])),
    ] {
        let mut array = json!({"select": "$.a", "match": matching});
        if matching == "key" {
            array["key"] = json!("id");
        }
        let policy = json!({"id": "p", "version": "1", "default": "seal", "arrays": [array],
            "rules": [{"select": keep, "action": "keep"}]});
        let change = json!({"entity": {"type": "t", "id": "1"}, "action": "update",
            "before": {"a": before}, "after": {"a": after}});
        let (line, _) = record(&policy, &change).unwrap();
        let text = String::from_utf8(line).unwrap();
        assert!(!text.contains("canary"), "{keep}: {text}");
    }
}

#[test]
fn the_patch_leads_from_before_to_after() {
    for seed in 0..ROUNDS {
        let (before, after) = images(seed);
        for arrays in MATCHINGS {
            let patch = difference(&before, &after, Format::Patch, arrays);
            let mut image = before.clone();
            for operation in patch.as_array().unwrap() {
                apply(&mut image, operation);
            }
            assert_eq!(image, after, "seed {seed}, {arrays}: {patch}");
            assert_eq!(difference(&before, &before, Format::Changes, arrays), json!([]));
        }
    }
}

#[test]
fn the_changes_can_be_read_backwards() {
    for seed in 0..ROUNDS {
        let (before, after) = images(seed);
        let arrays = MATCHINGS[seed as usize % MATCHINGS.len()];
        let forwards = difference(&before, &after, Format::Changes, arrays);
        let mut image = after.clone();
        for change in forwards.as_array().unwrap().iter().rev() {
            let operation = match change["op"].as_str().unwrap() {
                "move" => json!({"op": "move", "path": change["from"], "from": change["path"]}),
                "add" => json!({"op": "remove", "path": change["path"]}),
                "remove" => json!({"op": "add", "path": change["path"], "value": change["old"]}),
                _ => json!({"op": "replace", "path": change["path"], "value": change["old"]}),
            };
            apply(&mut image, &operation);
        }
        assert_eq!(image, before, "seed {seed}: {forwards}");
    }
}

/// A rule that counts speaks of the places in either image: what stood at index 2 and now stands at
/// index 1 is protected by a rule for 1 as by one for 2.
#[test]
fn rules_that_count_know_both_places_of_an_item() {
    let change = json!({"entity": {"type": "t", "id": "1"}, "action": "update",
        "before": {"items": [{"id": 0, "v": "a"}, {"id": 1, "v": "k"}, {"id": 2, "v": "canary-old"}]},
        "after": {"items": [{"id": 1, "v": "k"}, {"id": 2, "v": "canary-new"}]}});
    for select in ["$.items[1]", "$.items[2]", "$.items[-1]", "$.items[1:2]", "$.items[2:]"] {
        for arrays in ["sequence", "key"] {
            let mut rule = json!({"select": "$.items", "match": arrays});
            if arrays == "key" {
                rule["key"] = json!("id");
            }
            let policy = json!({"id": "p", "version": "1", "default": "keep", "arrays": [rule],
                "rules": [{"select": select, "action": "seal"}]});
            let (line, needs) = record(&policy, &change).unwrap();
            let text = String::from_utf8(line).unwrap();
            assert!(needs == 1 && !text.contains("canary"), "{select}, {arrays}: {text}");
        }
    }
}

/// Every string value is a canary. Sealed, masked and dropped in turn, none is in the record; sealed
/// ones come back with the keys.
#[test]
fn no_protected_value_is_in_the_record() {
    let policies = [
        json!({"id": "p", "version": "1", "default": "seal"}),
        json!({"id": "p", "version": "1", "default": {"action": "mask"}}),
        json!({"id": "p", "version": "1", "default": "drop"}),
        json!({"id": "p", "version": "1", "default": "keep", "rules": [
            {"select": "$..a", "action": "seal", "group": "one"}, {"select": "$..b", "action": "mask"},
            {"select": "$..c", "action": "drop"}, {"select": "$..*", "action": "seal", "group": "two"}]}),
    ];
    for seed in 0..ROUNDS {
        let (before, after) = images(seed);
        // No rule but `$` itself names a root that is no object.
        if !after.is_object() {
            continue;
        }
        for policy in &policies {
            let change = json!({"entity": {"type": "t", "id": "1"}, "action": "update", "before": before, "after": after});
            let Some((line, needs)) = record(policy, &change) else { continue };
            let text = String::from_utf8(line.clone()).unwrap();
            assert!(!text.contains("canary-"), "seed {seed}: {policy}: {text}");
            let openings: Vec<_> =
                (0..needs).map(|seal| Opening { seal, subject: key(1), period: key(2) }).collect();
            let opened = String::from_utf8(open("test", &line, &openings).unwrap()).unwrap();
            if policy["default"] == "seal" && needs > 0 && before.to_string().contains("canary-") {
                let values: Value = serde_json::from_str(&opened).unwrap();
                assert!(!values.as_array().unwrap().is_empty(), "seed {seed}");
            }
        }
    }
}

fn record(policy: &Value, change: &Value) -> Option<(Vec<u8>, usize)> {
    let policy = Arc::new(Policy::parse(policy.to_string().as_bytes()).unwrap());
    let draft = Draft::read(&policy, change.to_string().as_bytes(), &Limits::default()).unwrap();
    let plan = draft.plan(br#"{"correlation_id":"c"}"#).unwrap();
    if plan.is_unchanged() {
        return None;
    }
    let needs = plan.needs().len();
    let pair = || KeyPair { subject_kid: "k", subject: key(1), period_kid: "t", period: key(2) };
    let pairs: Vec<_> = (0..needs).map(|_| pair()).collect();
    let engine = native_engine_sha256();
    let stamp = Stamp {
        origin: "test",
        id: "019aa6c5-8f00-7000-8000-0000000000ab",
        recorded_time: "2026-11-21T19:45:00.047Z",
        engine_version: "test",
        engine_sha256: &engine,
    };
    let entropy: Vec<u8> = (0..plan.nonces() * 12).map(|i| (i * 7) as u8).collect();
    Some((plan.seal(&stamp, &entropy, &pairs).unwrap(), needs))
}

fn key(byte: u8) -> Key {
    Key::from_slice(&[byte; 32], "a key").unwrap()
}

fn difference(before: &Value, after: &Value, format: Format, arrays: &str) -> Value {
    let (before, after) = (before.to_string(), after.to_string());
    let limits = Limits::default();
    let policy = format!(r#"{{"id":"p","version":"1","default":"keep","arrays":{arrays}}}"#);
    let policy = Policy::parse(policy.as_bytes()).unwrap();
    let out =
        diff(before.as_bytes(), after.as_bytes(), Some(&policy), false, format, &limits).unwrap();
    serde_json::from_slice(&out).unwrap()
}

/// RFC 6902 for what a difference is made of, strictly: what is not there cannot be removed.
fn apply(image: &mut Value, operation: &Value) {
    let path = operation["path"].as_str().unwrap();
    let op = operation["op"].as_str().unwrap();
    if op == "move" {
        let value = image.pointer(operation["from"].as_str().unwrap()).unwrap().clone();
        apply(image, &json!({"op": "remove", "path": operation["from"]}));
        apply(image, &json!({"op": "add", "path": path, "value": value}));
        return;
    }
    if path.is_empty() {
        assert_eq!(op, "replace");
        *image = operation["value"].clone();
        return;
    }
    let (parent, token) = path.rsplit_once('/').unwrap();
    let key = token.replace("~1", "/").replace("~0", "~");
    match image.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {parent}")) {
        Value::Object(members) => match op {
            "remove" => assert!(members.remove(&key).is_some(), "nothing at {path}"),
            "replace" => *members.get_mut(&key).unwrap() = operation["value"].clone(),
            _ => assert!(
                members.insert(key, operation["value"].clone()).is_none(),
                "{path} was there"
            ),
        },
        Value::Array(items) => {
            let index: usize = key.parse().unwrap();
            match op {
                "remove" => drop(items.remove(index)),
                "replace" => items[index] = operation["value"].clone(),
                _ => items.insert(index, operation["value"].clone()),
            }
        }
        other => panic!("{other} has no members"),
    }
}
