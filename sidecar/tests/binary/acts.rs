//! Reveal and shred.

use serde_json::{Value, json};

use super::place::{Place, Ran, change, sealtrail};
use super::served::Served;
use super::wire::{get, post};

const JSON: &str = "application/json";

fn reveal(served: &Served, id: &str, body: &str) -> super::wire::Response {
    post(served.api, &format!("/v1/records/{id}/reveal"), JSON, body)
}

#[test]
fn a_reveal_is_a_record_and_a_shred_is_final() {
    let place = Place::new();
    let served = Served::start(&place);
    let id = served.post_change(&change("r-1")).json()["id"].as_str().unwrap().to_owned();

    let revealed = reveal(&served, &id, r#"{"group":"default","reason":"ticket 81"}"#).json();
    let values = revealed["values"].as_array().unwrap();
    let value = |path: &str, side: &str| {
        let found = values.iter().find(|v| v["path"] == path && v["side"] == side);
        found.map(|v| v["value"].clone()).unwrap()
    };
    assert_eq!(
        (value("/email", "old"), value("/email", "new")),
        (json!("old@example.com"), json!("new@example.com"))
    );
    assert_eq!(
        (value("/tier", "old"), value("/tier", "new")),
        (json!(1), json!(2)),
        "types survive"
    );
    let record: Value = serde_json::from_str(&place.lines()[1]).unwrap();
    assert_eq!(record["type"], "sealtrail.reveal.v1");
    assert_eq!(record["id"], revealed["reveal"]);
    assert_eq!(
        (&record["data"]["record"], &record["data"]["reason"]),
        (&json!(id), &json!("ticket 81"))
    );
    assert!(!place.lines()[1].contains("example.com\""), "no value in it");

    for (body, status, code) in [
        (r#"{"group":"default"}"#, 422, "invalid_field"),
        (r#"{"group":"default","reason":" "}"#, 422, "missing_field"),
        (r#"{"group":"contact","reason":"x"}"#, 404, "not_found"),
        (r#"{"group":"default","reason":"x","extra":1}"#, 422, "invalid_field"),
        ("{", 400, "malformed_json"),
    ] {
        reveal(&served, &id, body).is_problem(status, code);
    }
    assert_eq!(place.lines().len(), 2, "what is refused leaves no record");

    let shred = |body: &str| post(served.api, "/v1/subjects/customer%2F3/shred", JSON, body);
    let shredded = shred(r#"{"reason":"Art. 17","actor":{"type":"user","id":"dpo"}}"#).json();
    let record: Value = serde_json::from_str(&place.lines()[2]).unwrap();
    assert_eq!(record["type"], "sealtrail.shred.v1");
    assert_eq!(record["data"]["kids"], shredded["kids"]);
    assert!(!place.lines()[2].contains("customer"), "it does not name the subject");
    let gone = reveal(&served, &id, r#"{"group":"default","reason":"x"}"#);
    gone.is_problem(410, "shredded");
    assert!(gone.text().contains("`dpo`: Art. 17"), "{}", gone.text());
    let again = shred(r#"{"reason":"again"}"#);
    again.is_problem(410, "shredded");
    let kid = shredded["kids"][0].as_str().unwrap();
    let said =
        format!("`customer/3`: erased already: the key {kid} of its values was destroyed at ");
    assert!(again.text().contains(&said), "{}", again.text());

    // The subject may come again, with a new key.
    let again = served.post_change(&change("r-2")).json()["id"].as_str().unwrap().to_owned();
    assert_eq!(reveal(&served, &again, r#"{"group":"default","reason":"x"}"#).status, 200);
    reveal(&served, &id, r#"{"group":"default","reason":"x"}"#).is_problem(410, "shredded");
    let words = place.run("history", &["customer", "3"]);
    let (first, second) = words.stdout.split_once("\n\n").unwrap();
    assert!(first.contains("\n  'email' changed: [erased] -> [erased]\n"), "{words:?}");
    assert!(second.contains("[sealed default]") && !second.contains("[erased]"), "{words:?}");
    assert_eq!(served.terminate().0, 0);
    let verified = place.verify();
    assert_eq!(verified.code, 0, "the log verifies as before: {verified:?}");
}

/// What the record of an act cannot hold is refused before anything is done.
#[test]
fn a_refused_act_leaves_everything_as_it_was() {
    let place = Place::new();
    let served = Served::start(&place);
    let id = served.post_change(&change("r-1")).json()["id"].as_str().unwrap().to_owned();
    let long = "x".repeat(600);
    let actor = |kind: &str, id: &str| json!({"reason": "x", "actor": {"type": kind, "id": id}});
    let refused = [
        (json!({"reason": "line1\nline2"}), "invalid_field"),
        (json!({"reason": long}), "invalid_field"),
        (json!({"reason": "\t"}), "missing_field"),
        (actor("", "dpo"), "missing_field"),
        (actor("user", ""), "missing_field"),
        (actor("user", "d\u{0}po"), "invalid_field"),
        (actor("us\ner", "dpo"), "invalid_field"),
        (actor("user", &long), "invalid_field"),
    ];
    for (body, code) in &refused {
        let shred = "/v1/subjects/customer%2F3/shred";
        post(served.api, shred, JSON, &body.to_string()).is_problem(422, code);
        let mut body = body.clone();
        body["group"] = json!("default");
        reveal(&served, &id, &body.to_string()).is_problem(422, code);
    }
    assert_eq!(place.lines().len(), 1);
    assert_eq!(served.terminate().0, 0);
    for reason in ["line1\nline2", &long] {
        place.run("shred", &["customer/3", "--reason", reason]).refused(4, "without control");
    }
    let shred = ["customer/3", "--reason", "x", "--actor", "d\tpo"];
    place.run("shred", &shred).refused(4, "the actor's id");

    let journal = std::fs::read_dir(place.path("keyring/journal")).unwrap().count();
    assert_eq!(journal, 0, "nothing was begun");
    let shown = place.run("reveal", &[&id, "--group", "default", "--reason", "x"]);
    assert!(shown.stdout.contains("new@example.com"), "the key is still there: {shown:?}");
}

/// Older versions could destroy a key and then fail to record it; the log must open all the same.
#[test]
fn an_interrupted_shred_never_keeps_the_log_from_opening() {
    use sealtrail_keyring::{Kek, Keyring, Why};
    let place = Place::new();
    assert_eq!(place.append(change("c-1").as_bytes()).code, 0);
    let kek = Kek::parse(&std::fs::read_to_string(place.path("keys/kek")).unwrap()).unwrap();
    let keyring = Keyring::open(&place.path("keyring"), kek).unwrap();
    let reason = format!("line1\nline2 {}", "é".repeat(600));
    let why = Why { when: "2026-11-21T20:00:00Z", who: "d\u{1}po", reason: &reason };
    keyring.shred_subject("customer/3", &why).unwrap();
    drop(keyring);

    let opened = place.append(change("c-2").as_bytes());
    assert_eq!(opened.code, 0, "{opened:?}");
    let record: Value = serde_json::from_str(&place.lines()[1]).unwrap();
    assert_eq!(record["type"], "sealtrail.shred.v1");
    assert_eq!(record["authid"], "d po");
    let recorded = record["data"]["reason"].as_str().unwrap();
    assert!(recorded.starts_with("line1 line2 éé") && recorded.len() > 500, "{recorded}");
    assert_eq!(place.append(change("c-3").as_bytes()).code, 0);
    assert_eq!(place.lines().len(), 4, "it is recorded once");
}

/// A group can hold values of several subjects, which are erased one by one.
#[test]
fn what_is_left_of_a_group_is_revealed() {
    let place = Place::new();
    let rule = |select: &str, of: &str| json!({"select": select, "action": "seal", "group": "contact", "subject": of, "retain": "r"});
    let policy = json!({
        "id": "two", "version": "1", "default": {"action": "keep"},
        "rules": [rule("$.buyer", "person/{/buyer_id}"), rule("$.seller", "person/{/seller_id}")],
    });
    std::fs::write(place.path("policy.json"), policy.to_string()).unwrap();
    let after = json!({"buyer_id": "b", "seller_id": "s", "buyer": "Bea", "seller": null});
    let change = json!({"entity": {"type": "sale", "id": "1"}, "action": "create",
        "before": null, "after": after});
    let ran = place.append(change.to_string().as_bytes());
    let id = ran.json()["id"].as_str().unwrap().to_owned();
    let why = ["--reason", "ticket 83", "--actor", "dpo"];
    let reveal = |rest: &[&str]| -> Ran {
        place.run("reveal", &[&[&id[..], "--group", "contact"], &why[..], rest].concat())
    };
    let shred = |subject: &str| {
        let ran = place.run("shred", &[&[subject][..], &why].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
    };
    let value = |shown: &Value, path: &str| {
        let values = shown["values"].as_array().unwrap();
        values.iter().find(|v| v["path"] == path).unwrap_or_else(|| panic!("{shown}")).clone()
    };
    let all = reveal(&["--json"]).json();
    assert_eq!(
        (&value(&all, "/buyer")["value"], &all["values"][1]["erased"]),
        (&json!("Bea"), &Value::Null)
    );

    shred("person/b");
    let shown = reveal(&["--json"]).json();
    let erased = value(&shown, "/buyer");
    let expected = value(&all, "/buyer");
    for key in ["at", "path", "side", "group"] {
        assert_eq!(erased[key], expected[key], "{key}");
    }
    assert_eq!((erased.get("value"), &erased["erased"]), (None, &json!(true)));
    assert_eq!(value(&shown, "/seller"), value(&all, "/seller"), "null is a value");
    let words = reveal(&[]).stdout;
    assert!(words.contains("/buyer   new  [erased]"), "{words}");
    assert!(words.contains("/seller  new  null"), "{words}");

    shred("person/s");
    let before = place.lines().len();
    reveal(&[]).refused(8, "was shredded at");
    assert_eq!(place.lines().len(), before);
}

#[test]
fn the_command_line_with_and_without_a_server() {
    let place = Place::new();
    let ran = place.append(format!("{}\n", change("c-1")).as_bytes());
    let id = ran.json()["id"].as_str().unwrap().to_owned();
    let why = ["--reason", "ticket 82", "--actor", "dpo"];
    let reveal = |rest: &[&str]| -> Ran {
        place.run("reveal", &[&[&id[..], "--group", "default"], &why[..], rest].concat())
    };
    let shown = reveal(&[]);
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.stdout.contains("/email  new  \"new@example.com\""), "{shown:?}");
    assert_eq!(reveal(&["--json"]).json()["values"].as_array().unwrap().len(), 4);

    let served = Served::start(&place);
    let url = format!("http://{}", served.api);
    let remote = |command: &str, rest: &[&str]| {
        sealtrail(&[&[command, "--url", &url], rest, &why[..]].concat())
    };
    let shown = remote("reveal", &[&id, "--group", "default"]);
    assert!(shown.stdout.contains("\"new@example.com\""), "{shown:?}");
    remote("reveal", &[&id, "--group", "nothing"]).refused(7, "nothing sealed in group `nothing`");
    let shredded = remote("shred", &["customer/3"]);
    assert!(shredded.stdout.contains("does not exist any more"), "{shredded:?}");
    remote("reveal", &[&id, "--group", "default"]).refused(8, "was shredded at");
    drop(served);
    reveal(&[]).refused(8, "nobody can read the value any more");
    place.run("shred", &[&["customer/3"][..], &why].concat()).refused(8, "erased already");
    sealtrail(&[&["shred", "customer/3", "--url", &url][..], &why].concat()).refused(1, &url);
}

/// Three ends that a script and a person must tell apart: erased now (0), already (8), and nobody of that name (7).
#[test]
fn a_typing_error_is_told_from_what_is_erased() {
    let place = Place::new();
    let of = |actor: &str| {
        let mut change: Value = serde_json::from_str(&change("c-1")).unwrap();
        change["context"]["actor"] = json!({"type": "user", "id": actor, "name": "Ada"});
        change.to_string()
    };
    assert_eq!(place.append(of("7").as_bytes()).code, 0);
    let shred =
        |subject: &str| place.run("shred", &[subject, "--reason", "Art. 17", "--actor", "dpo"]);
    for unknown in ["customer/33", "Customer/3", "user/8", "customer", "3"] {
        let ran = shred(unknown);
        ran.refused(
            7,
            &format!("`{unknown}`: this subject has no key, and no record has values of"),
        );
        ran.refused(7, "is it a typing error?");
        let hint = ran.stderr.contains("a data subject is called `<type>/<id>`, like `customer/3`");
        assert_eq!(hint, !unknown.contains('/'), "{ran:?}");
    }
    // The actor is a data subject of his own, with no record of an entity.
    for subject in ["customer/3", "user/7"] {
        let now = shred(subject);
        assert!(now.stdout.starts_with(&format!("shredded `{subject}`: the key k_")), "{now:?}");
        let again = shred(subject);
        again.refused(8, &format!("`{subject}`: erased already: the key k_"));
        again.refused(8, "by `dpo`: Art. 17; nothing is left under this name");
        // What it says to ask for, answers.
        let kid = again.stderr.split("--acts-about ").nth(1).unwrap().split('`').next().unwrap();
        let acts = place.run("query", &["--acts-about", kid]);
        assert!(
            acts.stdout.contains("shred key/k_") && acts.stdout.contains("Art. 17"),
            "{acts:?}"
        );
    }
    assert_eq!(place.lines().len(), 3, "what was not done left no record");
    // Who came again is erased again.
    assert_eq!(place.append(of("7").as_bytes()).code, 0);
    assert_eq!(shred("customer/3").code, 0);
    shred("customer/3").refused(8, "erased already");

    // Whose values belong to somebody else, by a rule.
    let policy = json!({"id": "p", "version": "1", "default": "keep", "rules": [
        {"select": "$.buyer", "action": "seal", "subject": "person/{/buyer_id}"}]});
    std::fs::write(place.path("policy.json"), policy.to_string()).unwrap();
    let sale = json!({"entity": {"type": "sale", "id": "1"}, "action": "create", "before": null,
        "after": {"buyer_id": "b", "buyer": "Bea"}});
    assert_eq!(place.append(sale.to_string().as_bytes()).code, 0);
    shred("sale/1")
        .refused(7, "belongs to other data subjects, which the rules of the policy name");
}

#[test]
fn big_numbers_come_back_as_they_were() {
    let place = Place::new();
    let exact = r#"{"n":12345678901234567890123,"d":1.10}"#;
    let change = format!(
        r#"{{"entity":{{"type":"t","id":"1"}},"action":"create","before":null,"after":{exact}}}"#
    );
    let ran = place.append(change.as_bytes());
    let id = ran.json()["id"].as_str().unwrap().to_owned();
    let shown = place.run("reveal", &[&id, "--group", "default", "--reason", "x", "--json"]);
    assert!(shown.stdout.contains("\"value\":12345678901234567890123"), "{shown:?}");
    assert!(shown.stdout.contains("\"value\":1.10"), "{shown:?}");
    let served = Served::start(&place);
    let answer = get(served.api, "/v1/entities/t/1/changes");
    assert!(answer.text().contains(&place.lines()[0]), "the API gives the line itself");
}

#[test]
fn previews_and_differences() {
    let place = Place::new();
    let file = |name: &str, text: &str| {
        let path = place.path(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let policy = place.path("policy.json").display().to_string();
    let preview = sealtrail(&["preview", "--policy", &policy, &file("change", &change("x"))]);
    assert_eq!(preview.code, 0, "{preview:?}");
    assert!(preview.stdout.contains("/email"), "{preview:?}");
    assert!(!preview.stdout.contains("new@example.com"), "{preview:?}");
    assert!(place.lines().is_empty());

    let (before, after) =
        (file("before", r#"{"a":1,"b":[1.0]}"#), file("after", r#"{"a":2,"b":[1]}"#));
    let diff = |rest: &[&str]| sealtrail(&[&["diff", &before, &after][..], rest].concat()).stdout;
    assert_eq!(
        diff(&["--format", "changes"]).trim(),
        r#"[{"op":"replace","path":"/a","old":1,"new":2}]"#
    );
    assert_eq!(diff(&["--json"]), diff(&["--format", "changes"]));
    assert!(diff(&["--format", "patch"]).contains(r#""op":"replace","path":"/a","value":2"#));
    assert!(diff(&[]).contains("/a"));
}
