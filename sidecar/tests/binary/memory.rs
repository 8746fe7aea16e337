//! What is left in the memory of the real server of somebody who was forgotten (proc(5), `/proc/<pid>/mem`).

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use sealtrail_keyring::{KekFile, Keyring};
use serde_json::{Value, json};

use super::place::Place;
use super::served::Served;
use super::wire::post;

const JSON: &str = "application/json";

const CANARIES: [&str; 3] =
    ["Ada-Canary-5f1c-of-Paris", "ada-canary-77aa@example.com", "canary-note-9c1e-0151"];

fn change(id: &str, [name, email, note]: [&str; 3], after: bool) -> String {
    let image = json!({"name": name, "email": email, "note": format!("{note} {note}"), "tier": 1});
    let (before, after) = if after { (Value::Null, image) } else { (image, Value::Null) };
    let action = if before.is_null() { "create" } else { "delete" };
    json!({"entity": {"type": "customer", "id": id}, "action": action, "before": before, "after": after,
        "context": {"correlation_id": "c-1"}})
    .to_string()
}

/// Where one of the needles is, in words for the one who has to find out why.
fn found(process: u32, needles: &[Vec<u8>]) -> Vec<String> {
    let mut found = vec![];
    let memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        // What cannot be written holds code and files.
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|number| u64::from_str_radix(number, 16).unwrap());
        let mut bytes = vec![0; 1 << 20];
        let mut at = start;
        while at < end {
            let length = bytes.len().min((end - at) as usize);
            // What was never touched, or went meanwhile.
            let Ok(read) = memory.read_at(&mut bytes[..length], at) else { break };
            for (number, needle) in needles.iter().enumerate() {
                let hits = memchr::memmem::find_iter(&bytes[..read], needle);
                found.extend(hits.map(|hit| {
                    let around =
                        &bytes[hit.saturating_sub(48)..(hit + needle.len() + 48).min(read)];
                    let name = line.split_whitespace().nth(5).unwrap_or("anonymous");
                    format!("{number} in {name}: {}", around.escape_ascii())
                }));
            }
            // Overlaps, so that nothing hides at an edge.
            at += if read == bytes.len() && at + (read as u64) < end {
                read as u64 - 256
            } else {
                read as u64
            };
            if read == 0 {
                break;
            }
        }
    }
    found
}

fn keys_of(place: &Place, subject: &str) -> Vec<u8> {
    let copy = place.copy();
    let keyring: Keyring = KekFile::new(&copy.path("keys/kek"))
        .open_keyring(Path::new(&copy.path("keyring")))
        .unwrap();
    let (_, key) = keyring.existing_subject_key(subject).unwrap().unwrap();
    key.expose().to_vec()
}

#[test]
fn nothing_of_whoever_was_forgotten_is_left_in_the_memory_of_the_server() {
    let place = Place::new();
    let served = Served::start(&place);
    let posted = served.post_change(&change("3", CANARIES, true));
    assert_eq!(posted.status, 200, "{}", posted.text());
    let id = posted.json()["id"].as_str().unwrap().to_owned();
    let many = change("3", CANARIES, false) + "\n" + &change("3", CANARIES, true);
    assert_eq!(post(served.api, "/v1/changes", "application/x-ndjson", &many).status, 200);
    let reveal = format!("/v1/records/{id}/reveal");
    let because = r#"{"group":"default","reason":"test"}"#;
    let revealed = post(served.api, &reveal, JSON, because).text();
    assert!(CANARIES.iter().all(|canary| revealed.contains(canary)), "{revealed}");

    let mut needles: Vec<_> = CANARIES.map(|canary| canary.as_bytes().to_vec()).into();
    needles.push(keys_of(&place, "customer/3"));
    assert!(!found(served.id(), &needles[3..]).is_empty(), "the key is in use, and is not found");

    let shred =
        post(served.api, "/v1/subjects/customer%2F3/shred", JSON, r#"{"reason":"Art. 17"}"#);
    assert_eq!(shred.status, 200, "{}", shred.text());
    // The next requests, of somebody else, on every thread that works.
    let other = ["Grace", "grace@example.com", "nothing"];
    for _ in 0..8 {
        assert_eq!(served.post_change(&change("4", other, true)).status, 200);
    }
    assert_eq!(post(served.api, &reveal, JSON, because).status, 410);
    let left = found(served.id(), &needles);
    assert!(left.is_empty(), "{} places:\n{}", left.len(), left.join("\n"));
    assert_eq!(served.terminate().0, 0);
}
