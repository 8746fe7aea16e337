//! The verifier key: printed again, and given in every way.

use std::fs;

use serde_json::json;

use super::place::{ORIGIN, Place, change, feed, sealtrail};

#[test]
fn the_verifier_key_is_printed_again() {
    let place = Place::new();
    assert_eq!(place.run("vkey", &[]).stdout, format!("{}\n", place.vkey));
    let told = place.run("vkey", &["--json"]).json();
    assert_eq!(told, json!({"origin": ORIGIN, "vkey": place.vkey}));
    place.edit_config(ORIGIN, "other.example/log");
    place.run("vkey", &[]).refused(6, "expected a signing key named `other.example/log`");
    fs::remove_file(place.path("keys/signing.key")).unwrap();
    assert_eq!(place.run("vkey", &[]).code, 3);
}

#[test]
fn a_verifier_key_may_come_from_standard_input() {
    let place = Place::new();
    assert_eq!(place.append(change("c").as_bytes()).code, 0);
    let key = format!("{}\n", place.vkey);
    let verified = feed(&["verify", &place.log(), "--vkey", "-"], key.as_bytes());
    assert_eq!(verified.code, 0, "{verified:?}");
    feed(&["verify", &place.log(), "--vkey", "-"], b"no key").refused(3, "--vkey is neither");
    let twice = ["verify", &place.log(), "--vkey", "-", "--checkpoint", "-"];
    sealtrail(&twice).refused(2, "`-` is standard input, which is read once");
    let proof = place.path("0.tlog-proof").display().to_string();
    let line = place.path("0.json").display().to_string();
    assert_eq!(sealtrail(&["prove", &place.log(), "0", "--out", &proof, "--line", &line]).code, 0);
    let proven = feed(&["verify-proof", &proof, &line, "--vkey", "-"], key.as_bytes());
    assert_eq!(proven.code, 0, "{proven:?}");
}
