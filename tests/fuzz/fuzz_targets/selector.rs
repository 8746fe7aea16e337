//! Selectors: never a panic, and the same nodes as an RFC 9535 library finds.
#![no_main]

use std::collections::BTreeSet;
use std::sync::Arc;

use libfuzzer_sys::{Corpus, fuzz_target};
use sealtrail_core::{Limits, Policy, preview};
use sealtrail_fuzz::judge;
use serde_json::{Value, json};
use serde_json_path::JsonPath;

/// Names that selectors like, nesting, and arrays of several lengths.
const IMAGE: &str = r#"{
    "a": [0, [1, 2], {"a": 3, "b": [4]}, "x", null, true, 6, 7],
    "b": {"a": {"b": {"a": 8}}, "é": [9], "a b": 10, "'": 11, "\"": 12, "": 13},
    "items": [{"id": 1, "tags": ["p", "q"]}, {"id": 2, "tags": []}, {"id": 3}],
    "😀": {"*": 14, "0": 15, "_x1": {}}
}"#;

fuzz_target!(|text: &str| -> Corpus {
    if text.is_empty() {
        return Corpus::Reject;
    }
    let rule = json!({"select": text, "action": "keep"});
    let document = json!({
        "id": "p", "version": "1", "default": "keep", "secrets": false, "rules": [rule],
    });
    let everywhere = json!({
        "id": "p", "version": "1", "default": "keep", "rules": [rule], "context": [rule],
        "ignore": [text], "arrays": [{"select": text, "match": "set"}],
    });
    let (policy, all) = (parse(&document), parse(&everywhere));
    assert_eq!(policy.is_ok(), all.is_ok(), "a selector is one or it is none");
    // The library reads no surrogate pairs, and panics on half an escape.
    if text.contains("\\u") {
        return Corpus::Keep;
    }
    let (policy, path) = match (policy, JsonPath::parse(text)) {
        (Ok(policy), Ok(path)) => (policy, path),
        // RFC 9535 §2.1.1 has blanks in front of every segment; the library has none before `..`.
        (Ok(_), Err(_)) if text.split("..").any(|part| part.ends_with([' ', '\t', '\n', '\r'])) => {
            return Corpus::Keep;
        }
        (Ok(_), Err(error)) => panic!("`{text}` is no JSONPath: {error}"),
        (Err(error), Ok(_)) => {
            let stricter =
                ["expected no filter", "expected a step other than 0", "expected at most"];
            let documented = stricter.iter().any(|reason| error.contains(reason));
            assert!(documented, "`{text}` is refused: {error}");
            return Corpus::Keep;
        }
        (Err(_), Err(_)) => return Corpus::Keep,
    };
    let image: Value = serde_json::from_str(IMAGE).unwrap();
    let nodes: BTreeSet<String> =
        path.query_located(&image).locations().map(|at| at.to_json_pointer()).collect();
    let mut leaves = Vec::new();
    judge::leaves(&image, &mut String::new(), &mut leaves);
    let named = named_by_the_rule(&policy, &image);
    for (pointer, _) in leaves {
        let expected = judge::prefixes(&pointer).any(|above| nodes.contains(above));
        assert_eq!(named.contains(&pointer), expected, "`{text}` at `{pointer}`");
    }
    Corpus::Keep
});

fn parse(document: &Value) -> Result<Arc<Policy>, String> {
    let parsed = Policy::parse(document.to_string().as_bytes());
    parsed.map(Arc::new).map_err(|error| {
        assert_eq!(error.code(), "selector_invalid", "{error}");
        error.to_string()
    })
}

/// Pointers of the leaves that the first rule decided.
fn named_by_the_rule(policy: &Arc<Policy>, image: &Value) -> BTreeSet<String> {
    let change = json!({
        "entity": {"type": "t", "id": "1"}, "action": "create", "after": image,
    });
    let shown = preview(policy, change.to_string().as_bytes(), b"", &[7; 32], &Limits::default());
    let shown: Value = serde_json::from_slice(&shown.expect("a change")).expect("JSON");
    let fields = shown["fields"].as_array().expect("fields");
    fields
        .iter()
        .filter(|field| field["because"].as_str().unwrap().starts_with("rules[0]"))
        .map(|field| field["path"].as_str().unwrap().to_owned())
        .collect()
}
