//! Somebody who was forgotten is nowhere any more.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::collector_when_full::gauge;
use super::databases::Database;
use super::keys::{all_files, copy_into};
use super::place::Place;
use super::served::Served;
use super::small_disk::SmallDisk;
use super::wire::{get, post};

const JSON: &str = "application/json";

/// Tiers are figures; everything else of a customer is personal.
const POLICY: &str = r#"{"id":"canary","version":"1","default":"seal","rules":[{"select":"$.tier","action":"keep"}]}"#;

/// What is searched: every file below the place (log, index, keyring, spool, keys, exports in every form), a database that
/// was fed, what the server says in its metrics and its own log lines, and what it answers; each in clear, as JSON escapes
/// it, in base64 and in hexadecimal.
#[test]
fn not_one_byte_of_a_canary_is_left_after_a_hard_shredding() {
    let place = Place::new();
    place.add_config("[collector]\nwhen_full = \"spool\"\nspool_size = \"1MiB\"\n[log]\naccess = true\npaths = false");
    std::fs::write(place.path("policy.json"), POLICY).unwrap();
    let database = Database::sqlite();
    let disk = SmallDisk::under(&place, "log", "8m");
    let canaries = ["Ada-Canary-5f1c", "ada-canary-77aa@example.com", "+49-canary-0151"];
    let served = Served::with(&place, &["--log-format", "json"]);
    let send = |round: usize, note: &str| {
        let change = json!({"entity": {"type": "customer", "id": "ada"}, "action": "update",
            "before": {"name": canaries[0], "email": "x", "tier": round},
            "after": {"name": canaries[0], "email": canaries[1], "phone": canaries[2], "tier": round + 1,
                "note": note},
            "context": {"correlation_id": format!("c-{round}")}});
        served.post_change(&change.to_string()).status
    };
    let mut changes = 20;
    for round in 0..changes {
        assert_eq!(send(round, ""), 200);
    }
    let record: Value = serde_json::from_str(&place.lines()[0]).unwrap();
    let id = record["id"].as_str().unwrap().to_owned();
    let reveal = format!("/v1/records/{id}/reveal");
    let why = json!({"group": "default", "reason": "test"}).to_string();
    assert!(
        post(served.api, &reveal, JSON, &why).text().contains(canaries[1]),
        "it is there before"
    );
    if let Some(disk) = &disk {
        let ballast = disk.fill();
        while send(changes, &"x".repeat(20_000)) == 200 {
            changes += 1;
        }
        assert_eq!(send(changes + 1, ""), 202);
        changes += 2;
        let spooled = fs::read_to_string(place.path("spool/spool.jsonl")).unwrap();
        assert_eq!(spooled.matches("\"specversion\"").count(), 2);
        drop(ballast);
        while gauge(served.api, "spool_lines") > 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    assert_eq!(place.lines().len(), changes + 1);
    let figures = figures(&place, &database);
    let yesterday = tempfile::tempdir().unwrap();
    copy_into(&place.path("keyring"), &yesterday.path().join("keyring"));

    let hard = json!({"reason": "Art. 17", "hard": true, "certificate": true}).to_string();
    let shredded = post(served.api, "/v1/subjects/customer%2Fada/shred", JSON, &hard);
    assert_eq!(shredded.status, 200, "{}", shredded.text());
    assert_eq!(shredded.json()["certificate"]["records"], changes);
    post(served.api, &reveal, JSON, &why).is_problem(410, "shredded");
    let answers = [
        "/v1/entities/customer/ada/changes",
        "/v1/records?format=words",
        "/v1/touched?grain=element",
        "/v1/entities/customer/ada/state",
        "/v1/export?format=ocsf",
        "/metrics",
    ];
    let mut told = answers.map(|path| get(served.api, path).text()).to_vec();
    told.push(shredded.text());
    let (code, said) = served.terminate();
    assert_eq!(code, 0);
    let history = place.run("history", &["customer", "ada"]);
    assert!(history.stdout.contains("[erased]"), "{history:?}");
    let mut searched = 0;
    let mut search = |name: &str, bytes: &[u8]| {
        searched += bytes.len();
        for canary in canaries {
            for form in forms(canary) {
                let found = bytes.windows(form.len()).any(|window| window == form);
                assert!(!found, "{name} holds `{canary}`");
            }
        }
    };
    for (i, text) in told.iter().chain([&said, &history.stdout]).enumerate() {
        search(&format!("answer {i}"), text.as_bytes());
    }
    assert_eq!(self::figures(&place, &database), figures, "what is not personal is as it was");
    for form in FORMS {
        let out = place.path(&format!("exported-{form}")).display().to_string();
        let ran = place.run("export", &["--format", form, "--out", &out]);
        assert_eq!(ran.code, 0, "{form}: {ran:?}");
    }
    let tables = database.bytes();
    assert!(tables.len() > 10_000, "{}", tables.len());
    search("the database", &tables);
    let mut files = Vec::new();
    all_files(&place.path(""), &mut files);
    for file in &files {
        search(&file.display().to_string(), &fs::read(file).unwrap());
    }
    assert!(files.len() > 15 && searched > 20_000, "{} files, {searched} bytes", files.len());
    assert!(files.iter().any(|file| file.starts_with(place.path("spool"))), "{files:?}");
    assert_eq!(place.verify().code, 0);

    // Yesterday's keyring comes back.
    fs::remove_dir_all(place.path("keyring")).unwrap();
    copy_into(&yesterday.path().join("keyring"), &place.path("keyring"));
    place
        .run("reveal", &[&id, "--group", "default", "--reason", "x"])
        .refused(3, "does not fit keyring");
}

const FORMS: [&str; 9] =
    ["csv", "spreadsheet", "rows", "parquet", "lines", "patch", "ocsf", "ecs", "bundle"];

/// What answers, exports and tables of a database say of the customer that is not personal, by the name of each.
fn figures(place: &Place, database: &Database) -> BTreeMap<&'static str, Vec<String>> {
    let of_ada = ["--type", "customer", "--id", "ada"];
    let lines = |command: &str, rest: &[&str]| {
        let ran = place.run(command, &[&of_ada[..], rest].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json_lines()
    };
    let export = |form: &str| lines("export", &["--format", form]);
    let parts = |values: Vec<Value>, at: &[&str]| {
        let part =
            |value: &Value| at.iter().map(|at| format!("{:?} ", value.pointer(at))).collect();
        values.iter().map(part).collect::<Vec<String>>()
    };
    // A tier is told with its values, of all else that it changed.
    let rows = export("rows").into_iter().map(|mut row| {
        if row["attribute"] != "tier" {
            row["previous_value"] = row["previous_value"].is_null().into();
            row["current_value"] = row["current_value"].is_null().into();
        }
        row.to_string()
    });
    let operations = export("patch").into_iter().flat_map(|patch| {
        let operations = patch["patch"].as_array().unwrap().clone();
        operations.into_iter().map(|mut operation| {
            if operation["path"] != "/tier" {
                operation["value"] = operation["value"].is_null().into();
            }
            operation.to_string()
        })
    });
    let cells = |query: &str| {
        let rows = database.rows(query).into_iter();
        rows.map(|row| format!("{row:?}")).collect::<Vec<_>>()
    };
    let projected = place.run("project", &["--to", &database.url]);
    assert_eq!(projected.code, 0, "{projected:?}");
    let figures = BTreeMap::from([
        ("records", parts(lines("query", &["--json"]), &["/id", "/type", "/time", "/data/entity/id"])),
        ("rows", rows.collect()),
        ("patch", operations.collect()),
        ("touched", lines("query", &["--grain", "element", "--json"]).iter().map(Value::to_string).collect()),
        ("ocsf", parts(export("ocsf"), &["/time", "/type_uid", "/status_id", "/entity/uid", "/metadata/correlation_uid"])),
        ("ecs", parts(export("ecs"), &["/@timestamp", "/event/action", "/event/sequence", "/event/outcome"])),
        ("changes", cells(
            "SELECT record_index, ordinal, date, time, table_id, entity_id, action, attribute, request_id,
             CASE attribute WHEN 'tier' THEN previous_value || ' ' || current_value ELSE CAST(current_value IS NULL AS TEXT) END
             FROM sealtrail_changes WHERE table_id = 'customer' ORDER BY 1, 2",
        )),
        ("audit", cells(
            "SELECT \"EventID\", \"EventDate\", \"Source\", \"Action\", \"ActionDate\", \"EntityID\",
             CAST(json_extract(\"Snapshot\", '$.tier') AS TEXT) FROM sealtrail_audit WHERE \"EntityType\" = 'customer' ORDER BY 1",
        )),
    ]);
    for (name, figures) in &figures {
        assert!(figures.len() >= 4, "{name}: {figures:?}");
    }
    assert!(figures["audit"].iter().any(|row| row.contains('7')), "{:?}", figures["audit"]);
    figures
}

pub fn forms(canary: &str) -> Vec<Vec<u8>> {
    use base64ct::{Base64, Base64Url, Encoding};
    let mut forms = vec![canary.as_bytes().to_vec(), canary.to_uppercase().into_bytes()];
    forms.push(canary.bytes().map(|b| format!("{b:02x}")).collect::<String>().into_bytes());
    // Whatever stands before it: three alignments, without the ends that depend on the neighbours.
    for shift in 0..3 {
        let shifted = [&b"xx"[..shift], canary.as_bytes()].concat();
        for text in [Base64::encode_string(&shifted), Base64Url::encode_string(&shifted)] {
            let text = text.trim_end_matches('=');
            forms.push(text.as_bytes()[4..text.len() - 2].to_vec());
        }
    }
    forms
}
