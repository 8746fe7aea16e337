//! Policies: a refusal that names its place, or a policy under which any change becomes a record.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sealtrail_core::{Format, Limits, Policy, diff, open, preview};
use sealtrail_fuzz::fixture::{self, ORIGIN};
use serde_json::Value;

const BEFORE: &str = r#"{"id":1,"name":"N","email":"n@example.com","card":"4111 1111 1111 1111","password":"p","phone":"+49 221 123456",
    "customer":{"id":"c","email":null},"tags":["x","x","y"],"items":[{"id":1,"q":1},{"id":2,"q":{"a":[]}}],"_Id":0}"#;
const AFTER: &str = r#"{"id":1,"name":"M","email":"m@example.com","card":"5555555555554444","password":"q","phone":"+49 221 654321",
    "customer":{"id":"d","email":"d@example.com"},"tags":["y","x"],"items":[{"id":2,"q":{"a":[1]}},{"id":3,"q":1}],"note":""}"#;
const CONTEXT: &[u8] = br#"{"correlation_id":"c","tenant":{"id":1},"actor":{"id":"u","name":"U","email":"u@example.com"},
    "request":{"method":"PUT","path":"/x","ip":"::1","headers":{"authorization":"Bearer x"}}}"#;

fuzz_target!(|document: &[u8]| {
    let policy = match Policy::parse(document) {
        Ok(policy) => Arc::new(policy),
        Err(error) => {
            let known = [
                "policy_invalid",
                "selector_invalid",
                "malformed_json",
                "duplicate_key",
                "lone_surrogate",
                "too_deep",
                "too_large",
            ];
            assert!(known.contains(&error.code()), "{error}");
            json(&error.to_json());
            return;
        }
    };
    json(&policy.summary());
    let change = format!(
        r#"{{"entity":{{"type":"t","id":"1"}},"action":"update","before":{BEFORE},"after":{AFTER}}}"#
    );
    let change = change.as_bytes();
    match fixture::record(&policy, change, CONTEXT) {
        Ok(Some((line, seals))) => {
            json(&line);
            assert!(!line.contains(&b'\n'), "a record is one line");
            json(&open(ORIGIN, &line, &fixture::openings(seals)).expect("its own keys open it"));
            let again = fixture::record(&policy, change, CONTEXT).ok().flatten();
            assert_eq!(again.map(|(line, _)| line), Some(line), "one change, two records");
        }
        Ok(None) => {}
        // A subject may be a pointer to a text that is too long to be one.
        Err(error) => assert_eq!(error.code(), "invalid_field", "{error}"),
    }
    let limits = Limits::default();
    if let Ok(shown) = preview(&policy, change, CONTEXT, &[7; 32], &limits) {
        json(&shown);
    }
    for format in [Format::Changes, Format::Patch] {
        let (before, after) = (BEFORE.as_bytes(), AFTER.as_bytes());
        json(&diff(before, after, Some(&policy), true, format, &limits).expect("a difference"));
    }
});

fn json(text: &[u8]) {
    serde_json::from_slice::<Value>(text).expect("what comes out is JSON");
}
