//! The log as tables of databases, by `sealtrail project`.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::databases::{Database, Rows};
use super::place::{Place, Ran, sealtrail};
use super::served::Served;
use super::wire::post;

/// Names are sealed, tax numbers and actors are pseudonyms: the former under the customer's key.
const POLICY: &str = r#"{"id":"read-model","version":"1","default":"keep","context_default":"keep",
    "rules":[{"select":"$.name","action":"seal","group":"contact"},
             {"select":"$.tax","action":"pseudonym","group":"contact"}],
    "context":[{"select":"$.actor.id","action":"pseudonym","group":"actor"}],"secrets":false}"#;

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

fn place() -> Place {
    let place = Place::new();
    std::fs::write(place.path("policy.json"), POLICY).unwrap();
    place
}

/// The n-th change of a customer; the first makes it.
fn change(customer: u32, n: u32) -> String {
    let image = |n: u32| {
        json!({"name": format!("Name {customer} {n}"), "tier": n, "tax": format!("T{customer}"),
            "note": format!("it's a \"note\", 100 % ; \\ {}\u{0}ü", "é".repeat(n as usize % 40))})
    };
    let (action, before) = if n == 0 { ("create", Value::Null) } else { ("update", image(n - 1)) };
    json!({"entity": {"type": "customer", "id": customer.to_string()}, "action": action,
        "before": before, "after": image(n), "context": {"correlation_id": format!("c-{customer}-{n}"),
        "time": "2020-07-29T19:45:00.047Z", "service": "shop",
        "actor": {"type": "user", "id": format!("u-{}", n % 2)},
        "request": {"ip": "203.0.113.86"}}})
    .to_string()
}

fn append(place: &Place, customers: u32, changes: std::ops::Range<u32>) {
    let lines =
        changes.flat_map(|n| (1..=customers).map(move |customer| change(customer, n) + "\n"));
    let ran = place.append(lines.collect::<String>().as_bytes());
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// How many records were added.
fn project(place: &Place, database: &Database) -> u64 {
    let ran = place.run("project", &["--to", &database.url, "--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}: {ran:?}", database.name);
    ran.json()["records"].as_u64().unwrap()
}

const COLUMNS: &str = "date, time, table_id, entity_id, microservice_name, action, request_id, ip_address, account_id, \
    user_id, user_email, user_name, attribute, previous_value, current_value, browser_name, device_type, os";

/// Everything that the tables say.
fn dump(database: &Database) -> BTreeMap<&'static str, Rows> {
    let quote = |name: &str| {
        if database.name == "MariaDB" { format!("`{name}`") } else { format!("\"{name}\"") }
    };
    let audit =
        ["EventID", "Source", "Action", "EntityType", "EntityID", "UserId"].map(quote).join(", ");
    let audit = format!(
        "SELECT {audit}, {}, {}, {} FROM sealtrail_audit ORDER BY {}",
        database.time(&quote("EventDate")),
        database.time(&quote("ActionDate")),
        database.json(&quote("Snapshot")),
        quote("EventID"),
    );
    let changes =
        format!("SELECT record_index, ordinal, {COLUMNS} FROM sealtrail_changes ORDER BY 1, 2");
    BTreeMap::from([
        ("changes", database.rows(&changes)),
        ("audit", database.rows(&audit)),
        ("keys", database.rows("SELECT key_hash, record_index FROM sealtrail_keys ORDER BY 1, 2")),
        (
            "cursor",
            database.rows("SELECT origin, version, next_index, last_sha256 FROM sealtrail_cursor"),
        ),
    ])
}

/// The tables are those of a database that is filled at once.
#[track_caller]
fn is_whole(place: &Place, database: &Database) {
    let anew = Database::sqlite();
    project(place, &anew);
    let (ours, anew) = (dump(database), dump(&anew));
    for (table, rows) in &anew {
        assert!(ours[table] == *rows, "{}: {table}: {:#?}\n{rows:#?}", database.name, ours[table]);
    }
}

/// What `export` says of the same changes.
fn exported(place: &Place) -> Rows {
    let ran = place.run("export", &["--format", "rows"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let row = |row: &Value| {
        COLUMNS
            .split(", ")
            .map(|name| row[name].as_str().map(|text| text.replace('\0', "\u{fffd}")))
            .collect()
    };
    ran.json_lines().iter().map(row).collect()
}

fn without_place(rows: &Rows) -> Rows {
    rows.iter().map(|row| row[2..].to_vec()).collect()
}

#[test]
fn each_change_is_a_row_of_every_database_and_a_second_run_adds_nothing() {
    let place = place();
    append(&place, 3, 0..3);
    for database in Database::all() {
        assert_eq!(project(&place, &database), 9, "{}", database.name);
        let first = dump(&database);
        assert_eq!(without_place(&first["changes"]), exported(&place), "{}", database.name);
        let row = &first["changes"][0];
        let of =
            |name: &str| row[2 + COLUMNS.split(", ").position(|n| n == name).unwrap()].as_deref();
        assert_eq!((of("date"), of("time")), (Some("2020-07-29"), Some("19:45:00")));
        assert_eq!((of("previous_value"), of("current_value")), (None, Some("[sealed contact]")));
        assert_eq!((of("attribute"), of("ip_address")), (Some("name"), Some("203.0.113.86")));

        let audit = &first["audit"];
        let record: Value = serde_json::from_str(&place.lines()[8]).unwrap();
        let last = audit.iter().find(|row| row[0].as_deref() == record["id"].as_str()).unwrap();
        let texts: Vec<&str> = last.iter().map(|text| text.as_deref().unwrap_or("NULL")).collect();
        assert_eq!(texts[1..5], ["shop", "update", "customer", "3"]);
        assert_eq!(texts[5], record["authid"]);
        assert_eq!(texts[7], "2020-07-29 19:45:00.047");
        assert!(texts[6].starts_with(&record["recordedtime"].as_str().unwrap()[..10]), "{texts:?}");
        let snapshot: Value = serde_json::from_str(texts[8]).unwrap();
        assert_eq!((&snapshot["name"], &snapshot["tier"]), (&json!("[sealed contact]"), &json!(2)));
        assert_eq!(snapshot["note"], "it's a \"note\", 100 % ; \\ éé\u{0}ü");

        assert_eq!(project(&place, &database), 0);
        assert_eq!(dump(&database), first, "{}", database.name);
    }
}

/// A row of `sealtrail_changes` is a difference, and an image alone is none.
#[test]
fn an_event_is_called_by_its_type_and_an_image_alone_is_in_the_snapshot() {
    let place = place();
    let entity = json!({"type": "customer", "id": "1"});
    let event = json!({"type": "customer.approved", "data": {"name": "Ann"}});
    let image = json!({"name": "Ann", "tier": 1});
    for change in [
        json!({"entity": entity, "action": "update", "after": image}),
        json!({"entity": entity, "event": event}),
        json!({"entity": entity, "action": "update", "before": image, "after": {"name": "Ann"}, "event": event}),
    ] {
        assert_eq!(place.append(change.to_string().as_bytes()).code, 0);
    }
    for database in Database::all() {
        assert_eq!(project(&place, &database), 3, "{}", database.name);
        let told = dump(&database);
        let column = |n: usize| told["audit"].iter().map(move |row| row[n].as_deref().unwrap());
        assert_eq!(column(2).collect::<Vec<_>>(), ["update", "customer.approved", "update"]);
        let snapshots: Vec<Value> =
            column(8).map(|text| serde_json::from_str(text).unwrap()).collect();
        assert_eq!(snapshots[0], json!({"name": "[sealed contact]", "tier": 1}));
        assert_eq!(
            (&snapshots[1], &snapshots[2]["name"]),
            (&snapshots[0], &json!("[sealed contact]"))
        );
        assert_eq!(told["changes"].len(), 1, "{:?}", told["changes"]);
        is_whole(&place, &database);
    }
}

#[test]
fn an_erasure_reaches_the_tables() {
    for database in Database::all() {
        let place = place();
        append(&place, 3, 0..4);
        project(&place, &database);
        let before = dump(&database);
        let tag = |row: &Value| {
            row["data"]["changes"]
                .as_array()
                .unwrap()
                .iter()
                .find(|change| change["path"] == "/tax")
                .unwrap()["new"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let tag = tag(&serde_json::from_str(&place.lines()[1]).unwrap());
        assert!(tag.starts_with("ps1.") && format!("{before:?}").contains(&tag));

        // A customer, who has sealed values and pseudonyms, and an actor.
        for subject in ["customer/2", "user/u-1"] {
            assert_eq!(place.run("shred", &[subject, "--reason", "r", "--actor", "dpo"]).code, 0);
        }
        append(&place, 3, 4..6);
        project(&place, &database);
        let after = dump(&database);
        assert!(!format!("{after:?}").contains(&tag), "{}", database.name);
        let audit = |id: &str| {
            let of = |row: &&Vec<Option<String>>| row[4].as_deref() == Some(id);
            let text = |row: &Vec<Option<String>>| {
                row.iter().flatten().cloned().collect::<Vec<_>>().join(" ")
            };
            after["audit"].iter().filter(of).map(text).collect::<Vec<_>>()
        };
        // Of what was recorded until then nothing is left; a name that came later is under another key.
        let erased = |part: &str| audit("2").iter().filter(|row| row.contains(part)).count();
        assert_eq!((erased(r#""name":"[erased]""#), erased(r#""tax":"[erased]""#)), (4, 6));
        assert!(audit("3").iter().all(|row| row.contains("[sealed contact]")));
        let nobodies = audit("3").iter().filter(|row| row.contains(NOBODY)).count();
        assert_eq!(nobodies, 2, "{:#?}", audit("3"));
        assert!(
            before["keys"].len()
                > after["keys"].iter().filter(|key| before["keys"].contains(key)).count()
        );
        is_whole(&place, &database);
        if database.name == "SQLite" {
            let has = |bytes: &[u8]| bytes.windows(tag.len()).any(|part| part == tag.as_bytes());
            assert!(!has(&database.bytes()), "the file still has what was deleted");
        }
        // What a second erasure finds was written after the first.
        assert_eq!(place.run("shred", &["customer/3", "--reason", "r", "--actor", "dpo"]).code, 0);
        project(&place, &database);
        is_whole(&place, &database);
    }
}

/// Records that retention removes go from the tables. What a record that stays says of its time stays too, until a key of it
/// is destroyed.
#[test]
fn a_removal_reaches_the_tables() {
    for database in Database::all() {
        let place = place();
        place.add_config("[retention]\nkeep = \"1ms\"\nsegment = 1");
        for n in 0..3 {
            append(&place, 2, n..n + 1);
        }
        assert_eq!(project(&place, &database), 6);
        let before = dump(&database);
        let why = ["--reason", "r", "--actor", "ops"];
        let removed = place.run("prune", &[&why[..], &["--json"]].concat()).json();
        let first_kept = removed["first_kept"].as_u64().unwrap();
        assert!((1..6).contains(&first_kept), "{removed}");
        assert_eq!(project(&place, &database), 1);

        let after = dump(&database);
        let kept = |table: &str, column: usize| {
            let is_kept = |row: &&Vec<Option<String>>| {
                row[column].as_deref().unwrap().parse::<u64>().unwrap() >= first_kept
            };
            before[table].iter().filter(is_kept).cloned().collect::<Vec<_>>()
        };
        assert_eq!(after["changes"], kept("changes", 0), "{}", database.name);
        assert_eq!(after["keys"], kept("keys", 1), "{}", database.name);
        let ids: Vec<_> = after["audit"].iter().map(|row| row[0].clone()).collect();
        let id = |line: &String| {
            let record: Value = serde_json::from_str(line).unwrap();
            record["id"].as_str().map(str::to_owned)
        };
        assert_eq!(ids, place.lines().iter().map(id).collect::<Vec<_>>(), "{}", database.name);
        // The tax number was in the first record, which is gone; the last still says what there was.
        let snapshot = |rows: &BTreeMap<&str, Rows>, id: &str| {
            let of = |row: &&Vec<Option<String>>| row[4].as_deref() == Some(id);
            rows["audit"].iter().rfind(of).unwrap()[8].clone().unwrap()
        };
        assert_eq!(snapshot(&after, "2"), snapshot(&before, "2"), "{}", database.name);
        assert!(snapshot(&after, "2").contains("\"tax\":\"ps1."), "{}", snapshot(&after, "2"));

        // A key that is destroyed later is found there.
        assert_eq!(place.run("shred", &["customer/2", "--reason", "r", "--actor", "dpo"]).code, 0);
        project(&place, &database);
        let erased = dump(&database);
        assert!(!snapshot(&erased, "2").contains("ps1."), "{}", snapshot(&erased, "2"));
        if database.name == "SQLite" {
            let old = before["audit"][0][0].clone().unwrap();
            let bytes = database.bytes();
            let has = bytes.windows(old.len()).any(|part| part == old.as_bytes());
            assert!(!has, "the file still has what was removed");
        }
    }
}

#[test]
fn killed_at_any_moment_it_goes_on_where_the_database_says() {
    let place = place();
    append(&place, 40, 0..60);
    for subject in ["customer/7", "user/u-0"] {
        assert_eq!(place.run("shred", &[subject, "--reason", "r", "--actor", "dpo"]).code, 0);
    }
    for database in Database::all() {
        let mut kills = 0;
        // Longer each time, so that it comes to an end on a busy machine too.
        for pause in std::iter::successors(Some(5_u64), |pause| Some(pause * 13 / 10 + 5)) {
            let mut child = Command::new(env!("CARGO_BIN_EXE_sealtrail"))
                .args(["project", "--config", &place.config(), "--to", &database.url])
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_millis(pause));
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{}", database.name);
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
        }
        assert!(kills > 2, "{}: {kills} kills", database.name);
        assert_eq!(project(&place, &database), 0);
        is_whole(&place, &database);
    }
}

#[test]
fn the_keys_say_what_is_written_again() {
    let place = place();
    append(&place, 2, 0..40);
    let database = Database::sqlite();
    project(&place, &database);
    assert_eq!(place.run("shred", &["customer/1", "--reason", "r", "--actor", "dpo"]).code, 0);
    // As if a run had been killed when this one was done already.
    database.rows("DELETE FROM sealtrail_keys WHERE record_index = 4");
    project(&place, &database);
    let erased =
        "SELECT record_index FROM sealtrail_changes WHERE current_value = '[erased]' ORDER BY 1";
    let erased = database.rows(erased);
    assert!(
        erased.len() > 30 && erased.iter().all(|row| row[0].as_deref() != Some("4")),
        "{erased:?}"
    );
}

#[test]
fn it_follows_a_running_server() {
    let place = place();
    place.add_config("[retention]\nkeep = \"1ms\"\nsegment = 1");
    let served = Served::start(&place);
    let database = Database::sqlite();
    let mut following = Command::new(env!("CARGO_BIN_EXE_sealtrail"))
        .args(["project", "--config", &place.config(), "--to", &database.url, "--follow"])
        .spawn()
        .unwrap();
    let comes = |query: &str, wanted: u64| {
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        let wanted = Some(wanted.to_string());
        while database.ask(query).ok().and_then(|rows| rows[0][0].clone()) != wanted {
            assert!(std::time::Instant::now() < deadline, "{query}: {wanted:?} does not come");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let records = "SELECT COUNT(*) FROM sealtrail_records";
    for n in 0..3 {
        served.post_change(&change(1, n));
        comes(records, u64::from(n) + 1);
    }
    served.post_change(&change(2, 0));
    comes(records, 4);
    let act = |path: &str| {
        let done = post(served.api, path, "application/json", r#"{"reason":"r"}"#);
        assert_eq!(done.status, 200, "{}", done.text());
        done.json()
    };
    let said = |text: &str| {
        format!(
            "SELECT (SELECT COUNT(*) FROM sealtrail_changes WHERE {text} IN (previous_value, current_value)) \
             + (SELECT COUNT(*) FROM sealtrail_records WHERE snapshot LIKE '%' || {text} || '%')"
        )
    };
    let tag = database.rows("SELECT current_value FROM sealtrail_changes WHERE attribute = 'tax'");
    let tag = tag[0][0].clone().unwrap();
    assert!(tag.starts_with("ps1."), "{tag}");
    // What is erased goes, of this customer and no other.
    act("/v1/subjects/customer%2F1/shred");
    comes(&said(&format!("'{tag}'")), 0);
    comes(
        "SELECT COUNT(*) FROM sealtrail_changes WHERE attribute = 'name' AND current_value = '[erased]'",
        3,
    );
    comes("SELECT COUNT(*) FROM sealtrail_changes WHERE current_value = '[sealed contact]'", 1);
    comes(records, 5);
    is_whole(&place, &database);

    // And so does what retention removes; it is seen with what comes next.
    let first_kept = act("/v1/retention/prune")["first_kept"].as_u64().unwrap();
    assert!(first_kept > 0);
    served.post_change(&change(2, 1));
    comes("SELECT MIN(record_index) FROM sealtrail_records", first_kept);
    following.kill().unwrap();
    following.wait().unwrap();
}

#[test]
fn what_cannot_be_right_is_refused() {
    let place = place();
    append(&place, 1, 0..2);
    let to = |place: &Place, url: &str| place.run("project", &["--to", url]);
    to(&place, "oracle://u:secret@h/d").refused(2, "expected the URL of a database");
    to(&place, "postgres://u:secret@127.0.0.1:1/d").refused(1, "PostgreSQL: ");
    to(&place, "mysql://u:secret@127.0.0.1:1/d").refused(1, "MySQL: ");
    to(&place, "sqlite:/no/such/folder/a.db").refused(1, "SQLite: ");
    for url in ["postgres://u:secret@127.0.0.1:1/d", "mysql://u:secret@127.0.0.1:1/d?x=secret"] {
        assert!(!to(&place, url).stderr.contains("secret"));
    }
    let missing: Ran = sealtrail(&["project", "--config", &place.config()]);
    missing.refused(2, "SEALTRAIL_DATABASE_URL");

    let database = Database::sqlite();
    project(&place, &database);
    // Another log under the same name, and an older copy of this one.
    let other = self::place();
    append(&other, 1, 0..3);
    to(&other, &database.url).refused(6, "other records than the tables");
    let older = self::place();
    append(&older, 1, 0..1);
    to(&older, &database.url).refused(6, "fewer records than the tables");
    database.rows("UPDATE sealtrail_cursor SET origin = 'example.org/other'");
    to(&place, &database.url).refused(6, "the log of `example.org/other`");
    database.rows("UPDATE sealtrail_cursor SET origin = 'shop.example/audit', version = 99");
    to(&place, &database.url).refused(1, "version 99");
}
