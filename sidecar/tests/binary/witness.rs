//! `sealtrail witness cosign`, `collect`, and what is verified under a policy: an operator who rewrites the log,
//! or keeps two of them, is caught.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sealtrail_log::proof::{Checkpoint, Note, Submission, VerifierKey, WitnessKey, consistency};
use tempfile::TempDir;

use super::place::{Place, Ran, change, edit, sealtrail};
use super::served::Served;
use super::witness_service::WitnessService;

/// A folder made by `sealtrail witness init`.
pub struct WitnessFolder {
    dir: TempDir,
    pub vkey: String,
}

impl WitnessFolder {
    pub fn new(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("witness").display().to_string();
        let ran = sealtrail(&["witness", "init", &state, "--name", name, "--json"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        Self { dir, vkey: ran.json()["vkey"].as_str().unwrap().to_owned() }
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join("witness")
    }

    pub fn cosign(&self, place: &Place) -> Ran {
        self.cosign_with(&place.log(), &place.vkey, &[])
    }

    pub fn cosign_with(&self, log: &str, vkey: &str, rest: &[&str]) -> Ran {
        let state = self.state().display().to_string();
        sealtrail(&[&["witness", "cosign", "--state", &state, "--vkey", vkey, log], rest].concat())
    }

    /// The one log's folder in the state.
    fn of_log(&self) -> PathBuf {
        let logs: Vec<_> = std::fs::read_dir(self.state().join("logs")).unwrap().collect();
        assert_eq!(logs.len(), 1);
        logs.into_iter().next().unwrap().unwrap().path()
    }

    /// What is remembered.
    fn remembered(&self) -> String {
        std::fs::read_to_string(self.of_log().join("checkpoint")).unwrap()
    }

    fn evidence(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.of_log().join("evidence"));
        entries.map_or(vec![], |entries| entries.map(|entry| entry.unwrap().path()).collect())
    }
}

fn append(place: &Place, what: &str) {
    assert_eq!(place.append(change(what).as_bytes()).code, 0);
}

fn size_of(note: &str) -> u64 {
    note.lines().nth(1).unwrap().parse().unwrap()
}

#[track_caller]
fn refused(ran: &Ran, code: i32, word: &str) {
    assert_eq!(ran.code, code, "{ran:?}");
    assert!(ran.stderr.contains(&format!("REFUSED, {word}: ")), "{ran:?}");
    assert_eq!(ran.stdout, "", "a refusal prints no note");
}

#[test]
fn a_growing_log_is_cosigned_and_remembered() {
    let (place, witness) = (Place::new(), WitnessFolder::new("auditor.example/w1"));
    let key: WitnessKey = witness.vkey.parse().unwrap();
    let log: VerifierKey = place.vkey.parse().unwrap();
    for (size, first) in [(0, true), (1, false), (2, false), (2, false)] {
        if size > 0 && place.lines().len() < size {
            append(&place, "grows");
        }
        let ran = witness.cosign(&place);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(ran.stderr.contains("the first checkpoint"), first, "{ran:?}");
        let note = Note::parse(ran.stdout.as_bytes()).unwrap();
        assert_eq!(Checkpoint::of_note(&note, &log).unwrap().size(), size as u64);
        assert!(note.verify_cosignature(&key).unwrap() > 1_700_000_000);
        assert_eq!(witness.remembered(), ran.stdout);
    }
    let out = place.path("cosigned").display().to_string();
    let ran = witness.cosign_with(&place.log(), &place.vkey, &["--out", &out]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), witness.remembered());
    let ran = witness.cosign_with(&place.log(), &place.vkey, &["--json"]);
    assert_eq!((ran.json()["size"].as_u64(), ran.json()["known"].as_u64()), (Some(2), Some(2)));
}

#[test]
fn a_log_that_was_put_back_is_refused() {
    let (place, witness) = (Place::new(), WitnessFolder::new("w"));
    append(&place, "a");
    let earlier = place.copy();
    append(&place, "b");
    assert_eq!(witness.cosign(&place).code, 0);
    let remembered = witness.remembered();
    refused(&witness.cosign(&earlier), 24, "rolled-back");
    assert_eq!(earlier.verify().code, 0, "by itself it is intact");
    // Grown again to the same size it is another history.
    append(&earlier, "c");
    refused(&witness.cosign(&earlier), 25, "fork");
    assert_eq!(witness.remembered(), remembered);
    assert_eq!(witness.evidence().len(), 2);
    assert_eq!(witness.cosign(&place).code, 0, "the true log goes on");
}

#[test]
fn two_histories_by_one_key_are_caught_and_kept_as_evidence() {
    for later in [0, 1, 5] {
        let (place, witness) = (Place::new(), WitnessFolder::new("w"));
        append(&place, "common");
        let fork = place.copy();
        append(&place, "shown to the auditor");
        append(&fork, "shown to the judge");
        for _ in 0..later {
            append(&fork, "more");
        }
        assert_eq!((place.verify().code, fork.verify().code), (0, 0), "each alone is intact");
        assert_eq!(witness.cosign(&place).code, 0);
        let remembered = witness.remembered();
        let ran = witness.cosign(&fork);
        refused(&ran, 25, "fork");
        assert_eq!(witness.cosign(&fork).code, 25, "again, and nothing new is kept");
        assert_eq!(witness.remembered(), remembered);

        // The evidence stands by itself: two notes by the log, and the proof that they contradict each other.
        let [folder] = &witness.evidence()[..] else { panic!("one piece of evidence") };
        assert!(ran.stderr.contains(&folder.display().to_string()), "{ran:?}");
        let log: VerifierKey = place.vkey.parse().unwrap();
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
        let cosigned = Checkpoint::verify(&read("cosigned"), &log).unwrap();
        let presented = Checkpoint::verify(&read("presented"), &log).unwrap();
        assert_eq!((cosigned.size(), presented.size()), (2, 2 + later));
        assert_ne!(cosigned.root(), presented.root());
        if later > 0 {
            let submission = Submission::parse(&read("submission")).unwrap();
            let checked = consistency::verify(
                2,
                cosigned.root(),
                2 + later,
                presented.root(),
                submission.proof(),
            );
            assert!(checked.unwrap_err().is_mismatch());
        }
    }
}

#[test]
fn forged_foreign_and_damaged_logs_are_told_apart_and_not_remembered() {
    let (place, witness) = (Place::new(), WitnessFolder::new("w"));
    append(&place, "a");
    let forged = place.copy();
    edit(&forged.path("log/checkpoint"), "\n1\n", "\n2\n");
    refused(&witness.cosign(&forged), 21, "signature");
    let other = Place::new();
    refused(&witness.cosign_with(&place.log(), &other.vkey, &[]), 22, "foreign-key");
    let elsewhere = place.copy();
    edit(&elsewhere.path("log/checkpoint"), "shop.example", "shoq.example");
    refused(&witness.cosign(&elsewhere), 22, "foreign-key");
    let cut = place.copy();
    std::fs::write(cut.path("log/checkpoint"), "shop.example/audit\n1\n").unwrap();
    assert_ne!(witness.cosign(&cut).code, 0);

    // Tiles that lead nowhere are no fork: the log must be whole before it is judged.
    let damaged = place.copy();
    let tile = damaged.path("log/tile/0/000.p/1");
    std::fs::write(&tile, [0; 32]).unwrap();
    witness.cosign(&damaged).refused(6, "do not lead to the root");
    std::fs::remove_file(&tile).unwrap();
    witness.cosign(&damaged).refused(6, "tile/0/000.p/1");
    assert_eq!(std::fs::read_dir(witness.state().join("logs")).unwrap().count(), 0);
    assert_eq!(witness.cosign(&place).code, 0);
}

#[test]
fn a_state_that_was_changed_is_never_taken_for_a_new_log() {
    let (place, witness) = (Place::new(), WitnessFolder::new("w"));
    append(&place, "a");
    assert_eq!(witness.cosign(&place).code, 0);
    let path = witness.of_log().join("checkpoint");
    let good = witness.remembered();
    for bad in [
        String::new(),
        good[..good.len() - 1].to_owned(),
        good.replacen("\n1\n", "\n0\n", 1),
        // Without the witness's own signature.
        std::fs::read_to_string(place.path("log/checkpoint")).unwrap(),
    ] {
        std::fs::write(&path, bad).unwrap();
        witness.cosign(&place).refused(6, "checkpoint");
    }
    // What a crash may leave beside it is no matter.
    std::fs::write(&path, &good).unwrap();
    std::fs::write(path.with_extension("tmp"), "half a no").unwrap();
    assert_eq!(witness.cosign(&place).code, 0);
}

#[test]
fn a_kill_after_remembering_and_before_printing_loses_nothing() {
    let (place, witness) = (Place::new(), WitnessFolder::new("w"));
    append(&place, "a");
    assert_eq!(witness.cosign(&place).code, 0);
    append(&place, "b");
    // A pipe that takes nothing more holds the witness where it would print.
    let (_reader, mut full) = std::io::pipe().unwrap();
    full.write_all(&[0; 64 << 10]).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealtrail"))
        .args(["witness", "cosign", "--vkey", &place.vkey, "--state"])
        .arg(witness.state())
        .arg(place.log())
        .stdin(Stdio::null())
        .stdout(full)
        .spawn()
        .unwrap();
    let start = Instant::now();
    while size_of(&witness.remembered()) != 2 {
        assert!(start.elapsed() < Duration::from_secs(30), "remembered before it is printed");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(child.try_wait().unwrap().is_none(), "it waits to print");
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = witness.cosign(&place);
    assert_eq!((ran.code, size_of(&ran.stdout)), (0, 2), "{ran:?}");
}

#[test]
fn one_process_at_a_time_and_a_key_for_its_owner_only() {
    let (place, witness) = (Place::new(), WitnessFolder::new("w"));
    let served = WitnessService::start(&witness, &[&place.vkey]);
    witness.cosign(&place).refused(6, "in use by another process");
    served.terminate();
    assert_eq!(witness.cosign(&place).code, 0);

    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(witness.state().join("key")), 0o600);
    assert_eq!(mode(witness.state()), 0o700);
    let state = witness.state().display().to_string();
    let key = std::fs::read(witness.state().join("key")).unwrap();
    sealtrail(&["witness", "init", &state, "--name", "v"]).refused(3, "is not overwritten");
    assert_eq!(std::fs::read(witness.state().join("key")).unwrap(), key);
    let fresh = place.path("fresh").display().to_string();
    sealtrail(&["witness", "init", &fresh, "--name", "two words"]).refused(2, "--name");
    assert!(!place.path("fresh").exists(), "nothing half made");
    witness.cosign_with("https://a.example", &place.vkey, &[]).refused(2, "`http://");
}

#[test]
fn a_log_is_read_over_http_too() {
    let (place, witness) = (Place::new(), WitnessFolder::new("w"));
    let served = Served::start(&place);
    let url = format!("http://{}", served.api);
    assert_eq!(witness.cosign_with(&url, &place.vkey, &[]).code, 0);
    for i in 0..3 {
        assert_eq!(served.post_change(&change(&format!("c{i}"))).status, 200);
    }
    served.terminate();
    let behind = place.copy();
    let served = Served::start(&place);
    let url = format!("http://{}", served.api);
    let ran = witness.cosign_with(&url, &place.vkey, &[]);
    assert_eq!((ran.code, size_of(&ran.stdout)), (0, 3), "{ran:?}");
    assert_eq!(served.post_change(&change("c3")).status, 200);
    served.terminate();
    assert_eq!(witness.cosign(&place).code, 0);
    witness.cosign_with(&url, &place.vkey, &[]).refused(1, &url);

    // Behind the same address another history goes on.
    let served = Served::start(&behind);
    let url = format!("http://{}", served.api);
    refused(&witness.cosign_with(&url, &place.vkey, &[]), 24, "rolled-back");
    for i in 0..3 {
        assert_eq!(served.post_change(&change(&format!("d{i}"))).status, 200);
    }
    served.terminate();
    let served = Served::start(&behind);
    let url = format!("http://{}", served.api);
    refused(&witness.cosign_with(&url, &place.vkey, &[]), 25, "fork");
}

#[test]
fn receipts_under_a_policy() {
    let place = Place::new();
    append(&place, "a");
    append(&place, "b");
    let witnesses = ["w1", "w2", "w3"].map(WitnessFolder::new);
    let services = [0, 1].map(|i| WitnessService::start(&witnesses[i], &[&place.vkey]));
    let policy = |log: &str, quorum: &str| {
        let mut text = format!("# who is believed\nlog {log}\n");
        for (i, witness) in witnesses.iter().enumerate() {
            let url = services.get(i).map_or(String::new(), |service| service.url());
            text += &format!("witness w{} {} {url}\n", i + 1, witness.vkey);
        }
        let path = place.path("policy.txt");
        std::fs::write(&path, format!("{text}{quorum}")).unwrap();
        path.display().to_string()
    };
    let two = "group two 2 w1 w2 w3\nquorum two\n";
    let path = |name: &str| place.path(name).display().to_string();
    let (cosigned, receipt, line) = (path("cosigned"), path("receipt"), path("line"));
    let collect = |policy: &str| {
        sealtrail(&["witness", "collect", &place.log(), "--policy", policy, "--out", &cosigned])
    };
    // Too few, then enough; the second time the witnesses know the log already.
    let ran = collect(&policy(&place.vkey, "group all3 all w1 w2 w3\nquorum all3\n"));
    ran.refused(26, "expected 3 of `w1`, `w2`, `w3` for `all3`, got 2; cosigned by `w1`, `w2`");
    assert!(!place.path("cosigned").exists());
    append(&place, "c");
    let ran = collect(&policy(&place.vkey, two));
    assert_eq!(ran.code, 0, "{ran:?}");
    append(&place, "d");

    let prove = |rest: &[&str]| {
        let ran = sealtrail(
            &[&["prove", &place.log(), "1", "--out", &receipt, "--line", &line], rest].concat(),
        );
        assert_eq!(ran.code, 0, "{ran:?}");
    };
    let check =
        |rest: &[&str]| sealtrail(&[&["verify-proof", &receipt, &line, "--json"], rest].concat());
    prove(&[]);
    let policy_file = policy(&place.vkey, two);
    let ran = check(&["--policy", &policy_file]);
    assert_eq!((ran.code, ran.json()["class"].as_str()), (26, Some("witness")), "{ran:?}");
    assert_eq!(check(&["--vkey", &place.vkey]).code, 0, "without a policy it is enough");

    prove(&["--checkpoint", &cosigned]);
    let ran = check(&["--policy", &policy_file]);
    assert_eq!((ran.code, ran.json()["size"].as_u64()), (0, Some(3)), "{ran:?}");
    let names: Vec<_> =
        ran.json()["witnesses"].as_array().unwrap().iter().map(|w| w["name"].clone()).collect();
    assert_eq!(names, ["w1", "w2"]);
    assert_eq!(check(&["--policy", &policy_file, "--vkey", &place.vkey]).code, 0);
    let ran = sealtrail(&["verify-proof", &receipt, &line, "--policy", &policy_file]);
    assert!(ran.stdout.contains("size 3\n  cosigned by `w1` at 2"), "{ran:?}");
    let other = Place::new();
    assert_eq!(check(&["--policy", &policy_file, "--vkey", &other.vkey]).code, 22);
    let other_policy = policy(&other.vkey, two);
    assert_eq!(check(&["--policy", &other_policy]).code, 22);
    let broken = policy(&place.vkey, "quorum w4\n");
    check(&["--policy", &broken]).refused(3, "policy.txt: malformed witness policy: line 6: ");
    assert_eq!(check(&[]).code, 2, "a key or a policy is needed");
    std::fs::write(&policy_file, "quorum none\n").unwrap();
    check(&["--policy", &policy_file]).refused(3, "policy.txt: the policy names no log");
    collect(&policy_file).refused(3, "give the verifier key with --vkey");
    assert_eq!(check(&["--policy", &policy_file, "--vkey", &place.vkey]).code, 0);
    // A record that the cosigned checkpoint does not cover.
    let ran = sealtrail(&["prove", &place.log(), "3", "--checkpoint", &cosigned]);
    ran.refused(7, "a tree of 3 has no record 3");
    // A witness that is gone is told, and the others are enough or not.
    let [first, second] = services;
    first.terminate();
    let ran = sealtrail(&[
        "witness",
        "collect",
        &place.log(),
        "--policy",
        &policy_file_of(&place, &witnesses, &second),
    ]);
    ran.refused(26, "cosigned by `w2`");
}

#[test]
fn a_log_under_a_policy() {
    let place = Place::new();
    append(&place, "a");
    let earlier = place.copy();
    append(&place, "b");
    let witness = WitnessFolder::new("w1");
    let service = WitnessService::start(&witness, &[&place.vkey]);
    let (policy, cosigned) = (place.path("policy.txt"), place.path("cosigned"));
    let text = format!("log {}\nwitness w1 {} {}\n", place.vkey, witness.vkey, service.url());
    std::fs::write(&policy, text + "quorum w1\n").unwrap();
    let [policy, cosigned] = [policy, cosigned].map(|path| path.display().to_string());
    let ran =
        sealtrail(&["witness", "collect", &place.log(), "--policy", &policy, "--out", &cosigned]);
    assert_eq!(ran.code, 0, "{ran:?}");
    append(&place, "c");

    let verify = |log: &str, rest: &[&str]| {
        sealtrail(&[&["verify", log, "--vkey", &place.vkey, "--json"], rest].concat())
    };
    let known = ["--checkpoint", &cosigned, "--policy", &policy];
    let ran = verify(&place.log(), &known);
    assert_eq!((ran.code, ran.json()["known_checkpoints"].as_u64()), (0, Some(1)), "{ran:?}");
    assert_eq!(verify(&earlier.log(), &known).code, 24, "put back to before the witness saw it");
    let own = place.path("log/checkpoint").display().to_string();
    let ran = verify(&place.log(), &["--checkpoint", &own, "--policy", &policy]);
    assert_eq!((ran.code, ran.json()["class"].as_str()), (26, Some("witness")), "{ran:?}");
    assert_eq!(verify(&place.log(), &["--checkpoint", &own]).code, 0);
    assert_eq!(
        verify(&place.log(), &["--policy", &policy]).code,
        2,
        "a policy is for a checkpoint"
    );
}

fn policy_file_of(place: &Place, witnesses: &[WitnessFolder], up: &WitnessService) -> String {
    let text = format!(
        "log {}\nwitness w1 {} http://127.0.0.1:9\nwitness w2 {} {}\ngroup two all w1 w2\nquorum two\n",
        place.vkey,
        witnesses[0].vkey,
        witnesses[1].vkey,
        up.url()
    );
    let path = place.path("policy2.txt");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}
