use super::*;
use crate::config::Limits;

const CHANGE: &str = r#"{"entity":{"type":"customer","id":"3"},"action":"update",
  "before":{"id":3,"title":"t","email":"ada@example.com","phone":"+49 221 123456","iban":"DE89370400440532013000",
    "card":"4111 1111 1111 1111","memo":"paid with 4111-1111-1111-1111, thanks","age":41,"balance":1.10,"vip":true,
    "address":{"street":"Domkloster 4","city":"Köln"},"tags":["a","b"],"notes":[{"id":1,"text":"x"},{"id":2,"text":"y"}],
    "session":"s-1","password":"hunter2","updated_at":"2020-01-01","nothing":null,"empty":{}},
  "after":{"id":3,"title":"u","email":"eve@example.com","phone":"+49 221 654321","iban":"DE89370400440532013000",
    "card":"5555 5555 5555 4444","memo":"none","age":42,"balance":2.20,"vip":false,
    "address":{"street":"Hohe Straße 1","city":"Köln"},"tags":["b"],"notes":[{"id":2,"text":"y"}],
    "session":"s-2","password":"hunter3","updated_at":"2021-01-01"},
  "context":{"tenant":"t1","actor":{"type":"user","id":"7","email":"c@example.com","name":"C"},
    "request":{"method":"PUT","path":"/c/3","ip":"203.0.113.86","headers":{"authorization":"Bearer abc"}}}}"#;

const STRICT: &str = r#"{"id":"p","version":"1","default":"seal","rules":[
  {"select":"$.id","action":"keep"},{"select":"$.title","action":"keep"},{"select":"$.card","action":"keep"},
  {"select":"$.memo","action":"keep"},{"select":"$.password","action":"keep"},
  {"select":"$.email","action":"mask","mask":"email"},{"select":"$.phone","action":"mask","mask":"phone"},
  {"select":"$.iban","action":"mask","mask":{"first":4,"last":2}},
  {"select":"$.address.city","action":"keep"},{"select":"$.address","action":"seal","group":"address","subject":"/email"},
  {"select":"$.session","action":"drop"},{"select":"$.notes[*].text","action":"mask"},{"select":"$.notes","action":"keep"}],
  "arrays":[{"select":"$.notes","match":"key","key":"id"},{"select":"$.tags","match":"set"}],
  "ignore":["$.updated_at"],
  "context":[{"select":"$.actor.name","action":"mask","mask":{"first":1}},{"select":"$.request.ip","action":"drop"}]}"#;

fn tried(policy: &str, samples: &[&str], expected: &[&str]) -> Result<Report> {
    let sandbox = Sandbox::new(&Limits::default()).unwrap();
    let samples: Vec<&[u8]> = samples.iter().map(|sample| sample.as_bytes()).collect();
    let expected: Vec<String> = expected.iter().map(|&select| select.to_owned()).collect();
    run(&sandbox, policy.as_bytes(), &samples, &expected)
}

#[test]
fn nothing_that_is_protected_comes_out() {
    let report = tried(STRICT, &[CHANGE], &["$.email", "$..street"]).unwrap();
    assert_eq!(report.leaks, []);
    assert!(report.planted > 30, "{report:?}");
    assert!(report.changes >= 10 && report.bytes > 10_000, "{report:?}");
}

#[test]
fn every_way_to_protect_alone() {
    for action in [
        r#""seal""#,
        r#""drop""#,
        r#""mask""#,
        r#"{"action":"mask","mask":{"first":3,"last":3}}"#,
        r#"{"action":"mask","mask":"email"}"#,
        r#"{"action":"mask","mask":"phone"}"#,
        r#"{"action":"mask","mask":"card"}"#,
    ] {
        let policy =
            format!(r#"{{"id":"p","version":"1","default":{action},"context_default":{action}}}"#);
        let report = tried(&policy, &[CHANGE], &[]).unwrap();
        assert_eq!(report.leaks, [], "{action}");
        assert!(report.planted > 30, "{action} {report:?}");
    }
}

#[test]
fn more_in_a_field_than_its_mask_knows_is_tried() {
    let policy = r#"{"id":"p","version":"1","default":"keep","rules":[{"select":"$.email","action":"mask","mask":"email"}],
        "context":[{"select":"$.actor.email","action":"mask","mask":"email"}]}"#;
    let sample = r#"{"entity":{"type":"c","id":"3"},"action":"create","after":{"email":"a@example.com"},
        "context":{"actor":{"id":"u","email":"b@example.com"}}}"#;
    let plain = policy.replace(r#","mask":"email""#, "");
    let [shaped, plain] = [policy, &plain].map(|policy| tried(policy, &[sample], &[]).unwrap());
    assert_eq!((&shaped.leaks, &plain.leaks), (&vec![], &vec![]));
    // Of each of the three addresses there are two with more behind them, tried in two changes.
    assert_eq!(shaped.planted, 3 * plain.planted);
    assert_eq!(shaped.changes, plain.changes + 2);
}

#[test]
fn what_is_kept_and_must_not_be_is_found_where_it_is() {
    let policy = r#"{"id":"p","version":"1","default":"seal","rules":[{"select":"$.email","action":"keep"}]}"#;
    let report = tried(policy, &["{\"a\":1}", CHANGE], &["$.email"]).unwrap();
    let places: Vec<_> = report
        .leaks
        .iter()
        .map(|leak| {
            (leak.sample, leak.path.as_str(), leak.output, leak.at.as_deref().unwrap_or("-"))
        })
        .collect();
    let found = |output, at| places.contains(&(2, "/email", output, at));
    assert!(found("record", "/data/changes/2/old"), "{places:?}");
    assert!(found("preview", "/record/data/changes/2/old"), "{places:?}");
    let leak = &report.leaks[0];
    assert_eq!((leak.action.as_str(), leak.because.as_str()), ("keep", "rules[0] $.email"));
    assert_eq!((leak.form, leak.scenario), ("in clear", "update"));
    // The same policy holds what it says itself.
    assert_eq!(tried(policy, &[CHANGE], &[]).unwrap().leaks, []);
    // And the list of secrets is switched off only by the policy.
    let open = policy
        .replace("\"default\"", "\"secrets\":false,\"default\"")
        .replace("$.email", "$.password");
    assert!(!tried(&open, &[CHANGE], &["$.password"]).unwrap().leaks.is_empty());
    assert_eq!(
        tried(&open.replace("false", "true"), &[CHANGE], &["$.password"]).unwrap().leaks,
        []
    );
}

#[test]
fn places_that_depend_on_the_order_are_judged_by_where_they_are() {
    let policy = r#"{"id":"p","version":"1","default":"keep","rules":[{"select":"$.l[0]","action":"seal"},{"select":"$.l[-1].x","action":"drop"}]}"#;
    let report = tried(policy, &[r#"{"l":["first","second",{"x":"third"}]}"#], &[]).unwrap();
    assert_eq!((report.leaks, report.planted), (vec![], 4));
}

#[test]
fn every_shape_of_a_sample() {
    let policy = r#"{"id":"p","version":"1","default":"seal"}"#;
    let older = r#"{"Table_Id":"c","entity_id":1,"action":"update","Old Data":{"a":"x"},"new_data":{"a":"y"},
        "request_info":{"user":{"user_id":"7","user_name":"Ada"},"ip_address":"203.0.113.86"}}"#;
    let deleted = r#"{"entity":{"type":"t","id":1},"action":"delete","before":{"a":{"b":[1,2]}}}"#;
    let unknown = r#"{"entity":{"type":"t","id":1},"action":"update","after":{"a":1}}"#;
    let empty = r#"{"entity":{"type":"t","id":1},"action":"delete"}"#;
    let image = r#"{"entity_id":4,"action":"x","ключ":"é\"\\"}"#;
    for (sample, planted) in [(older, 4), (deleted, 4), (unknown, 2), (empty, 0), (image, 6)] {
        let report = tried(policy, &[sample], &[]).unwrap();
        assert_eq!((report.leaks, report.planted), (vec![], planted), "{sample}");
    }
}

#[test]
fn refusals() {
    let policy = r#"{"id":"p","version":"1","default":"seal"}"#;
    let many = format!("{{\"a\":[{}0]}}", "0,".repeat(2000));
    let error = tried(policy, &[&many], &[]).err().unwrap();
    assert_eq!(error.code(), Code::TooLarge, "{error}");
    for (policy, sample, expected, code, said) in [
        ("{}", "{}", "$", Code::PolicyInvalid, "policy `/default` is missing"),
        (policy, "[1]", "$", Code::NotAChange, "sample 1: a change is an object"),
        (policy, "{\"a\":1,\"a\":2}", "$", Code::DuplicateKey, "sample 1: the change: "),
        (
            policy,
            r#"{"entity":{"type":"t","id":1},"action":"made"}"#,
            "$",
            Code::UnknownAction,
            "sample 1: ",
        ),
        (policy, "{\"a\":1}", "$.b", Code::WrongUse, "--expect-protected `$.b` names nothing"),
        (policy, "{\"a\":1}", "$[", Code::WrongUse, "--expect-protected `$[`: expected "),
    ] {
        let error = tried(policy, &[sample], &[expected]).err().unwrap();
        assert_eq!(error.code(), code, "{sample}: {error}");
        assert!(error.to_string().starts_with(said), "{error}");
    }
}
