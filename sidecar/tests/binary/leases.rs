//! Records that a service seals in its own process, with keys that it leased.

use std::net::SocketAddr;
use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use sealtrail_core::{Draft, LeasedKey, LeasedOpening, Limits, Policy, Stamp, open_leased};
use serde_json::{Value, json};

use super::access::{ask, token};
use super::engine::digest;
use super::place::Place;
use super::served::Served;
use super::wire::{Response, exchange};

const POLICY: &str = r#"{"id":"p","version":"1","default":"keep","rules":[
    {"select":"$.email","action":"seal","group":"contact"},
    {"select":"$.tax","action":"pseudonym","group":"tax"}]}"#;

/// A place with that policy, whose leases last so long.
fn place(lifetime: &str) -> Place {
    let place = Place::new();
    std::fs::write(place.path("policy.json"), POLICY).unwrap();
    place.add_config(&format!("[leases]\nlifetime = \"{lifetime}\""));
    place
}

fn post(to: SocketAddr, target: &str, media_type: &str, token: &str, body: &str) -> Response {
    let length = body.len();
    let token = match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    exchange(
        to,
        &format!(
            "POST {target} HTTP/1.1\r\nHost: {to}\r\n{token}Content-Type: {media_type}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ),
    )
}

fn send(to: SocketAddr, token: &str, line: &str) -> Response {
    post(to, "/v1/records", "application/cloudevents+json", token, line)
}

fn change(subject: &str, id: Option<&str>) -> String {
    let mut change = json!({"entity": {"type": "customer", "id": subject}, "action": "create",
        "before": null, "after": {"email": format!("{subject}@example.com"), "tax": "17", "tier": 1}});
    if let Some(id) = id {
        change["id"] = id.into();
    }
    change.to_string()
}

/// What the plan of a change asks for.
fn needs(policy: &[u8], change: &str) -> Value {
    let plan: Value = serde_json::from_slice(&plan(policy, change).summary()).unwrap();
    json!({"policy": digest(policy), "needs": plan["needs"]})
}

fn plan(policy: &[u8], change: &str) -> sealtrail_core::Plan {
    let policy = Arc::new(Policy::parse(policy).unwrap());
    let draft = Draft::read(&policy, change.as_bytes(), &Limits::default()).unwrap();
    draft.plan(br#"{"correlation_id":"c","service":"shop"}"#).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    value.as_str().map(|text| Base64UrlUnpadded::decode_vec(text).unwrap()).unwrap_or_default()
}

/// Seals a change with the lease that was given for it.
fn seal(policy: &[u8], change: &str, lease: &Value) -> String {
    let text = |at: &str| lease.pointer(at).unwrap().as_str().unwrap();
    let engine = "0".repeat(64);
    let stamp = Stamp {
        origin: text("/stamp/origin"),
        id: text("/stamp/id"),
        recorded_time: text("/stamp/recorded_time"),
        engine_version: "test",
        engine_sha256: &engine,
    };
    let keys: Vec<_> = lease["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| {
            let kids = [&key["kids"][0], &key["kids"][1]].map(|kid| kid.as_str().unwrap());
            LeasedKey::new(kids, &bytes(&key["key"]), &bytes(&key["commit"])).unwrap()
        })
        .collect();
    let plan = plan(policy, change);
    let entropy = vec![9; plan.nonces() * 12];
    String::from_utf8(plan.seal_leased(&stamp, &entropy, &keys).unwrap()).unwrap()
}

/// Leases, and seals.
fn sealed(to: SocketAddr, token: &str, change: &str) -> (Value, String) {
    let policy = ask(to, "GET", "/v1/policy", token, &Value::Null);
    let lease = ask(to, "POST", "/v1/leases", token, &needs(&policy.body, change));
    assert_eq!(lease.status, 200, "{}", lease.text());
    let lease = lease.json();
    let line = seal(&policy.body, change, &lease);
    (lease, line)
}

#[test]
fn what_a_service_seals_is_a_record_like_any_other() {
    let place = place("30s");
    let served = Served::start(&place);
    let (lease, line) = sealed(served.api, "", &change("3", None));
    let id = lease["stamp"]["id"].as_str().unwrap();
    assert!(
        !line.contains("3@example.com")
            && (1..=30_000).contains(&lease["expires_in_ms"].as_u64().unwrap())
    );
    assert!(lease["keys"][1].get("commit").is_none(), "{lease}");
    let receipt = send(served.api, "", &line);
    assert_eq!(receipt.status, 200, "{}", receipt.text());
    let receipt = receipt.json();
    assert_eq!((&receipt["status"], &receipt["id"]), (&json!("recorded"), &json!(id)));
    assert_eq!(receipt["correlation_id"], "c");
    // The answer was lost.
    assert_eq!(send(served.api, "", &line).json(), receipt);
    // The same service sends a change of the same subject the usual way: one key, one pseudonym.
    let usual = ask(
        served.api,
        "POST",
        "/v1/changes",
        "",
        &serde_json::from_str(&change("3", None)).unwrap(),
    );
    assert_eq!(usual.status, 200, "{}", usual.text());

    let lines = place.lines();
    assert_eq!((lines.len(), &lines[0]), (2, &line));
    let records: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records[0]["data"]["seals"][0]["kids"], records[1]["data"]["seals"][0]["kids"]);
    assert_eq!(records[0]["data"]["changes"][1], records[1]["data"]["changes"][1]);

    let why = json!({"group": "contact", "reason": "test"});
    let revealed = ask(served.api, "POST", &format!("/v1/records/{id}/reveal"), "", &why);
    assert_eq!(revealed.json()["values"][0]["value"], "3@example.com", "{}", revealed.text());
    let metrics = ask(served.api, "GET", "/metrics", "", &Value::Null).text();
    assert!(
        metrics.contains("\nsealtrail_leases_total 1\n")
            && metrics.contains("\nsealtrail_open_leases 0\n")
    );
    assert_eq!(served.terminate().0, 0);
    assert_eq!(place.verify().code, 0);
}

#[test]
fn many_at_once_and_each_has_its_own_answer() {
    let place = place("30s");
    let served = Served::start(&place);
    let policy = ask(served.api, "GET", "/v1/policy", "", &Value::Null);
    let changes: Vec<_> =
        (0..100).map(|i| change(&i.to_string(), Some(&format!("c-{i}")))).collect();
    let mut asked: Vec<_> =
        changes.iter().map(|change| needs(&policy.body, change).to_string()).collect();
    asked[7] = r#"{"needs":[{"subject":"","group":"g","retain":"r"}]}"#.into();
    asked[8] = r#"{"needs":[{"subject":"a","group":"g","retain":"r","more":1}]}"#.into();
    asked[9] = "{".into();
    let leases = post(served.api, "/v1/leases", "application/x-ndjson", "", &asked.join("\n"));
    let text = leases.text();
    let leases: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (i, code) in [(7, "invalid_field"), (8, "invalid_field"), (9, "malformed_json")] {
        assert_eq!(leases[i]["code"], code, "{}", leases[i]);
    }
    let good = |i: &usize| !(7..10).contains(i);
    let mut lines: Vec<_> =
        (0..100).filter(good).map(|i| seal(&policy.body, &changes[i], &leases[i])).collect();
    lines[20] = lines[20].replace("\"op\":\"add\"", "\"op\":\"test\"");
    let taken = post(served.api, "/v1/records", "application/x-ndjson", "", &lines.join("\n"));
    let text = taken.text();
    let taken: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(taken.len(), 97);
    for (i, answer) in taken.iter().enumerate() {
        match i {
            20 => assert_eq!(answer["code"], "invalid_field", "{answer}"),
            _ => assert_eq!(answer["status"], "recorded", "{answer}"),
        }
    }
    assert_eq!(place.lines().len(), 96);

    // A change that has its record is no other one for being leased anew.
    let (_, again) = sealed(served.api, "", &changes[0]);
    assert_eq!(send(served.api, "", &again).json(), taken[0]);
    assert_eq!(place.lines().len(), 96);
}

#[test]
fn a_record_that_was_not_leased_like_this_is_refused_and_leaves_nothing() {
    let place = place("30s");
    std::fs::write(place.path("tokens.toml"), "").unwrap();
    place.edit_config("[access]\n", "[access]\ntokens = \"tokens.toml\"\n");
    let callers = ["shop", "billing"].map(|name| token(&place, name, &["sealer"]));
    let served = Served::start(&place);
    let (lease, line) = sealed(served.api, &callers[0], &change("3", None));
    let (_, other) = sealed(served.api, &callers[0], &change("4", None));
    let id = lease["stamp"]["id"].as_str().unwrap();
    let commit = lease["keys"][0]["commit"].as_str().unwrap();
    let fresh = "01a1ffa9-be2f-73ed-8b10-49bb862aa357";
    let part = |line: &str| {
        line[line.find("\"seals\"").unwrap()..line.find("\"pseudonyms\"").unwrap()].to_owned()
    };
    for (token, line, status, code) in [
        (&callers[1], line.clone(), 409, "not_leased"),
        (&callers[0], line.replace(id, fresh), 409, "not_leased"),
        (&callers[0], line.replace(commit, &"A".repeat(43)), 409, "not_leased"),
        (&callers[0], line.replace(&part(&line), &part(&other)), 409, "not_leased"),
        (
            &callers[0],
            line.replace("sealtrail.change.create.v1", "sealtrail.shred.v1"),
            422,
            "invalid_field",
        ),
        (&callers[0], line.replace("\"data\":{", "\"data\":{{"), 400, "malformed_json"),
        (&callers[0], line.replace("{\"specversion\"", " {\"specversion\""), 422, "not_a_record"),
        (&callers[0], line.replace("\"action\"", "\"child\":1,\"action\""), 422, "not_a_record"),
        (&callers[0], "{}".into(), 422, "not_a_record"),
    ] {
        send(served.api, token, &line).is_problem(status, code);
    }
    assert!(place.lines().is_empty());
    // None of that has used it up.
    assert_eq!(send(served.api, &callers[0], &line).status, 200);
    // Sealed by another policy than the one that was in force when it was leased.
    let (lease, _) = sealed(served.api, &callers[0], &change("5", None));
    let other = POLICY.replace("\"version\":\"1\"", "\"version\":\"2\"");
    let line = seal(other.as_bytes(), &change("5", None), &lease);
    send(served.api, &callers[0], &line).is_problem(409, "policy_changed");
    assert_eq!(place.lines().len(), 1);
}

#[test]
fn what_was_planned_by_another_policy_gets_no_lease_that_a_shredding_would_wait_for() {
    let place = place("30s");
    let served = Served::start(&place);
    let wanted = needs(POLICY.as_bytes(), &change("3", None));
    let mut other = wanted.clone();
    other["policy"] = digest(POLICY.replace("\"1\"", "\"2\"").as_bytes()).into();
    let refused = ask(served.api, "POST", "/v1/leases", "", &other);
    refused.is_problem(409, "policy_changed");
    let lines = format!("{other}\n{wanted}\n");
    let answer = post(served.api, "/v1/leases", "application/x-ndjson", "", &lines);
    let answers: Vec<Value> =
        answer.text().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(
        (&answers[0]["code"], &answers[1]["policy"]),
        (&json!("policy_changed"), &wanted["policy"])
    );
    let metrics = ask(served.api, "GET", "/metrics", "", &Value::Null).text();
    assert!(metrics.contains("\nsealtrail_open_leases 1\n"), "{metrics}");
}

/// A lease names no service: the record does that was sealed with it.
#[test]
fn a_sealer_sends_records_of_his_services_only() {
    let place = place("30s");
    std::fs::write(place.path("tokens.toml"), "").unwrap();
    place.edit_config("[access]\n", "[access]\ntokens = \"tokens.toml\"\n");
    let shop = token(&place, "shop", &["sealer:shop"]);
    let billing = token(&place, "billing", &["sealer:billing"]);
    let served = Served::start(&place);
    let change = change("3", Some("order-7"));
    let (_, forged) = sealed(served.api, &billing, &change);
    let refused = send(served.api, &billing, &forged);
    refused.is_problem(403, "forbidden");
    assert!(refused.text().contains("may write for `billing`"), "{}", refused.text());
    // The id is still its owner's.
    let (_, line) = sealed(served.api, &shop, &change);
    assert_eq!(send(served.api, &shop, &line).json()["index"], 0);
    send(served.api, &billing, &forged).is_problem(403, "forbidden");
    assert_eq!(place.lines(), [line]);
}

#[test]
fn a_shredding_ends_the_leases_and_answers_when_nobody_has_one() {
    let place = place("1s");
    let served = Served::start(&place);
    let (_, line) = sealed(served.api, "", &change("3", None));
    let began = std::time::Instant::now();
    let why = json!({"reason": "test"});
    let shredded = ask(served.api, "POST", "/v1/subjects/customer%2F3/shred", "", &why);
    assert_eq!(shredded.status, 200, "{}", shredded.text());
    assert_eq!(shredded.json()["leases_end_in_ms"], 0);
    // The lease was younger than that; it is the only thing that was waited for.
    assert!(began.elapsed().as_millis() > 500, "{:?}", began.elapsed());
    let late = send(served.api, "", &line);
    assert!([409, 410].contains(&late.status), "{}", late.text());
    assert_eq!(place.lines().len(), 1, "the shredding alone");
    // The subject comes again, under another key.
    let (lease, line) = sealed(served.api, "", &change("3", None));
    assert_eq!(send(served.api, "", &line).status, 200);
    assert_ne!(lease["keys"][0]["kids"][0], shredded.json()["kids"][0]);
}

#[test]
fn a_lease_does_not_outlive_its_process_and_its_record_does() {
    let place = place("30s");
    let served = Served::start(&place);
    let (_, used) = sealed(served.api, "", &change("3", None));
    let (_, unused) = sealed(served.api, "", &change("4", None));
    let receipt = send(served.api, "", &used).json();
    assert_eq!(served.terminate().0, 0);
    let served = Served::start(&place);
    assert_eq!(send(served.api, "", &used).json(), receipt);
    send(served.api, "", &unused).is_problem(409, "not_leased");
    assert_eq!(place.lines().len(), 1);
}

#[test]
fn a_revealer_opens_a_record_himself_and_that_is_a_record() {
    let place = place("30s");
    std::fs::write(place.path("tokens.toml"), "").unwrap();
    place.edit_config("[access]\n", "[access]\ntokens = \"tokens.toml\"\n");
    let support = token(&place, "support", &["revealer:contact"]);
    let served = Served::start(&place);
    let (lease, line) = sealed(served.api, "", &change("3", None));
    assert_eq!(send(served.api, "", &line).status, 200);
    let target = format!("/v1/records/{}/lease", lease["stamp"]["id"].as_str().unwrap());
    let why = |group: &str, reason: &str| json!({"group": group, "reason": reason});

    ask(served.api, "POST", &target, &support, &why("tax", "x")).is_problem(403, "forbidden");
    ask(served.api, "POST", &target, &support, &why("contact", " "))
        .is_problem(422, "missing_field");
    let lent = ask(served.api, "POST", &target, &support, &why("contact", "ticket 4711"));
    assert_eq!(lent.status, 200, "{}", lent.text());
    let lent = lent.json();
    let key = &lent["keys"][0];
    let kids = [&key["kids"][0], &key["kids"][1]].map(|kid| kid.as_str().unwrap());
    let leased = LeasedKey::new(kids, &bytes(&key["key"]), &bytes(&key["commit"])).unwrap();
    let opened = open_leased(line.as_bytes(), &[LeasedOpening { seal: 0, leased }]).unwrap();
    assert!(String::from_utf8(opened).unwrap().contains("\"value\":\"3@example.com\""));

    let kinds: Vec<_> = place
        .lines()
        .iter()
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            (
                record["type"].as_str().unwrap().to_owned(),
                record["authid"].as_str().unwrap_or("").to_owned(),
            )
        })
        .collect();
    assert_eq!(kinds[1], ("sealtrail.refused.v1".into(), "support".into()));
    assert_eq!(kinds[2], ("sealtrail.reveal.v1".into(), "support".into()));
    assert_eq!(lent["reveal_index"], 2);
}
