//! Each kind of bad input has a clear error, and nothing is appended.

use super::place::{Place, Ran, change, edit, sealtrail};
use super::served::Served;
use super::service::Service;
use super::wire;

/// What is wrong, a change with that fault, the code of the problem, its status, its exit code.
fn bad_changes() -> Vec<(&'static str, String, &'static str, u16)> {
    let image = |value: &str| {
        format!(
            r#"{{"entity":{{"type":"t","id":"1"}},"action":"create","before":null,"after":{{"a":{value}}}}}"#
        )
    };
    vec![
        ("malformed", r#"{"entity":{"type":"t","id":"1"},"action":"#.into(), "malformed_json", 400),
        ("not JSON at all", "hello".into(), "malformed_json", 400),
        ("two values", format!("{} {}", image("1"), image("2")), "malformed_json", 400),
        ("a duplicate key", image(r#"{"b":1,"b":2}"#), "duplicate_key", 400),
        ("a duplicate key by escape", image(r#"{"b":1,"\u0062":2}"#), "duplicate_key", 400),
        ("a lone surrogate", image(r#""\ud800""#), "lone_surrogate", 400),
        ("too deep", image(&format!("{}1{}", "[".repeat(200), "]".repeat(200))), "too_deep", 400),
        ("too large", image(&format!("\"{}\"", "x".repeat(2 << 20))), "too_large", 413),
        ("an unknown action", image("1").replace("create", "explode"), "unknown_action", 422),
        (
            "no entity",
            r#"{"action":"create","before":null,"after":{}}"#.into(),
            "missing_field",
            422,
        ),
        ("not an object", "[1]".into(), "not_a_change", 422),
    ]
}

#[test]
fn bad_changes_on_the_command_line() {
    let place = Place::new();
    for (what, change, code, _) in bad_changes() {
        let ran = place.append(change.as_bytes());
        assert_eq!(ran.code, 4, "{what}: {ran:?}");
        assert_eq!(ran.json()["code"], code, "{what}");
        assert_eq!(ran.stdout.lines().count(), 1, "{what}");
    }
    assert!(place.lines().is_empty());
    assert_eq!(place.verify().code, 0);
}

#[test]
fn bad_changes_over_http() {
    let place = Place::new();
    let served = Served::start(&place);
    for (what, change, code, status) in bad_changes() {
        eprintln!("{what}");
        served.post_change(&change).is_problem(status, code);
    }
    // And one among others costs the others nothing.
    let faults = bad_changes();
    let mut body = String::new();
    for (_, fault, ..) in &faults {
        body += &format!("{fault}\n{}\n", change("among-others"));
    }
    let answer = wire::post(served.api, "/v1/changes", "application/x-ndjson", &body);
    assert_eq!(answer.status, 200);
    let text = answer.text();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2 * faults.len());
    for (pair, (what, _, code, status)) in lines.chunks(2).zip(&faults) {
        assert_eq!(pair[0]["code"], *code, "{what}");
        assert_eq!(pair[0]["status"], *status, "{what}");
        assert_eq!(pair[1]["status"], "recorded", "{what}");
    }
    assert_eq!(place.lines().len(), faults.len(), "the good ones and nothing else");
    assert_eq!(served.terminate().0, 0);
    assert_eq!(place.verify().code, 0);
}

#[test]
fn a_problem_among_many_names_its_line() {
    let place = Place::new();
    let body = format!(
        "\n{}\n\n{{\"entity\":{{\"type\":\"t\"}}}}\n{}\r\n{{\"a\":}}\n",
        change("two"),
        change("five"),
    );
    let check = |told: &[serde_json::Value]| {
        let lines: Vec<_> = told.iter().map(|told| told["at"]["line"].as_u64()).collect();
        assert_eq!(lines, [None, Some(4), None, Some(6)], "{told:?}");
        let detail = told[3]["detail"].as_str().unwrap();
        assert!(detail.contains("at line 6, column 6"), "{detail}");
        assert_eq!(told[3]["at"]["column"], 6);
    };
    check(&place.append(body.as_bytes()).json_lines());
    let served = Served::start(&place);
    let post = |path, body: &str| {
        let answer = wire::post(served.api, path, "application/x-ndjson", body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let lines = answer.text();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>()
    };
    check(&post("/v1/changes", &body));
    for path in ["/v1/leases", "/v1/records"] {
        let told = post(path, "{\"policy\":1}\n\n{}");
        let lines: Vec<_> = told.iter().map(|told| told["at"]["line"].as_u64()).collect();
        assert_eq!(lines, [Some(1), Some(3)], "{path}: {told:?}");
    }
}

#[test]
fn who_meets_a_limit_is_told_what_would_have_been_taken() {
    let place = Place::new();
    place.add_config("[limits]\nbody = \"64KiB\"\nline = \"16KiB\"");
    let served = Served::start(&place);
    let told = |answer: wire::Response, status: u16, parts: &[&str]| {
        assert_eq!(answer.status, status, "{}", answer.text());
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(parts.iter().all(|part| detail.contains(part)), "{parts:?}: {detail}");
        assert!(detail.chars().count() < 1200 && !detail.contains('\u{1b}'), "{detail}");
    };
    let json = |body: &str| wire::post(served.api, "/v1/changes", "application/json", body);
    told(json(&"x".repeat(70_000)), 413, &["65536 bytes", "`limits.body`"]);
    let long = change("a").replace("old@", &"o".repeat(20_000));
    told(json(&long), 413, &["`limits.line`", "16384"]);
    let xml = wire::post(served.api, "/v1/changes", "text/xml", "<a/>");
    told(xml, 415, &["`application/json` or `application/x-ndjson`", "got `text/xml`"]);
    let deleted = wire::exchange(
        served.api,
        &format!("DELETE /v1/holds HTTP/1.1\r\nHost: {}\r\n\r\n", served.api),
    );
    assert_eq!(deleted.header("allow"), Some("GET, HEAD, POST"));
    told(deleted, 405, &["GET, HEAD, POST"]);
    // What is echoed is no more than helps to find it.
    let name = format!("%1b%5b2J{}", "n".repeat(3000));
    told(
        wire::get(served.api, &format!("/v1/records?{name}=1")),
        400,
        &["\\u{1b}[2J", "known are"],
    );
    told(wire::get(served.api, &format!("/v1/records?from={name}")), 400, &["must be a time", "…"]);
    let key = format!("\\u001b{}", "k".repeat(3000));
    for (from, to) in [
        ("\"entity\":{", format!("\"entity\":{{\"{key}\":1,")),
        ("\"context\":{", format!("\"context\":{{\"{key}\":1,")),
        ("\"context\":{", format!("\"context\":{{\"time\":\"{key}\",")),
        ("\"before\":{", format!("\"before\":{{\"{key}\":1,\"{key}\":1,")),
    ] {
        let answer = json(&change("a").replacen(from, &to, 1));
        assert!((400..500).contains(&answer.status), "{}", answer.text());
        assert!(answer.text().len() < 3000, "{}", answer.text());
        let status = answer.status;
        told(answer, status, &[]);
    }
    let (_, said) = served.terminate();
    assert!(!said.contains(&"k".repeat(1100)) && !said.contains('\u{1b}'), "{said}");
    assert!(place.lines().is_empty());
}

#[test]
fn the_place_of_a_log_is_not_the_log() {
    let place = Place::new();
    assert_eq!(place.append(change("a").as_bytes()).code, 0);
    let dir = place.path("").display().to_string();
    let log = place.log();
    for arguments in
        [&["verify", &dir, "--vkey", &place.vkey][..], &["tail", &dir], &["prove", &dir, "0"]]
    {
        sealtrail(arguments).refused(6, &format!("but in `{log}`: give that one"));
    }
    // A log that has lost its checkpoint is damaged, wherever it is.
    std::fs::remove_file(place.path("log/checkpoint")).unwrap();
    assert_eq!(sealtrail(&["verify", &log, "--vkey", &place.vkey]).code, 20);
}

#[test]
fn no_value_of_a_payload_is_said() {
    let place = Place::new();
    let secret = "hunter2-hunter2";
    let changes = [
        format!(
            r#"{{"entity":{{"type":"t","id":"1"}},"action":"create","after":{{"p":"{secret}","p":"{secret}"}}}}"#
        ),
        format!(r#"{{"entity":{{"type":"t","id":"1"}},"action":"create","after":{{"p":"{secret}"#),
        format!(
            r#"{{"entity":{{"type":"t","id":"1"}},"action":"create","after":{{"p":{secret}}}}}"#
        ),
    ];
    let served = Served::start(&place);
    for change in &changes {
        let answer = served.post_change(change);
        assert!(answer.status >= 400 && !answer.text().contains(secret), "{}", answer.text());
    }
    let (_, said) = served.terminate();
    assert!(!said.contains(secret), "{said}");
}

#[test]
fn an_impossible_selector() {
    let place = Place::new();
    edit(&place.path("policy.json"), "\"$.id\"", "\"$.id[?(@.a)]\"");
    place.append(change("a").as_bytes()).refused(5, "policy.json: ");
    let ran = place.run("serve", &[]);
    ran.refused(5, "$.id[?(@.a)]");
    assert_eq!(ran.stdout, "", "no port is bound");
    assert!(place.lines().is_empty());
}

#[test]
fn a_configuration_with_an_unknown_key() {
    let place = Place::new();
    place.edit_config("upstream =", "upstraem =");
    for command in ["append", "serve", "query", "history"] {
        let rest: &[&str] = match command {
            "query" => &["--correlation", "a"],
            "history" => &["customer", "3"],
            _ => &[],
        };
        let ran = place.run(command, rest);
        ran.refused(3, "unknown key `upstraem` in `[proxy]`; did you mean `upstream`?");
        assert!(ran.stderr.contains("sealtrail.toml: "), "{ran:?}");
    }
    assert!(place.lines().is_empty());
}

#[test]
fn a_missing_or_wrong_key_file() {
    for name in ["keys/kek", "keys/signing.key"] {
        let place = Place::new();
        std::fs::remove_file(place.path(name)).unwrap();
        let ran = place.append(change("a").as_bytes());
        ran.refused(3, name);
        assert!(ran.stderr.contains("No such file"), "{ran:?}");
        std::fs::write(place.path(name), "not a key").unwrap();
        std::process::Command::new("chmod").arg("600").arg(place.path(name)).status().unwrap();
        place.append(change("a").as_bytes()).refused(3, name);
        assert!(place.lines().is_empty());
    }
    let place = Place::new();
    std::fs::copy(Place::new().path("keys/kek"), place.path("keys/kek")).unwrap();
    let ran = place.append(change("a").as_bytes());
    assert_eq!(ran.code, 3, "the key-encryption key of another keyring: {ran:?}");
    assert!(place.lines().is_empty());
}

#[test]
fn a_log_of_another_origin() {
    let place = Place::new();
    place.append(change("a").as_bytes());
    let other = Place::new();
    // The same key material under another name, as a copied directory would have it.
    let key = std::fs::read_to_string(other.path("keys/signing.key")).unwrap();
    assert!(key.contains("shop.example/audit"));
    place.edit_config("origin = \"shop.example/audit\"", "origin = \"library.example/audit\"");
    let said = place.append(change("a").as_bytes());
    assert_eq!(said.code, 6, "{said:?}");
    assert!(said.stderr.contains("library.example/audit"), "{said:?}");
    let ran = place.run("history", &["customer", "3"]);
    ran.refused(6, "expected the log of `library.example/audit`");
    // Another log with the same name, but signed by another key.
    let ran = {
        let place = Place::new();
        std::fs::copy(other.path("keys/signing.key"), place.path("keys/signing.key")).unwrap();
        let ran = place.append(change("a").as_bytes());
        assert!(place.lines().is_empty());
        ran
    };
    assert_eq!(ran.code, 6, "{ran:?}");
    assert_eq!(place.lines().len(), 1);
}

#[test]
fn a_second_process_on_the_same_log() {
    let place = Place::new();
    let service = Service::start();
    let served = Served::in_front_of(&place, &service.url());
    let api = "use its API: ";
    place.append(change("a").as_bytes()).refused(6, &format!("{api}POST /v1/changes"));
    let why = &["--reason", "r"];
    place.run("reveal", &[&["id", "--group", "g"][..], why].concat()).refused(6, "--url http://");
    place.run("shred", &[&["customer/3"][..], why].concat()).refused(6, "--url http://");
    place.run("serve", &[]).refused(6, "another process");
    assert!(place.lines().is_empty());
    // Reading needs no lock.
    assert_eq!(served.post_change(&change("beside")).status, 200);
    let ran = place.run("query", &["--correlation", "beside", "--json"]);
    assert_eq!((ran.code, ran.json_lines().len()), (0, 1), "{ran:?}");
}

#[test]
fn a_verifier_key_of_another_log() {
    let place = Place::new();
    place.append(change("a").as_bytes());
    let foreign = |vkey: &str| sealtrail(&["verify", &place.log(), "--vkey", vkey]);
    let ran: Ran = foreign(&Place::new().vkey);
    assert_eq!(ran.code, 22, "{ran:?}");
    assert!(ran.stdout.starts_with("FAILED, foreign-key: "), "{ran:?}");
    foreign("no key").refused(3, "--vkey is neither a verifier key nor a file with one");
    foreign("/nowhere/vkey").refused(3, "nor a file with one: No such file");
    let file = place.path("log.vkey");
    std::fs::write(&file, format!("{}\n", place.vkey)).unwrap();
    assert_eq!(foreign(file.to_str().unwrap()).code, 0, "a file with the key will do");
}

#[test]
fn a_path_where_no_log_is_gets_no_verdict() {
    let place = Place::new();
    let verify = |log: &str| sealtrail(&["verify", log, "--vkey", &place.vkey]);
    verify("/nowhere").refused(6, "no log in `/nowhere`: No such file");
    verify(&place.config()).refused(6, "sealtrail.toml`: it is no directory");
    // But what is left of a log is one that was damaged.
    std::fs::remove_file(place.path("log/checkpoint")).unwrap();
    assert_eq!(verify(&place.log()).code, 20);
}

#[test]
fn a_missing_configuration_says_how_to_give_one() {
    sealtrail(&["history", "customer", "3", "--config", "/nowhere/s.toml"])
        .refused(3, "/nowhere/s.toml: No such file or directory (os error 2); --config says where");
}

#[test]
fn init_overwrites_nothing() {
    let place = Place::new();
    let before = std::fs::read(place.path("keys/kek")).unwrap();
    let dir = place.path("").display().to_string();
    sealtrail(&["init", &dir]).refused(3, "is there already and is not overwritten");
    std::fs::remove_file(place.path("sealtrail.toml")).unwrap();
    sealtrail(&["init", &dir]).refused(3, "is not overwritten");
    assert_eq!(std::fs::read(place.path("keys/kek")).unwrap(), before);
    let fresh = tempfile::tempdir().unwrap();
    let fresh_dir = fresh.path().to_str().unwrap();
    sealtrail(&["init", fresh_dir, "--upstream", "ftp://x"]).refused(3, "proxy.upstream");
    sealtrail(&["init", fresh_dir, "--origin", "two words"]).refused(3, "origin");
    assert_eq!(std::fs::read_dir(fresh.path()).unwrap().count(), 0, "nothing half made");
}

#[cfg(unix)]
#[test]
fn init_keeps_its_secrets_to_the_owner() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    for (name, mode) in [("keys", 0o700), ("keys/signing.key", 0o600), ("keys/kek", 0o600)] {
        let got = std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(got, mode, "{name}");
    }
}

#[test]
fn a_difference_names_the_file_that_is_wrong() {
    let place = Place::new();
    let file = |name: &str, text: &str| {
        let path = place.path(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (good, bad) = (file("good.json", "{\"a\":1}"), file("bad.json", "{\"a\":"));
    let policy = file("p.json", "{\"id\":\"p\"}");
    sealtrail(&["diff", &bad, &good]).refused(4, "bad.json: before: ");
    sealtrail(&["diff", &good, &bad]).refused(4, "bad.json: after: ");
    sealtrail(&["diff", &good, &good, "--policy", &bad]).refused(4, "bad.json: the policy: ");
    sealtrail(&["diff", &good, &good, "--policy", &policy])
        .refused(5, "p.json: policy `/default` is missing");
}

#[test]
fn wrong_use() {
    for args in [&["frobnicate"][..], &["diff", "one"], &["verify", "/nowhere"], &["reveal", "x"]] {
        assert_eq!(sealtrail(args).code, 2, "{args:?}");
    }
    for twice in [
        &["diff", "-", "-"][..],
        &["diff", "--policy", "-", "/nowhere/a", "-"],
        &["preview", "--policy", "-", "-"],
    ] {
        sealtrail(twice).refused(2, "`-` is standard input, which is read once");
    }
    sealtrail(&["diff", "/nowhere/a", "/nowhere/b"]).refused(7, "/nowhere/a: No such file");
}
