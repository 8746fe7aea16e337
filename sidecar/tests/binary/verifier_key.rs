//! What `init` tells whoever keeps a log: the verifier key, which is printed again and given in every way, and what to
//! back up.

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

#[test]
fn init_says_what_to_keep_where() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("trail");
    let ran = sealtrail(&["init", "--origin", ORIGIN, dir.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let vkey = sealtrail(&["vkey", "--config", dir.join("sealtrail.toml").to_str().unwrap()]);
    let told = ran.stdout;
    assert!(told.contains(&format!("verifier key:\n\n  {}", vkey.stdout)), "{told}");
    for said in [
        "Keep it outside of this machine",
        "Back up the log without the keyring: whoever has a copy of keyring and keys/kek can read\nwhat is shredded later.",
        "Keep keys/kek where no backup of the log goes, or in the environment\n(`kek = { env = \"SEALTRAIL_KEK\" }`)",
        "copies of the keyring no longer than you must",
    ] {
        assert!(told.contains(said), "`{said}` is not in {told}");
    }
    // What it names is there.
    for name in ["keyring", "keys/kek", "log", "sealtrail.toml", "policy.json", "keys/signing.key"]
    {
        assert!(dir.join(name).exists() && told.contains(name), "{name}: {told}");
    }
    let next = format!("next: sealtrail serve --config {}", dir.join("sealtrail.toml").display());
    assert!(told.contains(&next), "{told}");
}
