use super::*;
use crate::json::{Limits, parse};

const SHORT: Bounds = Bounds { characters: 100, leaves: 3, bytes: usize::MAX };

fn value(text: &str) -> Value<'_> {
    parse(text.as_bytes(), &Limits::default()).unwrap()
}

/// What is said of a change at `/v`; `x` and `y` are hidden.
fn told(op: &str, old: &str, new: &str, bounds: Bounds) -> String {
    let hidden = |at: &str, value: &Value<'_>| {
        let text = value.as_str().filter(|text| ["x", "y"].contains(text))?;
        Some(format!("[{text} at {at}]"))
    };
    let [old, new] = [old, new].map(|text| (!text.is_empty()).then(|| value(text)));
    let change = Change {
        op,
        path: "/v",
        from: Some("/w"),
        old: old.as_ref(),
        new: new.as_ref(),
        at: "/c/0".to_owned(),
        ..Change::default()
    };
    let teller = Teller { hidden: &hidden, bounds };
    let mut out = teller.name(&change) + " ";
    teller.tell(&change, &mut out);
    out
}

#[test]
fn each_kind_of_change_has_its_sentence() {
    let told = |op, old, new| told(op, old, new, Bounds::default());
    assert_eq!(told("replace", "1.10", "null"), "'v' changed: '1.10' -> null");
    assert_eq!(told("add", "", r#""it's""#), r"'v' = 'it\'s'");
    assert_eq!(told("remove", "[]", ""), "'v' removed: '[]'");
    assert_eq!(
        told("add", "", r#"{"a b":[true,{}]}"#),
        "'v' added; 'v.a b/0' = 'true'; 'v.a b/1' = '{}'"
    );
    assert_eq!(told("remove", r#"{"":1}"#, ""), "'v' removed; 'v.' was '1'");
    assert_eq!(told("move", "", ""), "'v' moved from 'w'");
    assert_eq!(told("replace", "", ""), "'v' changed");
}

#[test]
fn values_that_are_spelt_alike_are_told_apart_by_their_kind() {
    let told = |old, new| told("replace", old, new, Bounds::default());
    assert_eq!(told("1", r#""1""#), "'v' changed: '1' (a number) -> '1' (a string)");
    assert_eq!(told(r#""[1]""#, "[1]"), "'v' changed: '[1]' (a string) -> '[1]' (an array)");
    assert_eq!(told("null", r#""null""#), "'v' changed: null -> 'null'");
}

#[test]
fn what_is_hidden_is_named_by_its_place_and_stands_without_quotes() {
    let told = |op, old, new| told(op, old, new, Bounds::default());
    assert_eq!(
        told("replace", r#""x""#, r#""y""#),
        "'v' changed: [x at /c/0/old] -> [y at /c/0/new]"
    );
    assert_eq!(
        told("add", "", r#"{"a/b":["no","x"]}"#),
        "'v' added; 'v.a/b/0' = 'no'; 'v.a/b/1' = [x at /c/0/new/a~1b/1]"
    );
    assert_eq!(told("replace", r#"["x",1]"#, "2"), "'v' changed: '[[x at /c/0/old/0],1]' -> '2'");
    // Two that are hidden alike may differ all the same, and say nothing of their kind.
    assert_eq!(told("replace", r#""x""#, "1"), "'v' changed: [x at /c/0/old] -> '1'");
}

#[test]
fn a_long_value_is_cut_and_what_is_cut_is_not_written() {
    let long = format!("[{}]", vec!["12345"; 100_000].join(","));
    let teller = Teller { hidden: &|_, _| None, bounds: SHORT };
    let text = teller.quoted(&value(&long), "");
    assert!(text.starts_with("'[12345,12345") && text.ends_with("…'"), "{text}");
    assert_eq!(text.chars().count(), 103);
    let writes = std::cell::Cell::new(0);
    let hidden = |_: &str, _: &Value<'_>| {
        writes.set(writes.get() + 1);
        None
    };
    Teller { hidden: &hidden, bounds: SHORT }.json(&value(&long), "");
    assert!(writes.get() < 100, "{} values were written", writes.get());
}

#[test]
fn of_what_came_with_much_in_it_the_rest_is_counted() {
    assert_eq!(
        told("add", "", "[1,[2,3],[],5]", SHORT),
        "'v' added; 'v/0' = '1'; 'v/1/0' = '2'; 'v/1/1' = '3'; and 2 more"
    );
    assert!(told("add", "", "[1,2,3]", SHORT).ends_with("'v/2' = '3'"));
    let bytes = Bounds { bytes: 30, ..SHORT };
    assert_eq!(
        told("add", "", "[1,2,3]", bytes),
        "'v' added; 'v/0' = '1'; 'v/1' = '2'; and 1 more"
    );
}

#[test]
fn of_long_texts_the_difference_is_shown_where_texts_are_cut() {
    let title = |ram| {
        format!("\"Redmi note 9 max with a very long description | {ram} Ram | 128gb Storage\"")
    };
    let long = |bounds| told("replace", &title("6gb"), &title("14gb"), bounds);
    assert_eq!(
        long(SHORT),
        "'v' changed: '…scription | 6gb Ram | 128…' -> '…scription | 14gb Ram | 128…'"
    );
    assert!(long(Bounds::default()).contains("'Redmi note 9 max"));
    assert_eq!(told("replace", r#""6gb""#, r#""4gb""#, SHORT), "'v' changed: '6gb' -> '4gb'");
    // One inside the other, repeated, empty: the parts never overlap.
    for (old, new) in [
        ("a".repeat(70), "a".repeat(140)),
        ("a".repeat(70), String::new()),
        ("ab".repeat(50), "ba".repeat(50)),
        ("a".repeat(300), "b".repeat(300)),
    ] {
        for (old, new) in [(&old, &new), (&new, &old)] {
            let told = told("replace", &format!("\"{old}\""), &format!("\"{new}\""), SHORT);
            assert!(told.chars().count() < 250 && !told.contains("……"), "{told}");
        }
    }
}

#[test]
fn names_are_paths_and_cannot_end_their_quotes() {
    let named = |path, indices: &[usize]| {
        let change = Change { path, indices: indices.into(), ..Change::default() };
        Teller { hidden: &|_, _| None, bounds: SHORT }.name(&change)
    };
    assert_eq!(named("/notes/1/note", &[1]), "'notes/1.note'");
    assert_eq!(named("/a'b/\u{1b}[2J", &[]), r"'a\'b.\u{1b}[2J'");
    assert_eq!(named("", &[]), "'(whole)'");
    assert_eq!(named("no pointer'", &[]), r"'no pointer\''");
    assert_eq!(named(&format!("/{}", "n".repeat(1000)), &[]).chars().count(), 103);
}
