use sealtrail_record::json::{Limits, parse};

use super::*;

/// `code at path severity` of every finding.
fn found(policy: &str, samples: &[&str]) -> Vec<String> {
    let samples: Vec<&[u8]> = samples.iter().map(|sample| sample.as_bytes()).collect();
    let findings = lint(policy.as_bytes(), &samples, &Limits::default()).unwrap();
    let findings = parse(&findings, &Limits::default()).unwrap();
    let text = |finding: &sealtrail_record::json::Value<'_>, key: &str| {
        finding.get(key).and_then(|v| v.as_str()).unwrap_or("-").to_owned()
    };
    let line = |f: &_| ["code", "at", "path", "severity"].map(|key| text(f, key)).join(" ");
    findings.items().iter().map(line).collect()
}

fn policy(rest: &str) -> String {
    format!(r#"{{"id":"p","version":"1",{rest}}}"#)
}

const CHANGE: &str = r#"{"entity":{"type":"customer","id":"3"},"action":"update",
    "before":{"id":3,"email":"a@example.com","tags":["x"],"items":[{"id":1,"note":"n"},{"note":"m"}]},
    "after":{"id":3,"email":"b@example.com","tags":["y"],"items":[]},
    "context":{"actor":{"type":"user","id":"7","email":"c@example.com"},"request":{"ip":"203.0.113.86"}}}"#;

#[test]
fn a_policy_that_fits_has_no_findings() {
    let policy = policy(
        r#""default":"seal","rules":[{"select":"$.id","action":"keep"},{"select":"$.email","action":"seal"},
        {"select":"$.tags","action":"keep"},{"select":"$.items","action":"drop"}],
        "ignore":["$.tags"],"arrays":[{"select":"$.tags","match":"set"}],
        "context":[{"select":"$.actor.email","action":"drop"}]"#,
    );
    assert_eq!(found(&policy, &[CHANGE]), [""; 0]);
    assert_eq!(found(&policy, &[]), [""; 0]);
}

#[test]
fn entries_that_never_match() {
    let policy = policy(
        r#""default":"seal","rules":[{"select":"$.e_mail","action":"drop"},{"select":"$","action":"drop"}],
        "ignore":["$.updated_at","$.id"],
        "arrays":[{"select":"$.email","match":"set"},{"select":"$.labels","match":"set"},{"select":"$.items","match":"key","key":"id"}],
        "context":[{"select":"$.actor.mail","action":"drop"}]"#,
    );
    assert_eq!(
        found(&policy, &[CHANGE]),
        [
            "identity_missing /arrays/2 /items warning",
            "never_matches /rules/0 - warning",
            "never_matches /context/0 - warning",
            "never_matches /ignore/0 - warning",
            "never_meets_array /arrays/0 - warning",
            "never_meets_array /arrays/1 - warning",
        ]
    );
    // Without samples, or without a context in them, nobody can know.
    assert_eq!(found(&policy, &[]), [""; 0]);
    let image = r#"{"e_mail":"x","updated_at":1,"id":1,"email":["a"],"labels":[],"items":[]}"#;
    assert_eq!(found(&policy, &[image]), [""; 0]);
}

#[test]
fn shadows_and_duplicates() {
    let policy = policy(
        r#""default":"seal","rules":[
        {"select":"$.email","action":"keep"},
        {"select":"$['email']","action":"seal"},
        {"select":"$..id","action":"keep"},
        {"select":"$.items[*].id","action":"keep"},
        {"select":"$.items","action":"seal"},
        {"select":"$.items[0]","action":"keep"}],
        "ignore":["$.tags","$.tags[*]","$.tags"],
        "context":[{"select":"$.actor","action":"keep"},{"select":"$.actor.email","action":"mask"}]"#,
    );
    assert_eq!(
        found(&policy, &[]),
        [
            "duplicate /rules/1 - error",
            "shadowed /rules/3 - warning",
            "shadowed /rules/5 - warning",
            "shadowed /context/1 - error",
            "shadowed /ignore/1 - warning",
            "duplicate /ignore/2 - warning",
        ]
    );
}

#[test]
fn matched_and_never_first() {
    // No one selector covers `$..note`, and in these samples all the same.
    let policy = policy(
        r#""default":"seal","rules":[{"select":"$.items[*].note","action":"drop"},{"select":"$..note","action":"drop"},
        {"select":"$['id','email','tags']","action":"drop"},{"select":"$.items[*].id","action":"drop"}]"#,
    );
    assert_eq!(
        found(&policy, &[CHANGE]),
        ["unnamed /default /items note", "never_first /rules/1 - warning"]
    );
}

#[test]
fn what_no_rule_names() {
    let change = r#"{"entity":{"type":"t","id":1},"action":"create","after":{"a":1,"l":[{"b":1},{"b":2}],"z":0}}"#;
    let rules = r#""rules":[{"select":"$.a","action":"keep"}],"ignore":["$.z"]"#;
    for (default, severity) in [("seal", "note"), ("keep", "warning")] {
        let policy = policy(&format!(r#""default":"{default}",{rules}"#));
        // One line for all items.
        assert_eq!(found(&policy, &[change]), [format!("unnamed /default /l/0/b {severity}")]);
    }
}

#[test]
fn personal_and_kept() {
    let policy = policy(
        r#""default":"keep","context":[{"select":"$.actor","action":"keep"}],
        "rules":[{"select":"$.*","action":"keep"}]"#,
    );
    let change = r#"{"table_id":"c","entity_id":"1","action":"create",
        "new_data":{"E-Mail":"","contact":"write to ada@example.com","Phone":49221,"name":"Ada","address":{"line":"x"},
            "birthDate":"1815-12-10","iban_verified":true,"card":"4111 1111 1111 1111","password":"x@example.com"},
        "request_info":{"user":{"user_id":"eve@example.com","user_name":"Eve"}}}"#;
    assert_eq!(
        found(&policy, &[change]),
        [
            "personal_kept /rules/0 /contact warning",
            "personal_kept /rules/0 /Phone warning",
            "personal_kept /rules/0 /name note",
            "personal_kept /rules/0 /address/line note",
            "personal_kept /rules/0 /birthDate warning",
            "personal_kept /context/0 /context/actor/id warning",
            "personal_kept /context/0 /context/actor/name note",
        ]
    );
    // Without the built-in list the card and the password are kept as well.
    let open = policy.replace("\"default\"", "\"secrets\":false,\"default\"");
    let more = found(&open, &[change]);
    for path in ["/card", "/password"] {
        assert!(more.contains(&format!("personal_kept /rules/0 {path} warning")), "{more:?}");
    }
    // What is built in keeps the actor's id, and is nowhere in the document.
    let built_in =
        r#"{"id":"p","version":"1","default":"seal","rules":[{"select":"$.*","action":"seal"}]}"#;
    assert_eq!(found(built_in, &[change]), ["personal_kept  /context/actor/id warning"]);
}

#[test]
fn folded_keys() {
    let policy = policy(
        r#""default":"keep","fold_keys":true,
        "rules":[{"select":"$.sku_id","action":"drop"},{"select":"$.eMail","action":"seal"},{"select":"$['id ']","action":"keep"}],
        "arrays":[{"select":"$.lines","match":"key","key":"id"}]"#,
    );
    let image = r#"{"sku id":1,"EMail":"x","lines":[{"_id":1},{" ID ":2}]}"#;
    assert_eq!(
        found(&policy, &[image]),
        [
            "unfolded_name /rules/1 - error",
            "unfolded_name /rules/2 - warning",
            "unnamed /default /EMail warning",
            "personal_kept /default /EMail warning",
            // ` ID ` of the second item is the same attribute.
            "unnamed /default /lines/0/_id warning",
        ]
    );
}

#[test]
fn never_quotes_a_value() {
    let policy = policy(r#""default":"keep","rules":[{"select":"$.a","action":"keep"}]"#);
    let sample =
        br#"{"mail":"ada@secret.example","note":"+49 221 4711471","a":"DE89370400440532013000"}"#;
    let findings = lint(policy.as_bytes(), &[sample], &Limits::default()).unwrap();
    let findings = String::from_utf8(findings).unwrap();
    assert_eq!(findings.matches("personal_kept").count(), 3);
    for value in ["ada@", "secret", "4711471", "DE89"] {
        assert!(!findings.contains(value), "{value}");
    }
}

#[test]
fn refusals_name_the_sample() {
    let keep = policy(r#""default":"keep""#);
    for (sample, code, said) in [
        ("[1]", "not_a_change", "sample 2: a change or an image is an object, got an array"),
        ("{\"a\":1,\"a\":2}", "duplicate_key", "sample 2: the change: "),
        (
            r#"{"entity":{"type":"t","id":1},"action":"created"}"#,
            "unknown_action",
            "sample 2: `/action`",
        ),
        (
            r#"{"old_data":{},"entity_id":1,"action":"delete"}"#,
            "missing_field",
            "sample 2: `/table_id`",
        ),
    ] {
        let samples: [&[u8]; 2] = [b"{}", sample.as_bytes()];
        let error = lint(keep.as_bytes(), &samples, &Limits::default()).unwrap_err();
        assert_eq!(error.code(), code, "{sample}");
        assert!(error.to_string().starts_with(said), "{error}");
    }
    let error = lint(b"{}", &[], &Limits::default()).unwrap_err();
    assert_eq!(error.code(), "policy_invalid");
    // A column of that name makes no change.
    assert!(
        lint(keep.as_bytes(), &[br#"{"entity_id":4,"action":"x"}"#], &Limits::default()).is_ok()
    );
}

/// The walk here and the automaton of production name the same first rule for every value.
#[test]
fn follows_as_the_policy_does() {
    let selects =
        ["$..a", "$.b[0]", "$.b[-1].a", "$.*.c", "$..b..c", "$['b','c'][1:3]", "$[*]", "$"];
    let image = r#"{"a":1,"b":[{"a":1},{"c":{"a":0}},3,{"a":2,"c":[1]}],"c":[0,[1,2],{"b":{"c":1}}],"d":{"c":5}}"#;
    for skip in 0..selects.len() {
        let rules: Vec<_> = selects[skip..]
            .iter()
            .map(|select| format!(r#"{{"select":"{select}","action":"drop"}}"#))
            .collect();
        let text = policy(&format!(r#""default":"keep","rules":[{}]"#, rules.join(",")));
        let policy = Policy::parse(text.as_bytes()).unwrap();
        // Which rules ever decide, by the policy.
        let mut decides = vec![false; rules.len()];
        let image_value = parse(image.as_bytes(), &Limits::default()).unwrap();
        let mut open = vec![(&image_value, policy.payload.start())];
        while let Some((value, state)) = open.pop() {
            let lengths = [value.items().len(); 2];
            let members = value.members().iter();
            let keyed = members.map(|m| (super::super::Step::Key((&*m.key).into()), &m.value));
            let items = value.items().iter().enumerate();
            let items = items
                .map(|(index, v)| (super::super::Step::Index { index, length: lengths[0] }, v));
            let below: Vec<_> = keyed.chain(items).collect();
            if below.is_empty()
                && let Some(first) = state.first()
            {
                decides[first] = true;
            }
            open.extend(below.iter().map(|(step, v)| (*v, policy.payload.step(&state, step))));
        }
        let told = found(&text, &[image]);
        for (number, decides) in decides.into_iter().enumerate() {
            let at = format!(" /rules/{number} ");
            assert_eq!(
                decides,
                !told.iter().any(|line| line.contains(&at)),
                "{skip} {at} {told:?}"
            );
        }
    }
}

#[test]
fn a_policy_too_large_to_be_looked_at_whole() {
    let rules: Vec<_> =
        (0..12_000).map(|i| format!(r#"{{"select":"$..k{i}","action":"drop"}}"#)).collect();
    let policy = policy(&format!(r#""default":"seal","rules":[{}]"#, rules.join(",")));
    let sample = format!("{{\"a\":[{}0]}}", "0,".repeat(50_000));
    assert_eq!(found(&policy, &[&sample]), ["unchecked  - note"]);
}
