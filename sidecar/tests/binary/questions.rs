//! What is asked of the log, by the command line and by the API.

use std::path::Path;

use serde_json::{Value, json};

use super::place::{Place, Ran, copy_folder, sealtrail};
use super::served::Served;
use super::wire::get;

/// Keeps everything but names, which are sealed, and actors, which are pseudonyms under a key of their own.
const POLICY: &str = r#"{"id":"questions","version":"1","default":"keep","context_default":"keep",
    "rules":[{"select":"$.name","action":"seal","group":"contact"}],
    "context":[{"select":"$.actor.id","action":"pseudonym","group":"actor"}],"secrets":false}"#;

const CREATED: &str = "2026-11-21T10:00:00Z";

fn place() -> Place {
    let place = Place::new();
    std::fs::write(place.path("policy.json"), POLICY).unwrap();
    place
}

/// A change of a customer, made by an actor at a minute of one hour, in the request of that minute.
fn change(id: u32, minute: u32, before: &Value, after: &Value) -> Value {
    let action = if before.is_null() { "create" } else { "update" };
    json!({"entity": {"type": "customer", "id": id.to_string()}, "action": action,
        "before": before, "after": after, "context": {"correlation_id": format!("q-{minute}"),
        "time": format!("2026-11-21T10:{minute:02}:00Z"), "tenant": format!("t-{}", id % 2),
        "service": "shop", "actor": {"type": "user", "id": format!("u-{}", minute % 2)}}})
}

fn append(place: &Place, changes: &[Value]) {
    let lines: String = changes.iter().map(|change| format!("{change}\n")).collect();
    let ran = place.append(lines.as_bytes());
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// Three customers are made, and two of them changed.
pub fn filled() -> Place {
    let place = place();
    let made =
        |id: u32| json!({"name": format!("Name {id}"), "tier": 1, "address": {"city": "Ulm"}});
    let mut changes: Vec<Value> =
        (1..=3).map(|id| change(id, id, &Value::Null, &made(id))).collect();
    let mut moved = made(1);
    moved["address"]["city"] = "Bonn".into();
    changes.push(change(1, 4, &made(1), &moved));
    let mut promoted = moved.clone();
    promoted["tier"] = 2.into();
    changes.push(change(1, 5, &moved, &promoted));
    let mut promoted = made(2);
    promoted["tier"] = 3.into();
    changes.push(change(2, 6, &made(2), &promoted));
    append(&place, &changes);
    place
}

fn indices(place: &Place, criteria: &[&str]) -> Vec<usize> {
    let ran = place.run("query", &[criteria, &["--json"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = place.lines();
    ran.stdout.lines().map(|line| lines.iter().position(|l| l == line).unwrap()).collect()
}

fn answered(ran: Ran) -> String {
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    ran.stdout
}

#[test]
fn criteria_are_joined() {
    let place = filled();
    let asked = |criteria: &[&str]| indices(&place, criteria);
    assert_eq!(asked(&[]), [0, 1, 2, 3, 4, 5]);
    assert_eq!(asked(&["--type", "customer", "--id", "1"]), [0, 3, 4]);
    assert_eq!(asked(&["--attribute", "address/city"]), [0, 1, 2, 3]);
    assert_eq!(asked(&["--attribute", "/address", "--action", "update"]), [3]);
    assert_eq!(asked(&["--attribute", "/tier", "--newest"]), [5, 4, 2, 1, 0]);
    assert_eq!(asked(&["--tenant", "t-1", "--action", "create"]), [0, 2]);
    let span = ["--from", "2026-11-21T10:02:00Z", "--to", "2026-11-21T10:05:00Z"];
    assert_eq!(asked(&span), [1, 2, 3]);
    assert_eq!(asked(&["--correlation", "q-5"]), [4]);
    assert_eq!(asked(&["--actor", "nobody"]), [] as [usize; 0]);

    // By his pseudonym an actor is found, and by his name, which has a key.
    let record: Value = serde_json::from_str(&place.lines()[3]).unwrap();
    let tag = record["data"]["actor"]["id"].as_str().unwrap();
    assert!(tag.starts_with("ps1."), "{record}");
    assert_eq!(asked(&["--actor", tag]), [1, 3, 5]);
    assert_eq!(asked(&["--subject", "user/u-0"]), [1, 3, 5]);
    assert_eq!(asked(&["--subject", "customer/2"]), [1, 5]);

    // Who changed it last.
    let last = ["customer", "1", "--attribute", "tier", "--newest", "--limit", "1", "--json"];
    let ran = place.run("history", &last);
    assert_eq!(ran.stdout.trim_end(), place.lines()[4]);

    place.run("query", &["--id", "3"]).refused(2, "--type");
    place.run("query", &["--from", "monday"]).refused(2, "`from` must be a time");
    place.run("query", &["--attribute", "a~b"]).refused(2, "RFC 6901");
    place.run("query", &["--cursor", "x"]).refused(2, "not one that a page gave");
}

#[test]
fn what_was_touched_at_every_grain() {
    let place = filled();
    let touched = |grain: &str| {
        let ran = place.run("query", &["--action", "update", "--grain", grain, "--json"]);
        ran.json_lines()
            .iter()
            .map(|t| {
                (t["type"].clone(), t["id"].clone(), t["attribute"].clone(), t["records"].clone())
            })
            .collect::<Vec<_>>()
    };
    let c = || json!("customer");
    assert_eq!(touched("table"), [(c(), Value::Null, Value::Null, json!(3))]);
    let rows = [(c(), json!("1"), Value::Null, json!(2)), (c(), json!("2"), Value::Null, json!(1))];
    assert_eq!(touched("row"), rows);
    let elements = [("1", "/address/city"), ("1", "/tier"), ("2", "/tier")];
    assert_eq!(touched("element"), elements.map(|(id, at)| (c(), json!(id), json!(at), json!(1))));
    let words = answered(place.run("query", &["--correlation", "q-6", "--grain", "row"]));
    assert!(words.starts_with("customer/2  1 record   last 2026-11-21T10:06:00Z by "), "{words}");
}

#[test]
fn pages_are_stable_while_records_arrive_and_a_cursor_is_of_its_question() {
    let place = filled();
    let served = Served::start(&place);
    let page = |target: &str| get(served.api, target).json();
    let first = page("/v1/records?type=customer&limit=4");
    assert_eq!(first["records"].as_array().unwrap().len(), 4);
    let cursor = first["cursor"].as_str().unwrap();
    let newest = page("/v1/records?type=customer&limit=2&order=newest");
    let newest_cursor = newest["cursor"].as_str().unwrap();
    assert_eq!(newest["records"][0]["index"], 5);

    let made = change(9, 9, &Value::Null, &json!({"tier": 9}));
    served.post_change(&made.to_string());
    let index = |page: &Value| {
        let records = page["records"].as_array().unwrap();
        records.iter().map(|record| record["index"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let next = page(&format!("/v1/records?type=customer&limit=4&cursor={cursor}"));
    assert_eq!((index(&next), &next["cursor"]), (vec![4, 5, 6], &Value::Null));
    let next = page(&format!("/v1/records?type=customer&order=newest&cursor={newest_cursor}"));
    assert_eq!(index(&next), [3, 2, 1, 0]);

    let refused = get(served.api, &format!("/v1/records?type=product&cursor={cursor}"));
    refused.is_problem(400, "bad_request");
    assert!(refused.text().contains("of another question"), "{}", refused.text());
    for bad in [
        "/v1/records?cursor=7",
        "/v1/records?id=7",
        "/v1/records?from=now",
        "/v1/records?order=up",
        "/v1/records?collapse=yes",
        "/v1/touched?grain=cell",
        "/v1/entities/customer/1/state?at=now",
        "/v1/entities/customer/1/changes?type=a",
    ] {
        get(served.api, bad).is_problem(400, "bad_request");
    }
    get(served.api, "/v1/entities/customer/77/state?at=2026-11-21T10:00:00Z")
        .is_problem(404, "not_found");
    // Without a time it is what it is now: the same but for the time that was asked for.
    let now = page("/v1/entities/customer/1/state");
    let then = page(&format!("/v1/entities/customer/1/state?at={}", now["at"].as_str().unwrap()));
    assert_eq!(now, then);
    let subject = page("/v1/records?subject=customer/2");
    assert_eq!(index(&subject), [1, 5]);
    let touched = page("/v1/touched?correlation=q-9");
    assert_eq!(touched["touched"][0]["id"], "9");
}

#[test]
fn the_state_at_a_time_is_the_fold_of_what_was_recorded() {
    let place = filled();
    let state = |at: &str| answered(place.run("history", &["customer", "1", "--at", at, "--json"]));
    let json = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let early = state("2026-11-21T10:04:30Z");
    assert_eq!(early, state("2026-11-21T10:04:30Z"), "the same bytes");
    let early = json(early);
    assert_eq!(
        (&early["exists"], &early["complete"], &early["records"]),
        (&json!(true), &json!(true), &json!(2))
    );
    assert_eq!(
        (&early["state"]["tier"], &early["state"]["address"]["city"]),
        (&json!(1), &json!("Bonn"))
    );
    assert_eq!((&early["checkpoint"]["size"], &early["last"]["index"]), (&json!(6), &json!(3)));
    assert_eq!(early["sealed"][0]["path"], "/name");
    assert!(early["state"]["name"].as_str().unwrap().starts_with("st1."), "{early}");
    assert_eq!(json(state("2026-11-21T12:00:00Z"))["state"]["tier"], 2);

    let words = answered(place.run("history", &["customer", "1", "--at", "2026-11-21T12:00:00Z"]));
    assert!(words.contains("\n  name:          [sealed contact]\n"), "{words}");
    let shred = ["customer/1", "--reason", "ticket 83", "--actor", "dpo"];
    assert_eq!(place.run("shred", &shred).code, 0);
    let words = answered(place.run("history", &["customer", "1", "--at", "2026-11-21T12:00:00Z"]));
    assert!(words.contains("\n  name:          [erased]\n"), "{words}");

    // An entity that was there before its history.
    append(&place, &[change(8, 8, &json!({"tier": 1, "o": 1}), &json!({"tier": 2, "o": 1}))]);
    let late =
        place.run("history", &["customer", "8", "--at", "2026-11-21T12:00:00Z", "--json"]).json();
    assert_eq!((&late["complete"], &late["state"]), (&json!(false), &json!({"tier": 2})));
    place
        .run("history", &["customer", "8", "--at", CREATED])
        .refused(7, "no record of `customer/8`");
    place.run("history", &["customer", "8", "--at", "noon"]).refused(2, "must be a time");
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_index_is_the_same_after_a_rebuild_and_another_logs_is_refused() {
    let place = filled();
    let shred = ["customer/2", "--reason", "ticket 83", "--actor", "dpo"];
    assert_eq!(place.run("shred", &shred).code, 0);
    let index = place.path("index");
    let before = files(&index);
    let rebuilt = place.run("index", &["rebuild"]);
    // `index --config … rebuild`: the option belongs to the command below.
    assert_eq!(rebuilt.code, 2);
    let rebuild = |place: &Place| sealtrail(&["index", "rebuild", "--config", &place.config()]);
    assert!(answered(rebuild(&place)).starts_with("indexed 7 records in "));
    assert_eq!(files(&index), before);

    // Damaged, it says how to help itself; and helps itself.
    let run = before.iter().find(|(name, _)| name.ends_with(".run")).unwrap();
    std::fs::write(index.join(&run.0), &run.1[..run.1.len() - 1]).unwrap();
    place.run("query", &[]).refused(6, "sealtrail index rebuild");
    answered(rebuild(&place));
    assert_eq!(files(&index), before);

    let other = Place::new();
    let edited = std::fs::read_to_string(index.join("origin")).unwrap();
    std::fs::create_dir_all(other.path("index")).unwrap();
    copy_folder(&index, &other.path("index"));
    std::fs::write(other.path("index/origin"), edited.replace("shop.example", "else.example"))
        .unwrap();
    other.run("query", &[]).refused(6, "belongs to another log");
    rebuild(&other).refused(6, "belongs to another log");

    let served = Served::start(&place);
    rebuild(&place).refused(6, "another process writes the index");
    drop(served);
}

#[test]
fn a_shredding_takes_the_tags_out_of_the_index() {
    let place = filled();
    let record: Value = serde_json::from_str(&place.lines()[1]).unwrap();
    let tag = record["data"]["actor"]["id"].as_str().unwrap().to_owned();
    let kid = record["data"]["pseudonyms"][0]["kid"].as_str().unwrap().to_owned();
    assert!(kid.starts_with("k_"));
    let served = Served::start(&place);
    let found =
        |target: String| get(served.api, &target).json()["records"].as_array().unwrap().len();
    assert_eq!(found(format!("/v1/records?actor={tag}")), 3);
    let shred = sealtrail(&[
        "shred",
        "user/u-0",
        "--reason",
        "r",
        "--actor",
        "dpo",
        "--url",
        &format!("http://{}", served.api),
    ]);
    assert_eq!(shred.code, 0, "{shred:?}");
    assert_eq!(
        found(format!("/v1/records?actor={tag}")),
        0,
        "nobody is found by what he was called"
    );
    assert_eq!(found("/v1/records?type=customer&id=2".into()), 2, "the records are");
    drop(served);
    assert_eq!(indices(&place, &["--actor", &tag]), [] as [usize; 0]);
}

#[test]
fn a_cascade_is_told_as_one_and_can_be_expanded() {
    let place = place();
    let caused = |id: u32| {
        let mut change = change(id, 7, &json!({"place": "a"}), &json!({"place": "b"}));
        change["context"]["causation_id"] = "holdings-5".into();
        change
    };
    let parent = change(1, 7, &json!({"place": "a"}), &json!({"place": "b"}));
    let children: Vec<Value> = (100..225).map(caused).collect();
    append(
        &place,
        &[&[parent][..], &children[..], &[change(2, 7, &json!({"tier": 1}), &json!({"tier": 2}))]]
            .concat(),
    );
    let told = answered(place.run("query", &["--correlation", "q-7"]));
    assert_eq!(told.matches("update customer/").count(), 2, "{told}");
    assert!(
        told.contains("update 125 times customer") && told.contains("--causation holdings-5"),
        "{told}"
    );
    let expanded = answered(place.run("query", &["--correlation", "q-7", "--expand"]));
    assert_eq!(expanded.matches("update customer/").count(), 127);
    assert_eq!(indices(&place, &["--causation", "holdings-5"]).len(), 125);

    let served = Served::start(&place);
    let page = get(served.api, "/v1/records?correlation=q-7&collapse=true&limit=2").json();
    let cascade = &page["records"][1]["cascade"];
    assert_eq!((&cascade["count"], &cascade["causation"]), (&json!(125), &json!("holdings-5")));
    let cursor = page["cursor"].as_str().unwrap();
    let next = format!("/v1/records?correlation=q-7&collapse=true&limit=2&cursor={cursor}");
    let next = get(served.api, &next).json();
    assert_eq!(next["records"].as_array().unwrap().len(), 1, "what was told is not told again");
    assert_eq!(next["records"][0]["index"], 126);
}

/// As a holding that moves does to what it holds: told in as few lines as one of a hundred, whoever asks.
#[test]
fn a_cascade_of_fifteen_thousand_is_one_line_and_can_be_expanded() {
    const CHILDREN: usize = 15_000;
    let place = place();
    let changes = (0..=CHILDREN + 1).map(|id| {
        let (before, after) = (json!({"place": "a"}), json!({"place": "b"}));
        let mut change = change(u32::try_from(id).unwrap(), 7, &before, &after);
        if (1..=CHILDREN).contains(&id) {
            change["context"]["causation_id"] = "holdings-5".into();
        }
        change
    });
    append(&place, &changes.collect::<Vec<_>>());
    let told = answered(place.run("query", &["--correlation", "q-7"]));
    assert_eq!(told.matches("update customer/").count(), 2, "{told}");
    assert!(told.contains("update 15000 times customer") && told.len() < 1_000, "{told}");
    let lineage = answered(place.run("lineage", &["q-7"]));
    assert!(lineage.contains("… and ") && lineage.len() < 2_000, "{lineage}");

    let served = Served::start(&place);
    let page = |more: &str| {
        let target = format!("/v1/records?correlation=q-7&collapse=true{more}");
        get(served.api, &target)
    };
    let answer = page("");
    assert!(answer.body.len() < 4_000, "{}", answer.body.len());
    let records = answer.json()["records"].as_array().unwrap().clone();
    assert_eq!((records.len(), &records[1]["cascade"]["count"]), (3, &json!(CHILDREN)));
    assert_eq!(records[2]["index"], CHILDREN + 1);
    // A page can end before the cascade, and behind it.
    let cursor = page("&limit=1").json()["cursor"].as_str().unwrap().to_owned();
    let rest = page(&format!("&limit=1&cursor={cursor}")).json();
    assert_eq!(rest["records"][0]["cascade"]["count"], CHILDREN);
    let cursor = rest["cursor"].as_str().unwrap();
    let rest = page(&format!("&cursor={cursor}")).json();
    assert_eq!(rest["records"].as_array().unwrap().len(), 1, "{rest}");

    // Expanded, each once, through many pages.
    let url = format!("http://{}", served.api);
    let all = ["query", "--url", &url, "--causation", "holdings-5", "--json"];
    let all = answered(sealtrail(&all));
    assert!(all.lines().eq(&place.lines()[1..=CHILDREN]));
    let rows = ["query", "--url", &url, "--causation", "holdings-5", "--format", "csv"];
    let rows = answered(sealtrail(&rows));
    assert_eq!(rows.lines().count(), CHILDREN + 1, "one head");
    let here = ["--causation", "holdings-5", "--format", "csv"];
    assert_eq!(rows, answered(place.run("query", &here)));
    let expanded = answered(place.run("query", &["--correlation", "q-7", "--expand"]));
    assert_eq!(expanded.matches("update customer/").count(), CHILDREN + 2);
}

#[test]
fn lineage_goes_from_the_first_cause_down() {
    let place = place();
    let mut changes = vec![change(1, 1, &json!({"a": 1}), &json!({"a": 2}))];
    // Another service was called by that request, and a third by the second.
    for (minute, cause) in [(2, "q-1"), (3, "q-2")] {
        let mut change = change(minute, minute, &json!({"a": 1}), &json!({"a": 2}));
        change["context"]["causation_id"] = cause.into();
        changes.push(change);
    }
    changes.push(change(9, 9, &json!({"a": 1}), &json!({"a": 2})));
    append(&place, &changes);
    let ids: Vec<String> = place
        .lines()
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    let lineage = answered(place.run("lineage", &[&ids[2]]));
    let lines: Vec<&str> = lineage.lines().collect();
    assert_eq!(lines.len(), 6, "{lineage}");
    assert!(
        lines[0] == "request q-1" && lines[2] == "  request q-2" && lines[4] == "    request q-3"
    );
    assert!(
        lines[5].starts_with("      update customer/3  service shop") && lines[5].ends_with('←'),
        "{lineage}"
    );
    let json = place.run("lineage", &[&ids[0], "--json"]).json();
    assert_eq!((json["nodes"].as_array().unwrap().len(), &json["cut"]), (6, &json!(false)));
    place.run("lineage", &["none"]).refused(7, "no record has the id `none`");
    place.run("lineage", &["none"]).refused(7, "none names it as a cause");
}

#[test]
fn a_cause_that_is_not_in_the_log_is_told_so() {
    let place = place();
    let mut caused = change(1, 1, &json!({"a": 1}), &json!({"a": 2}));
    caused["context"]["causation_id"] = "holdings-5".into();
    let mut alone = change(2, 2, &json!({"a": 1}), &json!({"a": 2}));
    alone["context"] = json!({"causation_id": "holdings-5"});
    append(&place, &[caused, alone]);
    let id = |number: usize| {
        let record: Value = serde_json::from_str(&place.lines()[number]).unwrap();
        record["id"].as_str().unwrap().to_owned()
    };
    for asked in ["holdings-5", "q-1", &id(0)] {
        let lineage = answered(place.run("lineage", &[asked]));
        let lines: Vec<&str> = lineage.lines().collect();
        assert_eq!(lines.len(), 5, "{lineage}");
        assert!(
            lines[0].starts_with("cause holdings-5  (named by what follows, and not in this log)")
        );
        assert!(lines[1].starts_with("  request q-1"), "{lineage}");
        assert!(lines[2].starts_with("    update customer/1  service shop  at "), "{lineage}");
        // No service sent it: the name of the log would say nothing.
        assert!(lines[4].starts_with("    update customer/2  at "), "{lineage}");
        assert_eq!(lineage.matches('←').count(), 1, "{lineage}");
    }
    let json = place.run("lineage", &["holdings-5", "--json"]).json();
    assert_eq!(json["nodes"][0], json!({"depth": 0, "cause": "holdings-5"}));
    assert_eq!(json["origin"], "shop.example/audit");
}
