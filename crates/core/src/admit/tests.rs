use std::sync::Arc;

use super::*;
use crate::{Draft, KeyPair, Policy, Stamp};

const ID: &str = "019aa6c5-8f00-7000-8000-0000000000ab";
const TIME: &str = "2026-11-21T19:45:00.047Z";

/// A record as the core seals it, and the lease that it goes with.
fn sealed() -> (String, String) {
    let policy = br#"{"id":"p","version":"1","default":"keep","rules":[
        {"select":"$.email","action":"seal","group":"contact"},
        {"select":"$.tax","action":"pseudonym","group":"contact"}]}"#;
    let policy = Arc::new(Policy::parse(policy).unwrap());
    let change = br#"{"id":"c-1","entity":{"type":"customer","id":"3"},"action":"update",
        "before":{"email":"a@example.com","tax":"17"},"after":{"email":"b@example.com","tax":"18"}}"#;
    let context = br#"{"correlation_id":"c","causation_id":"d","service":"shop",
        "actor":{"type":"user","id":"u"},"request":{"method":"PUT"},"event":{"type":"e","data":{"a":1}}}"#;
    let draft = Draft::read(&policy, change, &Limits::default()).unwrap();
    let plan = draft.plan(context).unwrap();
    let engine = crate::native_engine_sha256();
    let stamp = Stamp {
        origin: "shop.example/log",
        id: ID,
        recorded_time: TIME,
        engine_version: "0.1.0",
        engine_sha256: &engine,
    };
    let pair = || KeyPair {
        subject_kid: "k_1",
        subject: crate::Key::from_slice(&[1; 32], "a key").unwrap(),
        period_kid: "t_standard.2026-11",
        period: crate::Key::from_slice(&[2; 32], "a key").unwrap(),
    };
    let pairs: Vec<_> = plan.needs().iter().map(|_| pair()).collect();
    let nonces = vec![7; plan.nonces() * 12];
    let line = String::from_utf8(plan.seal(&stamp, &nonces, &pairs).unwrap()).unwrap();
    let record = json::parse(line.as_bytes(), &Limits::default()).unwrap();
    let text = |pointer| record.pointer(pointer).unwrap().as_str().unwrap();
    let lease = format!(
        r#"{{"id":"{ID}","recorded_time":"{TIME}","policy":"{}","keys":[
            {{"group":"contact","kids":["k_1","t_standard.2026-11"],"commit":"{}"}},
            {{"group":"contact","kids":["k_1","t_standard.2026-11"]}}]}}"#,
        text("/data/policy/sha256"),
        text("/data/seals/0/commit"),
    );
    (line, lease)
}

#[test]
fn what_the_core_sealed_is_taken() {
    let (line, lease) = sealed();
    let admitted = admit(lease.as_bytes(), line.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8(admitted).unwrap(),
        r#"{"correlation_id":"c","source":"shop","change_id":"c-1","entity":{"type":"customer","id":"3"},"action":"update"}"#
    );
}

#[test]
fn what_the_core_would_not_write_is_refused() {
    let (line, lease) = sealed();
    let token = {
        let start = line.find("st1.0.").unwrap();
        &line[start..start + line[start..].find('"').unwrap()]
    };
    for (from, to, code) in [
        (ID, "019aa6c5-8f00-7000-8000-0000000000ac", "invalid_field"),
        ("\"recordedtime\":\"2026", "\"recordedtime\":\"2027", "invalid_field"),
        ("\"time\":\"2026", "\"time\":\"x", "invalid_field"),
        ("sealtrail.change.update.v1", "sealtrail.shred.v1", "invalid_field"),
        ("\"subject\":\"customer/3\"", "\"subject\":\"customer/4\"", "invalid_field"),
        ("\"action\":\"update\"", "\"action\":\"shred\"", "invalid_field"),
        ("\"specversion\":\"1.0\"", "\"specversion\":\"1.1\"", "invalid_field"),
        ("\"actor\":{", "\"actor\":{\"verified\":true,", "invalid_field"),
        ("\"correlationid\":\"c\",", "", "missing_field"),
        ("\"op\":\"replace\"", "\"op\":\"test\"", "invalid_field"),
        ("\"changes\":[", "\"dataclassification\":1,\"changes\":[", "not_a_record"),
        ("{\"specversion\"", "{\"more\":1,\"specversion\"", "not_a_record"),
        ("\"policy\":{\"id\":\"p\",", "\"policy\":{\"id\":\"p\",\"x\":1,", "not_a_record"),
        ("\"group\":\"contact\",\"kids\"", "\"group\":\"bank\",\"kids\"", "not_leased"),
        ("\"kids\":[\"k_1\"", "\"kids\":[\"k_2\"", "not_leased"),
        ("\"kids\":[\"k_1\",", "\"kids\":[\"k_1\",\"k_1\",", "not_leased"),
        ("\"commit\":\"", "\"commit\":\"A", "not_leased"),
        ("\"kid\":\"k_1\"", "\"kid\":\"k_2\"", "not_leased"),
        ("A256GCM-HS256", "none", "invalid_field"),
        (token, "b@example.com", "invalid_field"),
        (token, "st1.1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "invalid_field"),
        (token, "st1.0.AAAA", "invalid_field"),
        ("[\"/data/changes/0/old\"", "[\"/source\"", "invalid_field"),
        ("[\"/data/changes/0/old\"", "[\"/data/changes/7/old\"", "invalid_field"),
        ("[\"/data/changes/0/old\"", "[\"/data/changes/0/new\"", "not_a_record"),
        ("\"sha256\":\"", "\"sha256\":\"0", "policy_changed"),
        (
            "\"engine\":{\"version\":\"0.1.0\",\"sha256\":\"",
            "\"engine\":{\"version\":\"0.1.0\",\"sha256\":\"G",
            "invalid_field",
        ),
        (",\"data\":{", ",\n\"data\":{", "not_a_record"),
        ("\"seals\":[", "\"seals\":{},\"x\":[", "not_a_record"),
    ] {
        assert!(line.contains(from), "`{from}` is in the record");
        let other = line.replacen(from, to, 1);
        let error = admit(lease.as_bytes(), other.as_bytes()).expect_err(from);
        assert_eq!(error.code(), code, "{from} → {to}: {error}");
    }
    for bad in ["", "{}", "[]", "null", "{\"specversion\":\"1.0\"}"] {
        assert!(admit(lease.as_bytes(), bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn keys_that_were_not_leased_are_not_used() {
    let (line, lease) = sealed();
    for (from, to) in [("\"contact\"", "\"bank\""), ("k_1", "k_2")] {
        let error = admit(lease.replace(from, to).as_bytes(), line.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "not_leased");
    }
    // A lease of a sealing key is none of the key of a pseudonym.
    let end = lease.rfind(",\n").unwrap();
    let without = format!("{}]}}", &lease[..end]);
    assert_eq!(admit(without.as_bytes(), line.as_bytes()).unwrap_err().code(), "not_leased");
}

#[test]
fn a_line_is_spelled_as_the_core_spells_it() {
    let (line, lease) = sealed();
    for (from, to, place) in [
        ("[\"k_1\"", "[\"\\u006b_1\"", "/data/seals/0/kids/0"),
        ("\"kid\":\"k_1\"", "\"\\u006bid\":\"k_1\"", "/data/pseudonyms/0/kid"),
        ("\"change_id\"", "\"change\\u005fid\"", "/data/change_id"),
        ("\"c-1\"", "\"c\\u002d1\"", "/data/change_id"),
        ("sealtrail.change", "sealtrail\\u002echange", "/type"),
        ("\"/data/changes/0/old\"", "\"\\/data/changes/0/old\"", "/data/seals/0/at/0"),
        (",\"data\":", ", \"data\":", "/data"),
        ("\"data\":{", "\"data\":{ ", "/data/entity"),
        ("{\"a\":1}", "{\"a\" :1}", "/data/event/data/a"),
        ("{\"a\":1}", "{\"a\":1 }", "/data/event/data"),
        ("{\"a\":1}", "{\"\\u001B\":1}", "/data/event/data/\\u{1b}"),
        ("{\"a\":1}", "{\"a\":[ ]}", "/data/event/data/a"),
        ("{\"specversion\"", " {\"specversion\"", "the record"),
        ("\"}}", "\"} }", "/data"),
        ("\"}}", "\"}} ", "the record"),
    ] {
        assert!(line.contains(from), "`{from}` is in the record");
        let other = line.replacen(from, to, 1);
        let error = admit(lease.as_bytes(), other.as_bytes()).expect_err(to);
        assert_eq!(error.code(), "not_a_record", "{to}: {error}");
        assert!(
            error.to_string().starts_with(&format!("`{place}` is not spelled")),
            "{to}: {error}"
        );
    }
}

#[test]
fn what_the_core_writes_is_spelled_so() {
    let (line, lease) = sealed();
    for data in [
        "1.10",
        "12345678901234567890123",
        "-0",
        "1E+05",
        "[]",
        "{}",
        "[{},[null,true]]",
        "\"\\\"\\\\ \\u0001\\u001f\\b\\t\\n\\f\\r \u{7f} \u{2028} é 😀 /\"",
        "{\"\\n\":{\"\":0.0}}",
    ] {
        let other = line.replacen("{\"a\":1}", data, 1);
        assert_ne!(other, line);
        admit(lease.as_bytes(), other.as_bytes()).unwrap_or_else(|error| panic!("{data}: {error}"));
    }
}

#[test]
fn members_have_the_order_of_a_record() {
    let (line, lease) = sealed();
    let policy = line.find("\"policy\":").unwrap();
    let engine = line.find(",\"engine\":").unwrap();
    let (before, policy) = (&line[..policy], &line[policy..engine]);
    let turned = format!("{before}{},{policy}}}}}", &line[engine + 1..line.len() - 2]);
    for other in [
        turned,
        line.replacen("\"specversion\":\"1.0\",", "", 1).replacen(
            ",\"data\"",
            ",\"specversion\":\"1.0\",\"data\"",
            1,
        ),
    ] {
        assert_eq!(other.len(), line.len());
        let error = admit(lease.as_bytes(), other.as_bytes()).expect_err("another order");
        assert_eq!(error.code(), "not_a_record", "{error}");
        assert!(error.to_string().contains("behind a member"), "{error}");
    }
}
