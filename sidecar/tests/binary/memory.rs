//! What is left in the memory of the real server of somebody who was forgotten (proc(5), `/proc/<pid>/mem`).

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use base64ct::{Base64UrlUnpadded, Encoding};

use sealtrail_keyring::{KekFile, Keyring};
use serde_json::{Value, json};

use super::place::Place;
use super::served::Served;
use super::service::Service;
use super::wire::{Wire, exchange, post};

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

#[test]
fn nobody_is_remembered_for_longer_although_no_other_request_comes() {
    let (place, service) = (Place::new(), Service::start());
    place.edit_config(
        "trusted_proxies = []",
        "trusted_proxies = [\"127.0.0.1\"]\nremember = \"2s\"",
    );
    let served = Served::in_front_of(&place, &service.url());
    let [actor, path, agent] = CANARIES.map(|canary| canary.replace(['@', '.'], "-"));
    let claims = Base64UrlUnpadded::encode_string(json!({"sub": actor}).to_string().as_bytes());
    let answer = exchange(
        served.proxy,
        &format!(
            "PUT /{path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer eyJhbGciOiJIUzI1NiJ9.{claims}.x\r\n\
             User-Agent: {agent}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ),
    );
    assert_eq!(answer.status, 200);
    let needles: Vec<_> = [actor, path, agent].map(String::into_bytes).into();
    let there = found(served.id(), &needles);
    for number in ["0 in", "1 in", "2 in"] {
        let is_there = there.iter().any(|place| place.starts_with(number));
        assert!(is_there, "{number}: it is remembered, and is not found");
    }
    let gone = |needles: &[Vec<u8>]| {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let left = found(served.id(), needles);
            if left.is_empty() {
                return;
            }
            let left = || format!("{} places:\n{}", left.len(), left.join("\n"));
            assert!(Instant::now() < deadline, "{}", left());
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    gone(&needles);
    assert_eq!(served.terminate().0, 0);
}

/// The table of user agents that are known holds what a record says of them.
#[test]
fn a_user_agent_is_not_kept_with_what_it_was_read_as() {
    let (place, service) = (Place::new(), Service::start());
    place.edit_config("trusted_proxies = []", "trusted_proxies = []\nremember = \"2s\"");
    let served = Served::in_front_of(&place, &service.url());
    let agent = format!("Firefox/125.0 {}", CANARIES[2]);
    let head = "PUT /a HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: c-1\r\nContent-Length: 0";
    let request = format!("{head}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n");
    assert_eq!(exchange(served.proxy, &request).status, 200);
    assert_eq!(served.post_change(&change("3", CANARIES, true)).status, 200);
    assert!(place.lines()[0].contains("Firefox"), "it was read: {}", place.lines()[0]);
    let needle = [agent.into_bytes()];
    let deadline = Instant::now() + Duration::from_secs(30);
    while let left @ [_, ..] = &found(served.id(), &needle)[..] {
        assert!(Instant::now() < deadline, "{} places:\n{}", left.len(), left.join("\n"));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(served.terminate().0, 0);
}

fn resident_kb(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn what_a_crowd_took_is_given_back_when_it_has_left() {
    const CROWD: usize = 400;
    let (place, service) = (Place::new(), Service::start());
    let lines = "workers = 1\nheader_timeout = \"120s\"";
    let served = Served::in_front_of(&place, &format!("{}\"\n{lines}\n#", service.url()));
    let get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut other = Wire::connect(served.proxy);
    assert_eq!(other.ask(get).status, 200);
    let is_at_most = |most: u64| {
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut now = resident_kb(served.id());
        while now > most && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(100));
            now = resident_kb(served.id());
        }
        assert!(now <= most, "{now} KiB, and not {most}");
    };
    // What it takes to begin, and what of that it gives back.
    std::thread::sleep(Duration::from_secs(2));
    let before = resident_kb(served.id());
    let mut crowd: Vec<Wire> = (0..CROWD).map(|_| Wire::connect(served.proxy)).collect();
    // All are under way at once: each has a part of a request.
    let (head, end) = get.split_at(get.len() - 1);
    crowd.iter_mut().for_each(|wire| wire.send(head));
    crowd[CROWD - 1].send(end);
    assert_eq!(crowd[CROWD - 1].response().status, 200);
    crowd[..CROWD - 1].iter_mut().for_each(|wire| wire.send(end));
    assert!(crowd[..CROWD - 1].iter_mut().all(|wire| wire.response().status == 200));
    let taken = resident_kb(served.id()).saturating_sub(before);
    assert!(taken > 4 << 10, "{taken} KiB are too few to tell");
    drop(crowd);
    is_at_most(before + taken / 2);
    assert_eq!(other.ask(get).status, 200, "who has stayed goes on");
    assert_eq!(served.terminate().0, 0);
}
