//! Erasures between the end of the key and its record: the log has no room for it, or the process is killed.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::collector_when_full::gauge;
use super::index_after_crash::files;
use super::place::{Place, sealtrail};
use super::served::Served;
use super::small_disk::SmallDisk;
use super::wire::{Response, Wire, get, post};

const JSON: &str = "application/json";

/// Longer than all of the record that fills the last of the disk.
pub const REASON: &str = "ticket 81: she asked us by letter to forget her, and nothing that the law has us keep names her any more; \
    the letter and our answer are with the legal department under the same number";

/// One record of each of so many customers.
fn place(customers: usize) -> Place {
    let place = Place::new();
    let lines = (0..customers).map(|n| {
        let change = json!({"entity": {"type": "customer", "id": n.to_string()}, "action": "create",
            "before": null, "after": {"email": format!("{n}@example.com")}});
        change.to_string() + "\n"
    });
    assert_eq!(place.append(lines.collect::<String>().as_bytes()).code, 0);
    place
}

pub fn target(customer: usize) -> String {
    format!("/v1/subjects/customer%2F{customer}/shred")
}

fn shred(served: &Served, customer: usize) -> Response {
    post(served.api, &target(customer), JSON, &json!({"reason": REASON}).to_string())
}

/// The keys of the customers, in their order.
pub fn kids(place: &Place, customers: usize) -> Vec<String> {
    let records = place.lines().into_iter().take(customers);
    let kid = |line: String| {
        let record: Value = serde_json::from_str(&line).unwrap();
        record["data"]["seals"][0]["kids"][0].as_str().unwrap().to_owned()
    };
    records.map(kid).collect()
}

/// The keys of which the log tells that they were shredded, in its order.
pub fn told(place: &Place) -> Vec<String> {
    // A process that was killed may have left half a line.
    let records = place.lines().into_iter().filter_map(|line| serde_json::from_str(&line).ok());
    let shreds = records.filter(|record: &Value| record["type"] == "sealtrail.shred.v1");
    shreds.map(|record| record["data"]["kids"][0].as_str().unwrap().to_owned()).collect()
}

pub fn intents(place: &Place) -> usize {
    std::fs::read_dir(place.path("keyring/journal")).unwrap().count()
}

/// Waits until the keyring owes no record any more.
pub fn caught_up(place: &Place) {
    for _ in 0..6000 {
        if intents(place) == 0 {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("no record was made: {:?}", told(place));
}

fn ready(served: &Served) {
    while get(served.api, "/readyz").status != 200 {
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_shredding_whose_record_finds_no_room_is_recorded_when_there_is_room_again() {
    let place = place(3);
    let kids = kids(&place, 3);
    let Some(disk) = SmallDisk::under(&place, "log", "4m") else { return };
    let served = Served::start(&place);
    let ballast = disk.fill_log(&served);
    let refused = shred(&served, 0);
    refused.is_problem(503, "log_unavailable");
    let told_to_whom_asked = format!("the key {} is destroyed, and its record follows", kids[0]);
    assert!(refused.text().contains(&told_to_whom_asked), "{}", refused.text());
    // Nothing else is begun before it has its record, and nobody is sent to a record that is not there.
    for customer in [0, 1] {
        let refused = shred(&served, customer);
        refused.is_problem(503, "log_unavailable");
        assert!(refused.text().contains("before an earlier erasure has"), "{}", refused.text());
    }
    let period = json!({"reason": "r"}).to_string();
    post(served.api, "/v1/periods/t_standard.2019-11/shred", JSON, &period)
        .is_problem(503, "log_unavailable");
    assert_eq!((intents(&place), told(&place).len()), (1, 0));

    // Nobody asks for an erasure.
    drop(ballast);
    caught_up(&place);
    assert_eq!(told(&place), kids[..1]);
    let again = shred(&served, 0);
    again.is_problem(410, "shredded");
    assert!(again.text().contains(&format!("--acts-about {}", kids[0])), "{}", again.text());
    let acts = place.run("query", &["--acts-about", &kids[0], "--json"]);
    assert_eq!(acts.json_lines().len(), 1, "{acts:?}");
    let words = place.run("history", &["customer", "0"]).stdout;
    assert!(words.contains("[erased]") && !words.contains("[sealed"), "{words}");
    assert_eq!(shred(&served, 1).status, 200);
    let metrics = get(served.api, "/metrics").text();
    assert!(metrics.contains("sealtrail_shreds_total 2\n"), "{metrics}");
    assert_eq!(served.terminate().0, 0);
    assert_eq!(told(&place), kids[..2]);
    assert_eq!(place.verify().code, 0);
}

/// Nobody has got it, so no shredding is to wait for it.
#[test]
fn a_lease_whose_record_finds_no_room_is_none() {
    let place = place(1);
    let record: Value = serde_json::from_str(&place.lines()[0]).unwrap();
    let target = format!("/v1/records/{}/lease", record["id"].as_str().unwrap());
    let Some(disk) = SmallDisk::under(&place, "log", "4m") else { return };
    let served = Served::start(&place);
    let ballast = disk.fill_log(&served);
    let lease = || {
        post(served.api, &target, JSON, &json!({"group": "default", "reason": REASON}).to_string())
    };
    lease().is_problem(503, "log_unavailable");
    assert_eq!(gauge(served.api, "open_leases"), 0);
    drop(ballast);
    ready(&served);
    assert_eq!(lease().status, 200);
    assert_eq!(gauge(served.api, "open_leases"), 1);
}

/// The background, and whoever erases.
#[test]
fn many_who_catch_up_at_once_record_it_once() {
    const CUSTOMERS: usize = 6;
    let place = place(CUSTOMERS);
    let mut kids = kids(&place, CUSTOMERS);
    let Some(disk) = SmallDisk::under(&place, "log", "4m") else { return };
    let served = Served::start(&place);
    let ballast = disk.fill_log(&served);
    shred(&served, 0).is_problem(503, "log_unavailable");
    drop(ballast);
    ready(&served);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let served = &served;
        let shreds = (0..CUSTOMERS).map(|n| scope.spawn(move || shred(served, n).status));
        let shreds: Vec<_> = shreds.collect();
        shreds.into_iter().map(|shred| shred.join().unwrap()).collect()
    });
    assert_eq!(statuses, [410, 200, 200, 200, 200, 200]);
    assert_eq!(served.terminate().0, 0);
    let mut told = told(&place);
    assert_eq!(told[0], kids[0]);
    told.sort();
    kids.sort();
    assert_eq!((told, intents(&place)), (kids, 0));
}

#[test]
fn a_server_starts_although_the_log_cannot_take_the_record_yet() {
    let place = place(1);
    let kids = kids(&place, 1);
    let Some(disk) = SmallDisk::under(&place, "log", "4m") else { return };
    let served = Served::start(&place);
    let ballast = disk.fill_log(&served);
    shred(&served, 0).is_problem(503, "log_unavailable");
    served.kill();

    let served = Served::start(&place);
    get(served.api, "/readyz").is_problem(503, "log_unavailable");
    let history = get(served.api, "/v1/entities/customer/0/changes");
    assert_eq!(history.status, 200, "{}", history.text());
    assert_eq!(told(&place).len(), 0);
    drop(ballast);
    caught_up(&place);
    let (code, said) = served.terminate();
    assert_eq!(code, 0, "{said}");
    for once in ["the log has no record of an erasure yet", "the log has the record of every"] {
        assert_eq!(said.matches(once).count(), 1, "`{once}`: {said}");
    }
    assert_eq!(told(&place), kids);
    assert_eq!(place.verify().code, 0);
}

/// Between the end of the key, its record, the end of the journal's entry and the index that forgets the key.
#[test]
fn a_server_that_is_killed_while_it_shreds_has_the_record_once() {
    const CUSTOMERS: usize = 20;
    let place = place(CUSTOMERS);
    let kids = kids(&place, CUSTOMERS);
    let files_of_keys: Vec<PathBuf> = kids.iter().map(|kid| key_file(&place, kid)).collect();
    let (mut before_record, mut after_it) = (0, 0);
    for (round, key) in files_of_keys.iter().enumerate() {
        let served = Served::start(&place);
        let api = served.api;
        let asking = thread::spawn(move || {
            Wire::try_post(api, &target(round), JSON, r#"{"reason":"ticket 81"}"#)
        });
        while key.exists() && !asking.is_finished() {}
        // Each time a little later.
        thread::sleep(Duration::from_micros(400 * round as u64));
        served.kill();
        asking.join().unwrap();
        match told(&place).len() == round {
            true => before_record += 1,
            false => after_it += 1,
        }
        // Whatever opens it next.
        let other = json!({"entity": {"type": "product", "id": round}, "action": "create", "after": {"n": round}});
        let opened = place.append(other.to_string().as_bytes());
        assert_eq!(opened.code, 0, "{opened:?}");
        assert_eq!(told(&place), kids[..=round], "round {round}");
        assert_eq!(intents(&place), 0, "round {round}");
    }
    assert!(before_record > 0, "none was killed before its record; {after_it} after it");
    assert_eq!(place.verify().code, 0);
    assert_eq!(Served::start(&place).terminate().0, 0);
    let index = place.path("index");
    let followed = files(&index);
    assert_eq!(sealtrail(&["index", "rebuild", "--config", &place.config()]).code, 0);
    assert!(followed == files(&index), "the index has something of who was forgotten");
}

fn key_file(place: &Place, kid: &str) -> PathBuf {
    let mut folders = vec![place.path("keyring")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy() == format!("{kid}.key") {
                return path;
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    panic!("no file of {kid}")
}
