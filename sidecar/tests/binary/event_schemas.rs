//! Exports as OCSF and ECS, against what their schemas ask for.
//!
//! What is pinned here is of ocsf/ocsf-schema at v1.4.0 (commit 6109cc5e: events/base_event, iam/iam, iam/entity_management,
//! objects, dictionary) and of elastic/ecs at v8.17.0 (generated/ecs/ecs_flat.yml). No registry has either in these versions.
//! An attribute that the tables do not name is refused, whatever it holds.

use std::collections::BTreeSet;
use std::net::IpAddr;

use sealtrail_keyring::{Kek, Keyring};
use serde_json::{Value, json};

use super::access::{ask, token};
use super::place::{Place, change, sealtrail};
use super::served::Served;

/// What may stand somewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Is {
    Text,
    OneOf(&'static [&'static str]),
    /// A list of these.
    SomeOf(&'static [&'static str]),
    Whole,
    /// Milliseconds since 1970.
    Millis,
    /// RFC 3339.
    Date,
    Ip,
    Mail,
    /// A value of any form.
    Json,
}

use Is::{Date, Ip, Json, Mail, Millis, OneOf, SomeOf, Text, Whole};

const OCSF: [(&str, Is); 44] = [
    ("/category_uid", Whole),
    ("/category_name", Text),
    ("/class_uid", Whole),
    ("/class_name", Text),
    ("/activity_id", Whole),
    ("/activity_name", Text),
    ("/type_uid", Whole),
    ("/severity_id", Whole),
    ("/severity", Text),
    ("/status_id", Whole),
    ("/status", Text),
    ("/time", Millis),
    ("/comment", Text),
    ("/metadata/version", Text),
    ("/metadata/product/name", Text),
    ("/metadata/product/vendor_name", Text),
    ("/metadata/uid", Text),
    ("/metadata/sequence", Whole),
    ("/metadata/event_code", Text),
    ("/metadata/correlation_uid", Text),
    ("/metadata/tenant_uid", Text),
    ("/metadata/log_provider", Text),
    ("/metadata/original_time", Text),
    ("/metadata/logged_time", Millis),
    ("/actor/user/uid", Text),
    ("/actor/user/name", Text),
    ("/actor/user/email_addr", Mail),
    ("/actor/user/type", Text),
    ("/entity/type_id", Whole),
    ("/entity/type", Text),
    ("/entity/uid", Text),
    ("/entity/name", Text),
    ("/entity/data", Json),
    ("/entity_result/type_id", Whole),
    ("/entity_result/type", Text),
    ("/entity_result/uid", Text),
    ("/entity_result/name", Text),
    ("/entity_result/data", Json),
    ("/src_endpoint/ip", Ip),
    (
        "/http_request/http_method",
        OneOf(&["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE"]),
    ),
    ("/http_request/url/path", Text),
    ("/unmapped/changes", Json),
    ("/unmapped/event", Json),
    ("/unmapped/http_method", Text),
];

const OCSF_REQUIRED: [&str; 10] = [
    "/activity_id",
    "/category_uid",
    "/class_uid",
    "/type_uid",
    "/severity_id",
    "/time",
    "/metadata/version",
    "/metadata/product",
    "/entity",
    "/entity/name",
];

/// Of each object that is there, one of these at least.
const OCSF_CONSTRAINTS: [(&str, &[&str]); 7] = [
    ("/entity", &["name", "uid"]),
    ("/entity_result", &["name", "uid"]),
    ("/actor", &["user"]),
    ("/actor/user", &["account", "name", "uid"]),
    ("/src_endpoint", &["ip"]),
    ("/http_request/url", &["url_string", "path"]),
    ("/metadata/product", &["name", "uid"]),
];

const ECS: [(&str, Is); 33] = [
    ("/@timestamp", Date),
    ("/ecs/version", OneOf(&["8.17.0"])),
    ("/event/id", Text),
    ("/event/kind", OneOf(&["event"])),
    ("/event/category", SomeOf(&["database"])),
    // Of those that the schema allows.
    ("/event/type", SomeOf(&["access", "change", "creation", "deletion", "denied", "info"])),
    ("/event/action", Text),
    ("/event/code", Text),
    ("/event/outcome", OneOf(&["failure", "success", "unknown"])),
    ("/event/created", Date),
    ("/event/sequence", Whole),
    ("/event/module", Text),
    ("/event/dataset", Text),
    ("/event/reason", Text),
    ("/service/name", Text),
    ("/organization/id", Text),
    ("/user/id", Text),
    ("/user/name", Text),
    ("/user/email", Text),
    ("/client/ip", Ip),
    ("/http/request/id", Text),
    ("/http/request/method", Text),
    ("/url/path", Text),
    ("/user_agent/name", Text),
    ("/user_agent/os/full", Text),
    ("/user_agent/device/name", Text),
    ("/trace/id", Text),
    // Ours: the schema leaves names of others alone.
    ("/sealtrail/entity", Json),
    ("/sealtrail/causation", Text),
    ("/sealtrail/changes", Json),
    ("/sealtrail/before", Json),
    ("/sealtrail/after", Json),
    ("/sealtrail/event", Json),
];

const ECS_REQUIRED: [&str; 7] = [
    "/@timestamp",
    "/ecs/version",
    "/event/kind",
    "/event/category",
    "/event/type",
    "/event/action",
    "/event/outcome",
];

/// What is wrong with an event.
fn wrong(event: &Value, known: &[(&str, Is)], required: &[&str]) -> Vec<String> {
    let mut wrong: Vec<String> = required
        .iter()
        .filter(|at| event.pointer(at).is_none())
        .map(|at| format!("{at} is missing"))
        .collect();
    let mut open = vec![(String::new(), event)];
    while let Some((at, value)) = open.pop() {
        match (known.iter().find(|(name, _)| *name == at), value) {
            (Some((_, is)), value) if fits(value, *is) => {}
            (None, Value::Object(members)) if !members.is_empty() => {
                open.extend(members.iter().map(|(key, value)| (format!("{at}/{key}"), value)));
            }
            (found, value) => wrong.push(format!("{at} is {value}, expected {found:?}")),
        }
    }
    wrong
}

fn fits(value: &Value, is: Is) -> bool {
    let text = value.as_str();
    match is {
        Json => true,
        Text => text.is_some_and(|text| !text.is_empty()),
        OneOf(these) => text.is_some_and(|text| these.contains(&text)),
        SomeOf(these) => value
            .as_array()
            .is_some_and(|list| !list.is_empty() && list.iter().all(|one| fits(one, OneOf(these)))),
        Whole => value.is_u64(),
        Millis => value.as_i64().is_some_and(|millis| millis > 1_000_000_000_000),
        Date => text.is_some_and(sealtrail_record::time::is_rfc3339),
        Ip => text.is_some_and(|text| text.parse::<IpAddr>().is_ok()),
        Mail => text.is_some_and(|text| text.split('@').count() == 2),
    }
}

fn wrong_in_ocsf(event: &Value) -> Vec<String> {
    let mut wrong = wrong(event, &OCSF, &OCSF_REQUIRED);
    let number = |at: &str| event.pointer(at).and_then(Value::as_u64).unwrap_or(u64::MAX);
    let mut holds = |at: &str, is_so: bool| {
        if !is_so {
            wrong.push(format!("{at} is {:?}", event.pointer(at)));
        }
    };
    let activity = number("/activity_id");
    holds("/metadata/version", event["metadata"]["version"] == "1.4.0");
    holds("/category_uid", number("/category_uid") == 3);
    holds("/class_uid", number("/class_uid") == 3004);
    // Entity Management has 1 to 13; 99 is named by its source.
    holds("/activity_id", (1..=13).contains(&activity) || activity == 99);
    holds("/activity_name", activity != 99 || event["activity_name"].is_string());
    holds("/type_uid", number("/type_uid") == 3004 * 100 + activity);
    holds("/severity_id", number("/severity_id") <= 6);
    holds("/status_id", matches!(number("/status_id"), 0 | 1 | 2 | 99));
    for (at, one_of) in OCSF_CONSTRAINTS {
        let object = event.pointer(at);
        holds(at, object.is_none_or(|object| one_of.iter().any(|key| object.get(key).is_some())));
    }
    wrong
}

const WHY: [&str; 4] = ["--reason", "because", "--actor", "ops"];

/// A record of every kind.
fn place() -> Place {
    let place = Place::new();
    std::fs::write(place.path("tokens.toml"), "").unwrap();
    place.edit_config(
        "loopback = [\"writer\", \"sealer\", \"reader\", \"revealer:*\", \"eraser\", \"operator\"]",
        "loopback = [\"writer\"]\ntokens = \"tokens.toml\"",
    );
    place.add_config("[retention.classes]\nshort = \"90d\"");
    let policy = r#"{"id":"p","version":"1","default":"keep","secrets":false,
        "rules":[{"select":"$.email","action":"seal","group":"contact"},
                 {"select":"$.event.data.approver","action":"seal","group":"contact"}],
        "context":[{"select":"$.actor.email","action":"mask"},{"select":"$.actor.name","action":"keep"},
                   {"select":"$.actor.id","action":"keep"},{"select":"$.request.ip","action":"mask"}]}"#;
    std::fs::write(place.path("policy.json"), policy).unwrap();
    let entity = json!({"type": "customer", "id": "3"});
    let image = json!({"email": "ada@example.com", "tier": 1});
    let event =
        json!({"type": "order.approved", "data": {"approver": "ann@example.com", "total": 12.5}});
    let context = json!({"correlation_id": "c", "tenant": "acme", "service": "shop", "traceparent":
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "actor": {"type": "user", "id": "u-1", "name": "Ann", "email": "ann@example.com"},
        "request": {"method": "PATCH", "path": "/customers/3", "ip": "203.0.113.9", "user_agent":
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/84.0.4147.89 Safari/537.36"}});
    let changes = [
        json!({"entity": entity, "action": "create", "before": null, "after": image, "context": context}),
        json!({"entity": entity, "action": "update", "before": image, "after": {"tier": 2}, "event": event, "context": context}),
        json!({"entity": entity, "action": "update", "after": image, "context": context}),
        json!({"entity": entity, "action": "update", "before": image, "context": context}),
        json!({"entity": entity, "event": event, "context": context}),
        json!({"entity": entity, "event": {"type": "delete"}, "context": context}),
        json!({"entity": entity, "action": "delete", "before": image, "after": null, "context": context}),
        serde_json::from_str(&change("plain")).unwrap(),
    ];
    let changes: Vec<String> = changes.iter().map(Value::to_string).collect();
    let ran = place.append(changes.join("\n").as_bytes());
    assert_eq!(ran.code, 0, "{ran:?}");
    place
}

/// A record of each act.
fn act(place: &Place) {
    let run = |command: &[&str], rest: &[&str]| {
        let config = place.config();
        let ran = sealtrail(&[command, rest, &["--config", &config]].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
    };
    let id = |line: usize| {
        let record: Value = serde_json::from_str(&place.lines()[line]).unwrap();
        record["id"].as_str().unwrap().to_owned()
    };
    let kek = Kek::parse(&std::fs::read_to_string(place.path("keys/kek")).unwrap()).unwrap();
    let keyring = Keyring::open(&place.path("keyring"), kek).unwrap();
    keyring.period_key("short", "2019-11").unwrap();
    drop(keyring);
    run(&["reveal", &id(0), "--group", "contact"], &WHY);
    run(&["expire"], &["--actor", "ops"]);
    run(&["keys", "rotate"], &WHY);
    run(&["hold", "add", "case", "--from", "8"], &WHY);
    run(&["hold", "remove", "case"], &WHY);
    let reader = token(place, "rita", &["reader"]);
    let served = Served::start(place);
    let why = json!({"group": "contact", "reason": "x"});
    let reveal = format!("/v1/records/{}/reveal", id(0));
    ask(served.api, "POST", &reveal, &reader, &why).is_problem(403, "forbidden");
    assert_eq!(served.terminate().0, 0);
    run(&["shred", "customer/3"], &WHY);
}

fn events(place: &Place, form: &str) -> Vec<Value> {
    let ran = place.run("export", &["--format", form]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert!(!ran.stdout.contains("st1.") && !ran.stdout.contains("@example.com"), "{ran:?}");
    ran.json_lines()
}

#[test]
fn every_record_is_an_event_by_the_schemas() {
    let place = place();
    act(&place);
    let pruned = Place::new();
    pruned.add_config("[retention]\nkeep = \"1ms\"\nsegment = 1");
    for n in 0..3 {
        assert_eq!(pruned.append(change(&format!("c-{n}")).as_bytes()).code, 0);
    }
    assert_eq!(pruned.run("prune", &WHY).code, 0);
    let mut seen = BTreeSet::new();
    for place in [&place, &pruned] {
        let records = place.lines().len();
        let (ocsf, ecs) = (events(place, "ocsf"), events(place, "ecs"));
        assert_eq!((ocsf.len(), ecs.len()), (records, records));
        for event in &ocsf {
            assert_eq!(wrong_in_ocsf(event), Vec::<String>::new(), "{event:#}");
        }
        for event in &ecs {
            assert_eq!(wrong(event, &ECS, &ECS_REQUIRED), Vec::<String>::new(), "{event:#}");
            seen.insert(event["event"]["action"].as_str().unwrap().to_owned());
        }
    }
    let all = "create delete expire hold hold-released order.approved prune refused reveal rotate shred update";
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>().join(" "), all);
}

/// What the tables refuse, so that they can.
#[test]
fn what_the_schemas_do_not_have_is_found() {
    let place = place();
    let (ocsf, ecs) = (&events(&place, "ocsf")[0], &events(&place, "ecs")[0]);
    for (at, value) in [
        ("/type_uid", json!(300_499)),
        ("/time", json!("2026-11-21T19:45:00Z")),
        ("/activity_id", json!(14)),
        ("/entity", json!({"type": "customer"})),
        ("/metadata", json!({"version": "1.4.0", "product": {"name": "a"}, "color": "b"})),
        ("/http_request", json!({"http_method": "PATCH"})),
    ] {
        let mut event = ocsf.clone();
        *event.pointer_mut(at).unwrap() = value;
        assert_ne!(wrong_in_ocsf(&event), Vec::<String>::new(), "{at}");
    }
    for (at, value) in [
        ("/event/type", json!("change")),
        ("/event/category", json!(["table"])),
        ("/@timestamp", json!("yesterday")),
        ("/user", json!({"mail": "x"})),
    ] {
        let mut event = ecs.clone();
        *event.pointer_mut(at).unwrap() = value;
        assert_ne!(wrong(&event, &ECS, &ECS_REQUIRED), Vec::<String>::new(), "{at}");
    }
}

#[test]
fn events_and_images_without_another_are_told_whole() {
    let place = place();
    let (ocsf, ecs) = (events(&place, "ocsf"), events(&place, "ecs"));
    let data = json!({"approver": "[sealed contact]", "total": 12.5});
    let event = json!({"type": "order.approved", "data": data});
    // Beside a change, and alone.
    for (n, action, activity) in [(1, "update", 3), (4, "order.approved", 99)] {
        assert_eq!(ocsf[n]["metadata"]["event_code"], "order.approved");
        assert_eq!(
            (&ocsf[n]["unmapped"]["event"], &ocsf[n]["activity_id"]),
            (&event, &json!(activity))
        );
        assert_eq!(
            (&ecs[n]["event"]["action"], &ecs[n]["event"]["code"]),
            (&json!(action), &json!("order.approved"))
        );
        assert_eq!(ecs[n]["sealtrail"]["event"], event);
    }
    assert_eq!(ocsf[4]["activity_name"], "order.approved");
    assert!(ocsf[4]["unmapped"].get("changes").is_none());
    // An event may be called as a change is.
    assert_eq!(
        (&ocsf[5]["activity_id"], &ocsf[5]["activity_name"]),
        (&json!(99), &json!("delete"))
    );
    assert_eq!(
        (&ecs[5]["event"]["action"], &ecs[5]["event"]["type"]),
        (&json!("delete"), &json!(["info"]))
    );

    let image = json!({"email": "[sealed contact]", "tier": 1});
    assert_eq!((&ocsf[2]["entity_result"]["data"], ocsf[2]["entity"].get("data")), (&image, None));
    assert_eq!((&ocsf[3]["entity"]["data"], ocsf[3].get("entity_result")), (&image, None));
    assert_eq!((&ecs[2]["sealtrail"]["after"], &ecs[3]["sealtrail"]["before"]), (&image, &image));

    // A table has what changed. An image alone does not say what that is.
    let rows = place.run("export", &["--format", "csv"]);
    assert!(rows.stderr.contains("note: 4 records that fit have no row here"), "{rows:?}");
    assert!(rows.stderr.contains("entities of which one image is unknown"), "{rows:?}");
    let words = place.run("history", &["customer", "3"]).stdout;
    for told in [
        "\n  the entity after (what came before is not known):\n    'email' = [sealed contact]\n    'tier' = '1'\n",
        "\n  the entity before (what came after is not known):\n    'email' was [sealed contact]\n    'tier' was '1'\n",
        "\n    event:       order.approved\n      approver:  [sealed contact]\n      total:     12.5\n",
    ] {
        assert!(words.contains(told), "{words}");
    }
    // Nothing of it is left when the key is gone.
    assert_eq!(place.run("shred", &[&["customer/3"], &WHY[..]].concat()).code, 0);
    assert_eq!(events(&place, "ocsf")[2]["entity_result"]["data"]["email"], "[erased]");
    assert_eq!(events(&place, "ecs")[4]["sealtrail"]["event"]["data"]["approver"], "[erased]");
    let words = place.run("history", &["customer", "3"]).stdout;
    assert!(words.contains("    'email' = [erased]\n") && !words.contains("[sealed"), "{words}");
}
