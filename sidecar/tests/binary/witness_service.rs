//! `sealtrail witness serve`: the protocol of C2SP tlog-witness, each of its status codes.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use sealtrail_log::proof::hash::empty_root;
use sealtrail_log::proof::{
    Checkpoint, Edge, Error, Hash, Note, SigningKey, Submission, Tile, WitnessKey, consistency,
    leaf_hash,
};

use super::wire::{self, Response};
use super::witness::WitnessFolder;

/// The service as a child process.
pub struct WitnessService {
    child: Child,
    pub address: SocketAddr,
}

impl WitnessService {
    pub fn start(witness: &WitnessFolder, logs: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sealtrail"))
            .args(["witness", "serve", "--listen", "127.0.0.1:0", "--state"])
            .arg(witness.state())
            .args(logs.iter().flat_map(|log| ["--log", log]))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let line = BufReader::new(child.stdout.take().unwrap()).lines().next();
        let line = line.expect("the service says where it listens").unwrap();
        let address = line.strip_prefix("witness listening on ").unwrap().parse().unwrap();
        Self { child, address }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn terminate(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }

    fn add(&self, body: &str) -> Response {
        wire::post(self.address, "/add-checkpoint", "text/plain", body)
    }
}

impl Drop for WitnessService {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ORIGIN: &str = "a.example/log";

/// A log of at most one tile whose records are numbers.
struct Log {
    key: SigningKey,
    leaves: Vec<Hash>,
}

impl Log {
    fn new(seed: u8, records: std::ops::Range<u8>) -> Self {
        let key = SigningKey::from_seed(ORIGIN, &[seed; 32]).unwrap();
        Self { key, leaves: records.map(|i| leaf_hash(&[i])).collect() }
    }

    fn vkey(&self) -> String {
        self.key.verifier_key().to_string()
    }

    fn note(&self, size: usize) -> String {
        let mut edge = Edge::new();
        self.leaves[..size].iter().for_each(|leaf| drop(edge.push(*leaf)));
        Checkpoint::new(ORIGIN, size as u64, edge.root()).sign(&self.key).unwrap()
    }

    fn submission(&self, old: usize, size: usize) -> String {
        let read = |_: Tile| Ok::<_, Error>(self.leaves[..size].to_vec());
        let proof = consistency::prove(old as u64, size as u64, read).unwrap();
        let note = Note::parse(self.note(size).as_bytes()).unwrap();
        Submission::new(old as u64, proof, note).to_text()
    }
}

#[track_caller]
fn expect(response: &Response, status: u16) {
    assert_eq!(response.status, status, "{}", response.text());
}

#[test]
fn every_answer_of_the_protocol() {
    let witness = WitnessFolder::new("auditor.example/w1");
    let key: WitnessKey = witness.vkey.parse().unwrap();
    let log = Log::new(1, 0..20);
    let served = WitnessService::start(&witness, &[&log.vkey()]);
    let conflict = |response: &Response, size: &str| {
        expect(response, 409);
        assert_eq!(response.header("content-type"), Some("text/x.tlog.size"));
        assert_eq!(response.text(), size);
    };

    // 409 before the first, because nothing is size 0.
    conflict(&served.add(&log.submission(3, 5)), "0\n");
    let response = served.add(&log.submission(0, 5));
    expect(&response, 200);
    let mut note = Note::parse(log.note(5).as_bytes()).unwrap();
    note.add(&response.text()).unwrap();
    assert!(note.verify_cosignature(&key).unwrap() > 1_700_000_000);

    // What was cosigned is shown, with both signatures.
    let digest: String = sealtrail_log::proof::entry_hash(ORIGIN.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let shown = wire::get(served.address, &format!("/{digest}/checkpoint"));
    expect(&shown, 200);
    assert_eq!(shown.text(), note.to_string());
    for nothing in [digest.replace(&digest[..1], "x"), "0".repeat(64), "..".into()] {
        expect(&wire::get(served.address, &format!("/{nothing}/checkpoint")), 404);
    }

    // The same again, growth, and from where it does not stand any more.
    expect(&served.add(&log.submission(5, 5)), 200);
    expect(&served.add(&log.submission(5, 13)), 200);
    conflict(&served.add(&log.submission(5, 20)), "13\n");
    conflict(&served.add(&log.submission(0, 13)), "13\n");
    conflict(&served.add(&log.submission(5, 9)), "13\n");

    // 422: a proof that proves nothing, another history. 409: another tree of the same size.
    let good = log.submission(13, 20);
    let mut lines: Vec<_> = good.split('\n').collect();
    lines.remove(1);
    expect(&served.add(&lines.join("\n")), 422);
    lines.insert(1, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    expect(&served.add(&lines.join("\n")), 422);
    let fork = Log::new(1, 100..120);
    expect(&served.add(&fork.submission(13, 13)), 409);
    expect(&served.add(&fork.submission(13, 20)), 422);

    // 403: a signature by nobody known, and a forged one; also beside a good one.
    expect(&served.add(&Log::new(2, 0..20).submission(13, 20)), 403);
    expect(&served.add(&good.replacen("\n20\n", "\n19\n", 1)), 403);
    // 404: another log.
    expect(&served.add(&good.replacen(ORIGIN, "b.example/log", 1)), 404);
    // 400: malformed, and an old size beyond the new one.
    for bad in ["", "old 13\n", &good.replacen("old 13", "old 013", 1), good.trim_end()] {
        expect(&served.add(bad), 400);
    }
    expect(&served.add(&good.replacen("old 13", "old 21", 1)), 400);
    let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    expect(
        &served.add(&good.replacen("old 13\n", &format!("old 13\n{}", hash.repeat(64)), 1)),
        400,
    );
    // And what is no checkpoint, or no such resource.
    // What says that it is too long is not read: a sender who goes on may find the connection closed.
    let (to, length) = (served.address, 1 << 20);
    let head =
        format!("POST /add-checkpoint HTTP/1.1\r\nHost: {to}\r\nContent-Length: {length}\r\n\r\n");
    expect(&wire::exchange(to, &head), 413);
    expect(&wire::get(served.address, "/add-checkpoint"), 405);
    expect(&wire::post(served.address, &format!("/{digest}/checkpoint"), "a/b", ""), 405);
    expect(&wire::get(served.address, "/"), 404);

    // After all that: what it remembers is what it said last, and it goes on.
    expect(&served.add(&good), 200);
    served.terminate();
    let served = WitnessService::start(&witness, &[&log.vkey()]);
    conflict(&served.add(&log.submission(0, 20)), "20\n");
}

#[test]
fn the_empty_tree() {
    let witness = WitnessFolder::new("w");
    let log = Log::new(1, 0..3);
    let served = WitnessService::start(&witness, &[&log.vkey()]);
    for root in [[0; 32], [7; 32]] {
        let note = Checkpoint::new(ORIGIN, 0, root).sign(&log.key).unwrap();
        expect(&served.add(&format!("old 0\n\n{note}")), 409);
    }
    let note = Checkpoint::new(ORIGIN, 0, empty_root()).sign(&log.key).unwrap();
    expect(&served.add(&format!("old 0\n\n{note}")), 200);
    let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    expect(&served.add(&format!("old 0\n{hash}\n\n{}", log.note(3))), 422);
    expect(&served.add(&log.submission(0, 3)), 200);
}

#[test]
fn of_many_who_ask_at_once_from_one_size_one_is_served() {
    let witness = WitnessFolder::new("w");
    let log = Log::new(1, 0..40);
    let served = WitnessService::start(&witness, &[&log.vkey()]);
    expect(&served.add(&log.submission(0, 10)), 200);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> = (11..27)
            .map(|size| {
                let (served, log) = (&served, &log);
                scope.spawn(move || served.add(&log.submission(10, size)).status)
            })
            .collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 15, "{statuses:?}");
}

#[test]
fn a_log_that_changes_its_key() {
    let witness = WitnessFolder::new("w");
    let (old, new) = (Log::new(1, 0..20), Log::new(2, 0..20));
    let served = WitnessService::start(&witness, &[&old.vkey(), &new.vkey()]);
    expect(&served.add(&old.submission(0, 5)), 200);
    expect(&served.add(&new.submission(5, 6)), 200);
    expect(&served.add(&old.submission(6, 7)), 200);
    expect(&served.add(&Log::new(3, 0..20).submission(7, 8)), 403);
}
