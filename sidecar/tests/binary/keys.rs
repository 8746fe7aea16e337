//! Keys listed, changed and destroyed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::place::{Place, Ran, change, copy_folder, edit, sealtrail};
use super::served::Served;
use super::small_disk::SmallDisk;
use super::wire::{get, post};

fn keys(place: &Place, command: &str, rest: &[&str]) -> Ran {
    sealtrail(&[&["keys", command, "--config", &place.config()], rest].concat())
}

/// Two customers, who are known by what is searched for.
fn place() -> Place {
    let place = Place::new();
    for (id, name) in [("3", "Ada-Canary-71"), ("4", "Grace-Canary-72")] {
        let change = json!({"entity": {"type": "customer", "id": id}, "action": "create", "before": null,
            "after": {"name": name, "note": format!("{name} says {name}"), "tier": 1},
            "context": {"correlation_id": format!("c-{id}"), "actor": {"type": "user", "id": "u-1", "name": name}}});
        assert_eq!(place.append(change.to_string().as_bytes()).code, 0);
    }
    place
}

fn revealed(place: &Place, customer: &str) -> Ran {
    let history = place.run("history", &["customer", customer, "--json"]);
    let line = history.stdout.lines().next().unwrap_or_else(|| panic!("{history:?}")).to_owned();
    let record: Value = serde_json::from_str(&line).unwrap();
    let record = if record["record"].is_object() { &record["record"] } else { &record };
    let id = record["id"].as_str().unwrap();
    place.run("reveal", &[id, "--group", "default", "--reason", "test"])
}

/// The names of what is beside the key-encryption key.
fn in_keys(place: &Place) -> Vec<String> {
    let names = fs::read_dir(place.path("keys")).unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn keys_are_listed_without_a_byte_of_them() {
    let place = place();
    let list = keys(&place, "list", &["--json"]);
    let lines = list.json_lines();
    let (last, listed) = lines.split_last().unwrap();
    assert_eq!(last["subject_keys"], last["subjects"]);
    assert_eq!((&last["period_keys"], &last["shredded"]), (&json!(1), &json!(0)));
    assert!(
        listed.iter().all(|key| key["state"] == "alive" && key["created"].is_string()),
        "{listed:?}"
    );
    for key in listed {
        let kid = key["kid"].as_str().unwrap();
        let file = find(&place.path("keyring"), &format!("{kid}.key"));
        let text = fs::read_to_string(file).unwrap();
        assert!(!list.stdout.contains(text.lines().nth(2).unwrap()), "{kid}");
    }
    place.run("shred", &["customer/3", "--reason", "ticket 81", "--actor", "dpo"]);
    // Beside a running server too.
    let _served = Served::start(&place);
    let words = keys(&place, "list", &[]).stdout;
    assert!(words.contains("  shredded  ") && words.contains("by dpo: ticket 81"), "{words}");
    assert!(words.lines().last().unwrap().contains("1 period key, 1 shredded"), "{words}");
}

#[test]
fn another_key_encryption_key_leaves_every_value_readable_and_yesterdays_copy_of_the_keyring_useless()
 {
    let place = place();
    let before = revealed(&place, "3").stdout;
    let old = fs::read_to_string(place.path("keys/kek")).unwrap();
    let copy = place.copy();
    let rotated = keys(&place, "rotate", &[]);
    assert!(
        rotated.stdout.contains("keys are wrapped with another key-encryption key"),
        "{rotated:?}"
    );
    assert_ne!(fs::read_to_string(place.path("keys/kek")).unwrap(), old);
    assert_eq!(in_keys(&place), ["kek", "signing.key"]);
    let values = |text: &str| text.split("\nthis reveal").next().unwrap().to_owned();
    assert_eq!(values(&revealed(&place, "3").stdout), values(&before));

    // Somebody brings yesterday's keyring back; today's key does not open it, and yesterday's is gone.
    fs::remove_dir_all(place.path("keyring")).unwrap();
    copy_into(&copy.path("keyring"), &place.path("keyring"));
    revealed(&place, "3").refused(3, "the key-encryption key does not fit keyring");

    // While a server has the keyring.
    let served = Served::start(&copy);
    let url = format!("http://{}", served.api);
    let rotated = sealtrail(&["keys", "rotate", "--url", &url, "--json"]);
    assert_eq!(rotated.json()["generation"], 1, "{rotated:?}");
    assert_eq!(served.post_change(&change("c-9")).status, 200);
    keys(&copy, "rotate", &[]).refused(6, "is being written by another process");
    assert_eq!(served.terminate().0, 0);
    assert!(revealed(&copy, "4").stdout.contains("Grace-Canary-72"));
}

#[test]
fn a_change_that_was_interrupted_is_completed_by_the_next_command() {
    let place = place();
    // The new one was written, and then the power went.
    let next = sealtrail_keyring::Kek::generate().unwrap();
    next.write_new(&place.path("keys/kek.next")).unwrap();
    assert!(revealed(&place, "3").stdout.contains("Ada-Canary-71"));
    assert_eq!(fs::read_to_string(place.path("keys/kek")).unwrap().trim(), *next.to_text());
    assert!(!place.path("keys/kek.next").exists() && !place.path("keys/kek.old").exists());
}

#[test]
fn a_hard_shredding_that_finds_no_room_leaves_no_other_key_encryption_key() {
    let place = place();
    let kek = || fs::read_to_string(place.path("keys/kek")).unwrap();
    let before = kek();
    let Some(disk) = SmallDisk::under(&place, "keyring", "4m") else { return };
    let served = Served::start(&place);
    let ballast = disk.fill();
    let shred = |served: &Served| {
        let body = r#"{"reason":"ticket 81","hard":true}"#;
        post(served.api, "/v1/subjects/customer%2F3/shred", "application/json", body)
    };
    let refused = shred(&served);
    refused.is_problem(503, "log_unavailable");
    assert!(refused.text().contains("make room and try again"), "{}", refused.text());
    assert_eq!(
        (in_keys(&place), kek()),
        (vec!["kek".into(), "signing.key".into()], before.clone())
    );
    served.kill();

    // As a process leaves it that is killed before it could take it back.
    assert!(sealtrail_keyring::KekFile::new(&place.path("keys/kek")).prepare().unwrap());
    let served = Served::start(&place);
    assert_eq!(get(served.api, "/v1/entities/customer/3/changes").status, 200);
    let waiting = ["kek", "kek.next", "signing.key"].map(String::from);
    assert_eq!((in_keys(&place), kek()), (waiting.into(), before.clone()));
    drop(ballast);
    let shredded = shred(&served);
    assert_eq!(shredded.status, 200, "{}", shredded.text());
    assert_eq!(in_keys(&place), ["kek", "signing.key"]);
    assert_ne!(kek(), before);
    let (code, said) = served.terminate();
    assert!(code == 0 && said.contains("there is no room for the change"), "{said}");
    revealed(&place, "3").refused(8, "was shredded");
    assert!(revealed(&place, "4").stdout.contains("Grace-Canary-72"));
    assert_eq!(place.verify().code, 0);
}

#[test]
fn changes_of_the_key_encryption_key_that_are_asked_for_at_once_come_one_after_another() {
    const AT_ONCE: u64 = 8;
    let place = place();
    let served = Served::start(&place);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let rotated = post(served.api, "/v1/keys/rotate", "application/json", "{}");
                assert_eq!(rotated.status, 200, "{}", rotated.text());
            });
        }
    });
    assert_eq!(served.terminate().0, 0);
    assert_eq!(in_keys(&place), ["kek", "signing.key"]);
    let rotated = keys(&place, "rotate", &["--json"]).json();
    assert_eq!(rotated["generation"], AT_ONCE + 1, "{rotated}");
    assert!(revealed(&place, "3").stdout.contains("Ada-Canary-71"));
}

#[test]
fn a_hard_shredding_that_was_interrupted_is_completed_and_recorded_as_one() {
    use sealtrail_keyring::{KekFile, Why};
    let place = place();
    let kek = KekFile::new(&place.path("keys/kek"));
    let keyring = kek.open_keyring(&place.path("keyring")).unwrap();
    let why = Why { when: "2026-11-21T20:00:00Z", who: "dpo", reason: "Art. 17" };
    kek.prepare().unwrap();
    let erased = keyring.shred_subject_before_rotation("customer/3", &why).unwrap();
    // And then the power went.
    drop(keyring);
    let old = fs::read_to_string(place.path("keys/kek")).unwrap();
    assert_eq!(place.append(change("c-9").as_bytes()).code, 0);
    let record: Value = serde_json::from_str(&place.lines()[2]).unwrap();
    assert_eq!(
        (&record["type"], &record["data"]["hard"]),
        (&json!("sealtrail.shred.v1"), &json!(true))
    );
    assert_eq!(record["data"]["kids"], json!([erased.kids[0].as_str()]));
    assert_ne!(fs::read_to_string(place.path("keys/kek")).unwrap(), old);
}

#[test]
fn a_key_encryption_key_from_the_environment_is_changed_by_giving_both() {
    let place = place();
    let old = fs::read_to_string(place.path("keys/kek")).unwrap();
    fs::remove_file(place.path("keys/kek")).unwrap();
    place.edit_config("kek = \"keys/kek\"", "kek = { env = \"KEK_OF_TEST\" }");
    let new = sealtrail_keyring::Kek::generate().unwrap().to_text().to_string();
    let run = |kek: &str, next: Option<&str>, args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealtrail"));
        command.args(args).args(["--config", &place.config()]).env("KEK_OF_TEST", kek);
        if let Some(next) = next {
            command.env("KEK_OF_TEST_NEXT", next);
        }
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    };
    let shred = ["shred", "customer/3", "--hard", "--reason", "x"];
    run(&old, None, &["keys", "rotate"]).refused(3, "the environment has no `KEK_OF_TEST_NEXT`");
    run(&old, None, &shred).refused(3, "the environment has no `KEK_OF_TEST_NEXT`");
    run(&new, None, &["keys", "rotate"]).refused(3, "does not fit keyring");
    run("hunter2", None, &["keys", "rotate"])
        .refused(3, "the environment's `KEK_OF_TEST`: the key-encryption key cannot be read");
    assert_eq!(place.lines().len(), 2, "nothing was done");
    let shredded = run(&old, Some(&new), &shred);
    assert_eq!(shredded.code, 0, "{shredded:?}");
    run(&old, None, &["shred", "customer/4", "--reason", "x"]).refused(3, "does not fit keyring");
    let still = run(&old, Some(&new), &["shred", "customer/4", "--reason", "x"]);
    assert!(
        still.stderr.contains("`KEK_OF_TEST_NEXT` is the one to keep as `KEK_OF_TEST`"),
        "{still:?}"
    );
    run(&new, None, &["shred", "customer/4", "--reason", "x"]).refused(8, "erased already");
}

#[test]
fn a_certificate_of_erasure_is_proven_without_the_log() {
    let place = place();
    let file = place.path("erasure.json").display().to_string();
    let shred = ["customer/3", "--reason", "Art. 17", "--certificate", &file];
    let shredded = place.run("shred", &shred);
    assert!(shredded.stdout.contains(&format!("the certificate is {file}")), "{shredded:?}");
    place.run("shred", &shred).refused(2, "is there already and is not overwritten");
    let text = fs::read_to_string(&file).unwrap();
    let certificate: Value = serde_json::from_str(&text).unwrap();
    // Three values of the image; what the context has of the actor is sealed under the actor's own key.
    assert_eq!((&certificate["records"], &certificate["values"]), (&json!(1), &json!(3)), "{text}");
    assert!(!text.contains("customer/3") && !text.contains("Ada"), "{text}");

    fs::remove_dir_all(place.path("log")).unwrap();
    let verify = |file: &str| sealtrail(&["verify-proof", file, "--vkey", &place.vkey]);
    let verified = verify(&file);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert!(verified.stdout.contains("sealed with it: 3 values in 1 record\n"), "{verified:?}");
    for (from, to, code, said) in [
        (
            "\"kids\": [",
            "\"kids\": [\"k_AAAAAAAAAAAAAAAAAAAAAA\",",
            4,
            "names another record or other keys",
        ),
        ("\"index\": 2", "\"index\": 1", 4, "its receipt is of another one"),
        ("Art. 17", "Art. 18", 11, "FAILED, changed"),
    ] {
        fs::write(&file, text.replace(from, to)).unwrap();
        let edited = verify(&file);
        assert_eq!(edited.code, code, "{from}: {edited:?}");
        assert!((edited.stdout + &edited.stderr).contains(said), "{from}");
    }
}

/// It could not be made afterwards: nobody knows any more which key was whose.
#[test]
fn a_certificate_that_cannot_be_written_keeps_from_erasing() {
    let place = place();
    let shred = |subject: &str, file: &str| {
        place.run("shred", &[subject, "--reason", "x", "--certificate", file])
    };
    shred("customer/3", &place.path("nowhere/erasure.json").display().to_string())
        .refused(1, "nothing is erased");
    assert_eq!(revealed(&place, "3").code, 0);
    let file = place.path("erasure.json");
    shred("customer/77", &file.display().to_string()).refused(7, "this subject has no key");
    assert!(!file.exists());
    assert_eq!(shred("customer/3", &file.display().to_string()).code, 0);
    assert!(file.exists());
}

#[test]
fn a_hold_keeps_from_shredding_what_it_keeps() {
    let place = place();
    let hold =
        ["add", "case-17", "--config", &place.config(), "--from", "1", "--reason", "litigation"];
    assert_eq!(sealtrail(&[&["hold"], &hold[..]].concat()).code, 0);
    // Record 0 is before the hold, record 1 is not.
    place
        .run("shred", &["customer/4", "--reason", "x"])
        .refused(1, "the hold `case-17` keeps record 1");
    assert_eq!(place.run("shred", &["customer/3", "--reason", "x"]).code, 0);
    let listed = keys(&place, "list", &["--json"]).json_lines();
    let period =
        listed.iter().find_map(|key| key["kid"].as_str()?.strip_prefix("t_").map(str::to_owned));
    let period = period.unwrap();
    place
        .run("shred", &["--period", &period, "--running", "--reason", "x"])
        .refused(1, "the hold `case-17` keeps records of the period");
    let release = ["hold", "remove", "case-17", "--config", &place.config(), "--reason", "over"];
    assert_eq!(sealtrail(&release).code, 0);

    let ended = place.run("shred", &["--period", &period, "--running", "--reason", "x"]);
    assert!(
        ended.stdout.contains(&format!("the key t_{period} does not exist any more")),
        "{ended:?}"
    );
    revealed(&place, "4").refused(8, "was shredded");
    place.run("shred", &["--period", &period, "--reason", "x"]).refused(8, "was shredded");
    place.run("shred", &["--period", "standard", "--reason", "x"]).refused(4, "key id");
    let never = place.run("shred", &["--period", "standard.1999-01", "--reason", "x"]);
    never.refused(7, "there is no key `t_standard.1999-01`");
    let month = place.run("shred", &["--period", "standard.2026-99", "--reason", "x"]);
    month.refused(4, "`t_standard.2026-99`: expected a month of a calendar behind the class");
    month.refused(4, "got `2026-99`");
    assert_eq!(place.verify().code, 0);
}

#[test]
fn whoever_shares_a_key_is_forgotten_together() {
    let place = Place::new();
    assert_eq!(place.append(change("c-1").as_bytes()).code, 0);
    place.add_config("[keys]\nscope = \"stream\"");
    for id in ["5", "6"] {
        assert_eq!(
            place
                .append(
                    change("c-2").replace("\"id\":\"3\"", &format!("\"id\":\"{id}\"")).as_bytes()
                )
                .code,
            0
        );
    }
    let kids: Vec<_> = place
        .lines()
        .iter()
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            record["data"]["seals"][0]["kids"][0].as_str().unwrap().to_owned()
        })
        .collect();
    assert!(kids[0] != kids[1] && kids[1] == kids[2], "{kids:?}");
    place
        .run("shred", &["customer/5", "--reason", "x"])
        .refused(7, "`customer/5` has no key of its own, it shares that of `customer/*`");
    // One who has a key of his own from before: what is left is said.
    let own = place.run("shred", &["customer/3", "--reason", "x"]);
    assert!(
        own.stdout.contains("what was sealed with the key of `customer/*` is still there"),
        "{own:?}"
    );
    assert_eq!(place.run("shred", &["customer/*", "--reason", "x"]).code, 0);
    for id in ["5", "6"] {
        revealed(&place, id).refused(8, "was shredded");
    }
    for again in ["customer/*", "customer/5"] {
        place.run("shred", &[again, "--reason", "x"]).refused(8, "erased already");
    }
}

#[test]
fn bad_input_is_told_and_nothing_is_half_done() {
    let place = place();
    let count = || keys(&place, "list", &["--json"]).json_lines().last().unwrap().clone();
    let before = count();
    place
        .run("shred", &["customer/99", "--reason", "x"])
        .refused(7, "`customer/99`: this subject has no key");
    place
        .run("shred", &["customer/99", "--hard", "--reason", "x"])
        .refused(7, "this subject has no key");
    assert!(!place.path("keys/kek.next").exists(), "nothing was begun for nobody");
    place.run("shred", &["customer/3"]).refused(2, "--reason");
    place.run("shred", &["--reason", "x"]).refused(2, "SUBJECT");
    place.run("shred", &["customer/3", "--reason", " "]).refused(4, "the reason must not be blank");
    assert_eq!(count(), before);
    assert_eq!(place.run("shred", &["customer/3", "--reason", "x"]).code, 0);
    place.run("shred", &["customer/3", "--reason", "x"]).refused(8, "erased already");

    // A keyring file that was edited.
    let served = Served::start(&place);
    let id = served.post_change(&change("c-5")).json()["id"].as_str().unwrap().to_owned();
    assert_eq!(served.terminate().0, 0);
    let record: Value = serde_json::from_str(place.lines().last().unwrap()).unwrap();
    let kid = record["data"]["seals"][0]["kids"][0].as_str().unwrap();
    let file = find(&place.path("keyring"), &format!("{kid}.key"));
    let good = fs::read_to_string(&file).unwrap();
    let reveal = || place.run("reveal", &[&id, "--group", "default", "--reason", "x"]);
    for edited in [
        good.replace("v1", "v2"),
        good[..good.len() - 9].to_owned(),
        String::new(),
        "x".repeat(5000),
    ] {
        fs::write(&file, edited).unwrap();
        let refused = reveal();
        refused.refused(6, "was edited or damaged");
        assert!(refused.stderr.contains(&format!("{kid}.key")), "{refused:?}");
    }
    keys(&place, "rotate", &[]).refused(6, "was edited or damaged");
    fs::write(&file, &good).unwrap();
    // The next command completes the change that was stopped.
    assert_eq!(reveal().code, 0);
    assert!(!place.path("keys/kek.next").exists());

    // A key-encryption key that does not fit, or is none.
    let kek = fs::read_to_string(place.path("keys/kek")).unwrap();
    for (other, said) in [
        (sealtrail_keyring::Kek::generate().unwrap().to_text().to_string(), "does not fit keyring"),
        ("correct horse".to_owned(), "cannot be read: expected 32 bytes as base64"),
        (String::new(), "cannot be read: expected 32 bytes as base64"),
    ] {
        fs::write(place.path("keys/kek"), other).unwrap();
        let refused = reveal();
        refused.refused(3, said);
        assert!(!refused.stderr.contains("horse"), "{refused:?}");
    }
    fs::write(place.path("keys/kek"), kek).unwrap();
    edit(&place.path("keyring/keyring.json"), "\"check\"", "\"chekc\"");
    reveal().refused(6, "keyring.json` was edited or damaged");
}

pub fn all_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all_files(&path, files) } else { files.push(path) }
    }
}

fn find(folder: &Path, name: &str) -> PathBuf {
    let mut files = Vec::new();
    all_files(folder, &mut files);
    files.into_iter().find(|file| file.file_name().is_some_and(|own| own == name)).unwrap()
}

pub fn copy_into(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    copy_folder(from, to);
}
