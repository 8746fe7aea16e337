//! Every question, asked of a running server by the command line.

use std::os::unix::fs::PermissionsExt;

use super::access::token;
use super::place::{Ran, sealtrail};
use super::questions::filled;
use super::served::Served;

#[test]
fn the_server_answers_as_the_files_do() {
    let place = filled();
    assert_eq!(place.run("shred", &["customer/2", "--reason", "r", "--actor", "dpo"]).code, 0);
    let served = Served::start(&place);
    let url = format!("http://{}", served.api);
    let ids: Vec<String> = place
        .lines()
        .iter()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            record["id"].as_str().unwrap().to_owned()
        })
        .collect();
    let asked: &[&[&str]] = &[
        &["query"],
        &["query", "--json"],
        &["query", "--type", "customer", "--newest", "--format", "rows"],
        &["query", "--format", "csv", "--action", "update", "--limit", "2"],
        &["query", "--attribute", "address/city", "--from", "2026-11-21T10:02:00Z", "--expand"],
        &["query", "--correlation", "no such"],
        &["query", "--grain", "element"],
        &["query", "--grain", "row", "--json", "--tenant", "t-1"],
        &["history", "customer", "2"],
        &["history", "customer", "1", "--attribute", "tier", "--newest", "--limit", "1", "--json"],
        &["history", "customer", "2", "--at", "2026-11-21T12:00:00Z"],
        &["history", "customer", "2", "--at", "2026-11-21T12:00:00Z", "--json"],
        &["history", "customer", "77", "--at", "2026-11-21T12:00:00Z"],
        &["lineage", &ids[3]],
        &["lineage", "q-4", "--json"],
        &["lineage", "nothing"],
        &["export", "--format", "csv"],
        &["export", "--format", "lines", "--action", "update"],
        &["export", "--format", "ocsf", "--newest"],
        &["export", "--format", "parquet"],
    ];
    for question in asked {
        let (command, rest) = question.split_first().unwrap();
        let raw = |args: &[&str]| {
            let out =
                std::process::Command::new(env!("CARGO_BIN_EXE_sealtrail")).args(args).output();
            let out = out.unwrap();
            let said = String::from_utf8(out.stderr).unwrap();
            // The checkpoint of a moment ago is another one.
            (out.status.code(), out.stdout, said)
        };
        let here = raw(&[&[*command, "--config", &place.config()], rest].concat());
        let there = raw(&[&[*command, "--url", &url], rest].concat());
        assert_eq!(here, there, "{question:?}");
    }

    // Which only the server can answer while it runs.
    let by_url = |rest: &[&str]| -> Ran { sealtrail(&[&["query", "--url", &url], rest].concat()) };
    assert_eq!(by_url(&["--subject", "user/u-0", "--json"]).json_lines().len(), 3);
    place.run("query", &["--subject", "user/u-0"]).refused(6, "--url");
    by_url(&["--cursor", "x"]).refused(1, "not one that a page gave");
    by_url(&["--id", "3"]).refused(2, "--type");

    let page = by_url(&["--limit", "4", "--json"]);
    let cursor = page.stderr.split("--cursor ").nth(1).unwrap().trim();
    let next = by_url(&["--json", "--cursor", cursor]);
    let all = [page.stdout.as_str(), &next.stdout].concat();
    assert_eq!(all.lines().collect::<Vec<_>>(), place.lines());
    assert_eq!(next.stderr, "");
}

#[test]
fn a_token_decides_and_a_whole_file_or_none_is_written() {
    let place = filled();
    std::fs::write(place.path("tokens.toml"), "").unwrap();
    place.edit_config(
        "loopback = [\"writer\", \"sealer\", \"reader\", \"revealer:*\", \"eraser\", \"operator\"]",
        "loopback = [\"writer\"]\ntokens = \"tokens.toml\"",
    );
    let reader = place.path("reader.token");
    std::fs::write(&reader, token(&place, "r", &["reader"])).unwrap();
    std::fs::set_permissions(&reader, std::fs::Permissions::from_mode(0o600)).unwrap();
    let served = Served::start(&place);
    let url = format!("http://{}", served.api);
    let out = place.path("all.tar");
    let (reader, path) = (reader.display().to_string(), out.display().to_string());
    for (command, rest) in [
        ("query", &[][..]),
        ("query", &["--grain", "row"]),
        ("history", &["customer", "1"]),
        ("history", &["customer", "1", "--at", "2026-11-21T12:00:00Z"]),
        ("lineage", &["q-4"]),
        ("export", &["--format", "bundle", "--out", &path]),
    ] {
        let ask = |token: &[&str]| sealtrail(&[&[command, "--url", &url], token, rest].concat());
        ask(&[]).refused(1, "the role `reader` is missing");
        assert!(!out.exists());
        let asked = ask(&["--token-file", &reader]);
        assert_eq!(asked.code, 0, "{command}: {asked:?}");
    }
    let archive = std::fs::read(&out).unwrap();
    assert!(archive.starts_with(b"bundle/"), "a tar archive");
    // Nobody is there: nothing passes for an export.
    drop(served);
    let gone = sealtrail(&[
        "export",
        "--url",
        &url,
        "--format",
        "csv",
        "--out",
        &place.path("gone.csv").display().to_string(),
    ]);
    gone.refused(1, &url);
    assert!(!place.path("gone.csv").exists());
}
