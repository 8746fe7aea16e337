//! Erasures beside senders, readers and a disk of the log that fills and has room again, with what finds none in the spool.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::collector_when_full::gauge;
use super::keys::all_files;
use super::place::Place;
use super::served::Served;
use super::small_disk::{Ballast, SmallDisk};
use super::unrecorded::{REASON, caught_up, intents, kids, target, told};
use super::wire::{Response, get, post};

const JSON: &str = "application/json";

/// The first of them are shredded, so many each time the disk is full.
const CUSTOMERS: usize = 16;
const SHREDDED: usize = 12;
const ROUNDS: usize = 3;

const WRITERS: usize = 3;

/// What nobody may see of a person but by a reveal.
const CANARY: &str = "Canary-";

fn change(id: &str, customer: usize) -> String {
    json!({"id": id, "entity": {"type": "customer", "id": customer.to_string()}, "action": "update",
        "before": {"name": format!("{CANARY}old-{customer}")}, "after": {"name": format!("{CANARY}{id}")}})
    .to_string()
}

/// Sends until it is taken, under one id.
fn acknowledged(served: &Served, id: &str, customer: usize) -> Value {
    loop {
        let answer = served.post_change(&change(id, customer));
        match answer.status {
            200 | 202 => return answer.json(),
            503 => {}
            _ => panic!("{}", answer.text()),
        }
    }
}

/// What the threads tell each other.
#[derive(Default)]
struct Progress {
    /// So many customers may be shredded.
    allowed: AtomicUsize,
    shredded: AtomicUsize,
    attempts: AtomicUsize,
    is_over: AtomicBool,
}

fn write(served: &Served, writer: usize, progress: &Progress) -> Vec<String> {
    let mut taken = vec![];
    while !progress.is_over.load(Ordering::Relaxed) {
        let id = format!("w{writer}-{}", taken.len());
        acknowledged(served, &id, taken.len() % CUSTOMERS);
        taken.push(id);
    }
    taken
}

/// Shreds one after another, each as often as nothing of it was done. Whose key is gone is read by nobody any more.
fn shred(served: &Served, records: &[String], progress: &Progress) {
    let body = json!({"reason": REASON}).to_string();
    for (customer, record) in records.iter().enumerate().take(SHREDDED) {
        while progress.allowed.load(Ordering::Acquire) <= customer {
            thread::yield_now();
        }
        loop {
            let answer = post(served.api, &target(customer), JSON, &body);
            progress.attempts.fetch_add(1, Ordering::Relaxed);
            if answer.status == 200 {
                break;
            }
            answer.is_problem(503, "log_unavailable");
            let said = answer.text();
            // The one before may still have no record.
            if !said.contains("nothing is erased ") {
                assert!(said.contains("is destroyed, and its record follows"), "{said}");
                break;
            }
        }
        reveal(served, record).is_problem(410, "shredded");
        progress.shredded.fetch_add(1, Ordering::Release);
    }
}

fn reveal(served: &Served, record: &str) -> Response {
    let body = r#"{"group":"default","reason":"r"}"#;
    post(served.api, &format!("/v1/records/{record}/reveal"), JSON, body)
}

fn read(served: &Served, progress: &Progress) {
    for customer in (0..CUSTOMERS).cycle() {
        if progress.is_over.load(Ordering::Relaxed) {
            return;
        }
        let history = format!("/v1/entities/customer/{customer}/changes?limit=20");
        for target in [history.as_str(), "/v1/export?format=rows&action=shred"] {
            let answer = get(served.api, target);
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(!answer.text().contains(CANARY), "{target}: {}", answer.text());
        }
    }
}

fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        thread::sleep(Duration::from_millis(5));
    }
}

/// Makes room on a disk that is full, and fills it again, while the others go on.
fn make_room_and_fill(served: &Served, disk: &SmallDisk, full: Ballast, progress: &Progress) {
    let mut ballast = Some(full);
    for round in 1..=ROUNDS {
        let until = round * SHREDDED / ROUNDS;
        let before = progress.attempts.load(Ordering::Relaxed);
        progress.allowed.store(until, Ordering::Release);
        let ballast = ballast.take().unwrap_or_else(|| disk.fill());
        let is_done = || progress.shredded.load(Ordering::Acquire) == until;
        let has_tried = || progress.attempts.load(Ordering::Relaxed) >= before + 5;
        wait_until(|| gauge(served.api, "spool_lines") >= 100 && (has_tried() || is_done()));
        if round == 1 {
            assert!(!is_done(), "it was full from the beginning");
        }
        drop(ballast);
        wait_until(|| is_done() && gauge(served.api, "spool_lines") == 0);
    }
}

#[test]
fn everything_is_recorded_once_and_in_order_and_nobody_reads_who_was_shredded() {
    let place = Place::new();
    place.add_config("[collector]\nwhen_full = \"spool\"\nspool_size = \"4MiB\"");
    let Some(disk) = SmallDisk::under(&place, "log", "32m") else { return };
    let served = Served::start(&place);
    let mut sent: Vec<String> = (0..CUSTOMERS).map(|n| format!("first-{n}")).collect();
    let records: Vec<String> = sent
        .iter()
        .enumerate()
        .map(|(n, id)| acknowledged(&served, id, n)["id"].as_str().unwrap().to_owned())
        .collect();
    let kids = kids(&place, CUSTOMERS);
    for record in &records {
        assert!(reveal(&served, record).text().contains(CANARY), "until it is shredded");
    }
    let full = disk.fill();
    for n in 0.. {
        let id = format!("full-{n}");
        let told = acknowledged(&served, &id, n % CUSTOMERS);
        sent.push(id);
        if told["status"] == "spooled" {
            break;
        }
    }
    // Whatever is left of the open segment.
    while reveal(&served, &records[0]).status == 200 {}
    // Refused whole: nothing of it is done, and nothing is to be completed.
    let refused = post(served.api, &target(0), JSON, &json!({"reason": REASON}).to_string());
    refused.is_problem(503, "log_unavailable");
    assert!(refused.text().contains("nothing is erased as long as"), "{}", refused.text());
    assert_eq!((intents(&place), told(&place).len()), (0, 0));
    let progress = Progress::default();
    thread::scope(|scope| {
        let (served, progress, records) = (&served, &progress, &records);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || write(served, writer, progress)))
            .collect();
        let reader = scope.spawn(move || read(served, progress));
        let eraser = scope.spawn(move || shred(served, records, progress));
        make_room_and_fill(served, &disk, full, progress);
        progress.is_over.store(true, Ordering::Relaxed);
        sent.extend(writers.into_iter().flat_map(|writer| writer.join().unwrap()));
        for other in [reader, eraser] {
            other.join().unwrap();
        }
    });
    wait_until(|| gauge(served.api, "spool_lines") == 0);
    caught_up(&place);
    assert_eq!(gauge(served.api, "shreds_total"), SHREDDED as u64);
    assert_eq!(served.terminate().0, 0);
    assert_eq!(place.verify().code, 0, "{:?}", place.verify());
    expect_once_and_in_order(&place, &sent, &kids);
    expect_nobody_reads(&place, &records);
}

fn expect_once_and_in_order(place: &Place, sent: &[String], kids: &[String]) {
    let lines = place.lines();
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids = || lines.iter().filter_map(|line| line["data"]["change_id"].as_str());
    let mut times = BTreeMap::<&str, usize>::new();
    ids().for_each(|id| *times.entry(id).or_default() += 1);
    for writer in 0..WRITERS {
        let prefix = format!("w{writer}-");
        let numbers = ids().filter_map(|id| id.strip_prefix(&prefix)?.parse::<usize>().ok());
        assert!(numbers.is_sorted(), "a change went past one that was acknowledged before it");
    }
    let sent: BTreeSet<&str> = sent.iter().map(String::as_str).collect();
    assert!(sent.len() > ROUNDS * 100, "{}", sent.len());
    assert!(times.keys().copied().eq(sent), "what is in the log is what was acknowledged");
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    assert_eq!(told(place), kids[..SHREDDED], "each erasure has its record, and no other has one");
    for kid in &kids[..SHREDDED] {
        let has = |line: &Value| line.to_string().contains(kid.as_str());
        let end = lines.iter().position(|line| line["data"]["kids"][0] == **kid).unwrap();
        assert!(!lines[end + 1..].iter().any(has), "a record comes after the end of its key");
    }
}

fn expect_nobody_reads(place: &Place, records: &[String]) {
    let mut files = vec![];
    for folder in ["log", "spool", "index", "keyring"] {
        all_files(&place.path(folder), &mut files);
    }
    for file in files {
        let bytes = fs::read(&file).unwrap();
        let is_there = bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes());
        assert!(!is_there, "{}", file.display());
    }
    for (customer, record) in records.iter().enumerate() {
        let revealed = place.run("reveal", &[record, "--group", "default", "--reason", "r"]);
        match customer < SHREDDED {
            true => revealed.refused(8, "was shredded"),
            false => assert!(revealed.stdout.contains(CANARY), "{revealed:?}"),
        }
    }
}
