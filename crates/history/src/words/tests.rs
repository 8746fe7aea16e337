use super::*;

const UPDATE: &str = concat!(
    r#"{"specversion":"1.0","id":"0199","source":"product_management","type":"sealtrail.change.update.v1","#,
    r#""subject":"products_master/1","time":"2026-11-21T19:45:00.047Z","recordedtime":"2026-11-21T19:45:01Z","#,
    r#""correlationid":"a20e389c-134b-40e7-9827-1c94eb895412","authtype":"user","data":{"#,
    r#""entity":{"type":"products_master","id":"1"},"action":"update","#,
    r#""actor":{"type":"user","id":"206483f8-f11e-4ee8-87df-962b6f92d610","verified":false},"changes":["#,
    r#"{"op":"replace","path":"/title","old":"Redmi note 9 max | 6gb Ram","new":"Redmi note 9 max | 4gb Ram"},"#,
    r#"{"op":"replace","path":"/customer/email","old":"st1.0.AA","new":"st1.0.BB"},"#,
    r#"{"op":"add","path":"/tags/0","new":"a***z"},{"op":"remove","path":"/note","old":null},"#,
    r#"{"op":"move","path":"/lines/1","from":"/lines/0"},{"op":"replace","path":"","old":1,"new":2}],"#,
    r#""seals":[{"alg":"A256GCM-HS256","group":"contact","kids":["k_1","t_1"],"commit":"c","#,
    r#""at":["/data/changes/1/old","/data/changes/1/new"]}]}}"#
);

const REVEAL: &str = concat!(
    r#"{"id":"0200","type":"sealtrail.reveal.v1","subject":"record/0199","time":"2026-11-22T08:00:00+01:00","#,
    r#""authtype":"user","authid":"dpo@example.com","data":{"act":"reveal","reason":"complaint 17","#,
    r#""record":"0199","group":"contact"}}"#
);

const SHRED: &str = concat!(
    r#"{"id":"0201","type":"sealtrail.shred.v1","subject":"key/k_1","time":"2026-11-22T09:00:00Z","#,
    r#""data":{"act":"shred","reason":"Art. 17","kids":["k_1"],"hard":false}}"#
);

#[test]
fn a_history_reads_like_this() {
    assert_eq!(
        history([UPDATE, REVEAL, SHRED, ""], Style::PLAIN, ""),
        "\
2026-11-21 19:45:00Z       update products_master/1  by user 206483f8… (unverified)  request a20e389c…  record 0199
  'title' changed: 'Redmi note 9 max | 6gb Ram' -> 'Redmi note 9 max | 4gb Ram'
  'customer.email' changed: [sealed contact] -> [sealed contact]
  'tags' collection changes: 1. 'tags/0' added: 'a***z'
  'note' removed: null
  'lines' collection changes: 1. 'lines/1' moved from 'lines/0'
  '(whole)' changed: '1' -> '2'

2026-11-22 08:00:00+01:00  reveal record/0199        by user dpo@example.com                            record 0200
    record:  \"0199\"
    group:   \"contact\"
    reason:  \"complaint 17\"

2026-11-22 09:00:00Z       shred key/k_1                                                                record 0201
    keys:    [\"k_1\"]
    reason:  \"Art. 17\"

(not a record)             0 bytes
"
    );
}

const EVENT: &str = concat!(
    r#"{"id":"0202","type":"sealtrail.event.v1","time":"2026-11-22T09:00:00Z","data":{"entity":{"type":"order","id":"7"},"#,
    r#""event":{"type":"order.approved","data":{"approver":"st1.0.AA","total":12.50,"lines":[{"sku":"a","to":"st1.0.BB"}]}},"#,
    r#""seals":[{"group":"contact","kids":["k_1","t_1"],"at":["/data/event/data/approver","/data/event/data/lines/0/to"]}]}}"#
);

const REFUSED: &str = concat!(
    r#"{"id":"0203","type":"sealtrail.refused.v1","subject":"record/0199","time":"2026-11-22T09:00:01Z","data":{"act":"refused","#,
    r#""reason":"the role `revealer` is missing","attempt":"reveal","record":"0199","unrecorded":4}}"#
);

#[test]
fn an_event_shows_what_it_is_and_a_refusal_what_was_tried() {
    assert_eq!(
        history([EVENT, REFUSED], Style::PLAIN, ""),
        "\
2026-11-22 09:00:00Z  event order/7        record 0202
    event:       order.approved
      approver:  [sealed contact]
      total:     12.50
      lines:     [{\"sku\":\"a\",\"to\":[sealed contact]}]

2026-11-22 09:00:01Z  refused record/0199  record 0203
    attempt:              \"reveal\"
    record:               \"0199\"
    reason:               \"the role `revealer` is missing\"
    not recorded before:  4
"
    );
    // Without data, beside a change, and sealed as one.
    let update = UPDATE.replace(r#""changes":"#, r#""event":{"type":"a.b"},"changes":"#);
    assert!(record(update.as_bytes(), Style::PLAIN).contains("\n    event:  a.b\n"));
    let (from, to) = (EVENT.find(r#"{"approver"#).unwrap(), EVENT.find("},\"seals").unwrap());
    let whole = format!("{}\"st1.0.CC\"{}", &EVENT[..from], &EVENT[to..]);
    let whole = whole.replace("/data/event/data/approver", "/data/event/data");
    assert!(record(whole.as_bytes(), Style::PLAIN).contains("      data:  [sealed contact]\n"));
}

/// A line of a history, as a terminal shows it.
fn without_colour(mut text: String) -> String {
    while let Some(start) = text.find('\x1b') {
        let end = start + text[start..].find('m').unwrap();
        text.replace_range(start..=end, "");
    }
    text
}

#[test]
fn a_terminal_gets_colours_and_columns_and_nothing_else() {
    let coloured = history([UPDATE, REVEAL, SHRED, ""], Style::COLOUR, "");
    assert!(coloured.contains("\x1b[33m  'title'\x1b[0m          changed: 'Redmi"), "{coloured}");
    let shown = without_colour(coloured);
    assert!(shown.contains("\n  'customer.email' changed: "), "{shown}");
    assert!(shown.contains("\n  'note'           removed: null\n"), "{shown}");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = history([UPDATE, REVEAL, SHRED, ""], Style::PLAIN, "");
    assert_eq!(words(&shown), words(&plain));
}

fn with_changes(changes: &str) -> String {
    format!(
        r#"{{"type":"sealtrail.change.update.v1","data":{{"changes":[{changes}],"seals":[{{"group":"contact","at":["/data/changes/0/new/by","/data/changes/1/old/1"]}}]}}}}"#
    )
}

#[test]
fn what_happened_in_a_collection_is_told_together() {
    let changes = [
        r#"{"op":"add","path":"/notes/1","new":{"note":"Test note","by":"st1.0.AA","staffOnly":false}}"#,
        r#"{"op":"replace","path":"/box","old":{"a":1},"new":"1"}"#,
        r#"{"op":"replace","path":"/notes/0/note","old":"it's","new":"is"}"#,
        r#"{"op":"remove","path":"/notes/2","old":[]}"#,
        r#"{"op":"replace","path":"/rows","coarse":true,"old":[1,2],"new":[3]}"#,
        r#"{"op":"replace","path":"/1","old":1,"new":"1"}"#,
    ];
    assert_eq!(
        record(with_changes(&changes.join(",")).as_bytes(), Style::PLAIN),
        "\
(no time)  update
  'notes' collection changes:
    1. 'notes/1' added; 'notes/1.note' = 'Test note'; 'notes/1.by' = [sealed contact]; 'notes/1.staffOnly' = 'false'
    2. 'notes/0.note' changed: 'it\\'s' -> 'is'
    3. 'notes/2' removed: '[]'
  'box' changed: '{\"a\":1}' -> '1'
  'rows' changed as a whole: 2 items -> 1 items
  '1' changed: '1' (a number) -> '1' (a string)
"
    );
}

#[test]
fn what_cannot_be_opened_any_more_is_erased_and_no_other_group_passes_for_it() {
    let line = with_changes(
        r#"{"op":"add","path":"/a","new":{"by":"st1.0.AA"}},{"op":"remove","path":"/b","old":[0,"st1.0.BB"]}"#,
    );
    let told = |erased| history([&line], Style::PLAIN, erased);
    let says = |shown: &str| {
        format!(
            "(no time)  update\n  'a' added; 'a.by' = {shown}\n  'b' removed; 'b/0' was '0'; 'b/1' was {shown}\n"
        )
    };
    assert_eq!(told("contact"), says("[erased]"));
    assert_eq!(told("other"), says("[sealed contact]"));
    let nameless = line.replace("\"contact\"", "\"\"");
    assert_eq!(history([nameless], Style::PLAIN, ""), says("[sealed ]"));
}

#[test]
fn a_record_of_many_changes_does_not_flood() {
    let change = |n| format!(r#"{{"op":"add","path":"/tags/{n}","new":{n}}}"#);
    let mut changes: Vec<String> = (0..20_000).map(change).collect();
    changes.extend((0..300).map(|n| format!(r#"{{"op":"add","path":"/a{n}","new":{n}}}"#)));
    let told = record(with_changes(&changes.join(",")).as_bytes(), Style::PLAIN);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[1..3], ["  'tags' collection changes:", "    1. 'tags/0' added: '0'"]);
    assert_eq!(
        lines[51..54],
        ["    50. 'tags/49' added: '49'", "    … and 19950 more", "  'a0' = '0'"]
    );
    assert_eq!(
        lines[202..],
        [
            "  'a149' = '149'",
            "  … 200 of 20300 changes are told here; the line of the record has all"
        ]
    );
    // One change of which there is much to say, and an image.
    let members = |n| (0..n).map(|n| format!("\"k{n}\":{n}")).collect::<Vec<_>>().join(",");
    let one = format!(r#"{{"op":"add","path":"/box","new":{{{}}}}}"#, members(20_000));
    let told = record(with_changes(&one).as_bytes(), Style::PLAIN);
    assert!(told.ends_with("; 'box.k15' = '15'; and 19984 more\n"), "{told}");
    let image = format!(r#"{{"data":{{"after":{{{}}}}}}}"#, members(203));
    let told = record(image.as_bytes(), Style::PLAIN);
    assert!(
        told.ends_with("    'k199' = '199'\n    … and 3 more; the line of the record has all\n")
    );
    let long = with_changes(&format!(
        r#"{{"op":"add","path":"/{0}","new":["{0}"]}}"#,
        "n".repeat(100_000)
    ));
    assert!(record(long.as_bytes(), Style::PLAIN).len() < 1000);
}

#[test]
fn an_image_without_the_other_is_shown_and_called_no_change() {
    let line = r#"{"type":"sealtrail.change.update.v1","data":{"entity":{"type":"a","id":"1"},"changes":[],"before":{"name":"st1.0.AA","tags":["x"],"box":{}},"seals":[{"group":"contact","at":["/data/before/name"]}]}}"#;
    assert_eq!(
        record(line.as_bytes(), Style::PLAIN),
        "\
(no time)  update a/1
  the entity before (what came after is not known):
    'name' was [sealed contact]
    'tags/0' was 'x'
    'box' was '{}'
"
    );
    let after = line.replace("before", "after");
    let told = record(after.as_bytes(), Style::PLAIN);
    assert!(
        told.contains(
            "the entity after (what came before is not known):\n    'name' = [sealed contact]\n"
        ),
        "{told}"
    );
}

#[test]
fn no_text_of_a_record_reaches_the_terminal_as_a_command() {
    // Every text of the record, keys of values included, with an escape, a line feed and a bidi override in it.
    let hostile = r"\u001b]0;owned\u0007\n\u202e";
    for record in [UPDATE, REVEAL, SHRED, EVENT, REFUSED] {
        let value = json::parse(record.as_bytes(), &Limits::default()).unwrap();
        let mut texts = Vec::new();
        collect(&value, &mut texts);
        assert!(texts.len() > 5);
        for text in texts {
            let quoted = format!("\"{text}\"");
            let edited = record.replace(&quoted, &format!("\"{text}{hostile}\""));
            assert_ne!(edited, record);
            let plain = super::record(edited.as_bytes(), Style::PLAIN);
            let safe = |character: char| {
                character == '\n' || !(character.is_control() || character == '\u{202e}')
            };
            assert!(plain.chars().all(safe), "{text}: {plain:?}");
            let lines = super::record(record.as_bytes(), Style::PLAIN).lines().count();
            assert!(plain.lines().count() <= lines, "{text} began a line of its own: {plain}");
        }
    }
}

fn collect<'v>(value: &'v Value<'_>, texts: &mut Vec<&'v str>) {
    value.as_str().into_iter().for_each(|text| texts.push(text));
    value.items().iter().for_each(|item| collect(item, texts));
    value.members().iter().for_each(|member| collect(&member.value, texts));
}

#[test]
fn nothing_in_a_line_makes_it_panic() {
    for record in [UPDATE, REVEAL, SHRED, EVENT, REFUSED] {
        for end in 0..record.len() {
            super::record(&record.as_bytes()[..end], Style::COLOUR);
        }
        // Each value replaced by one of every other kind: no member can be relied upon.
        for (at, _) in record.match_indices(':').chain(record.match_indices(',')) {
            let rest = &record[at + 1..];
            let Some(end) = value_end(rest) else { continue };
            for other in
                ["null", "7", "\"\"", "\"é\\ud83d\\ude00\"", "[]", "{}", "[[1]]", "{\"a\":{}}"]
            {
                let edited = format!("{}{other}{}", &record[..=at], &rest[end..]);
                super::record(edited.as_bytes(), Style::PLAIN);
            }
        }
    }
    let deep = format!(
        "{{\"data\":{{\"changes\":[{{\"op\":\"add\",\"new\":{}{}}}]}}}}",
        "[".repeat(150),
        "]".repeat(150)
    );
    assert!(super::record(deep.as_bytes(), Style::PLAIN).contains("/0/0/0/0"));
    let deeper = deep.replace('[', "[[[[[[").replace(']', "]]]]]]");
    assert!(super::record(deeper.as_bytes(), Style::PLAIN).contains("(not a record)"));
}

/// Where the value at the front of `text` ends, if a whole one is there.
fn value_end(text: &str) -> Option<usize> {
    (1..=text.len())
        .filter(|end| text.is_char_boundary(*end))
        .find(|end| json::parse(&text.as_bytes()[..*end], &Limits::default()).is_ok())
}

#[test]
fn times_are_shown_to_the_second_in_the_zone_they_were_given_in() {
    assert_eq!(time(Some("2026-11-21T19:45:00.047Z")), "2026-11-21 19:45:00Z");
    assert_eq!(time(Some("2026-11-21T19:45:00.047+01:00")), "2026-11-21 19:45:00+01:00");
    assert_eq!(time(Some("2026-11-21t19:45:00z")), "2026-11-21 19:45:00z");
    assert_eq!(time(Some("yesterday")), "yesterday");
    assert_eq!(time(Some("2026-11-21T19:45:0é.047Z")), "2026-11-21T19:45:0é.047Z");
}
