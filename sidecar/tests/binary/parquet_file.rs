//! Parquet files, as DuckDB reads them.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::place::Place;
use super::python::python;

const PACKAGES: [&str; 1] = ["duckdb==2.0.0"];

/// What DuckDB answers to SQL about the file `$F`, a row each.
fn asked(file: &Path, sql: &str) -> Vec<Vec<Value>> {
    const ASK: &str = "\
import duckdb, json, sys
for row in duckdb.sql(sys.argv[1]).fetchall(): print(json.dumps(row))";
    let sql = sql.replace("$F", &format!("'{}'", file.display()));
    let ran = Command::new(python(&PACKAGES))
        .args(["-c", ASK, &sql])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let rows = String::from_utf8(ran.stdout).unwrap();
    rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}

fn place() -> Place {
    let place = Place::new();
    let policy = r#"{"id":"p","version":"1","default":"keep","context_default":"keep",
        "rules":[{"select":"$.email","action":"seal","group":"contact"}],"secrets":false}"#;
    std::fs::write(place.path("policy.json"), policy).unwrap();
    place
}

fn append(place: &Place, id: u32, after: Value) {
    let change = json!({"entity": {"type": "customer", "id": id.to_string()}, "action": "create",
        "before": null, "after": after, "context": {"correlation_id": "c-ü", "service": "shop"}});
    let ran = place.append(change.to_string().as_bytes());
    assert_eq!(ran.code, 0, "{ran:?}");
}

fn export(place: &Place, form: &str) -> std::path::PathBuf {
    let out = place.path(&format!("exported.{form}"));
    let ran = place.run("export", &["--format", form, "--out", out.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // One was made of nothing.
    assert!(ran.stderr.is_empty() || ran.stderr.starts_with("note: 1 record"), "{ran:?}");
    out
}

#[test]
fn another_reader_finds_the_rows_and_their_types() {
    let place = place();
    append(
        &place,
        1,
        json!({"email": "ada@example.com", "n": 1.10, "note": "a,\"b\"\n\u{0}é", "l": [1, 2]}),
    );
    append(&place, 2, json!({"email": "x@example.com", "note": "", "big": "x".repeat(100_000)}));
    assert_eq!(place.run("shred", &["customer/2", "--reason", "r", "--actor", "dpo"]).code, 0);
    let file = export(&place, "parquet");

    let columns = asked(&file, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM $F)");
    let csv = std::fs::read_to_string(export(&place, "csv")).unwrap();
    let names = format!("record_index,ordinal,{}", csv.lines().next().unwrap());
    let expected: Vec<Vec<Value>> = names
        .split(',')
        .enumerate()
        .map(|(n, name)| vec![json!(name), json!(if n < 2 { "BIGINT" } else { "VARCHAR" })])
        .collect();
    assert_eq!(columns, expected);

    let rows = asked(&file, "SELECT * FROM $F ORDER BY record_index, ordinal");
    let text = std::fs::read_to_string(export(&place, "rows")).unwrap();
    let (mut place_of, mut expected) = ((0, 0), Vec::new());
    for row in text.lines().map(|row| serde_json::from_str::<Value>(row).unwrap()) {
        let record = row["entity_id"].as_str().unwrap().parse::<i64>().unwrap() - 1;
        place_of = if place_of.0 == record { place_of } else { (record, 0) };
        let cells = names.split(',').skip(2).map(|name| row[name].clone());
        expected.push([json!(place_of.0), json!(place_of.1)].into_iter().chain(cells).collect());
        place_of.1 += 1;
    }
    assert_eq!(rows, expected as Vec<Vec<Value>>);
    let shown = asked(&file, "SELECT current_value FROM $F WHERE attribute = 'email' ORDER BY ALL");
    assert_eq!(shown, [[json!("[erased]")], [json!("[sealed contact]")]]);
}

#[test]
fn row_groups_are_bounded_and_an_answer_without_rows_is_a_file() {
    let place = place();
    let nothing = export(&place, "parquet");
    assert_eq!(asked(&nothing, "SELECT COUNT(*) FROM $F"), [[json!(0)]]);
    std::fs::remove_file(nothing).unwrap();

    // 70 records of 1,000 changes, and one that is long.
    let wide = |id: u32| (0..1_000).map(|n| (format!("a{n}"), json!(id))).collect::<Value>();
    (0..70).for_each(|id| append(&place, id, wide(id)));
    append(&place, 70, json!({"long": "y".repeat(1_000_000)}));
    let file = export(&place, "parquet");
    let count = asked(&file, "SELECT COUNT(*), COUNT(DISTINCT (record_index, ordinal)) FROM $F");
    assert_eq!(count, [[json!(70_001), json!(70_001)]]);
    let groups =
        "SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata($F) ORDER BY 1";
    let groups: Vec<u64> =
        asked(&file, groups).iter().map(|row| row[1].as_u64().unwrap()).collect();
    assert!(groups.len() >= 2 && groups.iter().all(|rows| *rows < 65_536 + 1_000), "{groups:?}");
    assert_eq!(groups.iter().sum::<u64>(), 70_001);
}
