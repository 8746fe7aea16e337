//! What `/readyz` and `/metrics` say when the log cannot append.

use std::fs;
use std::thread;
use std::time::Duration;

use super::place::Place;
use super::served::Served;
use super::small_disk::SmallDisk;
use super::wire::get;

fn change(n: u32) -> String {
    let text = "x".repeat(2000);
    format!(
        r#"{{"entity":{{"type":"order","id":"{n}"}},"action":"create","before":null,"after":{{"text":"{text}"}}}}"#
    )
}

fn gauge(served: &Served, name: &str) -> String {
    let text = get(served.api, "/metrics").text();
    let line = text.lines().find(|line| line.starts_with(&format!("sealtrail_{name} ")));
    line.unwrap_or_else(|| panic!("no `{name}`: {text}")).rsplit_once(' ').unwrap().1.to_owned()
}

#[test]
fn after_a_failed_write_the_sidecar_is_not_ready() {
    let place = Place::new();
    let served = Served::start(&place);
    assert_eq!(
        (gauge(&served, "log_poisoned"), gauge(&served, "log_disk_full")),
        ("0".into(), "0".into())
    );
    // Somebody else's checkpoint: the writer must not sign over it.
    fs::write(place.path("log/checkpoint"), "another one").unwrap();
    assert_eq!(served.post_change(&change(0)).status, 200);
    while get(served.api, "/readyz").status == 200 {
        thread::sleep(Duration::from_millis(10));
    }
    get(served.api, "/readyz").is_problem(503, "log_unavailable");
    assert_eq!(gauge(&served, "log_poisoned"), "1");
    served.post_change(&change(1)).is_problem(503, "log_unavailable");
    assert_eq!(get(served.api, "/healthz").status, 200);
}

#[test]
fn while_the_disk_is_full_the_sidecar_is_not_ready_and_then_it_is() {
    let place = Place::new();
    let Some(_small) = SmallDisk::under(&place, "log", "4m") else { return };
    let served = Served::start(&place);
    assert_eq!(served.post_change(&change(0)).status, 200);
    let ballast = place.path("log/ballast");
    fs::write(&ballast, vec![1; 8 << 20]).unwrap_err();
    let refused =
        (1..500).map(|n| served.post_change(&change(n))).find(|answer| answer.status != 200);
    refused.expect("the disk is full").is_problem(503, "log_unavailable");
    get(served.api, "/readyz").is_problem(503, "log_unavailable");
    assert_eq!(
        (gauge(&served, "log_disk_full"), gauge(&served, "log_poisoned")),
        ("1".into(), "0".into())
    );

    fs::remove_file(ballast).unwrap();
    while get(served.api, "/readyz").status != 200 {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(gauge(&served, "log_disk_full"), "0");
    assert_eq!(served.post_change(&change(1000)).status, 200);
    assert_eq!(served.terminate().0, 0);
}

/// Records go on into the blocks that were filled ahead, and there is no room for their tiles.
#[test]
fn a_checkpoint_that_waits_for_room_is_told_once_and_so_is_its_end() {
    let place = Place::new();
    let Some(_small) = SmallDisk::under(&place, "log", "4m") else { return };
    let served = Served::start(&place);
    assert_eq!(served.post_change(&change(0)).status, 200);
    let delayed = || gauge(&served, "log_checkpoints_delayed");
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(delayed(), "0");
    let ballast = place.path("log/ballast");
    fs::write(&ballast, vec![1; 8 << 20]).unwrap_err();
    for n in 1..4 {
        served.post_change(&change(n));
    }
    while delayed() == "0" {
        thread::sleep(Duration::from_millis(10));
    }
    // Longer than the operator waits to be told.
    thread::sleep(Duration::from_millis(1500));
    fs::remove_file(ballast).unwrap();
    while delayed() == "1" {
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(1500));
    let (code, said) = served.terminate();
    assert_eq!(code, 0);
    assert_eq!(said.matches("records wait for a checkpoint").count(), 1, "{said}");
    assert_eq!(said.matches("do not wait for a checkpoint any more").count(), 1, "{said}");
}

/// The key of a new data subject is on disk before its record is.
#[test]
fn without_room_for_a_key_a_change_is_to_be_sent_again() {
    let place = Place::new();
    let Some(_small) = SmallDisk::under(&place, "keyring", "4m") else { return };
    let served = Served::start(&place);
    assert_eq!(served.post_change(&change(0)).status, 200);
    let ballast = place.path("keyring/ballast");
    fs::write(&ballast, vec![1; 8 << 20]).unwrap_err();
    let refused = served.post_change(&change(1));
    refused.is_problem(503, "log_unavailable");
    assert!(refused.header("retry-after").is_some(), "{}", refused.text());
    let ready = get(served.api, "/readyz");
    ready.is_problem(503, "log_unavailable");
    assert!(ready.text().contains("the disk of the keyring is full"), "{}", ready.text());
    let gauges = || (gauge(&served, "keyring_disk_full"), gauge(&served, "log_disk_full"));
    assert_eq!(gauges(), ("1".into(), "0".into()));
    fs::remove_file(ballast).unwrap();
    assert_eq!(gauges(), ("0".into(), "0".into()), "before another key is made");
    assert_eq!(get(served.api, "/readyz").status, 200);
    assert_eq!(served.post_change(&change(1)).status, 200);
    assert_eq!(served.terminate().0, 0);
}
