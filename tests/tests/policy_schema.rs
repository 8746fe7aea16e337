//! The published schema of a policy and the reader of policies give the same verdict, wherever a
//! schema can express it.

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use sealtrail_core::Policy;
use sealtrail_tests::calls::Vectors;
use serde_json::{Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn schema() -> Value {
    let text = fs::read(root().join("crates/core/policy.schema.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn validator() -> Validator {
    jsonschema::draft202012::options().build(&schema()).unwrap()
}

#[track_caller]
fn both(validator: &Validator, document: &Value, verdict: bool) {
    let read = Policy::parse(document.to_string().as_bytes());
    let said = read.as_ref().err().map(ToString::to_string).unwrap_or_default();
    assert_eq!(read.is_ok(), verdict, "the reader: {document} {said}");
    let said: Vec<_> = validator.iter_errors(document).map(|e| e.to_string()).collect();
    assert_eq!(said.is_empty(), verdict, "the schema: {document} {said:?}");
}

/// A policy with these members besides the necessary ones.
fn with(members: Value) -> Value {
    let mut policy = json!({"id": "p", "version": "1", "default": "seal"});
    let all = policy.as_object_mut().unwrap();
    for (key, value) in members.as_object().unwrap() {
        if value == &json!("absent") {
            all.remove(key);
        } else {
            all.insert(key.clone(), value.clone());
        }
    }
    policy
}

fn rule(mut members: Value) -> Value {
    let rule = members.as_object_mut().unwrap();
    rule.entry("select").or_insert("$.a".into());
    rule.entry("action").or_insert("seal".into());
    with(json!({"rules": [members]}))
}

#[test]
fn it_is_a_schema_and_names_itself() {
    let schema = schema();
    jsonschema::meta::validate(&schema).unwrap();
    assert_eq!(schema["$id"], "urn:sealtrail:policy:v1");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn members() {
    let validator = validator();
    for good in [
        json!({}),
        json!({"$schema": "./policy.schema.json", "description": ["for", "people"]}),
        json!({"default": {"action": "seal", "group": "g", "retain": "7y", "subject": "/id"}}),
        json!({"default": {"action": "mask", "mask": {"first": 1, "last": 9999}, "description": 1}}),
        json!({"default": "drop", "context_default": "keep", "rules": [], "context": []}),
        json!({"context": [{"select": "$.actor.email", "action": "drop"}]}),
        json!({"ignore": ["$.a", "$..b"], "fold_keys": true, "secrets": false}),
        json!({"pad": 0}),
        json!({"pad": 64, "retain": "standard-7y"}),
    ] {
        both(&validator, &with(good), true);
    }
    for bad in [
        json!({"id": "absent"}),
        json!({"id": ""}),
        json!({"id": 1}),
        json!({"version": "absent"}),
        json!({"version": 1}),
        json!({"version": null}),
        json!({"default": "absent"}),
        json!({"default": "hide"}),
        json!({"default": null}),
        json!({"default": {}}),
        json!({"default": {"action": "keep", "retain": "x"}}),
        json!({"default": {"action": "keep", "group": "X"}}),
        json!({"default": ["seal"]}),
        json!({"context_default": "Seal"}),
        json!({"$schema": 1}),
        json!({"rule": []}),
        json!({"rules": {}}),
        json!({"rules": ["$.a"]}),
        json!({"rules": [{}]}),
        json!({"context": null}),
        json!({"ignore": "$.a"}),
        json!({"ignore": [1]}),
        json!({"ignore": [""]}),
        json!({"ignore": [{"select": "$.a"}]}),
        json!({"fold_keys": "true"}),
        json!({"fold_keys": null}),
        json!({"secrets": 1}),
        json!({"pad": 8}),
        json!({"pad": "16"}),
        json!({"pad": -16}),
        json!({"retain": ""}),
        json!({"retain": "Long"}),
        json!({"retain": "x".repeat(33)}),
    ] {
        both(&validator, &with(bad), false);
    }
    for no_policy in [json!([]), json!("seal"), json!(null), json!({})] {
        both(&validator, &no_policy, false);
    }
}

#[test]
fn rules() {
    let validator = validator();
    for good in [
        json!({}),
        json!({"group": "contact", "retain": "standard-7y", "subject": "customer/{/id}"}),
        json!({"action": "keep", "group": "contact"}),
        json!({"action": "drop", "description": {"any": "thing"}}),
        json!({"action": "mask"}),
        json!({"action": "mask", "mask": "fixed"}),
        json!({"action": "mask", "mask": "email"}),
        json!({"action": "mask", "mask": {}}),
        json!({"action": "mask", "mask": {"last": 4}}),
        json!({"subject": "/"}),
        json!({"subject": "/a~1b/{x}"}),
        json!({"subject": "{/a}"}),
        json!({"subject": "{/a}/{/b}-c"}),
        json!({"subject": "a{/b{c}"}),
        json!({"group": "x".repeat(64)}),
    ] {
        both(&validator, &rule(good), true);
    }
    for bad in [
        json!({"select": 1}),
        json!({"action": "encrypt"}),
        json!({"action": null}),
        json!({"grup": "contact"}),
        json!({"group": ""}),
        json!({"group": "x".repeat(65)}),
        json!({"group": "a b"}),
        json!({"group": null}),
        json!({"mask": "fixed"}),
        json!({"subject": ""}),
        json!({"subject": "customer"}),
        json!({"subject": "customer/{id}"}),
        json!({"subject": "customer/{/id"}),
        json!({"subject": "a}b{/id}"}),
        json!({"subject": "{/a}}"}),
        json!({"subject": "/a~3"}),
        json!({"subject": "/a~"}),
        json!({"subject": "{/a~2}"}),
        json!({"subject": 1}),
        json!({"retain": "A"}),
        json!({"action": "keep", "subject": "/id"}),
        json!({"action": "drop", "retain": "x"}),
        json!({"action": "keep", "mask": "fixed"}),
        json!({"action": "mask", "group": "g"}),
        json!({"action": "mask", "subject": "/a"}),
        json!({"action": "mask", "mask": "fon"}),
        json!({"action": "mask", "mask": {"middle": 1}}),
        json!({"action": "mask", "mask": {"first": -1}}),
        json!({"action": "mask", "mask": {"first": 10000}}),
        json!({"action": "mask", "mask": {"first": 1.5}}),
        json!({"action": "mask", "mask": {"first": "1"}}),
        json!({"action": "mask", "mask": []}),
    ] {
        both(&validator, &rule(bad), false);
    }
    for missing in [json!({"select": "$.a"}), json!({"action": "keep"})] {
        both(&validator, &with(json!({"rules": [missing]})), false);
    }
}

#[test]
fn selectors() {
    let validator = validator();
    for good in [
        "$",
        "$.a.b_1",
        "$.*",
        "$..*",
        "$..email",
        "$['a b']",
        "$[\"a'b\", 'c']",
        "$[0]",
        "$[-1]",
        "$[ 1 : 5 : 2 ]",
        "$[::-1]",
        "$[:]",
        "$..[0]",
        "$.straße.名",
        "$['\\u00e9\\ud83d\\ude00\\'']",
        "$['a'][\"b\"].c[*]",
        "$['']",
    ] {
        both(&validator, &rule(json!({"select": good})), true);
        both(&validator, &with(json!({"ignore": [good]})), true);
    }
    for bad in [
        "",
        "a",
        "$.",
        "$a",
        "$.1a",
        "$[",
        "$[]",
        "$[01]",
        "$[-0]",
        "$[?(@.a)]",
        "$[::0]",
        "$['a]",
        "$['\\q']",
        "$['\\ud800']",
        "$[1 2]",
        "$...a",
        "$.[0]",
        "$. a",
        " $.a",
        "$.a ",
        "$.a-b",
        "$['a\nb']",
        "$.a.",
        "$['a',]",
    ] {
        both(&validator, &rule(json!({"select": bad})), false);
        both(&validator, &with(json!({"ignore": [bad]})), false);
    }
    both(&validator, &rule(json!({"select": format!("${}", ".a".repeat(64))})), true);
    both(&validator, &rule(json!({"select": format!("${}", ".a".repeat(65))})), false);
}

#[test]
fn arrays() {
    let validator = validator();
    let with_array = |members: &Value| {
        let mut members = members.clone();
        members.as_object_mut().unwrap().entry("select").or_insert("$.items".into());
        with(json!({"arrays": [members]}))
    };
    for good in [
        json!({"match": "sequence"}),
        json!({"match": "position", "description": "x"}),
        json!({"match": "set"}),
        json!({"match": "key", "key": "id"}),
        json!({"match": "key", "key": ""}),
        json!({"match": "key", "key": "/sku/id"}),
        json!({"match": "key", "key": ["id", "/sku~1id"]}),
    ] {
        both(&validator, &with_array(&good), true);
    }
    for bad in [
        json!({}),
        json!({"match": "bag"}),
        json!({"match": 1}),
        json!({"match": "key"}),
        json!({"match": "key", "key": []}),
        json!({"match": "key", "key": [1]}),
        json!({"match": "key", "key": 1}),
        json!({"match": "key", "key": "/a~2"}),
        json!({"match": "set", "key": "id"}),
        json!({"match": "set", "keys": "id"}),
        json!({"match": "set", "select": "items"}),
    ] {
        both(&validator, &with_array(&bad), false);
    }
}

#[test]
fn policies_of_this_repository() {
    let validator = validator();
    for file in [
        "examples/first-users/policy.json",
        "examples/shop/policy.json",
        "sidecar/src/cli/starter_policy.json",
    ] {
        let text = fs::read(root().join(file)).unwrap();
        both(&validator, &serde_json::from_slice(&text).unwrap(), true);
    }
    let vectors = fs::read(root().join("tests/vectors/capture.json")).unwrap();
    let vectors: Vectors = serde_json::from_slice(&vectors).unwrap();
    let calls = vectors.cases.iter().flat_map(|case| &case.calls);
    let (mut good, mut bad) = (0, 0);
    for call in calls.filter(|call| call.call == "policy" && !call.parts.is_empty()) {
        // What is no JSON has no schema.
        if let Ok(document) = serde_json::from_slice::<Value>(&call.parts[0].bytes()) {
            both(&validator, &document, call.ok.is_some());
            *if call.ok.is_some() { &mut good } else { &mut bad } += 1;
        }
    }
    assert!(good > 10 && bad > 3, "{good} good and {bad} bad policies in the vectors");
}

#[test]
fn pseudonym_takes_what_seal_takes_but_a_retention_class() {
    let validator = validator();
    let pseudonym = |members: Value| {
        let mut document = rule(members);
        document["rules"][0]["action"] = "pseudonym".into();
        validator.is_valid(&document)
    };
    assert!(pseudonym(json!({})));
    assert!(pseudonym(json!({"group": "contact", "subject": "/id"})));
    assert!(!pseudonym(json!({"retain": "7y"})));
    assert!(!pseudonym(json!({"mask": "fixed"})));
    assert!(!pseudonym(json!({"group": "No"})));
}
