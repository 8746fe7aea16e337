//! Somebody who was forgotten is nowhere any more.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::collector_when_full::gauge;
use super::keys::{all_files, copy_into};
use super::place::Place;
use super::served::Served;
use super::small_disk::SmallDisk;
use super::wire::{get, post};

const JSON: &str = "application/json";

/// What is searched: every file below the place (log, index, keyring, spool, keys), what the server says in its
/// metrics and its own log lines, and what it answers; each in clear, as JSON escapes it, in base64 and in hexadecimal.
#[test]
fn not_one_byte_of_a_canary_is_left_after_a_hard_shredding() {
    let place = Place::new();
    place.add_config("[collector]\nwhen_full = \"spool\"\nspool_size = \"1MiB\"\n[log]\naccess = true\npaths = false");
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
    let figures = figures(&place);
    let yesterday = tempfile::tempdir().unwrap();
    copy_into(&place.path("keyring"), &yesterday.path().join("keyring"));

    let hard = json!({"reason": "Art. 17", "hard": true, "certificate": true}).to_string();
    let shredded = post(served.api, "/v1/subjects/customer%2Fada/shred", JSON, &hard);
    assert_eq!(shredded.status, 200, "{}", shredded.text());
    assert_eq!(shredded.json()["certificate"]["records"], changes);
    post(served.api, &reveal, JSON, &why).is_problem(410, "shredded");
    let told = [
        get(served.api, "/metrics").text(),
        get(served.api, "/v1/entities/customer/ada/changes").text(),
        shredded.text(),
    ];
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
    let mut files = Vec::new();
    all_files(&place.path(""), &mut files);
    for file in &files {
        search(&file.display().to_string(), &fs::read(file).unwrap());
    }
    assert!(files.len() > 15 && searched > 20_000, "{} files, {searched} bytes", files.len());
    assert!(files.iter().any(|file| file.starts_with(place.path("spool"))), "{files:?}");
    assert_eq!(self::figures(&place), figures, "what is not personal is as it was");
    assert_eq!(place.verify().code, 0);

    // Yesterday's keyring comes back.
    fs::remove_dir_all(place.path("keyring")).unwrap();
    copy_into(&yesterday.path().join("keyring"), &place.path("keyring"));
    place
        .run("reveal", &[&id, "--group", "default", "--reason", "x"])
        .refused(3, "does not fit keyring");
}

/// What is counted of records without their personal values.
fn figures(place: &Place) -> Vec<(String, String, usize)> {
    let records =
        place.lines().into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    let changes =
        records.filter(|record| record["type"].as_str().unwrap().starts_with("sealtrail.change."));
    changes
        .map(|record| {
            let text = |at: &str| record.pointer(at).unwrap().as_str().unwrap().to_owned();
            (text("/type"), text("/time"), record["data"]["changes"].as_array().unwrap().len())
        })
        .collect()
}

fn forms(canary: &str) -> Vec<Vec<u8>> {
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
