use super::*;

/// The names of a record as `kind text` or `kind text text`, and its time.
fn names(line: &[u8]) -> (Vec<String>, Option<i64>) {
    let mut names = Vec::new();
    let time = each(line, &mut |(kind, first, second)| {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let second = second.map(|second| format!(" {}", text(second))).unwrap_or_default();
        names.push(format!("{kind:?} {}{second}", text(first)));
    });
    (names, time)
}

#[test]
fn the_names_of_a_change() {
    let line = r#"{"specversion":"1.0","id":"0199\u0041","source":"s","type":"sealtrail.change.update.v1",
        "subject":"a\"b", "time":"2026-11-21T19:45:00.047Z","recordedtime":"2027-01-01T00:00:00Z",
        "correlationid":"a20e389c","causationid":"c9","authtype":"user","authid":"ps1.x","data":{
        "entity":{"type":"pro\"duct","id":"1","x":[{"id":"9"}]},"action":"update","tenant":"acme",
        "actor":{"type":"user","id":"7","more":{"id":"8"}},
        "changes":[{"op":"replace","path":"/a/b~1c/0","old":"}]\\","new":{"path":"/no"}},{"op":"move","path":"/l/0","from":"/l/3"}],
        "seals":[{"alg":"x","group":"g","kids":["k_1","t_1"],"at":["/data/changes/0/new"]}],
        "pseudonyms":[{"group":"g","kid":"k_2","at":[]}]},"last":1}"#;
    let (names, time) = names(line.as_bytes());
    let expected = [
        "Record 0199A",
        "Correlation a20e389c",
        "Causation c9",
        "Actor ps1.x",
        "Type pro\"duct",
        "Entity pro\"duct 1",
        "Action update",
        "Tenant acme",
        "Actor 7",
        "Attribute /a/b~1c/0",
        "Above /a",
        "Above /a/b~1c",
        "Attribute /l/0",
        "Above /l",
        "Attribute /l/3",
        "Above /l",
        "Key k_1",
        "Key k_2",
    ];
    assert_eq!(names, expected);
    assert_eq!(time, Some(1_795_290_300_047));
}

#[test]
fn an_act_is_called_by_its_type_and_an_event_by_both() {
    let act = br#"{"id":"r","type":"sealtrail.shred.v1","recordedtime":"1970-01-01T00:00:01Z","data":{"kids":["k_9"]}}"#;
    assert_eq!(names(act), (vec!["Record r".into(), "Action shred".into()], Some(1000)));
    let event = br#"{"type":"sealtrail.event.v1","data":{"event":{"type":"order.approved","data":{"type":"x"}}}}"#;
    assert_eq!(names(event).0, ["Action order.approved", "Action event"]);
}

#[test]
fn what_is_sealed_is_no_name() {
    let line =
        br#"{"authid":"st1.0.AAAA","data":{"tenant":"st1.0.BBBB","actor":{"id":"st1.0.CCCC"}}}"#;
    assert_eq!(names(line), (vec![], None));
}

#[test]
fn what_the_sender_called_it() {
    let of = |line: &str| change_id(line.as_bytes());
    let both = Some(("shop".to_owned(), "c\"7".to_owned()));
    assert_eq!(of(r#"{"id":"r","source":"shop","data":{"a":{},"change_id":"c\"7"}}"#), both);
    for line in [
        "",
        r#"{"source":"shop","data":{"a":{"change_id":"c"}}}"#,
        r#"{"source":"shop","change_id":"c","data":{}}"#,
        r#"{"source":"shop","data":{"change_id":7}}"#,
        r#"{"data":{"change_id":"c"}}"#,
    ] {
        assert_eq!(of(line), None, "{line}");
    }
}

#[test]
fn what_is_not_there_or_no_text_is_none() {
    for line in [
        "",
        "{}",
        "null",
        "[1]",
        "{\"id\"",
        "{\"id\":",
        "{\"id\":}",
        "{,,,}",
        r#"{"id":7,"time":3,"correlationid":null,"data":{"entity":{"type":"x"}}}"#,
        r#"{"data":[{"entity":1}],"type":""}"#,
        r#"{"data":{"changes":{"path":"/a"},"seals":"k","actor":[],"entity":"x"}}"#,
    ] {
        assert_eq!(names(line.as_bytes()), (vec![], None), "{line}");
    }
}

#[test]
fn every_prefix_and_every_changed_byte_is_survived() {
    let line = br#"{"id":"0199","correlationid":"a\\","time":"2026-11-21T19:45:00Z","data":{"entity":{"type":"t","id":"1"},"changes":[{"path":"/a/b"},[],{}],"seals":[{"kids":["k"]}]}}"#;
    for end in 0..line.len() {
        each(&line[..end], &mut |_| ());
        change_id(&line[..end]);
        for byte in [b'"', b'\\', b'{', b'}', b'[', b']', b',', b':', b' ', 0, 0xff] {
            let mut edited = line.to_vec();
            edited[end] = byte;
            each(&edited, &mut |_| ());
            change_id(&edited);
        }
    }
}

#[test]
fn depth_is_no_danger() {
    let deep = format!(r#"{{"x":{}{},"id":"0199"}}"#, "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(names(deep.as_bytes()).0, ["Record 0199"]);
    let open = format!(r#"{{"x":{}"#, "[".repeat(200_000));
    assert_eq!(names(open.as_bytes()).0, [] as [&str; 0]);
}
