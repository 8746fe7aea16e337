//! Everything about one person (GDPR Art. 15).

use serde_json::{Value, json};

use super::place::{Place, Ran, change, sealtrail};
use super::served::Served;
use super::wire::get;

fn by(kind: &str, causation: &str) -> String {
    let mut change: Value = serde_json::from_str(&change("c-1")).unwrap();
    change["context"]["actor"] = json!({"type": kind, "id": "7"});
    change["context"]["causation_id"] = causation.into();
    change.to_string() + "\n"
}

/// Which records, and what was said beside them.
fn found(place: &Place, ran: &Ran) -> Vec<usize> {
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = place.lines();
    ran.stdout.lines().map(|line| lines.iter().position(|l| l == line).unwrap()).collect()
}

#[test]
fn who_acted_is_found_by_his_name_and_nobody_else_who_is_called_so() {
    let place = Place::new();
    let changes: Vec<String> = (0..24).map(|n| by(["user", "service"][n % 2], "batch-1")).collect();
    assert_eq!(place.append(changes.concat().as_bytes()).code, 0);
    let of = |subject: &str, rest: &[&str]| {
        place.run("query", &[&["--subject", subject], rest].concat())
    };
    let users = of("user/7", &["--json"]);
    assert_eq!(found(&place, &users), (0..24).step_by(2).collect::<Vec<_>>());
    assert_eq!(users.stderr, "");
    // As one they are as many.
    let told = of("user/7", &[]).stdout;
    assert!(told.contains("12 ") && told.contains("--causation batch-1"), "{told}");
    assert_eq!(found(&place, &of("service/7", &["--json", "--newest", "--limit", "1"])), [23]);
    // Nothing by other criteria is no error; nobody of that name is.
    let nothing = of("user/7", &["--action", "delete"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, ""), "{nothing:?}");
    for unknown in ["nobody/55", "User/7", "nobody"] {
        of(unknown, &[]).refused(7, "no key is known of such a data subject");
        of(unknown, &["--grain", "row"]).refused(7, unknown);
    }
    let served = Served::start(&place);
    for path in
        ["/v1/records?", "/v1/records?format=words&", "/v1/touched?", "/v1/export?format=csv&"]
    {
        get(served.api, &format!("{path}subject=nobody/55")).is_problem(404, "not_found");
        let known = get(served.api, &format!("{path}subject=user/7&action=delete"));
        assert_eq!(known.status, 200, "{path}: {}", known.text());
    }
}

#[test]
fn what_a_key_of_several_has_sealed_is_found_and_said_to_be_perhaps_of_others() {
    let place = Place::new();
    let policy = json!({"id": "p", "version": "1", "default": "seal",
        "rules": [{"select": "$.ship_to", "action": "seal", "subject": "customer/{/customer_id}"}]});
    std::fs::write(place.path("policy.json"), policy.to_string()).unwrap();
    let order = |id: &str| {
        json!({"entity": {"type": "order", "id": id}, "action": "create", "before": null,
            "after": {"customer_id": "3", "ship_to": "Ulm"}})
        .to_string()
    };
    let append = |text: &str| assert_eq!(place.append(text.as_bytes()).code, 0);
    append(&order("1"));
    let alone = place.run("query", &["--subject", "customer/3", "--json"]);
    assert_eq!((found(&place, &alone), alone.stderr.as_str()), (vec![0], ""));

    place.add_config("[keys]\nscope = \"stream\"");
    append(&order("2"));
    append(&change("c-1"));
    append(&change("c-2").replace("customer", "supplier"));
    const NOTE: &str =
        "sealed with the key of `customer/*` too, which others share by `keys.scope`";
    for form in [&["--json"][..], &["--format", "rows"], &["--grain", "row"]] {
        let ran = place.run("query", &[&["--subject", "customer/3"], form].concat());
        assert!(ran.code == 0 && ran.stderr.contains(NOTE), "{ran:?}");
        if form == ["--json"] {
            assert_eq!(found(&place, &ran), [0, 1, 2]);
        }
    }
    let out = place.path("out").display().to_string();
    let export = ["--format", "csv", "--subject", "customer/3", "--out", &out, "--overwrite"];
    assert!(place.run("export", &export).stderr.contains(NOTE));

    let served = Served::start(&place);
    let url = ["--url", &format!("http://{}", served.api)];
    let asked = |rest: &[&str]| sealtrail(&[rest, &url].concat());
    assert!(asked(&[&["export"], &export[..]].concat()).stderr.contains(NOTE));
    for form in [&["--json"][..], &[], &["--grain", "row"]] {
        let ran = asked(&[&["query", "--subject", "customer/3"], form].concat());
        assert!(ran.code == 0 && ran.stderr.contains(NOTE), "{ran:?}");
    }
    for path in
        ["/v1/records?", "/v1/records?collapse=true&", "/v1/records?format=words&", "/v1/touched?"]
    {
        let answer = get(served.api, &format!("{path}subject=customer/3")).json();
        assert_eq!(answer["shared_keys"], json!(["customer/*"]), "{path}");
        let answer = get(served.api, &format!("{path}type=customer")).json();
        assert_eq!(answer.get("shared_keys"), None, "{path}");
    }
    let answer = get(served.api, "/v1/export?format=lines&subject=customer/3");
    assert_eq!(answer.header("sealtrail-shared-keys"), Some("customer/*"));
    // Acts are asked about in the same way.
    let acts = get(served.api, "/v1/records?acts_about=customer/3").json();
    assert_eq!(acts["shared_keys"], json!(["customer/*"]));
}
