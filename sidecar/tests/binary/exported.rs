//! Exports over the API, against those of the command line.

use std::process::Command;

use serde_json::Value;

use super::access::{ask, token};
use super::place::{Place, change, sealtrail};
use super::served::Served;
use super::wire::{Wire, get, post};

const FORMS: [(&str, &str); 8] = [
    ("csv", "text/csv; charset=utf-8; header=present"),
    ("spreadsheet", "text/csv; charset=utf-8; header=present"),
    ("rows", "application/x-ndjson"),
    ("lines", "application/x-ndjson"),
    ("patch", "application/x-ndjson"),
    ("ocsf", "application/x-ndjson"),
    ("ecs", "application/x-ndjson"),
    ("parquet", "application/vnd.apache.parquet"),
];

fn place(records: u32) -> Place {
    let place = Place::new();
    let policy = r#"{"id":"p","version":"1","default":"keep","context_default":"keep",
        "rules":[{"select":"$.email","action":"seal","group":"contact"}],"secrets":false}"#;
    std::fs::write(place.path("policy.json"), policy).unwrap();
    let changes = (0..records).map(|n| change(&format!("q-{}", n % 7)) + "\n");
    assert_eq!(place.append(changes.collect::<String>().as_bytes()).code, 0);
    place
}

/// What the command line writes to a file.
fn exported(place: &Place, form: &str, criteria: &[&str]) -> Vec<u8> {
    let out = place.path("exported");
    let ran = place.run(
        "export",
        &[&["--format", form, "--overwrite", "--out", out.to_str().unwrap()], criteria].concat(),
    );
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    std::fs::read(out).unwrap()
}

#[test]
fn every_form_is_that_of_the_command_line() {
    let place = place(50);
    let served = Served::start(&place);
    for (form, media_type) in FORMS {
        for (query, criteria) in [
            ("", &[][..]),
            ("&correlation=q-3", &["--correlation", "q-3"]),
            (
                "&type=customer&id=3&attribute=tier&order=newest",
                &["--type", "customer", "--id", "3", "--attribute", "tier", "--newest"],
            ),
            ("&subject=customer/3", &[]),
            ("&action=nothing", &["--action", "nothing"]),
        ] {
            let answer = get(served.api, &format!("/v1/export?format={form}{query}"));
            assert_eq!(answer.status, 200, "{form} {query}");
            assert_eq!(answer.header("content-type"), Some(media_type));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let name = answer.header("content-disposition").unwrap();
            assert!(name.starts_with("attachment; filename=\"sealtrail."), "{name}");
            assert!(answer.body == exported(&place, form, criteria), "{form} {query}");
            assert!(!answer.body.windows(12).any(|part| part == b"@example.com"), "{form}");
        }
    }
    let lines = get(served.api, "/v1/export?format=lines").text();
    assert_eq!(lines.lines().collect::<Vec<_>>(), place.lines(), "an export leaves no record");
}

#[test]
fn what_cannot_be_meant_is_a_problem() {
    let place = place(1);
    let served = Served::start(&place);
    let problem = |query: &str| {
        let answer = get(served.api, &format!("/v1/export{query}"));
        answer.is_problem(400, "bad_request");
        answer.json()["detail"].as_str().unwrap().to_owned()
    };
    let forms =
        "`csv`, `spreadsheet`, `rows`, `parquet`, `lines`, `patch`, `ocsf`, `ecs` or `bundle`";
    assert_eq!(problem("?format=xml"), format!("`format` is {forms}, got `xml`"));
    assert_eq!(problem(""), format!("the query needs `format`: {forms}"));
    assert!(problem("?format=csv&limit=5").starts_with("unknown parameter `limit`"));
    assert!(problem("?format=csv&format=rows").contains("given twice"));
    assert!(problem("?format=csv&from=now").contains("`from` must be a time"));
    post(served.api, "/v1/export?format=csv", "application/json", "{}")
        .is_problem(405, "method_not_allowed");
}

#[test]
fn whoever_may_read_may_export_and_nobody_else() {
    let place = place(1);
    std::fs::write(place.path("tokens.toml"), "").unwrap();
    let everything =
        "loopback = [\"writer\", \"sealer\", \"reader\", \"revealer:*\", \"eraser\", \"operator\"]";
    place.edit_config(everything, "loopback = []\ntokens = \"tokens.toml\"");
    let roles = ["writer", "sealer", "reader", "revealer:*", "eraser", "operator"];
    let tokens = roles.map(|role| token(&place, &role.replace(":*", ""), &[role]));
    let served = Served::start(&place);
    for form in FORMS.map(|(form, _)| form).into_iter().chain(["bundle"]) {
        let target = format!("/v1/export?format={form}");
        for (role, token) in roles.iter().zip(&tokens) {
            let answer = ask(served.api, "GET", &target, token, &Value::Null);
            match *role {
                "reader" => assert_eq!(answer.status, 200, "{form}"),
                _ => answer.is_problem(403, "forbidden"),
            }
        }
        ask(served.api, "GET", &target, "", &Value::Null).is_problem(401, "unauthenticated");
    }
}

#[test]
fn a_bundle_comes_as_an_archive_that_is_checked_offline() {
    let place = place(30);
    assert_eq!(place.run("shred", &["customer/3", "--reason", "r", "--actor", "dpo"]).code, 0);
    let served = Served::start(&place);
    let answer = get(served.api, "/v1/export?format=bundle&type=customer");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-tar")));
    assert_eq!(served.terminate().0, 0);
    let archive = place.path("bundle.tar");
    std::fs::write(&archive, &answer.body).unwrap();
    let unpacked = Command::new("tar").arg("xf").arg(&archive).current_dir(place.path("")).output();
    let unpacked = unpacked.unwrap();
    assert!(unpacked.status.success() && unpacked.stderr.is_empty(), "{unpacked:?}");
    let folder = place.path("bundle").display().to_string();
    let checked = sealtrail(&["verify-proof", &folder, "--vkey", &place.vkey]);
    assert!(checked.stdout.starts_with("intact: 31 records are in the log of "), "{checked:?}");
    // The same as the command line's, file by file.
    let ours = place.path("ours").display().to_string();
    let ran = place.run("export", &["--format", "bundle", "--out", &ours, "--type", "customer"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let compared = Command::new("diff").args(["-r", &folder, &ours]).output().unwrap();
    assert!(compared.status.success(), "{compared:?}");
}

/// Records of 100 kB.
fn long_place(records: u32, segment: &str) -> Place {
    let place = Place::new();
    place.add_config(&format!("[retention]\nsegment = \"{segment}\""));
    let policy =
        r#"{"id":"p","version":"1","default":"keep","context_default":"keep","secrets":false}"#;
    std::fs::write(place.path("policy.json"), policy).unwrap();
    let long = "x".repeat(100_000);
    let line = |n: u32| {
        format!(
            r#"{{"entity":{{"type":"t","id":"{n}"}},"action":"create","before":null,"after":{{"a":"{n}{long}"}},"context":{{"correlation_id":"c"}}}}"#
        ) + "\n"
    };
    for many in (0..records).collect::<Vec<_>>().chunks(10) {
        let lines = many.iter().copied().map(line).collect::<String>();
        assert_eq!(place.append(lines.as_bytes()).code, 0);
    }
    place
}

/// However long the answer is, the server has little of it at a time, also when the client takes nothing for a while.
#[test]
fn a_long_export_is_not_held() {
    let place = long_place(1_000, "64MiB");
    let served = Served::start(&place);
    assert_eq!(get(served.api, "/v1/export?format=rows&id=0&type=t").status, 200);
    let before = served.peak_memory();
    let mut waiting: Vec<Wire> = ["rows", "lines", "ecs", "bundle"]
        .map(|form| {
            let mut wire = Wire::connect(served.api);
            let target = format!("/v1/export?format={form}");
            wire.send(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", served.api));
            assert_eq!(wire.head().0, 200, "{form}");
            wire
        })
        .into();
    // The others stand still, and are read only now.
    for wire in waiting.iter_mut().rev() {
        let mut bytes = 0;
        while let Some(chunk) = wire.chunk() {
            bytes += chunk.len();
        }
        assert!(bytes > 100_000_000, "{bytes}");
    }
    let more = served.peak_memory() - before;
    assert!(more < 60 << 10, "{more} KiB for 400 MB");
}

#[test]
fn an_export_that_cannot_go_on_is_cut_and_does_not_pass_for_a_whole_one() {
    let place = long_place(30, "1KiB");
    let mut segments: Vec<_> = std::fs::read_dir(place.path("log/entries"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    segments.sort();
    let served = Served::start(&place);
    assert!(segments.len() >= 3, "{segments:?}");
    // The index has followed the log when it is gone.
    assert_eq!(get(served.api, "/v1/records?limit=1").status, 200);
    std::fs::remove_file(&segments[segments.len() / 2]).unwrap();
    let mut wire = Wire::connect(served.api);
    let request = format!("GET /v1/export?format=lines HTTP/1.1\r\nHost: {}\r\n\r\n", served.api);
    wire.send(request);
    assert_eq!(wire.head().0, 200);
    let rest = wire.rest();
    assert!(rest.len() > 900_000 && !rest.ends_with(b"\r\n0\r\n\r\n"), "{}", rest.len());
    let (code, said) = served.terminate();
    assert!(code == 0 && said.contains("a request failed: "), "{said}");
}
