//! Events of the business: alone, and beside a change.

use std::thread;

use serde_json::{Value, json};

use super::operation::until;
use super::place::Place;
use super::served::Served;
use super::service::Service;
use super::wire::{exchange, get, post};

fn event(correlation_id: &str) -> String {
    format!(
        r#"{{"entity":{{"type":"order","id":"7"}},"event":{{"type":"order.approved","data":{{"approver":"ann@example.com","total":12.50}}}},"context":{{"correlation_id":"{correlation_id}"}}}}"#
    )
}

/// A change of the same order.
fn update(correlation_id: &str, n: u32) -> String {
    let images = format!(r#""action":"update","before":{{"n":0}},"after":{{"n":{n}}}"#);
    let event = event(correlation_id);
    let (from, to) = (event.find("\"event\"").unwrap(), event.find(",\"context\"").unwrap());
    format!("{}{images}{}", &event[..from], &event[to..])
}

fn records(place: &Place) -> Vec<Value> {
    place.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_event_alone_is_a_record_of_its_entity() {
    let place = Place::new();
    let served = Served::start(&place);
    let receipt = served.post_change(&event("e-1")).json();
    assert_eq!(receipt["status"], "recorded", "{receipt}");
    let record = &records(&place)[0];
    assert_eq!(
        (&record["type"], &record["subject"]),
        (&json!("sealtrail.event.v1"), &json!("order/7"))
    );
    assert_eq!(record["data"]["event"]["type"], "order.approved");
    assert!(!place.lines()[0].contains("ann@"), "the starter policy seals it");

    let of_entity = get(served.api, "/v1/entities/order/7/changes").json();
    assert_eq!(of_entity["records"][0]["record"]["id"], receipt["id"]);
    let target = format!("/v1/records/{}/reveal", receipt["id"].as_str().unwrap());
    let body = r#"{"group":"default","reason":"a test"}"#;
    let revealed = post(served.api, &target, "application/json", body).text();
    assert!(revealed.contains("ann@example.com"), "{revealed}");
    let shown = place.run("history", &["order", "7"]);
    assert!(shown.stdout.contains("event order/7"), "{shown:?}");
    let data = "\n    event:       order.approved\n      approver:  [sealed default]\n";
    assert!(shown.stdout.contains(data), "{shown:?}");
    assert_eq!(served.terminate().0, 0);
    assert_eq!(place.verify().code, 0);
}

#[test]
fn an_event_beside_a_change_is_in_its_record() {
    let place = Place::new();
    let served = Served::start(&place);
    let update = |before: u32, after: u32| {
        let images = format!(
            "\"action\":\"update\",\"before\":{{\"n\":{before}}},\"after\":{{\"n\":{after}}},\"event\""
        );
        event("e-2").replace("\"event\"", &images)
    };
    assert_eq!(served.post_change(&update(1, 2)).json()["index"], 0);
    // Nothing changed, and yet something happened.
    assert_eq!(served.post_change(&update(1, 1)).json()["index"], 1);
    for (record, changes) in records(&place).iter().zip([1, 0]) {
        assert_eq!(record["type"], "sealtrail.change.update.v1");
        assert_eq!(record["data"]["changes"].as_array().unwrap().len(), changes);
        assert_eq!(record["data"]["event"]["type"], "order.approved");
    }
    let refused = served.post_change(&event("e-3").replace("\"data\"", "\"datum\""));
    refused.is_problem(422, "not_a_change");
}

const NDJSON: &str = "application/x-ndjson";

#[test]
fn within_the_window_they_are_one_record_in_either_order() {
    let place = Place::new();
    place.add_config("[collector]\njoin_window = \"10m\"");
    let served = Served::start(&place);
    let api = served.api;
    let send =
        |body: String| thread::spawn(move || post(api, "/v1/changes", "application/json", &body));
    for (first, second) in [(event("a"), update("a", 1)), (update("b", 1), event("b"))] {
        let first = send(first);
        until(&served, "waiting_joins", "1");
        assert!(!first.is_finished());
        let second = send(second);
        let (first, second) = (first.join().unwrap().json(), second.join().unwrap().json());
        assert_eq!(first["status"], "recorded");
        assert_eq!(first, second, "one receipt");
        until(&served, "waiting_joins", "0");
    }
    let body = format!("{}\n{}\n", update("c", 1), event("c"));
    let answer = post(api, "/v1/changes", NDJSON, &body).text();
    let (one, other) = answer.trim_end().split_once('\n').unwrap();
    assert_eq!(one, other);
    let records = records(&place);
    assert_eq!(records.len(), 3);
    for record in records {
        assert_eq!(record["type"], "sealtrail.change.update.v1");
        assert_eq!(record["data"]["event"]["type"], "order.approved");
        assert_eq!(record["data"]["changes"][0]["path"], "/n");
    }
    assert!(get(api, "/metrics").text().contains("sealtrail_records_total 3\n"));
}

#[test]
fn those_that_name_only_their_request_are_of_one_correlation_id() {
    let (place, service) = (Place::new(), Service::start());
    place.add_config("[collector]\njoin_window = \"10m\"");
    let served = Served::in_front_of(&place, &service.url());
    let answer =
        exchange(served.proxy, "PUT /orders/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    let text = answer.text();
    let id = text.lines().find_map(|line| line.strip_prefix("x-sealtrail-request: ")).unwrap();
    let context = format!("\"request\":{{\"id\":\"{id}\"}}");
    let lines = [update("x", 1), event("x")]
        .map(|line| line.replace("\"correlation_id\":\"x\"", &context))
        .join("\n");
    let answer = post(served.api, "/v1/changes", NDJSON, &lines).text();
    let (one, other) = answer.trim_end().split_once('\n').unwrap();
    assert_eq!(one, other, "one receipt");
    let records = records(&place);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["data"]["event"]["type"], "order.approved");
    assert_eq!(records[0]["data"]["request"]["path"], "/orders/7");
}

#[test]
fn after_the_window_each_is_alone() {
    let place = Place::new();
    place.add_config("[collector]\njoin_window = \"50ms\"");
    let served = Served::start(&place);
    let another = event("a").replace("\"id\":\"7\"", "\"id\":\"8\"");
    let named = update("b", 1).replacen('{', "{\"id\":\"u-1\",", 1);
    // Of another entity, of another request, and one with a name of its own.
    let own = event("b").replacen('{', "{\"id\":\"e-1\",", 1);
    let lines = [update("a", 1), another, event("c"), named.clone(), own, "{".into()];
    let answer = post(served.api, "/v1/changes", NDJSON, &lines.join("\n")).text();
    let outcomes: Vec<Value> = answer.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(outcomes[5]["code"], "malformed_json");
    assert!(outcomes[..5].iter().all(|o| o["status"] == "recorded"), "{answer}");
    let records = records(&place);
    assert_eq!(records.len(), 5);
    let events = records.iter().filter(|r| r["type"] == "sealtrail.event.v1").count();
    assert_eq!(events, 3);
    // A repeat of a change takes no event with it.
    let body = format!("{named}\n{}", event("b"));
    let answer = post(served.api, "/v1/changes", NDJSON, &body).text();
    let first: Value = serde_json::from_str(answer.lines().next().unwrap()).unwrap();
    assert_eq!(first["index"], outcomes[3]["index"]);
    assert_eq!(place.lines().len(), 6);
}

#[test]
fn an_event_is_not_lost_with_the_change_that_it_was_joined_with() {
    let place = Place::new();
    place.add_config("[collector]\njoin_window = \"10m\"");
    let served = Served::start(&place);
    // Read without an error, and refused when its context is looked at.
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let bad = update("a", 1).replace("\"context\":{", &format!("\"context\":{{\"tenant\":{deep},"));
    let answer = post(served.api, "/v1/changes", NDJSON, &format!("{bad}\n{}", event("a"))).text();
    let outcomes: Vec<Value> = answer.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(
        (&outcomes[0]["code"], &outcomes[1]["status"]),
        (&json!("too_deep"), &json!("recorded"))
    );
    assert_eq!(records(&place)[0]["type"], "sealtrail.event.v1");
}
