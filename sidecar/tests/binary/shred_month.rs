//! What one person has in one month of a retention class, forgotten alone (`keys.scope` is `period`).

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use sealtrail_keyring::{Kek, Keyring};
use serde_json::{Value, json};

use super::canary::forms;
use super::keys::{all_files, copy_into};
use super::place::{Place, Ran, sealtrail};
use super::served::Served;
use super::wire::{Response, get, post};

const JSON: &str = "application/json";
const WHY: [&str; 4] = ["--reason", "Art. 17", "--actor", "dpo"];

const POLICY: &str = r#"{"id":"months","version":"1","default":"seal","context_default":"keep",
    "rules":[{"select":"$.note","action":"seal","retain":"short"}]}"#;

const EMAIL: &str = "ada-canary-5f1c@example.com";
const NOTE: &str = "note-canary-77aa";

fn place() -> Place {
    let place = Place::new();
    fs::write(place.path("policy.json"), POLICY).unwrap();
    place.add_config("[keys]\nscope = \"period\"");
    place
}

fn change(id: &str) -> String {
    json!({"entity": {"type": "customer", "id": id}, "action": "update",
        "before": {"email": "x", "note": ""}, "after": {"email": EMAIL, "note": NOTE}})
    .to_string()
}

fn record(place: &Place, index: usize) -> Value {
    serde_json::from_str(&place.lines()[index]).unwrap()
}

/// The month in which the first record was made.
fn month(place: &Place) -> String {
    record(place, 0)["recordedtime"].as_str().unwrap()[..7].to_owned()
}

fn keyring(place: &Place) -> Keyring {
    let kek = Kek::parse(&fs::read_to_string(place.path("keys/kek")).unwrap()).unwrap();
    Keyring::open(&place.path("keyring"), kek).unwrap()
}

fn shred(place: &Place, rest: &[&str]) -> Ran {
    place.run("shred", &[rest, &WHY].concat())
}

#[test]
fn one_class_of_one_person_goes_and_nothing_else_through_the_api_and_the_command() {
    let place = place();
    let served = Served::with(&place, &["--log-format", "json"]);
    for id in ["3", "4"] {
        assert_eq!(served.post_change(&change(id)).status, 200);
    }
    let month = month(&place);
    let (standard, short) = (format!("standard.{month}"), format!("short.{month}"));
    let erase = |subject: &str, body: Value| {
        post(served.api, &format!("/v1/subjects/{subject}/shred"), JSON, &body.to_string())
    };
    let three =
        |period: &str| erase("customer%2F3", json!({"reason": "Art. 17", "period": period}));
    let reveal = |index: usize| {
        let id = record(&place, index)["id"].as_str().unwrap().to_owned();
        let why = json!({"group": "default", "reason": "test"}).to_string();
        post(served.api, &format!("/v1/records/{id}/reveal"), JSON, &why)
    };
    for said in [EMAIL, NOTE] {
        assert!(reveal(0).text().contains(said), "it is there before");
    }
    let acts = place.lines().len();
    three("standard").is_problem(422, "invalid_field");
    three("standard.2026-99").is_problem(422, "invalid_field");
    three(&format!("t_{standard}")).is_problem(404, "not_found");
    three("standard.1999-01").is_problem(404, "not_found");
    erase("customer%2F55", json!({"reason": "x", "period": standard})).is_problem(404, "not_found");
    let running = json!({"reason": "x", "period": standard, "running": true});
    assert_eq!(erase("customer%2F3", running).status, 422);
    assert_eq!(place.lines().len(), acts, "nothing was done");
    let yesterday = tempfile::tempdir().unwrap();
    copy_into(&place.path("keyring"), yesterday.path());

    let body = json!({"reason": "Art. 17", "period": standard, "certificate": true, "hard": true});
    let shredded = erase("customer%2F3", body);
    assert_eq!(shredded.status, 200, "{}", shredded.text());
    let answer = shredded.json();
    let kid = record(&place, 0)["data"]["seals"][0]["kids"][0].clone();
    assert_eq!((&answer["kids"], &answer["period"]), (&json!([kid]), &json!(standard)));
    let certificate = &answer["certificate"];
    assert_eq!((&certificate["records"], &certificate["values"]), (&json!(1), &json!(2)));
    assert_eq!(record(&place, acts)["data"]["kids"], json!([kid]));
    three(&standard).is_problem(410, "shredded");

    let left = reveal(0).text();
    assert!(!left.contains(EMAIL) && left.contains(NOTE), "{left}");
    assert!(reveal(1).text().contains(EMAIL), "it is another person's");
    // The month goes on: nobody waits for it to be over.
    assert_eq!(served.post_change(&change("3")).status, 200);
    assert!(reveal(place.lines().len() - 1).text().contains(EMAIL), "what comes later");

    // And the same from the command line, as whole.
    let url = format!("http://{}", served.api);
    let ask = |rest: &[&str]| sealtrail(&[&["shred", "--url", &url], rest, &WHY].concat());
    let again = ask(&["customer/3", "--period", &standard]);
    let told = format!("shredded `customer/3` in `{standard}`: the key k_");
    assert!(again.code == 0 && again.stdout.starts_with(&told), "{again:?}");
    ask(&["customer/3", "--period", &standard])
        .refused(8, &format!("erased already in `{standard}`"));
    let whole = ask(&["customer/4", "--json"]).json();
    assert_eq!(whole["kids"].as_array().unwrap().len(), 2, "{whole}");
    reveal(1).is_problem(410, "shredded");
    let left = ask(&["customer/3"]);
    assert!(left.stdout.starts_with("shredded `customer/3`: the key k_"), "{left:?}");
    reveal(0).is_problem(410, "shredded");
    ask(&["customer/3", "--period", &short]).refused(8, "erased already");

    nothing_is_left(&place, served, &[&shredded]);
    // Yesterday's keyring opens nothing, for it was `--hard`.
    fs::remove_dir_all(place.path("keyring")).unwrap();
    copy_into(yesterday.path(), &place.path("keyring"));
    let id = record(&place, 0)["id"].as_str().unwrap().to_owned();
    place
        .run("reveal", &[&id, "--group", "default", "--reason", "x"])
        .refused(3, "does not fit keyring");
}

/// In no answer, export or file, nor in what the server says.
fn nothing_is_left(place: &Place, served: Served, answers: &[&Response]) {
    let paths = [
        "/v1/entities/customer/3/changes",
        "/v1/records?format=words&subject=customer/3",
        "/v1/touched?grain=element",
        "/v1/entities/customer/3/state",
        "/v1/export?format=ocsf",
        "/metrics",
    ];
    let mut told: Vec<_> = paths.iter().map(|path| get(served.api, path).text()).collect();
    told.extend(answers.iter().map(|answer| answer.text()));
    let (code, said) = served.terminate();
    assert_eq!(code, 0);
    told.push(said);
    let words = place.run("history", &["customer", "3"]).stdout;
    assert!(words.contains("'email' changed: [erased] -> [erased]"), "{words}");
    told.push(words);
    let mut files = Vec::new();
    all_files(&place.path(""), &mut files);
    let read = |file: &std::path::PathBuf| (file.display().to_string(), fs::read(file).unwrap());
    let texts = told.into_iter().map(|text| ("what was told".to_owned(), text.into_bytes()));
    for (name, bytes) in files.iter().map(read).chain(texts) {
        for form in [EMAIL, NOTE].into_iter().flat_map(forms) {
            assert!(!bytes.windows(form.len()).any(|part| part == form), "{name}");
        }
    }
    assert_eq!(place.verify().code, 0);
}

#[test]
fn under_another_scope_it_is_refused_and_says_under_which() {
    let place = place();
    for scope in ["subject", "stream", "log"] {
        let before = fs::read_to_string(place.config()).unwrap();
        place.edit_config("\"period\"", &format!("\"{scope}\""));
        assert_eq!(place.append(change("3").as_bytes()).code, 0);
        let period = format!("standard.{}", month(&place));
        let lines = place.lines();
        shred(&place, &["customer/3", "--period", &period])
            .refused(3, &format!("`keys.scope` is `{scope}`"));
        assert_eq!(place.lines(), lines);
        fs::write(place.config(), before).unwrap();
    }
    shred(&place, &["--period", "standard.2019-01", "--hard"]).refused(2, "SUBJECT");
}

/// However far each process came, all keys of the person are gone and the log says so once, or none is.
#[test]
fn killed_at_any_moment_all_months_of_a_person_are_gone_or_none() {
    let place = place();
    assert_eq!(place.append(change("4").as_bytes()).code, 0);
    let stays = record(&place, 0)["data"]["seals"][0]["kids"][0].as_str().unwrap().to_owned();
    let mut kills = 0;
    for round in 0..16 {
        let subject = format!("person/{round}");
        let keyring = keyring(&place);
        let mut kids = BTreeSet::from([keyring.subject_key(&subject).unwrap().0.to_string()]);
        for n in 0..12 {
            let (period, _) = keyring.period_key("short", &format!("2019-{:02}", n + 1)).unwrap();
            let (kid, _) = keyring.subject_key_in(&subject, &period).unwrap();
            kids.insert(kid.to_string());
        }
        drop(keyring);
        let mut child = Command::new(env!("CARGO_BIN_EXE_sealtrail"))
            .args([&["shred", &subject, "--config", &place.config()][..], &WHY].concat())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Somewhere between its beginning and its end, and each time a little later.
        while alive(&place).is_superset(&kids) && child.try_wait().unwrap().is_none() {}
        std::thread::sleep(Duration::from_micros(900 * round));
        let _ = child.kill();
        kills += u32::from(!child.wait().unwrap().success());
        // The next one completes it.
        assert_eq!(place.append(change("4").as_bytes()).code, 0);
        let left = alive(&place);
        let told: Vec<BTreeSet<String>> =
            told(&place).into_iter().filter(|told| !told.is_disjoint(&kids)).collect();
        if told.is_empty() {
            assert!(left.is_superset(&kids), "round {round}: some are gone");
        } else {
            assert_eq!(told, [kids.clone()], "round {round}");
            assert!(left.is_disjoint(&kids), "round {round}: some are left");
        }
        assert!(left.contains(&stays));
    }
    assert!(kills > 0);
    assert_eq!(fs::read_dir(place.path("keyring/journal")).unwrap().count(), 0);
    assert_eq!(place.verify().code, 0, "{:?}", place.verify());
}

/// The keys that are not destroyed, nor marked as that.
fn alive(place: &Place) -> BTreeSet<String> {
    let mut alive = BTreeSet::new();
    let see = |key: sealtrail_keyring::Listed| {
        if key.shredded.is_none() {
            alive.insert(key.kid.to_string());
        }
    };
    Keyring::list(&place.path("keyring"), see).unwrap();
    alive
}

/// What each record of an erasure says.
fn told(place: &Place) -> Vec<BTreeSet<String>> {
    let records = place.lines();
    let records = records.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let shreds = records.filter(|record| record["type"] == "sealtrail.shred.v1");
    let kids = |record: Value| {
        let kids = record["data"]["kids"].as_array().unwrap().clone();
        kids.iter().map(|kid| kid.as_str().unwrap().to_owned()).collect()
    };
    shreds.map(kids).collect()
}
