//! For which services somebody may write.

use serde_json::{Value, json};

use super::access::{ask, token};
use super::place::{Place, change};
use super::served::Served;
use super::wire::exchange;

/// Knows tokens, and gives nobody anything without one.
fn place() -> Place {
    let place = Place::new();
    std::fs::write(place.path("tokens.toml"), "").unwrap();
    place.edit_config("[access]\n", "[access]\ntokens = \"tokens.toml\"\n");
    place
}

/// A change that its service calls so.
fn of(service: Option<&str>, id: &str) -> Value {
    let mut change: Value = serde_json::from_str(&change("c")).unwrap();
    change["id"] = id.into();
    if let Some(service) = service {
        change["context"]["service"] = service.into();
    }
    change
}

fn sources(place: &Place) -> Vec<String> {
    let lines = place.lines();
    let records = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.map(|record| record["source"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_change_of_another_service_is_refused_alone_and_says_what_may_be_written() {
    let place = place();
    let billing = token(&place, "billing", &["writer:billing", "writer:invoices"]);
    let served = Served::start(&place);
    let older = r#"{"table_id":"t","entity_id":"1","micro_service_name":"shop","action":"create","old_data":null,"new_data":{"a":1}}"#;
    let lines = [
        of(Some("billing"), "a").to_string(),
        of(Some("shop"), "b").to_string(),
        of(None, "c").to_string(),
        older.to_owned(),
        older.replace("shop", "invoices"),
    ];
    let body = lines.join("\n");
    let answer = exchange(
        served.api,
        &format!(
            "POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {billing}\r\n\
             Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    let outcomes: Vec<Value> =
        answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&outcomes[0]["index"], &outcomes[4]["index"]), (&json!(0), &json!(1)));
    for (line, said) in [
        (2, "this one is of another service"),
        (3, "one without a service is of `shop.example/audit`"),
        (4, "this one is of another service"),
    ] {
        let refused = &outcomes[line - 1];
        assert_eq!((&refused["status"], &refused["code"]), (&json!(403), &json!("forbidden")));
        assert_eq!(refused["at"]["line"], line);
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.starts_with("this caller may write for `billing`, `invoices`, and "));
        assert!(detail.ends_with(said), "{detail}");
    }
    let alone = ask(served.api, "POST", "/v1/changes", &billing, &of(Some("shop"), "b"));
    alone.is_problem(403, "forbidden");
    assert_eq!(sources(&place), ["billing", "invoices"]);
    // Without services one may write for any, and so may who has the log's files.
    let any = token(&place, "any", &["writer"]);
    drop(served);
    let served = Served::start(&place);
    let sent = ask(served.api, "POST", "/v1/changes", &any, &of(Some("shop"), "b"));
    assert_eq!(sent.json()["index"], 2);
    drop(served);
    assert_eq!(place.append(of(None, "c").to_string().as_bytes()).code, 0);
    assert_eq!(sources(&place)[2..], ["shop", "shop.example/audit"]);
}

#[test]
fn nobody_takes_the_ids_of_a_service_that_he_may_not_write_for() {
    let place = place();
    let shop = token(&place, "shop-1", &["writer:shop"]);
    let rotated = token(&place, "shop-2", &["writer:shop"]);
    let billing = token(&place, "billing", &["writer:billing"]);
    let served = Served::start(&place);
    let send = |token: &str, change: &Value| ask(served.api, "POST", "/v1/changes", token, change);
    // He knows the id, and was here first.
    send(&billing, &of(Some("shop"), "order-7")).is_problem(403, "forbidden");
    let first = send(&shop, &of(Some("shop"), "order-7")).json();
    assert_eq!((&first["status"], &first["index"]), (&json!("recorded"), &json!(0)));
    // Nor does he learn what became of it.
    let asked = send(&billing, &of(Some("shop"), "order-7"));
    asked.is_problem(403, "forbidden");
    assert!(!asked.text().contains(first["id"].as_str().unwrap()));
    // The same service under another token, as after a lost answer and a rotation.
    assert_eq!(send(&rotated, &of(Some("shop"), "order-7")).json(), first);
    assert_eq!(send(&billing, &of(Some("billing"), "order-7")).json()["index"], 1);
    assert_eq!(sources(&place), ["shop", "billing"]);
}
