//! Erasures while records of the same data subject are under way.

use serde_json::{Value, json};

use super::place::Place;
use super::served::Served;
use super::wire::{get, post};

const MANY: u64 = 400;

/// So often an erasure may come before a key is used at all.
const ROUNDS: u64 = 20;

fn of_customer(id: u64) -> String {
    json!({"entity": {"type": "customer", "id": id.to_string()}, "action": "create", "before": null,
        "after": {"name": format!("Canary-{id}")}})
    .to_string()
        + "\n"
}

/// A POST is sealed before it is appended; its records come before the end of their keys all the same, so what an erasure
/// says of them is whole.
#[test]
fn no_record_comes_after_the_end_of_its_key() {
    let place = Place::new();
    let served = Served::start(&place);
    let is_seen = (0..ROUNDS).any(|round| came_before_its_end(&place, &served, round * MANY));
    assert!(is_seen, "no erasure met a record that was under way");
    assert_eq!(get(served.api, "/readyz").status, 200);
}

/// False where the erasure came between the making of the key and its use.
fn came_before_its_end(place: &Place, served: &Served, first: u64) -> bool {
    let (api, customer) = (served.api, first + 1);
    let body: String = (first..first + MANY).map(of_customer).collect();
    let sender =
        std::thread::spawn(move || post(api, "/v1/changes", "application/x-ndjson", &body));
    let because = json!({"reason": "ticket 81", "certificate": true}).to_string();
    let shredded = loop {
        let target = format!("/v1/subjects/customer%2F{customer}/shred");
        let answer = post(api, &target, "application/json", &because);
        if answer.status == 200 {
            break answer.json();
        }
        assert!(matches!(answer.status, 404 | 503), "{}", answer.text());
    };
    let sent = sender.join().unwrap();
    let receipts: Vec<Value> =
        sent.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let recorded = receipts.iter().filter(|receipt| receipt["status"] == "recorded").count() as u64;
    if receipts[1]["status"] == 503 {
        // It is sent again, under a new key.
        assert_eq!(recorded, MANY - 1);
        return false;
    }
    assert_eq!(recorded, MANY, "{}", receipts[1]);
    let of_theirs = receipts[1]["index"].as_u64().unwrap();
    let end = shredded["shred_index"].as_u64().unwrap();
    assert!(of_theirs < end, "record {of_theirs} after its end in record {end}");
    assert_eq!(shredded["certificate"]["records"], json!(1), "{shredded}");
    let words = place.run("history", &["customer", &customer.to_string()]).stdout;
    assert!(words.contains("[erased]") && !words.contains("[sealed"), "{words}");
    true
}
