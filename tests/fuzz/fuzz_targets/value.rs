//! JSON: never a panic, the verdict and the value of serde_json, and what is written reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealtrail_fuzz::tree;
use sealtrail_record::json::{Error, Limits, Value, canonical_number, parse, same_number};

fuzz_target!(|text: &[u8]| {
    let limits = Limits::default();
    match (parse(text, &limits), tree::read(text)) {
        (Ok(value), Ok(tree)) => {
            assert!(tree.is(&value), "another value than serde_json's");
            assert!(!tree.has_key_twice(), "a key twice was let through");
            reads_back(&value, &limits);
        }
        (Ok(value), Err(no_room)) => {
            assert!(no_room, "serde_json refuses what is accepted");
            reads_back(&value, &limits);
        }
        (Err(error), Ok(tree)) => {
            let stricter = match error.code() {
                "duplicate_key" => tree.has_key_twice(),
                "too_deep" => tree.depth() > limits.max_depth,
                _ => false,
            };
            assert!(stricter, "serde_json takes what is refused as {}", error.code());
            names_a_place(&error, text);
        }
        (Err(error), Err(_)) => names_a_place(&error, text),
    }
});

fn reads_back(value: &Value<'_>, limits: &Limits) {
    let written = value.to_json();
    let again = parse(written.as_bytes(), limits).expect("what is written is JSON");
    assert!(value.same(&again) && again.same(value), "another value was written");
    assert_eq!(again.to_json(), written, "two writings differ");
    let mut found = Vec::new();
    numbers(value, &mut found);
    found.truncate(12);
    for a in &found {
        for b in &found {
            let same = same_number(a, b);
            assert_eq!(same, same_number(b, a));
            match (canonical_number(a), canonical_number(b)) {
                (Some(one), Some(other)) => assert_eq!(same, one == other, "{a} {b}"),
                _ => assert_eq!(same, a == b, "{a} {b}"),
            }
        }
    }
}

fn numbers<'a>(value: &Value<'a>, found: &mut Vec<&'a str>) {
    match value {
        Value::Number(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| numbers(item, found)),
        Value::Object(members) => members.iter().for_each(|m| numbers(&m.value, found)),
        _ => {}
    }
}

fn names_a_place(error: &Error, text: &[u8]) {
    assert!(error.offset() <= text.len() && error.line() >= 1 && error.column() >= 1);
    assert!(!error.to_string().is_empty());
    assert!(error.pointer().is_empty() || error.pointer().starts_with('/'));
}
