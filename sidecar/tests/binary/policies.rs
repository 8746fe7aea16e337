//! `policy lint`, `policy test`, `policy schema` and `policy import`, as a person and a pipeline call them.

use std::path::Path;

use tempfile::TempDir;

use crate::place::{Ran, feed, sealtrail};

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

fn in_repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).display().to_string()
}

fn policy(command: &str, rest: &[&str]) -> Ran {
    sealtrail(&[&["policy", command][..], rest].concat())
}

const RULES: &str = r#"{"id":"p","version":"1","default":"seal","rules":[
  {"select":"$.email","action":"keep"},{"select":"$['email']","action":"seal"},{"select":"$.fax","action":"drop"}]}"#;
const CHANGE: &str = r#"{"entity":{"type":"customer","id":"3"},"action":"update","before":{"email":"ada@example.com"},"after":{"email":"eve@example.com","new":1}}"#;

#[test]
fn lint_says_what_is_in_vain_and_never_a_value() {
    let files = Files::new();
    let (rules, change) = (files.write("p.json", RULES), files.write("c.json", CHANGE));
    let ran = policy("lint", &["--policy", &rules, &change]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert_eq!(
        ran.stdout,
        "error    /rules/1          `$['email']` stands at `/rules/0` already [duplicate]\n\
         warning  /rules/0  /email  is kept, and its value reads as an e-mail address [personal_kept]\n\
         warning  /rules/2          `$.fax` names nothing in the samples [never_matches]\n\
         note     /default  /new    no rule names it, so the default decides [unnamed]\n\
         \n\
         1 error, 2 warnings, 1 note\n"
    );
    let json = policy("lint", &["--json", "--policy", &rules, &change]);
    assert_eq!(json.code, 5);
    let findings = json.json();
    assert_eq!(findings.as_array().unwrap().len(), 4);
    assert_eq!(findings[0]["code"], "duplicate");
    for ran in [ran, json] {
        assert!(!ran.stdout.contains("@example.com"), "{ran:?}");
    }
}

#[test]
fn lint_fails_by_notes_where_it_is_strict() {
    let files = Files::new();
    let rules = files.write("p.json", r#"{"id":"p","version":"1","default":"seal"}"#);
    let from_input = |rest: &[&str]| {
        let args = [&["policy", "lint", "--policy", &rules, "-"][..], rest].concat();
        feed(&args, b"{\"a\":1}\n{\"b\":2}\n")
    };
    let ran = from_input(&[]);
    assert_eq!((ran.code, ran.stdout.lines().last()), (0, Some("2 notes")), "{ran:?}");
    assert_eq!(from_input(&["--strict"]).code, 5);
    let none = policy("lint", &["--strict", "--policy", &rules]);
    assert_eq!((none.code, none.stdout.as_str()), (0, "no findings\n"));
}

#[test]
fn test_finds_nothing_in_a_good_policy_and_shows_a_leak_of_a_bad_one() {
    let shop = in_repository("examples/shop/policy.json");
    let samples = in_repository("examples/shop/samples.ndjson");
    let ran = policy("test", &["--policy", &shop, &samples]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("canaries in 2 samples: "), "{ran:?}");
    assert!(ran.stdout.ends_with(" searched, no part of them came out\n"), "{ran:?}");

    let expected = ["--policy", &shop, "--expect-protected", "$.title", &samples];
    let ran = policy("test", &expected);
    assert_eq!(ran.code, 5, "{ran:?}");
    let leak = ran.stdout.lines().find(|line| line.contains("record /data/changes/")).unwrap();
    assert!(leak.starts_with("LEAK  sample 2  /title  keep by rules[1] $.title  "), "{ran:?}");
    assert!(leak.ends_with("in clear (update)"), "{ran:?}");

    let json = policy("test", &[&["--json"][..], &expected].concat());
    assert_eq!(json.code, 5);
    let report = json.json();
    assert_eq!(report["leaks"][0]["path"], "/title");
    assert!(report["planted"].as_u64().unwrap() > 10, "{report}");
}

#[test]
fn wrong_use_and_wrong_input_of_the_policy_tools() {
    let files = Files::new();
    let (rules, bad) = (files.write("p.json", RULES), files.write("bad.json", "{\"id\":\"p\"}"));
    let change = files.write("c.json", CHANGE);
    for command in ["lint", "test"] {
        policy(command, &["--policy", &bad, &change]).refused(5, "bad.json: policy `/default`");
        policy(command, &["--policy", &rules, "/nowhere"]).refused(7, "/nowhere: ");
        policy(command, &["--policy", &rules, "-", "-"]).refused(2, "read once");
        policy(command, &["--policy", "-", "-"]).refused(2, "read once");
        let empty = files.write("empty.ndjson", "\n");
        policy(command, &["--policy", &rules, &change, &empty])
            .refused(4, "empty.ndjson: no sample in it");
        policy(command, &["--policy", &rules, "-"]).refused(4, "-: no sample in it");
        let broken = files.write("broken.ndjson", &format!("{CHANGE}\n[1]\n"));
        policy(command, &["--policy", &rules, &broken]).refused(4, "broken.ndjson:2: a change");
        let half = files.write("half.ndjson", "{\"a\":1}\n\n{\"a\":\n");
        let ran = policy(command, &["--policy", &rules, &change, &half]);
        ran.refused(4, "half.ndjson:3: the change: ");
        assert!(ran.stderr.contains("line 3, column 6"), "the line of the file: {ran:?}");
        let one = files.write("one.json", "{\n\"a\":}\n");
        policy(command, &["--policy", &rules, &change, &one]).refused(4, "one.json: the change: ");
    }
    assert_eq!(policy("test", &["--policy", &rules]).code, 2, "a test needs samples");
    let open = files.write("open.json", r#"{"id":"p","version":"1","default":"keep"}"#);
    let ran = policy("test", &["--policy", &open, &files.write("i.json", "{\"a\":1}")]);
    let said = "0 canaries in 1 sample: no value is protected, so nothing was tried\n";
    assert_eq!((ran.code, ran.stdout.as_str()), (0, said), "{ran:?}");
    policy("test", &["--policy", &rules, "--expect-protected", "$.gone", &change])
        .refused(2, "--expect-protected `$.gone` names nothing in the samples");
    let ran = policy("test", &["--policy", &rules, "--expect-protected", "title", &change]);
    let said = "error: --expect-protected `title`: expected `$`, the root at character 1\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (2, said), "{ran:?}");
}

#[test]
fn the_policies_of_the_first_users() {
    let files = Files::new();
    for (schema, samples) in [
        (
            "tests/first-users/treatment.schema.json",
            r#"{"piiref":"p-1","name":"Ada","drug":"aspirin"}"#,
        ),
        (
            "tests/first-users/purchase.proto",
            r#"{"email":"ada@example.com","name":"Ada","location":"Köln","purchase_value":12.50}"#,
        ),
    ] {
        let imported = policy("import", &[&in_repository(schema)]);
        assert_eq!(imported.code, 0, "{imported:?}");
        let (rules, sample) =
            (files.write("p.json", &imported.stdout), files.write("s.json", samples));
        let lint = policy("lint", &["--policy", &rules, &sample]);
        assert_eq!(lint.code, 0, "{lint:?}");
        assert!(!lint.stdout.contains("never_matches"), "{lint:?}");
        let test = policy("test", &["--policy", &rules, "--expect-protected", "$.name", &sample]);
        assert_eq!(test.code, 0, "{test:?}");
    }
}

#[test]
fn import_of_avro() {
    let files = Files::new();
    let schema = files.write(
        "customer.avsc",
        r#"{"type":"record","name":"Customer","fields":[{"name":"id","type":"long"},
            {"name":"email","type":["null","string"],"confluent:tags":["PII"]}]}"#,
    );
    let ran = policy("import", &[&schema]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json()["id"], "customer");
    assert_eq!(ran.json()["rules"][1]["group"], "pii");
    let broken = files.write("broken.avsc", "{\n  \"type\": record\n}");
    let ran = policy("import", &[&broken]);
    ran.refused(4, "at line 2, column 11");
    assert!(ran.stderr.contains("2 |   \"type\": record"), "{ran:?}");
}

#[test]
fn schema_is_the_published_one() {
    let ran = policy("schema", &[]);
    assert_eq!(ran.code, 0);
    let published =
        std::fs::read_to_string(in_repository("crates/core/policy.schema.json")).unwrap();
    assert_eq!(ran.stdout, published);
}

/// The transcript of the README is what the commands print; only counts may differ.
#[test]
fn the_readme_shows_what_is_printed() {
    let readme = std::fs::read_to_string(in_repository("README.md")).unwrap();
    let (_, block) = readme.split_once("```\n$ sealtrail policy lint").unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    let transcript = format!("$ sealtrail policy lint{block}\n");
    let mut commands = 0;
    for part in transcript.split("$ sealtrail ").skip(1) {
        let (command, shown) = part.split_once('\n').unwrap();
        let shown = shown.split("$ echo").next().unwrap();
        let args: Vec<String> = command
            .split(' ')
            .map(|word| match word.strip_prefix("examples/") {
                Some(_) => in_repository(word),
                None => word.trim_matches('\'').to_owned(),
            })
            .collect();
        let ran = sealtrail(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(without_counts(&ran.stdout), without_counts(shown), "{command}");
        commands += 1;
    }
    assert_eq!(commands, 3);
}

fn without_counts(text: &str) -> String {
    let line = |line: &str| match line.ends_with("came out") {
        true => line.chars().filter(|c| !c.is_ascii_digit()).collect(),
        false => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
