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
        history([UPDATE, REVEAL, SHRED, ""], Style::PLAIN),
        "\
2026-11-21 19:45:00Z       update products_master/1  by user 206483f8… (unverified)  request a20e389c…  record 0199
  ~ title:           \"Redmi note 9 max | 6gb Ram\" → \"Redmi note 9 max | 4gb Ram\"
  ~ customer/email:  [sealed contact] → [sealed contact]
  + tags/0:          \"a***z\"
  - note:            null
  > lines/1:         from lines/0
  ~ (whole):         1 → 2

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
        history([EVENT, REFUSED], Style::PLAIN),
        "\
2026-11-22 09:00:00Z  event order/7        record 0202
    event:       order.approved
      approver:  [sealed contact]
      total:     12.50
      lines:     [{\"sku\": \"a\", \"to\": [sealed contact]}]

2026-11-22 09:00:01Z  refused record/0199  record 0203
    attempt:              \"reveal\"
    record:               \"0199\"
    reason:               \"the role `revealer` is missing\"
    not recorded before:  4
"
    );
    // Without data, beside a change, and sealed as one.
    let update = UPDATE.replace(r#""changes":"#, r#""event":{"type":"a.b"},"changes":"#);
    assert!(record(update.as_bytes(), Style::PLAIN).contains("\n    event:           a.b\n"));
    let (from, to) = (EVENT.find(r#"{"approver"#).unwrap(), EVENT.find("},\"seals").unwrap());
    let whole = format!("{}\"st1.0.CC\"{}", &EVENT[..from], &EVENT[to..]);
    let whole = whole.replace("/data/event/data/approver", "/data/event/data");
    assert!(record(whole.as_bytes(), Style::PLAIN).contains("      data:  [sealed contact]\n"));
}

#[test]
fn colour_adds_colour_and_nothing_else() {
    let mut coloured = history([UPDATE, REVEAL, SHRED, ""], Style::COLOUR);
    assert!(coloured.contains("\x1b[33m  ~ title:\x1b[0m"), "{coloured}");
    while let Some(start) = coloured.find('\x1b') {
        let end = start + coloured[start..].find('m').unwrap();
        coloured.replace_range(start..=end, "");
    }
    assert_eq!(coloured, history([UPDATE, REVEAL, SHRED, ""], Style::PLAIN));
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
    assert!(super::record(deep.as_bytes(), Style::PLAIN).contains("[[[["));
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
