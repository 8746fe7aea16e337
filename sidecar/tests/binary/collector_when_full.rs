//! What senders are told while the disk of the log is full, by `collector.when_full`, and what is in the log
//! when there is room again.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::place::Place;
use super::served::Served;
use super::small_disk::{Ballast, SmallDisk};
use super::wire::{Response, Wire, get, post};

const NDJSON: &str = "application/x-ndjson";

/// A change of one customer, about so many bytes long.
fn change(n: usize, bytes: usize) -> String {
    let text = "x".repeat(bytes);
    format!(
        r#"{{"id":"{n}","entity":{{"type":"customer","id":"3"}},"action":"update","before":{{"n":0}},"after":{{"n":{n},"text":"{text}"}},"context":{{"correlation_id":"c-{n}"}}}}"#
    )
}

pub fn gauge(api: SocketAddr, name: &str) -> u64 {
    let text = get(api, "/metrics").text();
    let line = text.lines().find(|line| line.starts_with(&format!("sealtrail_{name} ")));
    line.unwrap_or_else(|| panic!("no `{name}`: {text}"))
        .rsplit_once(' ')
        .unwrap()
        .1
        .parse()
        .unwrap()
}

/// Fills the disk of the log, and what room there is in its open segment. Gives the next number.
fn fill(disk: &SmallDisk, served: &Served, first: usize) -> (Ballast, usize, Response) {
    let ballast = disk.fill();
    for n in first.. {
        let answer = served.post_change(&change(n, 20_000));
        if answer.status != 200 {
            return (ballast, n, answer);
        }
    }
    unreachable!()
}

fn numbers(place: &Place) -> Vec<String> {
    let number = |line: &String| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["data"]["change_id"].as_str().unwrap().to_owned()
    };
    place.lines().iter().map(number).collect()
}

fn in_order(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

#[test]
fn refuse_says_so_at_once() {
    let place = Place::new();
    let Some(disk) = SmallDisk::under(&place, "log", "4m") else { return };
    let served = Served::start(&place);
    let (ballast, next, refused) = fill(&disk, &served, 0);
    refused.is_problem(503, "log_unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(ballast);
    while get(served.api, "/readyz").status != 200 {
        thread::sleep(Duration::from_millis(10));
    }
    // What was refused can be sent again, under its id.
    assert_eq!(served.post_change(&change(next, 10)).json()["index"], next);
    assert_eq!(numbers(&place), in_order(0..next + 1));
}

#[test]
fn block_waits_for_room_and_not_for_ever() {
    let place = Place::new();
    place.add_config("[collector]\nwhen_full = \"block\"\nblock_at_most = \"700ms\"");
    let Some(disk) = SmallDisk::under(&place, "log", "4m") else { return };
    let served = Served::start(&place);
    let (ballast, next, refused) = fill(&disk, &served, 0);
    refused.is_problem(503, "log_unavailable");
    served.kill();

    place.edit_config("700ms", "10m");
    let served = Served::start(&place);
    let api = served.api;
    let sender =
        thread::spawn(move || post(api, "/v1/changes", "application/json", &change(next, 200_000)));
    while gauge(api, "log_disk_full") == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    assert!(!sender.is_finished());
    drop(ballast);
    assert_eq!(sender.join().unwrap().json()["index"], next);
    assert_eq!(numbers(&place), in_order(0..next + 1));
}

const SPOOL: &str = "[collector]\nwhen_full = \"spool\"\nspool_size = \"4MiB\"";

#[test]
fn what_is_spooled_is_sealed_and_comes_to_the_log_in_order() {
    let place = Place::new();
    place.add_config(SPOOL);
    let Some(disk) = SmallDisk::under(&place, "log", "4m") else { return };
    let served = Served::start(&place);
    let (ballast, first, spooled) = fill(&disk, &served, 0);
    assert_eq!((spooled.status, &spooled.json()["status"]), (202, &"spooled".into()));
    let lines = (first + 1..first + 20).map(|n| change(n, 100) + "\n").collect::<String>();
    let answer = post(served.api, "/v1/changes", NDJSON, &lines);
    assert_eq!((answer.status, answer.text().matches("spooled").count()), (200, 19));
    // A repeat is told what it was told before.
    assert_eq!(served.post_change(&change(first, 20_000)).json(), spooled.json());
    assert_eq!(gauge(served.api, "spool_lines"), 20);
    assert!(gauge(served.api, "spool_bytes") > 20_000);
    let file = fs::read_to_string(place.path("spool/spool.jsonl")).unwrap();
    assert_eq!(file.matches("\"specversion\"").count(), 20);
    assert!(!file.contains("xxxxxxxx"), "plaintext of a sealed field is on disk");

    drop(ballast);
    while gauge(served.api, "spool_lines") > 0 {
        thread::sleep(Duration::from_millis(10));
    }
    let direct = served.post_change(&change(first + 20, 10)).json();
    assert_eq!((&direct["status"], &direct["index"]), (&"recorded".into(), &(first + 20).into()));
    // The receipt of a spooled record names the one that is now in the log.
    let repeat = served.post_change(&change(first, 20_000)).json();
    assert_eq!((&repeat["id"], &repeat["index"]), (&spooled.json()["id"], &first.into()));
    assert_eq!(
        (gauge(served.api, "spool_bytes"), gauge(served.api, "spool_oldest_seconds")),
        (0, 0)
    );
    assert_eq!(served.terminate().0, 0);
    assert_eq!(numbers(&place), in_order(0..first + 21));
    assert_eq!(place.verify().code, 0);
}

#[test]
fn the_spool_is_bounded() {
    let place = Place::new();
    place.add_config(&SPOOL.replace("4MiB", "64KiB"));
    let Some(disk) = SmallDisk::under(&place, "log", "4m") else { return };
    let served = Served::start(&place);
    let (_ballast, first, spooled) = fill(&disk, &served, 0);
    assert_eq!(spooled.status, 202, "{}", spooled.text());
    let refused = (first + 1..).map(|n| served.post_change(&change(n, 8_000)));
    let refused = refused.into_iter().find(|answer| answer.status != 202).unwrap();
    refused.is_problem(503, "queue_full");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(fs::metadata(place.path("spool/spool.jsonl")).unwrap().len(), 64 << 10);
}

#[test]
fn through_power_cuts_nothing_that_was_spooled_is_lost_or_doubled() {
    let place = Place::new();
    place.add_config(&SPOOL.replace("4MiB", "8MiB"));
    let Some(disk) = SmallDisk::under(&place, "log", "64m") else { return };
    let (mut acknowledged, mut next) = (BTreeSet::new(), 0);
    for round in 0..6 {
        let served = Served::start(&place);
        let (ballast, first, spooled) = fill(&disk, &served, next);
        assert_eq!(spooled.status, 202, "{}", spooled.text());
        acknowledged.extend((next..=first).map(|n| n.to_string()));
        next = first + 1;
        let api = served.api;
        let sender = thread::spawn(move || {
            let mut told = vec![];
            for n in (next..).step_by(10) {
                let body = (n..n + 10).map(|n| change(n, 2_000) + "\n").collect::<String>();
                let Some(answer) = Wire::try_post(api, "/v1/changes", NDJSON, &body) else {
                    return (told, n + 10);
                };
                let answers = answer.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
                told.extend(
                    (n..).zip(answers).filter(|(_, a)| a["id"].is_string()).map(|(n, _)| n),
                );
            }
            unreachable!()
        });
        while gauge(api, "spool_lines") < 400 {
            thread::sleep(Duration::from_millis(2));
        }
        // In half of the rounds it dies while it is full, in half of them while it is being drained.
        if round % 2 == 0 {
            served.kill();
            drop(ballast);
        } else {
            drop(ballast);
            while gauge(api, "log_disk_full") == 1 {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(Duration::from_millis(60 + round * 15));
            served.kill();
        }
        let (told, after) = sender.join().unwrap();
        acknowledged.extend(told.iter().map(ToString::to_string));
        next = after;
    }
    let served = Served::start(&place);
    while gauge(served.api, "spool_lines") > 0 {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(served.terminate().0, 0);
    assert_eq!(place.verify().code, 0);
    let numbers = numbers(&place);
    let all: BTreeSet<String> = numbers.iter().cloned().collect();
    assert_eq!(all.len(), numbers.len(), "a record is doubled");
    let lost: Vec<_> = acknowledged.difference(&all).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(numbers.iter().map(|n| n.parse::<u64>().unwrap()).is_sorted(), "out of order");
}

#[test]
fn the_command_line_takes_up_what_was_spooled() {
    let place = Place::new();
    place.add_config(SPOOL);
    let Some(disk) = SmallDisk::under(&place, "log", "4m") else { return };
    let served = Served::start(&place);
    let (ballast, first, spooled) = fill(&disk, &served, 0);
    assert_eq!(spooled.status, 202, "{}", spooled.text());
    served.kill();
    // Another log has no business with it, and who no longer spools still empties it.
    place.edit_config("\"spool\"", "\"refuse\"");
    drop(ballast);
    let ran = place.append(change(first + 1, 10).as_bytes());
    assert_eq!(ran.json_lines()[0]["index"], first + 1, "{ran:?}");
    assert_eq!(numbers(&place), in_order(0..first + 2));
}
