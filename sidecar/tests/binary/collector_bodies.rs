//! What counts as a line of a body, and what a client that goes away has done.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::place::{Place, change};
use super::served::Served;
use super::wire::{Wire, get, post};

const NDJSON: &str = "application/x-ndjson";

fn outcomes(served: &Served, body: &str) -> Vec<Value> {
    let answer = post(served.api, "/v1/changes", NDJSON, body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_line_has_its_own_outcome_in_its_order() {
    let place = Place::new();
    place.add_config("[limits]\nline = \"4KiB\"");
    let served = Served::start(&place);
    let long = change("long").replace("old@", &"o".repeat(8 << 10));
    let lines = [
        change("1"),
        "{\"entity\":".into(),
        long,
        change("2").replace("update", "upsert"),
        "[1]".into(),
        "\u{feff}{}".into(),
        "\0".into(),
        change("3"),
    ];
    let outcomes = outcomes(&served, &lines.join("\n"));
    let said = |key: &str| {
        outcomes.iter().map(|o| o[key].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        said("code"),
        [
            "-",
            "malformed_json",
            "too_large",
            "unknown_action",
            "not_a_change",
            "malformed_json",
            "malformed_json",
            "-"
        ]
    );
    assert_eq!(said("correlation_id")[0], "1");
    assert_eq!(said("correlation_id")[7], "3");
    assert_eq!((&outcomes[0]["index"], &outcomes[7]["index"]), (&0.into(), &1.into()));
    assert_eq!(place.lines().len(), 2);
}

#[test]
fn line_ends_and_blank_lines() {
    let place = Place::new();
    let served = Served::start(&place);
    let (a, b) = (change("a"), change("b"));
    for (body, expected) in [
        (format!("{a}\n{b}"), 2),
        (format!("{a}\r\n{b}\r\n"), 2),
        (format!("\n\r\n  \n\t{a} \n\n{b}\n\n"), 2),
        // A bare CR ends no line: two values on one line are no JSON.
        (format!("{a}\r{b}"), 1),
        ("\n".into(), 0),
        (String::new(), 0),
    ] {
        assert_eq!(outcomes(&served, &body).len(), expected, "{body:?}");
    }
    assert_eq!(place.lines().len(), 6);
}

#[test]
fn more_lines_than_a_body_may_have_are_refused_as_a_whole() {
    let place = Place::new();
    let served = Served::start(&place);
    let body = format!("{}\n{}", change("first"), "{}\n".repeat(10_000));
    let answer = post(served.api, "/v1/changes", NDJSON, &body);
    answer.is_problem(413, "too_large");
    assert!(place.lines().is_empty());
}

fn head(length: usize) -> String {
    format!(
        "POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Type: {NDJSON}\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

#[test]
fn of_a_body_that_was_cut_off_nothing_is_recorded() {
    let place = Place::new();
    let served = Served::start(&place);
    let body = format!("{}\n{}\n", change("a"), change("b"));
    let mut wire = Wire::connect(served.api);
    wire.send(head(body.len()));
    wire.send(&body[..body.len() - 1]);
    while get(served.api, "/metrics").text().contains("sealtrail_queue_bytes 0\n") {
        thread::sleep(Duration::from_millis(5));
    }
    drop(wire);
    while !get(served.api, "/metrics").text().contains("sealtrail_queue_bytes 0\n") {
        thread::sleep(Duration::from_millis(5));
    }
    assert!(place.lines().is_empty());
    assert_eq!(served.post_change(&change("after")).json()["index"], 0);
}

#[test]
fn a_client_that_does_not_wait_for_its_answer_loses_only_the_answer() {
    let place = Place::new();
    let served = Served::start(&place);
    let body = (0..200).map(|i| change(&format!("c-{i}")) + "\n").collect::<String>();
    let mut wire = Wire::connect(served.api);
    wire.send(head(body.len()) + &body);
    drop(wire);
    // All of it or nothing of it: one POST is one append.
    let recorded = || get(served.api, "/metrics").text().contains("sealtrail_log_records 200\n");
    let under_way = || !get(served.api, "/metrics").text().contains("sealtrail_queue_bytes 0\n");
    for _ in 0..200 {
        if recorded() || under_way() {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    while under_way() {
        thread::sleep(Duration::from_millis(5));
    }
    let lines = place.lines().len();
    assert!(lines == 0 || lines == 200, "{lines}");
    assert_eq!(served.post_change(&change("after")).json()["index"], lines);
    assert_eq!(served.terminate().0, 0);
    assert_eq!(place.verify().code, 0);
}
