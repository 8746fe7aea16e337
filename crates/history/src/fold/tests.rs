use super::*;

fn folded(records: &[&str]) -> State {
    let mut fold = Fold::default();
    for record in records {
        fold.record(record.as_bytes());
    }
    fold.state()
}

fn changes(action: &str, changes: &str) -> String {
    format!(r#"{{"id":"r","data":{{"action":"{action}","changes":[{changes}]}}}}"#)
}

const CREATED: &str = r#"{"id":"r0","data":{"action":"create","changes":[
    {"op":"add","path":"/a","new":1.10},{"op":"add","path":"/l","new":["x","y","z"]},{"op":"add","path":"/o","new":{"p":null}}]}}"#;

#[test]
fn changes_are_carried_out_in_their_order() {
    let update = changes(
        "update",
        r#"{"op":"replace","path":"/a","old":1.10,"new":23},{"op":"remove","path":"/l/1","old":"y"},
           {"op":"move","path":"/l/0","from":"/l/1"},{"op":"add","path":"/l/2","new":{"n":1}},
           {"op":"add","path":"/o/q~1r","new":true},{"op":"remove","path":"/o/p","old":null}"#,
    );
    let state = folded(&[CREATED, &update]);
    assert_eq!(state.json, r#"{"a":23,"l":["z","x",{"n":1}],"o":{"q/r":true}}"#);
    assert!(state.complete && state.unknown.is_empty() && state.records == 2);
    assert_eq!(folded(&[CREATED]).json, r#"{"a":1.10,"l":["x","y","z"],"o":{"p":null}}"#);
}

#[test]
fn what_the_history_does_not_tell_is_unknown() {
    let late = changes(
        "update",
        r#"{"op":"replace","path":"/a","old":1,"new":2},{"op":"replace","path":"/o/p","old":1,"new":3},
           {"op":"add","path":"/l/5","new":"x"}"#,
    );
    let state = folded(&[&late]);
    assert_eq!((state.exists, state.complete), (Some(true), false));
    assert_eq!(state.json, r#"{"a":2,"o":{"p":3}}"#);
    assert_eq!(state.unknown, ["/o", "/l"]);
    assert_eq!((folded(&[]).exists, folded(&[]).complete), (None, false));

    // An index that the array does not have: which items are left is not known.
    let odd = changes("update", r#"{"op":"remove","path":"/l/9","old":1}"#);
    assert_eq!(folded(&[CREATED, &odd]).unknown, ["/l"]);
}

#[test]
fn an_image_alone_is_the_state_or_ends_it() {
    let after = r#"{"id":"r","data":{"action":"update","after":{"a":{"b":[1]}}}}"#;
    let state = folded(&[after]);
    assert_eq!((state.json.as_str(), state.complete), (r#"{"a":{"b":[1]}}"#, true));
    let before = r#"{"id":"r","data":{"action":"update","before":{"a":1}}}"#;
    assert!(!folded(&[after, before]).complete);
    let deleted = folded(&[CREATED, &changes("delete", "")]);
    assert_eq!((deleted.exists, deleted.json.as_str()), (Some(false), "{}"));
    let event = r#"{"id":"r","data":{"entity":{},"event":{"type":"seen"}}}"#;
    assert_eq!(folded(&[CREATED, event]).json, folded(&[CREATED]).json);
}

#[test]
fn what_is_sealed_stays_sealed_and_is_named_with_its_record() {
    let sealed = r#"{"id":"r7","data":{"action":"update","changes":[
        {"op":"replace","path":"/o","old":1,"new":{"email":"st1.0.AAAA","text":"st1.0.mine"}}],
        "seals":[{"group":"contact","kids":["k_1","t_1"],"at":["/data/changes/0/new/email"]}]}}"#;
    let state = folded(&[CREATED, sealed]);
    assert!(state.json.ends_with(r#""o":{"email":"st1.0.AAAA","text":"st1.0.mine"}}"#));
    let expected = SealedValue {
        path: "/o/email".into(),
        group: "contact".into(),
        record: "r7".into(),
        at: "/data/changes/0/new/email".into(),
        kids: vec!["k_1".into(), "t_1".into()],
    };
    assert_eq!(state.sealed, [expected]);
    let mut fold = Fold::default();
    fold.record(sealed.as_bytes());
    assert_eq!(fold.shown(&|_| false), r#"{"o":{"email":"[sealed contact]","text":"st1.0.mine"}}"#);
    // What changes within a sealed value cannot be followed.
    let within = changes("update", r#"{"op":"replace","path":"/o/email/0","old":1,"new":2}"#);
    let state = folded(&[CREATED, sealed, &within]);
    assert_eq!(state.unknown, ["/o/email"]);
    assert!(state.sealed.is_empty());
}

#[test]
fn nothing_makes_it_panic() {
    for odd in ["", "{}", "[]", r#"{"data":7}"#, r#"{"data":{"action":"update","changes":7}}"#] {
        assert_eq!(folded(&[CREATED, odd]).json, folded(&[CREATED]).json, "{odd}");
    }
    for path in
        ["a", "/", "/~2", "/l/-", "/l/01", "/l/18446744073709551616", "/a/b/c", "/l/0/x", ""]
    {
        for op in ["add", "remove", "replace", "move", "odd"] {
            let update = format!(r#"{{"op":"{op}","path":"{path}","from":"{path}","new":1}}"#);
            folded(&[CREATED, &changes("update", &update)]);
            folded(&[&changes("update", &update), &changes("update", &update)]);
        }
    }
}
