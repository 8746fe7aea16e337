//! The end of retention periods, from the outside.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sealtrail_keyring::{Kek, KeyId, Keyring, Why};
use sealtrail_log::proof::SigningKey;
use sealtrail_log::{Log, Options, Signer};
use serde_json::{Value, json};

use super::place::{ORIGIN, Place, change, sealtrail};
use super::served::Served;
use super::small_disk::SmallDisk;
use super::wire::{get, post};

const WHY: [&str; 2] = ["--actor", "ops"];
const JSON: &str = "application/json";

fn keyring(place: &Place) -> Keyring {
    let kek = Kek::parse(&std::fs::read_to_string(place.path("keys/kek")).unwrap()).unwrap();
    Keyring::open(&place.path("keyring"), kek).unwrap()
}

/// Keys of long ago, as a log that is old has them, and a record of today.
fn place() -> Place {
    let place = Place::new();
    place.add_config("[retention.classes]\nshort = \"90d\"\nlong = \"1000y\"");
    assert_eq!(place.append(change("c-1").as_bytes()).code, 0);
    let keyring = keyring(&place);
    for (class, period) in
        [("short", "2019-11"), ("short", "2020-02"), ("long", "2019-11"), ("endless", "2019-11")]
    {
        keyring.period_key(class, period).unwrap();
    }
    place
}

fn kids(place: &Place) -> Vec<String> {
    let kids = Keyring::period_keys(&place.path("keyring")).unwrap();
    let old = |kid: &&KeyId| !kid.as_str().starts_with("t_standard.");
    kids.iter().filter(old).map(KeyId::to_string).collect()
}

/// Lines before those of the test, recorded when they say.
fn append_at(place: &Place, time: &str) {
    let text = std::fs::read_to_string(place.path("keys/signing.key")).unwrap();
    let signer = Signer::new(ORIGIN, SigningKey::parse(&text).unwrap()).unwrap();
    let (log, _) = Log::open(Path::new(&place.log()), signer, Options::default()).unwrap();
    log.append(vec![format!(r#"{{"recordedtime":"{time}"}}"#).into_bytes()]).unwrap();
    log.close().unwrap();
}

#[test]
fn the_keys_of_the_months_that_are_over_go_and_the_log_says_so() {
    let place = place();
    let before = kids(&place);
    let dry = place.run("expire", &["--dry-run"]);
    assert_eq!(
        dry.stdout,
        "2019-11 of `short` is over: would destroy the key t_short.2019-11\n\
         2020-02 of `short` is over: would destroy the key t_short.2020-02\n\
         `endless` never ends: `retention.classes` does not name it\n\
         `standard` never ends: `retention.classes` does not name it\n",
        "{dry:?}"
    );
    assert_eq!((kids(&place), place.lines().len()), (before, 1));

    let expired = place.run("expire", &[&WHY[..], &["--json"]].concat()).json();
    assert_eq!(kids(&place), ["t_endless.2019-11", "t_long.2019-11"]);
    let lines = place.lines();
    for (i, period) in ["2019-11", "2020-02"].iter().enumerate() {
        let (over, record) = (&expired["over"][i], &lines[i + 1]);
        let record: Value = serde_json::from_str(record).unwrap();
        assert_eq!((&over["expire"], &over["expire_index"]), (&record["id"], &json!(i + 1)));
        let kid = format!("t_short.{period}");
        assert_eq!(
            (&record["type"], &record["subject"], &record["authid"]),
            (&json!("sealtrail.expire.v1"), &json!(format!("key/{kid}")), &json!("ops"))
        );
        let data = &record["data"];
        assert_eq!(
            (&data["class"], &data["period"], &data["kids"], &data["reason"]),
            (
                &json!("short"),
                &json!(period),
                &json!([kid]),
                &json!("the retention period is over")
            )
        );
    }
    assert!(place.verify().code == 0, "{:?}", place.verify());
    let again = place.run("expire", &WHY);
    assert!(again.code == 0 && again.stdout.starts_with("no period is over\n"), "{again:?}");
    assert_eq!(place.lines().len(), 3);
    let journal = std::fs::read_dir(place.path("keyring/journal")).unwrap().count();
    assert_eq!(journal, 0);
    // Its own months are as they were.
    assert_eq!(place.append(change("c-2").as_bytes()).code, 0);
}

#[test]
fn nothing_ends_without_a_class_under_a_hold_or_by_a_wrong_clock() {
    let place = Place::new();
    place.run("expire", &WHY).refused(3, "`retention.classes` is not set");
    place.add_config("[retention.classes]\nshort = \"6m\"");
    place.run("expire", &WHY).refused(3, "months are written `6mo`");

    let place = self::place();
    let before = kids(&place);
    place.run("expire", &["--reason", "a\nb"]).refused(4, "without control characters");
    append_at(&place, "2019-11-05T00:00:00Z");
    place.run("expire", &WHY).refused(2, "the newest record is of 2019-11-05");
    assert_eq!(place.append(change("c-2").as_bytes()).code, 0);
    let hold = |rest: &[&str]| {
        let ran = sealtrail(&[&["hold"], rest, &["--config", &place.config()]].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
    };
    let why = ["--reason", "case"];
    hold(&[&["add", "case-17", "--from", "1"], &why[..]].concat());
    place
        .run("expire", &WHY)
        .refused(1, "the hold `case-17` keeps the 2 periods whose time is over");
    assert_eq!(kids(&place), before);
    // From here on nothing is of these months.
    hold(&[&["add", "case-18", "--from", "2"], &why[..]].concat());
    hold(&[&["remove", "case-17"], &why[..]].concat());
    assert_eq!(place.run("expire", &WHY).code, 0);
    assert_eq!(kids(&place).len(), 2);
}

/// One record that was made by a wrong clock must not vouch for it; a person may.
#[test]
fn a_leap_over_all_that_is_kept_needs_somebody_who_says_that_the_clock_is_right() {
    let place = Place::new();
    place.add_config(
        "[retention]\nkeep = \"30d\"\nsegment = 1\n[retention.classes]\nshort = \"90d\"",
    );
    for month in 1..=6 {
        append_at(&place, &format!("2019-{month:02}-01T00:00:00Z"));
    }
    keyring(&place).period_key("short", "2019-01").unwrap();
    assert_eq!(place.append(change("c-1").as_bytes()).code, 0);
    let before = place.lines();
    for command in ["expire", "prune"] {
        let refused = place.run(command, &["--reason", "yearly"]);
        refused.refused(
            2,
            "as if the clock had been moved; if the clock is right, say so: `--clock-is-right`",
        );
        place.run(command, &["--reason", "yearly", "--dry-run"]).refused(2, "as if the clock");
    }
    let served = Served::start(&place);
    let expire = |body: &str| post(served.api, "/v1/retention/expire", JSON, body);
    expire(r#"{"reason":"yearly"}"#).is_problem(400, "wrong_use");
    assert_eq!((kids(&place), &place.lines()), (vec!["t_short.2019-01".to_owned()], &before));

    let confirmed = expire(r#"{"reason":"a quiet log","clock_is_right":true}"#);
    assert_eq!(confirmed.status, 200, "{}", confirmed.text());
    let doubt = confirmed.json()["clock_doubt"].clone();
    assert!(doubt.as_str().unwrap().contains("hardly a record between"), "{doubt}");
    assert!(kids(&place).is_empty());
    assert_eq!(served.terminate().0, 0);
    let pruned = place.run("prune", &["--reason", "a quiet log", "--clock-is-right"]);
    assert!(pruned.stdout.contains("removed the records 0 to 5"), "{pruned:?}");
    assert!(pruned.stdout.contains("the clock is taken to be right, although "), "{pruned:?}");
    for line in &place.lines()[1..] {
        let record: Value = serde_json::from_str(line).unwrap();
        let reason = "a quiet log; the clock was doubted, and is said to be right";
        assert_eq!(record["data"]["reason"], reason);
    }
}

#[test]
fn a_running_server_is_asked() {
    let place = place();
    let served = Served::start(&place);
    let url = format!("http://{}", served.api);
    place
        .run("expire", &WHY)
        .refused(6, "use its API: `--url http://...`, or POST /v1/retention/expire");
    let dry = place.run("expire", &["--dry-run", "--json"]).json();
    let asked = sealtrail(&["expire", "--dry-run", "--json", "--url", &url]).json();
    assert_eq!((&dry, dry["over"].as_array().unwrap().len()), (&asked, 2));
    assert_eq!(kids(&place).len(), 4);
    post(served.api, "/v1/retention/expire", JSON, r#"{"reason":" "}"#)
        .is_problem(422, "missing_field");
    post(served.api, "/v1/retention/expire", JSON, "{}").is_problem(422, "invalid_field");
    let body = r#"{"reason":"seven years","actor":{"type":"user","id":"dpo"}}"#;
    let expired = post(served.api, "/v1/retention/expire", JSON, body).json();
    assert_eq!(expired["over"][1]["expire_index"], 2);
    assert_eq!(expired["kept_for_ever"], json!(["endless", "standard"]));
    let metrics = super::wire::get(served.api, "/metrics").text();
    assert!(metrics.contains("sealtrail_expired_periods_total 2\n"), "{metrics}");
    assert_eq!(served.terminate().0, 0);
    let record: Value = serde_json::from_str(&place.lines()[2]).unwrap();
    assert_eq!(
        (&record["authid"], &record["data"]["reason"]),
        (&json!("dpo"), &json!("seven years"))
    );
}

/// A key that is gone without a record of it: the next open appends the record.
#[test]
fn an_expiry_that_was_killed_before_its_record_is_recorded_by_the_next_open() {
    let place = place();
    let why = Why { when: "2026-11-21T20:00:00Z", who: "ops", reason: "over" };
    let kid = KeyId::parse("t_short.2019-11").unwrap();
    keyring(&place).expire_period(&kid, &why).unwrap();
    assert_eq!(place.append(change("c-2").as_bytes()).code, 0);
    let lines = place.lines();
    let record: Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!(
        (&record["type"], &record["data"]["period"]),
        (&json!("sealtrail.expire.v1"), &json!("2019-11"))
    );
    assert_eq!(lines.len(), 3);
    assert_eq!(place.append(change("c-3").as_bytes()).code, 0);
    assert_eq!(place.lines().len(), 4, "it is recorded once");
}

/// However far each process came, the log tells of every key that is gone, once, and of no other.
#[test]
fn killed_at_any_moment_it_is_made_good_by_the_next_open() {
    let place = self::place();
    let keyring = self::keyring(&place);
    for i in 0..48 {
        keyring.period_key("short", &format!("20{:02}-{:02}", i / 12, i % 12 + 1)).unwrap();
    }
    drop(keyring);
    let all = kids(&place);
    let mut kills = 0;
    for round in 0..24 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sealtrail"))
            .args(["expire", "--config", &place.config()])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Somewhere between its beginning and its end, and each time a little later.
        while kids(&place).len() == all.len() && child.try_wait().unwrap().is_none() {}
        std::thread::sleep(Duration::from_micros(700 * round));
        let _ = child.kill();
        kills += u32::from(!child.wait().unwrap().success());
        assert_eq!(place.append(change(&format!("k-{round}")).as_bytes()).code, 0);
        let left = kids(&place);
        let mut gone: Vec<_> = all.iter().filter(|kid| !left.contains(kid)).cloned().collect();
        let mut told = told(&place);
        gone.sort();
        told.sort();
        assert_eq!(told, gone, "round {round}");
    }
    assert!(kills > 0);
    assert_eq!(place.run("expire", &WHY).code, 0);
    assert_eq!(kids(&place), ["t_endless.2019-11", "t_long.2019-11"]);
    assert_eq!(place.verify().code, 0, "{:?}", place.verify());
}

/// The key is gone before its record finds no room, so the next call, by whomever, tells of it.
#[test]
fn an_expiry_whose_record_finds_no_room_is_recorded_when_there_is_room_again() {
    let place = place();
    let Some(disk) = SmallDisk::under(&place, "log", "4m") else { return };
    let served = Served::start(&place);
    let ballast = disk.fill_log(&served);
    let over = || post(served.api, "/v1/retention/expire", JSON, r#"{"reason":"over"}"#);
    over().is_problem(503, "log_unavailable");
    // The second is not begun before the first has its record.
    over().is_problem(503, "log_unavailable");
    assert_eq!(kids(&place), ["t_endless.2019-11", "t_long.2019-11", "t_short.2020-02"]);
    drop(ballast);
    while get(served.api, "/readyz").status != 200 {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(over().status, 200);
    assert_eq!(kids(&place).len(), 2);
    assert_eq!(served.terminate().0, 0);
    let mut told = told(&place);
    told.sort();
    assert_eq!(told, ["t_short.2019-11", "t_short.2020-02"]);
    assert_eq!(std::fs::read_dir(place.path("keyring/journal")).unwrap().count(), 0);
    assert_eq!(place.verify().code, 0, "{:?}", place.verify());
}

/// The keys of which the log tells that their time was over.
fn told(place: &Place) -> Vec<String> {
    let records =
        place.lines().into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    let ends = records.filter(|record| record["type"] == "sealtrail.expire.v1");
    ends.map(|record| record["data"]["kids"][0].as_str().unwrap().to_owned()).collect()
}

/// History and tables show it without the keyring, which a running server has locked.
#[test]
fn what_is_over_shows_as_erased() {
    let place = place();
    append_expiry_of_this_month(&place);
    let words = place.run("history", &["customer", "3"]);
    assert!(words.stdout.contains("'email' changed: [erased] -> [erased]\n"), "{words:?}");
}

fn append_expiry_of_this_month(place: &Place) {
    let keys = Keyring::period_keys(&place.path("keyring")).unwrap();
    let kid = keys.iter().find(|kid| kid.period().unwrap().0 == "standard").unwrap();
    // By a clock that went back since.
    let why = Why { when: "2999-11-21T20:00:00Z", who: "ops", reason: "over" };
    keyring(place).expire_period(kid, &why).unwrap();
    let shown = place.run(
        "reveal",
        &["00000000-0000-7000-8000-000000000000", "--group", "default", "--reason", "x"],
    );
    assert_eq!(shown.code, 7, "opening records it: {shown:?}");
    let refused = place.append(change("c-2").as_bytes());
    assert_eq!((refused.code, &refused.json()["code"]), (1, &json!("period_expired")));
    assert!(refused.stdout.contains("set the clock"), "{refused:?}");
}
