//! Tokens: one spelling each, and nothing opens that was not sealed with these keys at this place.
#![no_main]

use base64ct::{Base64UrlUnpadded, Encoding};
use libfuzzer_sys::fuzz_target;
use sealtrail_core::open;
use sealtrail_core::seal::{RecordKeys, Scope, nonce, parse, seal_index};
use sealtrail_fuzz::fixture::{self, ORIGIN, key};
use serde_json::{Value, json};

// Three lines: a token, a place, a plaintext (which may have more lines).
fuzz_target!(|text: &str| {
    let (token, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (location, plaintext) = rest.split_once('\n').unwrap_or((rest, ""));
    let scope = Scope { origin: ORIGIN, record_id: "r", group: "g", kids: ["k_1", "t_1"] };
    let keys = RecordKeys::derive(&key(1), &key(2), &scope);

    if let Some((index, bytes)) = parse(token) {
        let spelled = format!("st1.{index}.{}", Base64UrlUnpadded::encode_string(&bytes));
        assert_eq!(spelled, token, "two spellings of one token");
        assert_eq!(seal_index(token), Some(index));
        assert_eq!(nonce(&bytes).is_some(), bytes.len() >= 12);
    }
    // Nobody guesses a tag of 128 bits, a fuzzer neither.
    let error = keys.open(keys.commit(), location, token).expect_err("a made-up token was opened");
    assert_eq!(error.code(), "tampered");

    let sealed = keys.seal(3, location, plaintext.as_bytes(), &[9; 12]).expect("a short field");
    assert_eq!(parse(&sealed).map(|(index, _)| index), Some(3));
    let opened = keys.open(keys.commit(), location, &sealed).expect("its own token");
    assert_eq!(*opened, plaintext.as_bytes());
    for at in (0..sealed.len()).step_by(sealed.len() / 64 + 1) {
        let mut edited = sealed.clone().into_bytes();
        edited[at] ^= 1;
        let edited = String::from_utf8(edited).expect("a token is ASCII");
        // The index is bound by the record, see below, and not by the tag.
        let same_index = seal_index(&edited).is_none_or(|index| index == 3);
        let opened = keys.open(keys.commit(), location, &edited);
        assert!(opened.is_err() || !same_index, "an edited token was opened");
    }
    let elsewhere = format!("{location}x");
    assert!(keys.open(keys.commit(), &elsewhere, &sealed).is_err(), "a moved token was opened");
    let other = RecordKeys::derive(&key(1), &key(3), &scope);
    let error = other.open(keys.commit(), location, &sealed).expect_err("another key opened it");
    assert_eq!(error.code(), "wrong_key");

    within_a_record(token, location, plaintext);
});

/// The same as a reader meets it: pointers, seals and tokens of a record that anybody wrote.
fn within_a_record(token: &str, at: &str, group: &str) {
    let scope = Scope { origin: ORIGIN, record_id: "r", group, kids: ["k_1", "t_1"] };
    let commit =
        Base64UrlUnpadded::encode_string(RecordKeys::derive(&key(1), &key(2), &scope).commit());
    let record = json!({
        "id": "r",
        "data": {
            "changes": [{"op": "replace", "path": at, "old": token, "new": {"a": [token]}}],
            "seals": [{"alg": "A256GCM-HS256", "group": group, "kids": ["k_1", "t_1"], "commit": commit,
                       "at": [at, "/data/changes/0/old", "/data/changes/0/new/a/0"]}],
        },
    });
    if let Ok(fields) = open(ORIGIN, record.to_string().as_bytes(), &fixture::openings(1)) {
        let fields: Value = serde_json::from_slice(&fields).expect("JSON");
        assert_eq!(fields, json!([]), "a made-up token was opened");
    }
    // And bytes that are no record at all.
    let _ = open(ORIGIN, token.as_bytes(), &fixture::openings(1));
}
