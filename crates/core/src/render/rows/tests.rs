use super::*;

const LINE: &str = r#"{"id":"1","source":"shop","time":"2026-11-22T00:30:00+01:00","correlationid":"c","authid":"u",
    "data":{"entity":{"type":"customer","id":"3"},"action":"update",
    "actor":{"id":"u","email":"st1.0.AA","name":"N**"},
    "request":{"ip":"st1.1.BB","user_agent":{"browser":"Mobile Safari","os":"iOS 17","device":"mobile"}},
    "changes":[{"op":"replace","path":"/email","old":"st1.0.CC","new":"st1.0.DD"},
        {"op":"add","path":"/address","new":{"city":"st1.0.EE","lines":[1.10,"st1.0.user text"]}},
        {"op":"replace","path":"/n","old":null,"new":""},
        {"op":"remove","path":"/~1a/b","old":true},
        {"op":"move","path":"/items/0","from":"/items/3"}],
    "seals":[{"group":"contact","at":["/data/changes/0/old","/data/changes/0/new","/data/changes/1/new/city"]},
        {"group":"net","at":["/data/request/ip","/data/actor/email"]}]}}"#;

fn table(line: &str, opened: &str, table: Table) -> String {
    String::from_utf8(rows(line.as_bytes(), opened.as_bytes(), table).unwrap()).unwrap()
}

/// One column of all rows.
fn column(line: &str, opened: &str, name: &str) -> Vec<Option<String>> {
    let text = table(line, opened, Table::Json);
    let rows = json::parse(text.as_bytes(), &Limits::default()).unwrap();
    let cell = |row: &Value<'_>| row.get(name).unwrap().as_str().map(str::to_owned);
    rows.items().iter().map(cell).collect()
}

fn some(cells: &[&str]) -> Vec<Option<String>> {
    cells.iter().map(|cell| Some((*cell).to_owned())).collect()
}

#[test]
fn values_as_texts_and_sealed_ones_by_their_group() {
    assert_eq!(column(LINE, "", "attribute"), some(&["email", "address", "n", "~1a/b", "items/0"]));
    let (old, new) = (column(LINE, "", "previous_value"), column(LINE, "", "current_value"));
    assert_eq!(old[0].as_deref(), Some("[sealed contact]"));
    assert_eq!((&old[1], &new[3]), (&None, &None), "absent");
    assert_eq!(
        new[1].as_deref(),
        Some(r#"{"city":"[sealed contact]","lines":[1.10,"st1.0.user text"]}"#)
    );
    assert_eq!((old[2].as_deref(), new[2].as_deref()), (Some("null"), Some("")));
    assert_eq!((old[3].as_deref(), old[4].as_deref()), (Some("true"), Some("items/3")));
    for (name, cell) in [
        ("date", "2026-11-21"),
        ("time", "23:30:00"),
        ("user_email", "[sealed net]"),
        ("ip_address", "[sealed net]"),
        ("user_name", "N**"),
        ("browser_name", "mobile safari"),
        ("device_type", "mobile"),
        ("os", "ios 17"),
    ] {
        assert_eq!(column(LINE, "", name)[0].as_deref(), Some(cell), "{name}");
    }
    assert_eq!(column(LINE, "", "account_id")[0], None);
}

#[test]
fn what_was_opened_shows_in_its_place() {
    let opened = r#"[{"at":"/data/changes/0/old","value":"ada@example.com"},{"at":"/data/changes/1/new/city","value":{"x":1.0}},
        {"at":"/data/actor/email","erased":true}]"#;
    assert_eq!(column(LINE, opened, "previous_value")[0].as_deref(), Some("ada@example.com"));
    assert_eq!(column(LINE, opened, "current_value")[0].as_deref(), Some("[sealed contact]"));
    assert_eq!(
        column(LINE, opened, "current_value")[1].as_deref(),
        Some(r#"{"city":{"x":1.0},"lines":[1.10,"st1.0.user text"]}"#)
    );
    assert_eq!(column(LINE, opened, "user_email")[0].as_deref(), Some("[erased]"));
}

#[test]
fn csv_tells_null_from_empty_and_quotes_what_must_be() {
    let line = r#"{"id":"1","data":{"entity":{"type":"t","id":"1"},"changes":[
        {"op":"replace","path":"/a","old":"x, \"y\"\r\nz","new":""}]}}"#;
    assert_eq!(
        table(line, "", Table::Csv { header: false }),
        ",,t,1,,,,,,,,,a,\"x, \"\"y\"\"\r\nz\",\"\",,,\r\n"
    );
    let with = table(line, "", Table::Csv { header: true });
    assert!(with.starts_with("date,time,table_id,") && with.contains(",os\r\n,,t,1,"));
    let rows = table(LINE, "", Table::Ndjson);
    assert_eq!((rows.lines().count(), rows.ends_with("}\n")), (5, true));
}

#[test]
fn user_agents_that_are_no_object() {
    let line = |agent: &str, seals: &str| {
        format!(
            r#"{{"data":{{"entity":{{"type":"t","id":"1"}},"request":{{"user_agent":{agent}}},
            "changes":[{{"op":"add","path":"","new":1}}],"seals":[{seals}]}}}}"#
        )
    };
    let cells = |line: &str| {
        ["attribute", "browser_name", "device_type", "os"]
            .map(|name| column(line, "", name).remove(0))
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(cells(&line("\"***\"", "")), [text(""), text("***"), None, None]);
    let sealed = text("[sealed net]");
    let seals = r#"{"group":"net","at":["/data/request/user_agent"]}"#;
    assert_eq!(
        cells(&line("\"st1.0.A\"", seals)),
        [text(""), sealed.clone(), sealed.clone(), sealed]
    );
    assert_eq!(cells(&line(r#"{"device":"Desktop"}"#, "")), [text(""), None, text("web"), None]);
}

/// What all rows share is repeated in each of them.
#[test]
fn a_table_far_longer_than_its_record_is_refused() {
    let changes = vec![r#"{"op":"add","path":"/a","new":1}"#; 1000].join(",");
    let name = "n".repeat(100_000);
    let line = format!(
        r#"{{"data":{{"entity":{{"type":"t","id":"1"}},"actor":{{"name":"{name}"}},"changes":[{changes}]}}}}"#
    );
    for table in [Table::Json, Table::Ndjson, Table::Csv { header: true }] {
        assert_eq!(rows(line.as_bytes(), b"", table).unwrap_err().code(), "too_large");
    }
}

#[test]
fn what_is_no_change_has_no_rows_and_what_is_no_record_is_refused() {
    assert_eq!(
        table(r#"{"type":"sealtrail.shred.v1","data":{"reason":"r"}}"#, "", Table::Json),
        "[]"
    );
    for (line, opened, code) in [
        ("[", "", "malformed_json"),
        ("[]", "", "invalid_field"),
        ("{}", "", "invalid_field"),
        (r#"{"data":{"changes":[{"op":"add"}]}}"#, "", "missing_field"),
        (r#"{"data":{"changes":[{"op":"add","path":1}]}}"#, "", "invalid_field"),
        (r#"{"data":{"changes":[{"op":"move","path":"/a/0"}]}}"#, "", "missing_field"),
        (LINE, "{}", "invalid_field"),
        (LINE, "[{}]", "missing_field"),
        (LINE, r#"[{"at":"/data/changes/0/old"}]"#, "missing_field"),
        (LINE, r#"[{"at":"/data/changes/2/old","value":1}]"#, "invalid_field"),
    ] {
        let error = rows(line.as_bytes(), opened.as_bytes(), Table::Json).unwrap_err();
        assert_eq!(error.code(), code, "{line} {opened}: {error}");
    }
}
