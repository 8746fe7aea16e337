//! Differences and tables as their readers ask for them.

use serde_json::Value;

use super::place::{Place, Ran, change, sealtrail};

const FIRST_USERS: &[u8] = include_bytes!("../../../tests/first-users/audit-object.json");
const ROWS: &str = include_str!("../../../tests/first-users/attribute-rows.json");

/// Nothing sealed, and the one attribute that their own table leaves out is ignored.
const KEEP_ALL: &str = r#"{"id":"first-users","version":"1","default":"keep","context_default":"keep",
    "fold_keys":true,"ignore":["$.sku_id"],"secrets":false}"#;

fn answered(ran: Ran) -> String {
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    ran.stdout
}

/// From their object to their table, through the parsed user agent and the sandbox.
#[test]
fn the_first_users_get_their_own_table() {
    let place = Place::new();
    std::fs::write(place.path("policy.json"), KEEP_ALL).unwrap();
    assert_eq!(place.append(FIRST_USERS).code, 0);
    let wanted: Vec<Value> = serde_json::from_str(ROWS).unwrap();
    let correlation = wanted[0]["request_id"].as_str().unwrap();
    for (command, rest) in
        [("history", &["products_master", "1"][..]), ("query", &["--correlation", correlation])]
    {
        let table = |format| answered(place.run(command, &[rest, &["--format", format]].concat()));
        let rows = table("rows");
        let rows: Vec<Value> = rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
        assert_eq!(rows, wanted);
        let csv = table("csv");
        let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].split(',').count(), 18);
        assert!(lines[2].ends_with(",inventory,1,10,chrome,web,windows 10"), "{csv}");
    }
}

#[test]
fn a_table_tells_sealed_from_erased_and_has_names_without_rows() {
    let place = Place::new();
    assert_eq!(place.append(change("q-1").as_bytes()).code, 0);
    let table =
        |format: &str| answered(place.run("history", &["customer", "3", "--format", format]));
    assert!(table("csv").contains(",email,[sealed default],[sealed default],"), "{}", table("csv"));
    let shred = ["customer/3", "--reason", "ticket 83", "--actor", "dpo"];
    assert_eq!(place.run("shred", &shred).code, 0);
    assert!(table("csv").contains(",email,[erased],[erased],"), "{}", table("csv"));
    assert!(table("rows").contains(r#""previous_value":"[erased]""#));

    let none = answered(place.run("query", &["--correlation", "nobody", "--format", "csv"]));
    assert!(none.starts_with("date,time,") && none.ends_with(",os\r\n"), "{none}");
    let none = answered(place.run("query", &["--correlation", "nobody", "--format", "rows"]));
    assert_eq!(none, "");
}

#[test]
fn differences_in_words_and_as_patches_with_tests() {
    let place = Place::new();
    let file = |name: &str, text: &str| {
        let path = place.path(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let before = file("before", r#"{"notes":[{"note":"First"}],"t":"a"}"#);
    let after =
        file("after", r#"{"notes":[{"note":"First"},{"note":"Test note","staffOnly":false}]}"#);
    let diff = |rest: &[&str]| sealtrail(&[&["diff", &before, &after][..], rest].concat());
    assert_eq!(
        answered(diff(&["--format", "words", "--entity", "instance/5"])),
        "changes on instance/5: 'notes' collection changes: 1. 'notes/1' added; 'notes/1.note' = \
         'Test note'; 'notes/1.staffOnly' = 'false';\n  't' removed: 'a'\n"
    );
    let patch = answered(diff(&["--format", "patch", "--tests"]));
    assert!(patch.contains(r#"{"op":"test","path":"/t","value":"a"},{"op":"remove","path":"/t"}"#));
    diff(&["--tests"]).refused(2, "`--tests` goes with `--format patch`");
    diff(&["--format", "patch", "--words"]).refused(2, "`--words` goes with `--format changes`");
    diff(&["--entity", "a/1"]).refused(2, "`--entity` goes with `--format words`");
    for entity in ["", "instance", "/5", "instance/"] {
        diff(&["--format", "words", "--entity", entity]).refused(2, "expected a type and an id");
    }
    for format in ["text", "words"] {
        assert_eq!(answered(sealtrail(&["diff", &before, &before, "--format", format])), "");
    }
    let words =
        r#"{"t":"one two three four five six seven eight nine ten eleven twelve thirteen"}"#;
    let (before, after) = (file("b", words), file("a", &words.replace("five", "5")));
    let told = sealtrail(&["diff", &before, &after, "--format", "changes", "--words"]);
    assert!(answered(told).contains(r#"["-","five"],["+","5"]"#));
}
