//! `vectors/seal-v1.json`, byte for byte: what is sealed must be these tokens, and what must fail
//! must fail for the reason it should.

use std::fs;
use std::path::Path;

use base64ct::{Base64UrlUnpadded, Encoding};
use sealtrail_core::seal::{Key, RecordKeys, Scope, nonce, parse};
use sealtrail_tests::calls::unhex;
use serde_json::Value;

fn vectors() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/seal-v1.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn record_keys(scope: &Value) -> RecordKeys {
    let keys = scope["keys"].as_array().unwrap();
    let key = |i: usize| Key::from_slice(&unhex(text(&keys[i]["hex"])), "a key").unwrap();
    let scope = Scope {
        origin: text(&scope["origin"]),
        record_id: text(&scope["record_id"]),
        group: text(&scope["group"]),
        kids: [text(&keys[0]["kid"]), text(&keys[1]["kid"])],
    };
    RecordKeys::derive(&key(0), &key(1), &scope)
}

#[test]
fn seals_and_opens() {
    let vectors = vectors();
    let keys = record_keys(&vectors);
    let commit = Base64UrlUnpadded::encode_string(keys.commit());
    assert_eq!(commit, text(&vectors["commitment"]));
    let fields = vectors["fields"].as_array().unwrap();
    assert_eq!(fields.len(), 8);
    for field in fields {
        let mut padded = text(&field["plaintext_json"]).as_bytes().to_vec();
        padded.resize(padded.len().next_multiple_of(16), b' ');
        let bytes = unhex(text(&field["nonce"]));
        let (field_nonce, rest) = nonce(&bytes).unwrap();
        assert!(rest.is_empty());
        let location = text(&field["location"]);
        let token = keys.seal(0, location, &padded, field_nonce).unwrap();
        assert_eq!(token, text(&field["token"]), "{location}");
        assert_eq!(*keys.open(keys.commit(), location, &token).unwrap(), padded);
        assert_eq!(nonce(&parse(&token).unwrap().1).unwrap().0, field_nonce);
    }
}

#[test]
fn must_fail() {
    let vectors = vectors();
    let cases = vectors["must_fail"].as_array().unwrap();
    assert!(cases.len() >= 13);
    for case in cases {
        let keys = record_keys(case);
        let commit = Base64UrlUnpadded::decode_vec(text(&case["commitment"])).unwrap();
        let error = keys.open(&commit, text(&case["location"]), text(&case["token"])).err();
        let name = text(&case["case"]);
        let error = error.unwrap_or_else(|| panic!("{name} was opened"));
        // What binds the keys shows in the commitment, what binds the field in the tag.
        let wanted = match name {
            "moved to another record"
            | "moved to another log"
            | "moved to another data group"
            | "period key gone"
            | "subject key gone"
            | "keys in the wrong order"
            | "key relabelled" => "wrong_key",
            _ => "tampered",
        };
        assert_eq!(error.code(), wanted, "{name}");
    }
}
