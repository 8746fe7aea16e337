//! What an erasure leaves, and says so; and the other acts on keys that leave a record.

use serde_json::{Value, json};

use super::access::{ask, token};
use super::place::{Place, Ran, change, sealtrail};
use super::served::Served;
use super::wire::post;

const JSON: &str = "application/json";
const WHY: [&str; 4] = ["--reason", "Art. 17", "--actor", "dpo"];

fn append(place: &Place, changes: &[&str]) {
    assert_eq!(place.append(changes.join("\n").as_bytes()).code, 0);
}

fn shred(place: &Place, rest: &[&str]) -> Ran {
    place.run("shred", &[rest, &WHY].concat())
}

fn reveal(place: &Place, record: usize) -> Ran {
    let record: Value = serde_json::from_str(&place.lines()[record]).unwrap();
    let id = record["id"].as_str().unwrap();
    place.run("reveal", &[id, "--group", "default", "--reason", "test"])
}

/// The month in which the first record was sealed, `standard.2026-11`.
fn month(place: &Place) -> String {
    let record: Value = serde_json::from_str(&place.lines()[0]).unwrap();
    let kid = record["data"]["seals"][0]["kids"][1].as_str().unwrap();
    kid.strip_prefix("t_").unwrap().to_owned()
}

#[test]
fn a_month_that_runs_is_ended_on_purpose_only_and_what_follows_is_said() {
    let place = Place::new();
    append(&place, &[&change("c-1")]);
    let month = month(&place);
    let refused = shred(&place, &["--period", &month]);
    refused.refused(1, &format!("the month of `t_{month}` is not over"));
    refused.refused(1, "`--running`");
    // Nothing else is shredded for it.
    shred(&place, &["customer/3", "--running"]).refused(2, "--running");

    let served = Served::start(&place);
    let target = format!("/v1/periods/t_{month}/shred");
    let end = |body: Value| post(served.api, &target, JSON, &body.to_string());
    end(json!({"reason": "early"})).is_problem(409, "period_running");
    assert_eq!(served.post_change(&change("c-2")).status, 200, "nothing was done");

    let ended = end(json!({"reason": "early", "running": true, "certificate": true}));
    assert_eq!(ended.status, 200, "{}", ended.text());
    let refused = served.post_change(&change("c-3"));
    refused.is_problem(503, "period_expired");
    let said = refused.text();
    assert!(said.contains("before the month was over") && said.contains("until 20"), "{said}");
    assert!(!said.contains("the clock"), "{said}");
    // What is gone is told as that, with and without.
    end(json!({"reason": "again"})).is_problem(410, "shredded");
    end(json!({"reason": "again", "running": true})).is_problem(410, "shredded");
    assert_eq!(served.terminate().0, 0);

    let certificate = &ended.json()["certificate"];
    assert_eq!(certificate["kids"], json!([format!("t_{month}")]));
    assert_eq!((&certificate["records"], &certificate["index"]), (&json!(2), &json!(2)));
}

#[test]
fn the_end_of_a_month_has_a_certificate_that_is_proven_without_the_log() {
    let place = Place::new();
    append(&place, &[&change("c-1")]);
    let (month, file) = (month(&place), place.path("month.json").display().to_string());
    let certified = ["--period", &month, "--certificate", &file];
    shred(&place, &certified).refused(1, "is not over");
    assert!(!place.path("month.json").exists());
    let ended = shred(&place, &[&certified[..], &["--running"]].concat());
    assert!(ended.stdout.contains(&format!("the certificate is {file}")), "{ended:?}");
    std::fs::remove_dir_all(place.path("log")).unwrap();
    let verified = sealtrail(&["verify-proof", &file, "--vkey", &place.vkey]);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert!(verified.stdout.contains(&format!("erased: t_{month}\n")), "{verified:?}");
    assert!(verified.stdout.contains("values in 1 record\n"), "{verified:?}");
}

#[test]
fn what_a_shared_key_still_opens_is_not_called_erased() {
    let place = Place::new();
    place.add_config("[keys]\nscope = \"stream\"");
    append(&place, &[&change("c-1")]);
    place.edit_config("\"stream\"", "\"log\"");
    append(&place, &[&change("c-2")]);
    assert_eq!(shred(&place, &["*"]).code, 0);
    let half = shred(&place, &["customer/3"]);
    half.refused(
        7,
        "with the key that it shares as `customer/*` by `keys.scope` can still be read",
    );
    half.refused(7, "was destroyed at ");
    assert_eq!(reveal(&place, 0).code, 0);
    reveal(&place, 1).refused(8, "was shredded");
    assert_eq!(shred(&place, &["customer/*"]).code, 0);
    shred(&place, &["customer/3"]).refused(8, "nothing is left under this name");
    reveal(&place, 0).refused(8, "was shredded");
}

#[test]
fn who_had_a_key_of_his_own_and_one_with_others_is_told_of_both() {
    let place = Place::new();
    append(&place, &[&change("c-1")]);
    place.add_config("[keys]\nscope = \"stream\"");
    append(&place, &[&change("c-2")]);
    let rest = "what was sealed with the key of `customer/*` is still there";
    let own = shred(&place, &["customer/3"]);
    assert!(own.code == 0 && own.stdout.contains(rest), "{own:?}");
    shred(&place, &["customer/3"])
        .refused(7, "shares as `customer/*` by `keys.scope` can still be read");
    assert_eq!(reveal(&place, 1).code, 0);

    // The configuration has forgotten it, the records have not.
    place.edit_config("\"stream\"", "\"subject\"");
    append(&place, &[&change("c-3")]);
    let own = shred(&place, &["customer/3"]);
    assert!(own.code == 0 && own.stdout.contains(rest), "{own:?}");
    shred(&place, &["customer/3"]).refused(7, "`customer/*`");
    // Another has nothing under it.
    append(&place, &[&change("c-4").replace("\"id\":\"3\"", "\"id\":\"4\"")]);
    let other = shred(&place, &["customer/4"]);
    assert!(other.code == 0 && !other.stdout.contains("still there"), "{other:?}");
    shred(&place, &["customer/4"]).refused(8, "nothing is left under this name");
}

#[test]
fn one_key_of_the_whole_log_is_everybodys() {
    let place = Place::new();
    place.add_config("[keys]\nscope = \"log\"");
    let order = change("c-2").replace("customer", "order");
    append(&place, &[&change("c-1"), &order]);
    let kids: Vec<Value> = place
        .lines()
        .iter()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["data"]["seals"][0]["kids"][0].clone()
        })
        .collect();
    assert_eq!(kids[0], kids[1]);
    for one in ["customer/3", "order/3", "customer/*"] {
        shred(&place, &[one])
            .refused(7, &format!("`{one}` has no key of its own, it shares that of `*`"));
    }
    let all = shred(&place, &["*"]);
    assert!(all.code == 0 && !all.stdout.contains("still there"), "{all:?}");
    for record in [0, 1] {
        reveal(&place, record).refused(8, "was shredded");
    }
    for again in ["customer/3", "order/3"] {
        shred(&place, &[again]).refused(8, "nothing is left under this name");
    }
    assert_eq!(place.verify().code, 0);
}

#[test]
fn what_belongs_to_others_and_what_is_in_clear_is_not_called_nothing() {
    let place = Place::new();
    let policy = json!({"id": "p", "version": "1", "default": "keep", "context_default": "keep",
        "rules": [{"select": "$.note", "action": "seal"},
            {"select": "$.buyer", "action": "seal", "subject": "person/{/buyer_id}"}]});
    std::fs::write(place.path("policy.json"), policy.to_string()).unwrap();
    let sale = json!({"entity": {"type": "sale", "id": "1"}, "action": "create", "before": null,
        "after": {"buyer_id": "b", "buyer": "Bea", "note": "ring"},
        "context": {"actor": {"type": "user", "id": "7"}}});
    append(&place, &[&sale.to_string()]);
    shred(&place, &["user/7"]).refused(7, "a shredding does not reach what is in clear");
    shred(&place, &["user/8"]).refused(7, "is it a typing error?");
    assert_eq!(shred(&place, &["sale/1"]).code, 0);
    shred(&place, &["sale/1"]).refused(
        8,
        "what else is in its records belongs to other data subjects, and is still there",
    );
}

#[test]
fn a_change_of_the_key_encryption_key_is_a_record_and_so_is_one_that_is_refused() {
    let place = Place::new();
    std::fs::write(place.path("tokens.toml"), "").unwrap();
    place.edit_config("# tokens = \"tokens.toml\"", "tokens = \"tokens.toml\"");
    let (reader, operator) =
        (token(&place, "curious", &["reader"]), token(&place, "ops", &["operator"]));
    append(&place, &[&change("c-1")]);
    let rotated = sealtrail(&[&["keys", "rotate", "--config", &place.config()], &WHY[..]].concat());
    assert!(rotated.stdout.contains("the change is record 1\n"), "{rotated:?}");
    let served = Served::start(&place);
    let rotate =
        |token: &str, body: Value| ask(served.api, "POST", "/v1/keys/rotate", token, &body);
    rotate(&reader, json!({})).is_problem(403, "forbidden");
    let answer = rotate(&operator, json!({}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    assert_eq!((&answer["keys"], &answer["generation"]), (&json!(2), &json!(2)), "{answer}");
    assert_eq!(served.terminate().0, 0);

    let records: Vec<Value> =
        place.lines()[1..].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = records
        .iter()
        .map(|record| {
            let data = &record["data"];
            (&record["type"], &record["authid"], &data["reason"], &data["generation"])
        })
        .collect();
    let (changed, refused) = (json!("sealtrail.rotate.v1"), json!("sealtrail.refused.v1"));
    let routine = json!("another key-encryption key");
    let missing = json!("the role `operator` is missing");
    assert_eq!(
        told,
        [
            (&changed, &json!("dpo"), &json!("Art. 17"), &json!(1)),
            (&refused, &json!("curious"), &missing, &Value::Null),
            (&changed, &json!("ops"), &routine, &json!(2)),
        ]
    );
    assert_eq!(records[1]["data"]["attempt"], "rotate");
    assert_eq!(answer["rotate"], records[2]["id"]);
    assert_eq!(place.verify().code, 0);
}
