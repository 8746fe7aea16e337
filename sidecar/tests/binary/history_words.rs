//! What a person reads of a history, and does with it.

use super::place::{Place, Ran, change, sealtrail};
use super::served::Served;

fn answered(ran: &Ran) -> &str {
    assert_eq!(ran.code, 0, "{ran:?}");
    &ran.stdout
}

#[test]
fn the_id_in_the_words_is_what_reveal_and_prove_ask_for() {
    let place = Place::new();
    assert_eq!(place.append(change("c-1").as_bytes()).code, 0);
    let words = place.run("history", &["customer", "3"]);
    let head = answered(&words).lines().next().unwrap();
    let id = head.split(" record ").nth(1).unwrap_or_else(|| panic!("{words:?}"));
    let revealed =
        place.run("reveal", &[id, "--group", "default", "--reason", "r", "--actor", "dpo"]);
    assert!(answered(&revealed).contains("new@example.com"), "{revealed:?}");
    assert_eq!(sealtrail(&["prove", &place.log(), id]).code, 0);
    // A reveal is a record too.
    let words = place.run("query", &["--action", "reveal"]);
    assert!(answered(&words).lines().next().unwrap().contains("  record "), "{words:?}");
}

#[test]
fn what_no_checkpoint_covers_yet_is_told_from_what_is_not_there() {
    let place = Place::new();
    place.edit_config("checkpoint_interval = \"1s\"", "checkpoint_interval = \"1h\"");
    let served = Served::start(&place);
    let at = ["customer", "3", "--at", "2099-01-01T00:00:00Z"];
    place.run("history", &at).refused(7, "no record of `customer/3` is of 2099");
    assert_eq!(served.post_change(&change("c-1")).status, 200);
    place.run("history", &at).refused(7, "is not covered by a checkpoint yet");
    place.run("history", &at).refused(7, "ask again when the next one is signed");
    assert_eq!(served.terminate().0, 0);
    let state = place.run("history", &at);
    assert!(answered(&state).contains("after 1 record,") && state.stderr.is_empty(), "{state:?}");

    let served = Served::start(&place);
    assert_eq!(served.post_change(&change("c-2")).status, 200);
    let state = place.run("history", &at);
    assert!(answered(&state).contains("after 1 record,"), "{state:?}");
    assert!(state.stderr.contains("later records of it wait for the next checkpoint"), "{state:?}");
}

#[test]
fn one_is_told_as_one() {
    let place = Place::new();
    assert_eq!(place.append(change("c-1").as_bytes()).code, 0);
    let indexed = sealtrail(&["index", "rebuild", "--config", &place.config()]);
    assert!(answered(&indexed).starts_with("indexed 1 record in "), "{indexed:?}");
    let keys = sealtrail(&["keys", "list", "--config", &place.config()]);
    assert!(
        answered(&keys).contains("1 subject, 1 subject key, 1 period key, 0 shredded"),
        "{keys:?}"
    );
    let out = place.path("bundle").display().to_string();
    let bundle = place.run("export", &["--format", "bundle", "--out", &out]);
    assert!(answered(&bundle).starts_with("1 record and 0 erasures in "), "{bundle:?}");
    let checked = sealtrail(&["verify-proof", &out, "--vkey", &place.vkey]);
    assert!(answered(&checked).starts_with("intact: 1 record is in the log of "), "{checked:?}");
}
