//! What is removed, held, compressed and followed, from the outside.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::place::{Place, change, sealtrail};
use super::served::Served;
use super::wire::{get, post};

const WHY: [&str; 4] = ["--reason", "yearly", "--actor", "ops"];

/// A segment for each record, all of them old at once.
fn place() -> Place {
    let place = Place::new();
    place.add_config("[retention]\nkeep = \"1ms\"\nsegment = 1");
    for i in 0..4 {
        assert_eq!(place.append(change(&format!("c-{i}")).as_bytes()).code, 0);
    }
    place
}

fn tail(place: &Place, rest: &[&str]) -> super::place::Ran {
    sealtrail(&[&["tail", &place.log()], rest].concat())
}

fn types(text: &str) -> Vec<String> {
    let kind = |line: &str| serde_json::from_str::<Value>(line).unwrap()["type"].clone();
    text.lines().map(|line| kind(line).as_str().unwrap().to_owned()).collect()
}

/// Nothing is wrong with the configuration: it says for how long nothing.
#[test]
fn what_is_not_configured_is_told_with_what_to_configure() {
    let place = Place::new();
    assert_eq!(place.append(change("c").as_bytes()).code, 0);
    let served = Served::start(&place);
    let url = format!("http://{}", served.api);
    for (command, setting, example) in [
        ("prune", "`retention.keep` is not set", "like `keep = \\\"7y\\\"`"),
        ("expire", "`retention.classes` is not set", "standard-7y = \\\"7y\\\""),
    ] {
        for dry_run in [true, false] {
            let body = json!({"reason": "x", "dry_run": dry_run}).to_string();
            let target = format!("/v1/retention/{command}");
            let answer = post(served.api, &target, "application/json", &body);
            answer.is_problem(409, "not_configured");
            let text = answer.text();
            assert!(text.contains(setting) && text.contains(example), "{text}");
            assert!(text.contains("`[retention]` of the configuration"), "{text}");
        }
        sealtrail(&[&[command, "--url", &url], &WHY[..]].concat()).refused(3, setting);
        place.run(command, &[&["--dry-run"], &WHY[..]].concat()).refused(3, setting);
    }
    for (kid, said) in [
        ("t_standard.2026-99", "got `2026-99`"),
        ("t_standard.2026-00", "got `2026-00`"),
        ("t_standard.november", "got `november`"),
        ("k_AAAAAAAAAAAAAAAAAAAAAA", "one of a data subject"),
    ] {
        let target = format!("/v1/periods/{kid}/shred");
        let answer = post(served.api, &target, "application/json", r#"{"reason":"x"}"#);
        answer.is_problem(422, "invalid_field");
        let text = answer.text();
        assert!(text.contains(&format!("`{kid}`: expected ")) && text.contains(said), "{text}");
    }
    assert_eq!(place.lines().len(), 1);
}

#[test]
fn a_removal_is_a_record_first_and_everything_says_so() {
    let place = place();
    let lines = place.lines();
    let dry = place.run("prune", &[&WHY[..], &["--dry-run"]].concat());
    assert!(dry.stdout.starts_with("would remove the records 0 to 2, older than "), "{dry:?}");
    assert_eq!(place.lines(), lines, "nothing was removed");

    let removed = place.run("prune", &[&WHY[..], &["--json"]].concat()).json();
    assert_eq!((&removed["first_removed"], &removed["first_kept"]), (&json!(0), &json!(3)));
    assert_eq!((&removed["segments"], &removed["prune_index"]), (&json!(3), &json!(4)));
    let kept = place.lines();
    assert_eq!(kept[0], lines[3]);
    let record: Value = serde_json::from_str(&kept[1]).unwrap();
    assert_eq!((&record["type"], &record["id"]), (&json!("sealtrail.prune.v1"), &removed["prune"]));
    assert_eq!((&record["subject"], &record["authid"]), (&json!("records/0-2"), &json!("ops")));
    assert_eq!(record["data"]["reason"], "yearly");
    assert_eq!(record["data"]["older_than"], removed["older_than"]);

    // The index knows of the records that are gone; a new one does not. Both say what is missing.
    let note = "note: the records 0 to 2 were removed by retention";
    for _ in 0..2 {
        let history = place.run("history", &["customer", "3"]);
        assert_eq!((history.code, history.stdout.matches("update customer/3").count()), (0, 1));
        assert!(history.stderr.contains(note), "{history:?}");
        let query = place.run("query", &["--correlation", "c-1"]);
        assert!(query.code == 0 && query.stdout.is_empty(), "{query:?}");
        assert!(query.stderr.contains(note) && query.stderr.contains("no records"), "{query:?}");
        // Who only reads writes no index, so there may be none.
        let _ = fs::remove_dir_all(place.path("index"));
    }
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].clone();
    let prove = |line: &str| {
        let id = id(line);
        sealtrail(&["prove", &place.log(), id.as_str().unwrap()])
    };
    assert_eq!(prove(&kept[0]).code, 0);
    prove(&lines[0]).refused(7, "the records below 3 were removed by retention");
    assert_eq!(sealtrail(&["prove", &place.log(), "0"]).code, 0, "its proof is not removed");

    let served = Served::start(&place);
    let page = get(served.api, "/v1/entities/customer/3/changes").json();
    assert_eq!((page["records"].as_array().unwrap().len(), &page["first_kept"]), (1, &json!(3)));
    assert_eq!(served.terminate().0, 0);
    // Once more: what is left is younger, or the last covered record.
    let verified = place.verify();
    assert!(verified.code == 0, "everything else still verifies: {verified:?}");
    let again = place.run("prune", &WHY);
    assert!(again.code == 0 && again.stdout.contains("the removal is record 5"), "{again:?}");
}

#[test]
fn nothing_goes_without_a_period_or_under_a_hold() {
    let place = Place::new();
    place.append(change("c").as_bytes());
    place.run("prune", &WHY).refused(3, "`retention.keep` is not set");

    let place = self::place();
    let held = place.run("hold", &[]);
    assert_eq!(held.code, 2, "{held:?}");
    let hold =
        |rest: &[&str]| sealtrail(&[&["hold"], rest, &["--config", &place.config()]].concat());
    let added = hold(&[&["add", "case-17", "--from", "2"], &WHY[..]].concat());
    assert_eq!(added.stdout, "`case-17` keeps record 2 and all after it\nthe hold is record 4\n");
    hold(&[&["add", "case-17"], &WHY[..]].concat()).refused(2, "there is a hold `case-17` already");
    let beyond = hold(&[&["add", "case-18", "--from", "999"], &WHY[..]].concat());
    beyond.refused(2, "expected the index of a record, or 5 for what comes from now on, got 999");
    hold(&[&["add", "Case 18"], &WHY[..]].concat()).refused(2, "expected the name of a hold");
    hold(&[&["remove", "other"], &WHY[..]].concat()).refused(7, "there is no hold `other`");
    assert_eq!(hold(&["list", "--json"]).json(), json!({"name": "case-17", "from": 2}));
    assert_eq!(place.lines().len(), 5, "what is refused leaves no record");

    let pruned = place.run("prune", &WHY);
    assert!(pruned.stdout.contains("removed the records 0 to 1"), "{pruned:?}");
    assert!(pruned.stdout.contains("the hold `case-17` keeps more"), "{pruned:?}");
    place.run("prune", &WHY).refused(1, "the hold `case-17` keeps what is older");
    let removed = hold(&[&["remove", "case-17"], &WHY[..]].concat());
    assert!(removed.stdout.starts_with("`case-17` keeps nothing any more"), "{removed:?}");
    assert_eq!(place.run("prune", &WHY).code, 0);
    let kinds = types(&tail(&place, &[]).stdout);
    let kinds: Vec<_> = kinds.iter().map(String::as_str).collect();
    assert!(kinds.ends_with(&["sealtrail.hold-released.v1", "sealtrail.prune.v1"]), "{kinds:?}");
}

#[test]
fn a_running_server_is_asked() {
    let place = place();
    let lines = place.lines();
    let served = Served::start(&place);
    let url = format!("http://{}", served.api);
    place
        .run("prune", &WHY)
        .refused(6, "use its API: `--url http://...`, or POST /v1/retention/prune");
    let asked = |rest: &[&str]| sealtrail(&[rest, &["--url", &url]].concat());
    let added = asked(&[&["hold", "add", "audit", "--from", "1"], &WHY[..]].concat());
    assert!(added.stdout.contains("`audit` keeps record 1"), "{added:?}");
    let holds = get(served.api, "/v1/holds").json();
    assert_eq!(holds, json!({"holds": [{"name": "audit", "from": 1}]}));
    let dry = place.run("prune", &[&WHY[..], &["--dry-run", "--json"]].concat()).json();
    assert_eq!((&dry["first_kept"], &dry["held_by"]), (&json!(1), &json!("audit")));
    let told = asked(&[&["prune", "--dry-run", "--json"], &WHY[..]].concat()).json();
    assert_eq!((&told["first_kept"], &told["held_by"]), (&json!(1), &json!("audit")));
    assert_eq!(asked(&["hold", "list", "--json"]).json(), json!({"name": "audit", "from": 1}));
    assert_eq!(asked(&["hold", "list"]).stdout, "audit  keeps record 1 and all after it\n");

    let compressed = asked(&["compress"]);
    assert!(compressed.stdout.starts_with("compressed 4 segments: "), "{compressed:?}");
    assert_eq!(asked(&["compress"]).stdout, "no segment to compress\n");
    assert!(place.path("log/entries/00000000000000000000.jsonl.zst").exists());
    let read = tail(&place, &[]).stdout;
    assert!(read.lines().take(4).eq(&lines), "the same lines");

    let pruned = asked(&[&["prune", "--json"], &WHY[..]].concat()).json();
    assert_eq!(pruned["first_kept"], 1);
    asked(&[&["prune"], &WHY[..]].concat()).refused(1, "the hold `audit`");
    let body = r#"{"reason":"over"}"#;
    let json = "application/json";
    post(served.api, "/v1/retention/prune", json, body).is_problem(409, "held");
    assert_eq!(post(served.api, "/v1/holds/audit/release", json, body).json()["from"], 1);
    post(served.api, "/v1/holds/audit/release", json, body).is_problem(404, "not_found");
    post(served.api, "/v1/holds", json, r#"{"name":"a","from":"soon","reason":"x"}"#)
        .is_problem(400, "wrong_use");
    post(served.api, "/v1/retention/prune", json, r#"{"reason":" "}"#)
        .is_problem(422, "missing_field");
    // Whoever asks without a name is named by the address.
    let record: Value =
        serde_json::from_str(tail(&place, &[]).stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&record["type"], &record["authtype"]),
        (&json!("sealtrail.hold-released.v1"), &json!("address"))
    );
    let pruned = post(served.api, "/v1/retention/prune", json, body).json();
    assert!(pruned["first_kept"].as_u64().unwrap() > 1, "{pruned}");
    assert_eq!(served.terminate().0, 0);
}

#[test]
fn lines_come_as_they_are_and_a_cursor_goes_on() {
    let place = place();
    let lines = place.lines();
    let print = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    assert_eq!(tail(&place, &[]).stdout, print(&lines));
    assert_eq!(tail(&place, &["--from", "2"]).stdout, print(&lines[2..]));
    let time = |i: usize| {
        let record: Value = serde_json::from_str(&lines[i]).unwrap();
        record["recordedtime"].as_str().unwrap().to_owned()
    };
    assert_eq!(tail(&place, &["--from", &time(3)]).stdout, print(&lines[3..]));
    assert_eq!(tail(&place, &["--from", "2999-01-01T00:00:00Z"]).stdout, "");
    tail(&place, &["--from", "soon"]).refused(2, "expected an index or a time");

    let file = place.path("cursor").display().to_string();
    let cursor = ["--cursor", &file, "--from", "1"];
    assert_eq!(tail(&place, &cursor).stdout, print(&lines[1..]));
    assert_eq!(tail(&place, &cursor).stdout, "");
    place.append(change("c-9").as_bytes());
    assert_eq!(tail(&place, &cursor).stdout, print(&place.lines()[4..]));
    let old = fs::read_to_string(&file).unwrap().replace("\n5\n", "\n4\n");
    fs::write(&file, old).unwrap();
    tail(&place, &cursor).refused(6, "this is not the log that was read before: record 3");
    fs::write(&file, "garbage").unwrap();
    tail(&place, &cursor).refused(2, "is no cursor");

    // What stands before damage is printed, and the cursor is there.
    let damaged = place.copy();
    fs::remove_file(damaged.path(&format!("log/entries/{:020}.jsonl", 2))).unwrap();
    fs::remove_file(&file).unwrap();
    let ran = tail(&damaged, &["--cursor", &file]);
    assert_eq!((ran.code, ran.stdout), (6, print(&lines[..2])), "{}", ran.stderr);
    assert!(fs::read_to_string(&file).unwrap().contains("\n2\n"));

    place.run("prune", &WHY);
    let jumped = tail(&place, &["--from", "0"]);
    assert!(
        jumped
            .stderr
            .contains("note: the records 0 to 3 were removed by retention; going on with 4")
    );
    assert_eq!(jumped.stdout, print(&place.lines()));
}

#[test]
fn a_follower_sees_what_a_server_acknowledges_and_ends_quietly_with_its_reader() {
    let place = place();
    let served = Served::start(&place);
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealtrail"))
        .args(["tail", &place.log(), "--follow", "--from", "4"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for i in 0..3 {
        let id = served.post_change(&change(&format!("f-{i}"))).json()["id"].clone();
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(line["id"], id);
    }
    drop(lines);
    served.post_change(&change("f-9"));
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0));
    assert_eq!(served.terminate().0, 0);
}
