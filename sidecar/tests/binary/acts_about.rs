//! Who opened it, or was refused that, and what was erased of it.

use serde_json::{Value, json};

use super::access::{ask, token};
use super::place::{Place, Ran, sealtrail};
use super::served::Served;
use super::wire::get;

/// What an order says of its customer is sealed with the customer's key.
const POLICY: &str = r#"{"id":"acts","version":"1","default":"keep","context_default":"keep","secrets":false,"rules":[
    {"select":"$.email","action":"seal","group":"contact"},
    {"select":"$.ship_to","action":"seal","group":"address","subject":"customer/{/customer_id}"},
    {"select":"$.note","action":"seal","group":"contact","subject":"courier/{/courier_id}"}]}"#;

struct Shop {
    place: Place,
    served: Served,
    /// Records of customer 3, of an order of theirs, and of customer 4.
    ids: [String; 3],
}

fn created(served: &Served, kind: &str, id: &str, after: &Value) -> String {
    let change = json!({"entity": {"type": kind, "id": id}, "action": "create", "before": null,
        "after": after, "context": {"actor": {"type": "user", "id": "u"}}});
    served.post_change(&change.to_string()).json()["id"].as_str().unwrap().to_owned()
}

impl Shop {
    /// Records 0 to 2 are the entities, 3 to 5 reveals of each, 6 a refused one of the first.
    fn open() -> Self {
        let place = Place::new();
        std::fs::write(place.path("policy.json"), POLICY).unwrap();
        std::fs::write(place.path("tokens.toml"), "").unwrap();
        place.edit_config("# tokens = \"tokens.toml\"", "tokens = \"tokens.toml\"");
        let reader = token(&place, "curious", &["reader"]);
        let served = Served::start(&place);
        let order =
            json!({"customer_id": "3", "courier_id": "1", "ship_to": "Ulm", "note": "ring"});
        let ids = [
            created(&served, "customer", "3", &json!({"email": "ada@example.com"})),
            created(&served, "order", "7", &order),
            created(&served, "customer", "4", &json!({"email": "bob@example.com"})),
        ];
        let shop = Self { place, served, ids };
        for (record, group) in [(0, "contact"), (1, "address"), (2, "contact")] {
            assert_eq!(shop.reveal(record, group, "").status, 200);
        }
        shop.reveal(0, "contact", &reader).is_problem(403, "forbidden");
        shop
    }

    fn reveal(&self, record: usize, group: &str, token: &str) -> super::wire::Response {
        let body = json!({"group": group, "reason": "ticket 9"});
        let target = format!("/v1/records/{}/reveal", self.ids[record]);
        ask(self.served.api, "POST", &target, token, &body)
    }

    fn acts(&self, query: &str) -> Vec<u64> {
        let answer = get(self.served.api, &format!("/v1/records?acts_about={query}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        let records = page["records"].as_array().unwrap();
        records.iter().map(|record| record["index"].as_u64().unwrap()).collect()
    }

    /// Its key id.
    fn shred(&self, subject: &str) -> String {
        let target = format!("/v1/subjects/{}/shred", subject.replace('/', "%2F"));
        let answer = ask(self.served.api, "POST", &target, "", &json!({"reason": "Art. 17"}));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["kids"][0].as_str().unwrap().to_owned()
    }

    fn url(&self) -> String {
        format!("http://{}", self.served.api)
    }

    fn by_url(&self, command: &str, rest: &[&str]) -> Ran {
        sealtrail(&[&[command, "--url", &self.url()], rest].concat())
    }
}

#[test]
fn who_opened_it_is_found_by_the_record_the_entity_and_the_person() {
    let shop = Shop::open();
    let [of_customer, of_order, _] = shop.ids.clone();
    assert_eq!(shop.acts(&of_customer), [3, 6]);
    assert_eq!(shop.acts(&of_order), [4]);
    assert_eq!(shop.acts("customer/3"), [3, 4, 6], "what an order says of them too");
    assert_eq!(shop.acts("order/7"), [4]);
    assert_eq!(shop.acts("customer/4"), [5]);
    assert_eq!(shop.acts("courier/1"), [] as [u64; 0], "another group of the order was opened");
    assert_eq!(shop.acts("customer/3&action=refused"), [6]);
    assert_eq!(shop.acts("customer/3&actor=curious"), [6]);
    assert_eq!(shop.acts("customer/3&order=newest"), [6, 4, 3]);
    let first = get(shop.served.api, "/v1/records?acts_about=customer/3&limit=1").json();
    let cursor = first["cursor"].as_str().unwrap();
    assert_eq!(shop.acts(&format!("customer/3&limit=5&cursor={cursor}")), [4, 6]);

    // After the erasure: by the name as far as records have it, and whole by the key that the erasure names.
    let kid = shop.shred("customer/3");
    assert_eq!(shop.acts("customer/3"), [3, 6, 7]);
    assert_eq!(shop.acts("order/7"), [4, 7]);
    assert_eq!(shop.acts(&kid), [3, 4, 6, 7]);
    assert_eq!(shop.acts(&of_customer), [3, 6, 7]);
    assert_eq!(shop.acts("customer/4"), [5]);

    // The end of a month is an act about all that was sealed in it.
    let listed = sealtrail(&["keys", "list", "--json", "--config", &shop.place.config()]);
    let listed = listed.json_lines();
    let period = listed.iter().find_map(|key| key["kid"].as_str().filter(|k| k.starts_with("t_")));
    let period = period.unwrap();
    let target = format!("/v1/periods/{period}/shred");
    ask(shop.served.api, "POST", &target, "", &json!({"reason": "over", "running": true})).json();
    assert_eq!(shop.acts("customer/4"), [5, 8]);

    for (query, status, said) in [
        ("customer/99", 404, "no entity is called so"),
        ("01a1ffa9-be2f-73ed-8b10-49bb862aa357", 404, "no record has the id"),
        ("customer/4&tenant=a", 400, "an act has no `tenant`"),
        ("customer/4&type=customer", 400, "an act has no `type`"),
    ] {
        let answer = get(shop.served.api, &format!("/v1/records?acts_about={query}"));
        assert_eq!(answer.status, status, "{query}: {}", answer.text());
        assert!(answer.text().contains(said), "{query}: {}", answer.text());
    }
}

#[test]
fn an_event_that_is_called_like_an_act_is_none() {
    let shop = Shop::open();
    let event = json!({"entity": {"type": "customer", "id": "3"},
        "event": {"type": "reveal", "data": {"record": shop.ids[0]}}});
    assert_eq!(shop.served.post_change(&event.to_string()).status, 200);
    assert_eq!(shop.acts("customer/3&action=reveal"), [3, 4]);
}

#[test]
fn the_command_line_asks_beside_a_server_and_the_server_itself() {
    let shop = Shop::open();
    let lines = shop.place.lines();
    let asked = shop.by_url("query", &["--acts-about", "customer/3", "--json"]);
    assert_eq!((asked.code, asked.stderr.as_str()), (0, ""), "{asked:?}");
    assert_eq!(asked.stdout.lines().collect::<Vec<_>>(), [&lines[3], &lines[4], &lines[6]]);
    let beside = shop.place.run("query", &["--acts-about", "customer/3", "--json"]);
    assert_eq!(beside.stdout.lines().collect::<Vec<_>>(), [&lines[3], &lines[6]]);
    assert!(beside.stderr.contains("a running server has the keyring"), "{beside:?}");
    let words = shop.by_url("query", &["--acts-about", &shop.ids[0]]);
    assert!(
        words.stdout.contains("reveal record/") && words.stdout.contains("ticket 9"),
        "{words:?}"
    );
    assert!(words.stdout.contains("attempt:  \"reveal\""), "{words:?}");

    // What has no row is told.
    for rows in [
        shop.by_url("query", &["--acts-about", "customer/3", "--format", "rows"]),
        shop.by_url("export", &["--acts-about", "customer/3", "--format", "rows"]),
    ] {
        assert_eq!((rows.code, rows.stdout.as_str()), (0, ""), "{rows:?}");
        assert!(rows.stderr.contains("note: 3 records that fit have no row here"), "{rows:?}");
    }
    for form in ["csv", "parquet", "patch"] {
        let export = |about| {
            let target = format!("/v1/export?format={form}&{about}");
            get(shop.served.api, &target).header("sealtrail-left-out").map(str::to_owned)
        };
        assert_eq!(export("acts_about=customer/3").as_deref(), Some("3"), "{form}");
        assert_eq!(export("type=customer").as_deref(), Some("0"), "{form}");
    }
    shop.by_url("query", &["--acts-about", "customer/99"]).refused(7, "no entity is called so");
    shop.place
        .run("query", &["--acts-about", "customer/3", "--tenant", "a"])
        .refused(2, "cannot be used with");

    // With the server gone, the files answer all of it.
    let place = shop.place;
    drop(shop.served);
    let here = place.run("query", &["--acts-about", "customer/3", "--json"]);
    assert_eq!((here.stdout, here.stderr), (asked.stdout, String::new()));
    let csv = place.run("export", &["--action", "reveal", "--format", "csv"]);
    assert_eq!(csv.stdout.lines().count(), 1, "{csv:?}");
    assert!(csv.stderr.contains("note: 3 records that fit have no row here"), "{csv:?}");
}

#[test]
fn what_was_refused_is_no_success_to_others() {
    let shop = Shop::open();
    for (action, ocsf, ecs) in [
        ("refused", (2, "Failure"), "failure"),
        ("reveal", (1, "Success"), "success"),
        ("create", (1, "Success"), "success"),
    ] {
        let export = |format: &str| {
            let ran = shop.place.run("export", &["--format", format, "--action", action]);
            ran.json_lines()[0].clone()
        };
        let event = export("ocsf");
        assert_eq!(
            (&event["status_id"], &event["status"]),
            (&json!(ocsf.0), &json!(ocsf.1)),
            "{action}"
        );
        assert_eq!(export("ecs")["event"]["outcome"], ecs, "{action}");
    }
}
