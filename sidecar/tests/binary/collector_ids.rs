//! A change that comes again, by (source, id), is one record and gets the first receipt.

use std::thread;

use serde_json::{Value, json};

use super::place::{Place, change};
use super::served::Served;
use super::wire::{Wire, get, post};

const NDJSON: &str = "application/x-ndjson";

/// A change of customer 3 with an id of its sender's.
fn named(id: &str) -> String {
    change("any").replacen('{', &format!("{{\"id\":\"{id}\","), 1)
}

fn outcomes(served: &Served, lines: &[String]) -> Vec<Value> {
    let answer = post(served.api, "/v1/changes", NDJSON, &lines.join("\n"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_repeat_gets_the_first_receipt_also_after_a_power_cut() {
    let place = Place::new();
    let served = Served::start(&place);
    served.post_change(&change("another one"));
    let first = served.post_change(&named("a")).json();
    assert_eq!((&first["status"], &first["index"]), (&json!("recorded"), &json!(1)));
    // Whatever else differs, as the time of sending or a correlation id made up each time.
    let later = named("a").replace("\"any\"", "\"other\"");
    assert_eq!(served.post_change(&later).json(), first);
    assert_eq!(outcomes(&served, &[named("a"), named("b"), later.clone()])[2], first);
    served.kill();

    let served = Served::start(&place);
    assert_eq!(served.post_change(&named("a")).json(), first);
    assert_eq!(served.post_change(&named("b")).json()["index"], 2);
    assert!(get(served.api, "/metrics").text().contains("sealtrail_remembered_ids 2\n"));
    let lines = place.lines();
    assert_eq!(lines.len(), 3);
    let record: Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!((&record["id"], &record["data"]["change_id"]), (&first["id"], &json!("a")));
    assert_eq!(served.terminate().0, 0);
    // The command line knows them too.
    let ran = place.append(format!("{}\n{}\n{}", named("b"), named("c"), named("c")).as_bytes());
    let receipts = ran.json_lines();
    assert_eq!((&receipts[0]["index"], &receipts[1]["index"]), (&json!(2), &json!(3)));
    assert_eq!(receipts[1], receipts[2]);
}

#[test]
fn an_id_belongs_to_one_source_one_entity_and_one_action() {
    let place = Place::new();
    let served = Served::start(&place);
    let first = served.post_change(&named("a"));
    assert_eq!(first.json()["index"], 0);
    for other in [
        named("a").replace("\"id\":\"3\"", "\"id\":\"4\""),
        named("a").replace("customer", "supplier"),
        named("a")
            .replace("\"update\"", "\"delete\"")
            .replace(r#""after":{"email":"new@example.com","tier":2},"#, ""),
    ] {
        let refused = served.post_change(&other);
        refused.is_problem(409, "id_reused");
        assert!(!refused.text().contains("customer"), "{}", refused.text());
    }
    // Within one body, before the first has its record.
    let other = named("b").replace("\"id\":\"3\"", "\"id\":\"4\"");
    let both = outcomes(&served, &[named("b"), other]);
    assert_eq!((&both[0]["index"], &both[1]["code"]), (&json!(1), &json!("id_reused")));
    let service = named("a").replace("\"context\":{", "\"context\":{\"service\":\"shop\",");
    assert_eq!(served.post_change(&service).json()["index"], 2);
    assert_eq!(served.post_change(&service).json()["index"], 2);
    assert_eq!(place.lines().len(), 3);
}

#[test]
fn what_failed_or_changed_nothing_can_be_sent_again() {
    let place = Place::new();
    place.add_config("[limits]\nline = \"64KiB\"\nguest_memory = \"8MiB\"");
    let served = Served::start(&place);
    let unchanged = named("a").replace("new@", "old@").replace("\"tier\":2", "\"tier\":1");
    for _ in 0..2 {
        assert_eq!(served.post_change(&unchanged).json()["status"], "unchanged");
    }
    // Refused after its id was read.
    let bad = named("a").replace("\"correlation_id\":\"any\"", "\"actor\":{\"id\":\"1\"},\"tenant\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    assert_eq!(served.post_change(&bad).json()["code"], "too_deep");
    assert_eq!(served.post_change(&named("a")).json()["index"], 0);
}

#[test]
fn repeats_at_once_are_one_record() {
    const AT_ONCE: usize = 64;
    let place = Place::new();
    let served = Served::start(&place);
    let mut wires: Vec<Wire> = (0..AT_ONCE).map(|_| Wire::connect(served.api)).collect();
    let body = named("same");
    let (most, last) = body.split_at(body.len() - 1);
    for wire in &mut wires {
        wire.send(format!(
            "POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{most}",
            body.len()
        ));
    }
    for wire in &mut wires {
        wire.send(last);
    }
    let mut answers: Vec<Value> = wires.iter_mut().map(|wire| wire.response().json()).collect();
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0]["index"], 0);
    assert_eq!(place.lines().len(), 1);
}

#[test]
fn senders_that_repeat_through_power_cuts_make_one_record_of_each() {
    const SENDERS: usize = 4;
    const KILLS: usize = 5;
    let place = Place::new();
    let mut acknowledged: Vec<Value> = vec![];
    for round in 0..KILLS {
        let served = Served::start(&place);
        let api = served.api;
        // Each sends what every round sends, and more; some answers are lost with the process.
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                thread::spawn(move || {
                    let mut receipts = vec![];
                    for i in 0..200 {
                        let body = (0..4)
                            .map(|n| named(&format!("{sender}-{}", i * 4 + n)) + "\n")
                            .collect::<String>();
                        let Some(answer) = Wire::try_post(api, "/v1/changes", NDJSON, &body) else {
                            break;
                        };
                        receipts.extend(
                            answer.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()),
                        );
                    }
                    receipts
                })
            })
            .collect();
        // Some way into it; where does not matter.
        while place.lines().len() < 40 * (round + 1) {
            thread::yield_now();
        }
        served.kill();
        for sender in senders {
            acknowledged.extend(sender.join().unwrap());
        }
    }
    // Sets aside what the last one had half written.
    assert_eq!(Served::start(&place).terminate().0, 0);
    let lines = place.lines();
    let records: Vec<Value> = lines.iter().map(|l| serde_json::from_str(l).unwrap()).collect();
    let mut ids: Vec<&str> =
        records.iter().map(|r| r["data"]["change_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "a change has two records");
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    for receipt in acknowledged {
        let index = usize::try_from(receipt["index"].as_u64().unwrap()).unwrap();
        assert_eq!(records[index]["id"], receipt["id"]);
    }
}

#[test]
fn only_so_many_are_remembered() {
    let place = Place::new();
    place.add_config("[collector]\nremember_ids_at_most = 2");
    let served = Served::start(&place);
    let index = |id: &str| served.post_change(&named(id)).json()["index"].as_u64().unwrap();
    assert_eq!((index("a"), index("b"), index("c")), (0, 1, 2));
    assert_eq!((index("b"), index("c")), (1, 2));
    assert_eq!(index("a"), 3, "the oldest was forgotten");
}
