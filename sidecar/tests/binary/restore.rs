//! The procedures of OPERATIONS.md, as they stand there: a machine is lost and comes back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tempfile::TempDir;

use super::place::{Place, Ran, copy_folder, sealtrail};
use super::served::Served;
use super::wire::{get, post};

const OPERATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../OPERATIONS.md");

/// The block of commands that follows a sentence.
fn block(after: &str) -> String {
    let text = fs::read_to_string(OPERATIONS).unwrap();
    let (_, rest) = text.split_once(after).unwrap_or_else(|| panic!("no `{after}`"));
    let (_, rest) = rest.split_once("```sh\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

fn backup_of_the_log() -> String {
    block("Let no `prune` and no `compress` run meanwhile.")
}

fn backup_of_the_keys() -> String {
    block("The keyring, to another place")
}

fn restore() -> String {
    block("On the new machine")
}

fn came_back() -> String {
    block("so this prints those that came back")
}

/// Where nothing of the machine is.
struct Elsewhere(TempDir);

impl Elsewhere {
    fn new(place: &Place) -> Self {
        let elsewhere = Self(tempfile::tempdir().unwrap());
        fs::write(elsewhere.at("vkey"), &place.vkey).unwrap();
        elsewhere
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What the shell does with commands of the document, for the log in `trail`.
    fn shell(&self, trail: &Path, commands: &str) -> Ran {
        let binary = Path::new(env!("CARGO_BIN_EXE_sealtrail"));
        let path = std::env::var("PATH").unwrap();
        let output = Command::new("sh")
            .args(["-euc", commands])
            .current_dir(self.0.path())
            .env("PATH", format!("{}:{path}", binary.parent().unwrap().display()))
            .env("TRAIL", trail)
            .env("BACKUP", self.at("backup"))
            .env("KEYS", self.at("of-keys"))
            .env("VKEY", self.at("vkey"))
            .env("COPY", self.copy())
            .env("KEPT", self.at("kept"))
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or(-1);
        Ran { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    #[track_caller]
    fn done(&self, trail: &Path, commands: &str) -> String {
        let ran = self.shell(trail, commands);
        assert_eq!(ran.code, 0, "{commands}\n{ran:?}");
        ran.stdout
    }

    /// The newest copy of the log.
    fn copy(&self) -> PathBuf {
        let copies = fs::read_dir(self.at("backup")).into_iter().flatten();
        copies.map(|copy| copy.unwrap().path()).max().unwrap_or_default()
    }

    /// What is in the safe: two keys, and nothing that changes.
    fn put_into_the_safe(&self, place: &Place) {
        fs::create_dir_all(self.at("safe")).unwrap();
        copy_folder(&place.path("keys"), &self.at("safe"));
    }

    /// A new machine, on which is what was kept.
    fn new_machine(&self) -> TempDir {
        let machine = tempfile::tempdir().unwrap();
        let keys = machine.path().join("keys");
        fs::create_dir(&keys).unwrap();
        copy_folder(&self.at("safe"), &keys);
        for key in fs::read_dir(&keys).unwrap() {
            let mode = fs::Permissions::from_mode(0o600);
            fs::set_permissions(key.unwrap().path(), mode).unwrap();
        }
        self.done(machine.path(), &restore());
        machine
    }
}

fn of_customer(id: u32) -> String {
    format!(
        r#"{{"entity":{{"type":"customer","id":"{id}"}},"action":"create","before":null,"after":{{"email":"of-{id}@example.com"}}}}"#
    )
}

fn run(trail: &Path, command: &str, rest: &[&str]) -> Ran {
    let config = trail.join("sealtrail.toml").display().to_string();
    sealtrail(&[&[command, "--config", &config], rest].concat())
}

fn history(trail: &Path, id: &str) -> String {
    run(trail, "history", &["customer", id]).stdout
}

/// Reveals what the only record of a customer holds.
fn reveal(trail: &Path, id: &str) -> Ran {
    let line = run(trail, "export", &["--format", "lines", "--type", "customer", "--id", id]);
    let record: serde_json::Value =
        serde_json::from_str(line.stdout.lines().next().unwrap()).unwrap();
    let record = record["id"].as_str().unwrap();
    run(trail, "reveal", &[record, "--group", "default", "--reason", "is it there?"])
}

fn verify(trail: &Path, vkey: &str, kept: &Path) -> Ran {
    let (log, kept) = (trail.join("log"), kept.display().to_string());
    sealtrail(&["verify", &log.display().to_string(), "--vkey", vkey, "--checkpoint", &kept])
}

#[test]
fn a_log_that_is_copied_while_it_is_written_comes_back_whole() {
    let place = Place::new();
    let elsewhere = Elsewhere::new(&place);
    elsewhere.put_into_the_safe(&place);
    place.edit_config("checkpoint_interval = \"1s\"", "checkpoint_interval = \"20ms\"");
    place.add_config("[retention]\nsegment = \"64KiB\"");
    let served = Served::start(&place);
    let is_enough = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !is_enough.load(Ordering::Relaxed) {
                assert_eq!(served.post_change(&of_customer(written)).status, 200);
                written += 1;
            }
            written
        });
        while !place.path("log/checkpoints").exists() {
            thread::yield_now();
        }
        let mut ran = Vec::new();
        for copy in 0..8 {
            // Each under a name of its own, as on another day.
            let commands = backup_of_the_log().replace("%H%M%SZ", &format!("%H%M%SZ-{copy}"));
            ran.push(elsewhere.shell(&place.path(""), &commands));
        }
        ran.push(elsewhere.shell(&place.path(""), &backup_of_the_keys()));
        is_enough.store(true, Ordering::Relaxed);
        assert!(ran.iter().all(|ran| ran.code == 0), "{ran:?}");
        writer.join().unwrap()
    });
    // Kept on the day of the copy; what came later is lost with the machine.
    fs::copy(elsewhere.copy().join("log/checkpoint"), elsewhere.at("kept")).unwrap();
    served.kill();
    let vkey = place.vkey.clone();
    drop(place);

    let machine = elsewhere.new_machine();
    let trail = machine.path();
    let served = Served::of(serve(trail));
    assert_eq!(served.post_change(&of_customer(1_000_000)).status, 200);
    assert_eq!(served.terminate().0, 0);
    let verified = verify(trail, &vkey, &elsewhere.at("kept"));
    assert_eq!(verified.code, 0, "{verified:?}");
    let records = run(trail, "export", &["--format", "lines"]).stdout.lines().count();
    assert!((2..=written as usize + 1).contains(&records), "{records} of {written}");
    assert!(history(trail, "1000000").contains("[sealed default]"));
    assert!(reveal(trail, "0").stdout.contains("of-0@example.com"));

    // An older copy under the name of the log is told by what was kept.
    let old = fs::read_dir(elsewhere.at("backup")).unwrap().map(|it| it.unwrap().path()).min();
    fs::copy(trail.join("log/checkpoint"), elsewhere.at("kept")).unwrap();
    let verified = verify(&old.unwrap(), &vkey, &elsewhere.at("kept"));
    assert_eq!(verified.code, 24, "{verified:?}");
}

fn serve(trail: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealtrail"));
    command.args(["serve", "--config"]).arg(trail.join("sealtrail.toml"));
    command
}

/// Two customers in the log, and both of its backups.
fn backed_up() -> (Place, Elsewhere) {
    let place = Place::new();
    let elsewhere = Elsewhere::new(&place);
    let both = format!("{}\n{}\n", of_customer(1), of_customer(2));
    assert_eq!(place.append(both.as_bytes()).code, 0);
    elsewhere.put_into_the_safe(&place);
    elsewhere.done(&place.path(""), &backup_of_the_keys());
    (place, elsewhere)
}

fn lose_the_machine(place: Place, elsewhere: &Elsewhere) -> String {
    elsewhere.done(&place.path(""), &backup_of_the_log());
    fs::copy(place.path("log/checkpoint"), elsewhere.at("kept")).unwrap();
    place.vkey.clone()
}

#[test]
fn a_hard_shredding_is_not_undone_by_any_copy_of_the_keyring() {
    let (place, elsewhere) = backed_up();
    let shredded = place.run("shred", &["customer/1", "--reason", "ticket 1", "--hard"]);
    assert_eq!(shredded.code, 0, "{shredded:?}");
    // The safe has the key-encryption key that there is now, and the old one is destroyed.
    elsewhere.put_into_the_safe(&place);
    let old = elsewhere.at("of-keys/keyring");
    let machine = tempfile::tempdir().unwrap();
    copy_folder(&place.path(""), machine.path());
    fs::remove_dir_all(machine.path().join("keyring")).unwrap();
    fs::create_dir(machine.path().join("keyring")).unwrap();
    copy_folder(&old, &machine.path().join("keyring"));
    for path in ["keys/kek", "keys/signing.key"] {
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(machine.path().join(path), mode).unwrap();
    }
    let refused = run(machine.path(), "config", &[]);
    refused.refused(3, "the key-encryption key does not fit keyring");
    reveal(machine.path(), "1").refused(3, "the key-encryption key does not fit keyring");

    // With the copy that was made at once, as the document asks, everybody else is back.
    elsewhere.done(&place.path(""), &backup_of_the_keys());
    let vkey = lose_the_machine(place, &elsewhere);
    let machine = elsewhere.new_machine();
    let trail = machine.path();
    assert_eq!(verify(trail, &vkey, &elsewhere.at("kept")).code, 0);
    reveal(trail, "1").refused(8, "was shredded");
    assert!(history(trail, "1").contains("[erased]"));
    assert!(reveal(trail, "2").stdout.contains("of-2@example.com"));
    assert_eq!(elsewhere.done(trail, &came_back()), "");
}

#[test]
fn whom_an_older_keyring_brings_back_is_named_and_forgotten_again() {
    let (place, elsewhere) = backed_up();
    let shredded = place.run("shred", &["customer/1", "--reason", "ticket 1", "--json"]);
    let kid = shredded.json()["kids"][0].as_str().unwrap().to_owned();
    let vkey = lose_the_machine(place, &elsewhere);
    let machine = elsewhere.new_machine();
    let trail = machine.path();
    assert_eq!(elsewhere.done(trail, &came_back()), format!("{kid}\n"));
    reveal(trail, "1").refused(8, "was shredded");
    assert_eq!(run(trail, "shred", &["customer/1", "--reason", "ticket 1, again"]).code, 0);
    assert_eq!(elsewhere.done(trail, &came_back()), "");
    reveal(trail, "1").refused(8, "was shredded");
    assert_eq!(verify(trail, &vkey, &elsewhere.at("kept")).code, 0);
}

/// The server that runs on it opens nothing with the key, and has it destroyed by the first change.
#[test]
fn a_person_whom_an_older_keyring_brings_back_stays_forgotten() {
    let (place, elsewhere) = backed_up();
    let shredded = place.run("shred", &["customer/1", "--reason", "ticket 1", "--json"]);
    let kid = shredded.json()["kids"][0].as_str().unwrap().to_owned();
    let vkey = lose_the_machine(place, &elsewhere);
    let machine = elsewhere.new_machine();
    let trail = machine.path();
    let served = Served::of(serve(trail));
    let found = get(served.api, "/v1/entities/customer/1/changes").json();
    let id = found["records"][0]["record"]["id"].as_str().unwrap().to_owned();
    let open = |id: &str, how: &str| {
        let body = r#"{"group":"default","reason":"is it there?"}"#;
        post(served.api, &format!("/v1/records/{id}/{how}"), "application/json", body)
    };
    for how in ["reveal", "lease"] {
        let refused = open(&id, how);
        refused.is_problem(410, "shredded");
        assert!(refused.text().contains("ticket 1"), "{}", refused.text());
    }
    let again = served.post_change(&of_customer(1)).json();
    assert!(open(again["id"].as_str().unwrap(), "reveal").text().contains("of-1@example.com"));
    open(&id, "reveal").is_problem(410, "shredded");
    let (code, said) = served.terminate();
    assert!(
        code == 0 && said.contains(&kid) && said.contains("put back to an older copy"),
        "{said}"
    );
    assert_eq!(elsewhere.done(trail, &came_back()), "");
    let shreds = run(trail, "query", &["--action", "shred", "--json"]).stdout.lines().count();
    assert_eq!(shreds, 1, "the erasure is told once");
    assert_eq!(verify(trail, &vkey, &elsewhere.at("kept")).code, 0);
}

#[test]
fn a_lost_checkpoint_is_in_the_history_of_the_log() {
    let (place, elsewhere) = backed_up();
    fs::copy(place.path("log/checkpoint"), elsewhere.at("kept")).unwrap();
    fs::remove_file(place.path("log/checkpoint")).unwrap();
    place.run("config", &[]).refused(6, "there are lines, but no checkpoint");
    let text = fs::read_to_string(OPERATIONS).unwrap();
    let row =
        text.lines().find(|line| line.contains("there are lines, but no checkpoint")).unwrap();
    let command = row.split('`').nth(3).unwrap().replace("\\|", "|");
    elsewhere.done(&place.path(""), &command);
    assert_eq!(verify(&place.path(""), &place.vkey, &elsewhere.at("kept")).code, 0);
    assert_eq!(place.append(of_customer(3).as_bytes()).code, 0);
    assert_eq!(verify(&place.path(""), &place.vkey, &elsewhere.at("kept")).code, 0);
}

#[test]
fn without_any_keyring_the_log_goes_on_with_a_new_one() {
    let (place, elsewhere) = backed_up();
    fs::remove_dir_all(place.path("keyring")).unwrap();
    fs::remove_file(place.path("keys/kek")).unwrap();
    place.run("config", &[]).refused(3, "kek");
    elsewhere.done(&place.path(""), &block("To go on, with new keys from now on:"));
    assert_eq!(place.run("config", &[]).code, 0);
    assert_eq!(place.append(of_customer(3).as_bytes()).code, 0);
    reveal(&place.path(""), "1").refused(9, "the keyring has no key");
    assert!(reveal(&place.path(""), "3").stdout.contains("of-3@example.com"));
    assert_eq!(place.verify().code, 0);
}

#[test]
fn an_empty_volume_gets_its_log_once() {
    let place = Place::new();
    let (config, volume) = (place.config(), place.path("volume"));
    fs::create_dir(&volume).unwrap();
    place.edit_config("\"log\"", "\"volume/log\"");
    place.edit_config("\"keyring\"", "\"volume/keyring\"");
    let init = |more: &[&str]| sealtrail(&[&["init", "--config", &config], more].concat());
    place.run("config", &[]).refused(6, "volume/keyring");
    let made = init(&["--if-missing", "--json"]);
    assert_eq!((made.code, made.json()["vkey"].as_str()), (0, Some(&*place.vkey)), "{made:?}");
    assert_eq!(place.run("config", &[]).code, 0);
    assert_eq!(place.append(of_customer(1).as_bytes()).code, 0);
    init(&[]).refused(3, "is there already and is not overwritten");
    assert_eq!(init(&["--if-missing"]).code, 0, "a pod that starts again");
    assert!(history(&place.path(""), "1").contains("[sealed default]"));
    // One without the other is nothing to go on with.
    fs::remove_dir_all(volume.join("keyring")).unwrap();
    init(&["--if-missing"]).refused(3, "volume/log` is there already");
    fs::remove_dir_all(volume.join("log")).unwrap();
    init(&["--origin", "a/b"]).refused(2, "cannot be used with");
}
