//! Answers in pages, while records arrive between them.

use serde_json::{Value, json};

use super::place::{Place, Ran, sealtrail};
use super::served::Served;
use super::wire::{get, post};

const POLICY: &str = r#"{"id":"paging","version":"1","default":"keep","context_default":"keep","rules":[],"secrets":false}"#;

fn served() -> (Place, Served) {
    let place = Place::new();
    std::fs::write(place.path("policy.json"), POLICY).unwrap();
    let served = Served::start(&place);
    (place, served)
}

/// Records a change for each character; those of `c` and `d` have a cause, and every other has none.
fn record(served: &Served, request: &str, pattern: &str) {
    let change = |at: char| {
        let mut context = json!({"correlation_id": request, "time": format!("2026-11-2{}T10:00:00Z", at as u32 % 2)});
        if at.is_alphabetic() {
            context["causation_id"] = at.to_string().into();
        }
        json!({"entity": {"type": "item", "id": "7"}, "action": "update", "before": {"place": "a"},
            "after": {"place": "b"}, "context": context})
        .to_string()
    };
    let lines = pattern.chars().map(|at| change(at) + "\n").collect::<String>();
    let answer = post(served.api, "/v1/changes", "application/x-ndjson", &lines);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// The place and the cause of each record of a request.
fn all(served: &Served, request: &str) -> Vec<(u64, Option<String>)> {
    let page = get(served.api, &format!("/v1/records?correlation={request}&limit=1000")).json();
    assert_eq!(page["cursor"], Value::Null);
    let of = |told: &Value| {
        let cause = told["record"]["causationid"].as_str().map(str::to_owned);
        (told["index"].as_u64().unwrap(), cause)
    };
    page["records"].as_array().unwrap().iter().map(of).collect()
}

/// What is there at first, and what comes after each of the first pages.
const ARRIVALS: [(&str, &str); 6] = [
    ("cccccccc", "ccccc"),
    ("ccccccccccccc..", "c"),
    ("....cccccccccccc.c", "cccccccccccc."),
    ("...", "cccccccccccc"),
    ("cdcdcdcdcdcdcdcdcdcdcdc", "dc"),
    (
        ".ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.",
        ".cc",
    ),
];

#[test]
fn pages_leave_none_out_and_give_none_twice_whatever_arrives_between_them() {
    let (_place, served) = served();
    for (number, (first, then)) in ARRIVALS.into_iter().enumerate() {
        for (order, collapse, limit) in [
            ("oldest", true, 5),
            ("oldest", true, 1),
            ("oldest", false, 5),
            ("newest", true, 5),
            ("newest", true, 1),
            ("newest", false, 5),
        ] {
            let case = format!("{number}-{order}-{collapse}-{limit}");
            record(&served, &case, first);
            let target = format!(
                "/v1/records?correlation={case}&order={order}&collapse={collapse}&limit={limit}"
            );
            let (mut pages, mut cursor, mut arrivals) = (Vec::new(), String::new(), 3);
            loop {
                let page = get(served.api, &format!("{target}{cursor}")).json();
                let told = page["records"].as_array().unwrap();
                assert!(told.len() <= limit, "{case}: {page}");
                pages.extend(told.iter().cloned());
                let Some(text) = page["cursor"].as_str() else { break };
                cursor = format!("&cursor={text}");
                if arrivals > 0 {
                    record(&served, &case, then);
                    arrivals -= 1;
                }
            }
            let mut expected = all(&served, &case);
            if order == "newest" {
                // What arrives comes before what was asked for.
                expected.truncate(first.len());
            }
            let mut told: Vec<(u64, Option<String>)> =
                pages.iter().flat_map(|told| records_of(told, &expected)).collect();
            told.sort();
            assert_eq!(told, expected, "{case}: {pages:#?}");
            let cascades = pages.iter().filter(|told| !told["cascade"].is_null()).count();
            let many = |cause: char| first.matches(cause).count() >= 10;
            let is_many = collapse && (many('c') || many('d'));
            assert!(cascades > 0 || !is_many, "{case}: nothing is told as one");
            assert!(cascades == 0 || collapse, "{case}");
        }
    }
}

/// One record, or those that are told as one.
fn records_of(told: &Value, all: &[(u64, Option<String>)]) -> Vec<(u64, Option<String>)> {
    if let Some(index) = told["index"].as_u64() {
        let cause = told["record"]["causationid"].as_str().map(str::to_owned);
        return vec![(index, cause)];
    }
    let cascade = &told["cascade"];
    let end = |name: &str| cascade[name].as_u64().unwrap();
    let within = end("first_index")..=end("last_index");
    let of = |record: &&(u64, Option<String>)| {
        within.contains(&record.0) && record.1.as_deref() == cascade["causation"].as_str()
    };
    let records: Vec<_> = all.iter().filter(of).cloned().collect();
    assert_eq!(cascade["count"], records.len(), "{told}");
    records
}

/// The answer to `--cursor` is the rest, on the command line beside the server and through it.
#[test]
fn the_command_line_goes_on_where_a_page_ended_whatever_arrived() {
    let (place, served) = served();
    let url = format!("http://{}", served.api);
    for (number, (first, then)) in ARRIVALS.into_iter().enumerate() {
        for (place_of, order, expand) in [
            (["--config", &place.config()], "oldest", false),
            (["--config", &place.config()], "newest", false),
            (["--url", &url], "oldest", false),
            (["--url", &url], "newest", false),
            (["--url", &url], "oldest", true),
            (["--config", &place.config()], "newest", true),
        ] {
            let case = format!("{number}{}{order}{expand}", place_of[0]);
            record(&served, &case, first);
            let ask = |more: &[&str]| -> Ran {
                let order = if order == "newest" { &["--newest"][..] } else { &[] };
                let expand = if expand { &["--expand"][..] } else { &[] };
                let asked =
                    [&["query"], &place_of[..], &["--correlation", &case], order, expand, more];
                let ran = sealtrail(&asked.concat());
                assert_eq!(ran.code, 0, "{ran:?}");
                ran
            };
            let page = ask(&["--limit", "2"]);
            record(&served, &case, then);
            let mut told = told_in(&page.stdout);
            if let Some(cursor) = page.stderr.split("--cursor ").nth(1) {
                let rest = ask(&["--cursor", cursor.trim()]);
                assert_eq!(rest.stderr, "", "{case}");
                told += told_in(&rest.stdout);
                let arrived = if order == "newest" { 0 } else { then.len() };
                assert_eq!(told, first.len() + arrived, "{case}: {page:?} {rest:?}");
            }
        }
    }
}

/// How many records words tell of.
fn told_in(words: &str) -> usize {
    let many = words.split("update ").filter_map(|said| {
        let (number, rest) = said.split_once(' ')?;
        rest.starts_with("times item").then(|| number.parse::<usize>().unwrap())
    });
    words.matches("update item/").count() + many.sum::<usize>()
}

/// The index knows the time of many records together; those of another time are no part of a cascade.
#[test]
fn a_cascade_within_a_time_is_told_where_its_first_record_of_that_time_stands() {
    let (_place, served) = served();
    let early = "d".repeat(20);
    record(&served, "r", &early);
    let change = |n: usize| {
        json!({"entity": {"type": "item", "id": n.to_string()}, "action": "update", "before": {"place": "a"},
            "after": {"place": "b"}, "context": {"correlation_id": "r", "causation_id": "d",
            "time": "2026-11-25T10:00:00Z"}})
        .to_string()
            + "\n"
    };
    let late: String = (0..100).map(change).collect();
    assert_eq!(post(served.api, "/v1/changes", "application/x-ndjson", &late).status, 200);
    record(&served, "r", &early);
    for order in ["oldest", "newest"] {
        let span = "from=2026-11-25T00:00:00Z&to=2026-11-26T00:00:00Z";
        let target = format!("/v1/records?correlation=r&collapse=true&{span}&order={order}");
        let page = get(served.api, &target).json();
        let told = page["records"].as_array().unwrap();
        assert_eq!(told.len(), 1, "{page}");
        let cascade = &told[0]["cascade"];
        let ends = [&cascade["count"], &cascade["first_index"], &cascade["last_index"]];
        assert_eq!(ends, [&json!(100), &json!(20), &json!(119)], "{order}: {page}");
    }
}

/// Who went through an answer one by one, by a cursor of that, is told the rest as one, and nothing that was told.
#[test]
fn a_cursor_of_an_answer_that_was_not_collapsed_goes_on_behind_it() {
    let (_place, served) = served();
    record(&served, "r", &"c".repeat(40));
    let page = get(served.api, "/v1/records?correlation=r&limit=15").json();
    let cursor = page["cursor"].as_str().unwrap();
    let rest =
        get(served.api, &format!("/v1/records?correlation=r&collapse=true&cursor={cursor}")).json();
    let cascade = &rest["records"][0]["cascade"];
    let ends = [&cascade["count"], &cascade["first_index"], &cascade["last_index"]];
    assert_eq!(
        (rest["records"].as_array().unwrap().len(), ends),
        (1, [&json!(25), &json!(15), &json!(39)])
    );
    // And one with a span is one of the question, too.
    let collapsed = get(served.api, "/v1/records?correlation=r&collapse=true&limit=1").json();
    assert_eq!(collapsed["cursor"], Value::Null);
    record(&served, "r", "..");
    let collapsed = get(served.api, "/v1/records?correlation=r&collapse=true&limit=1").json();
    let cursor = collapsed["cursor"].as_str().unwrap();
    let refused = get(served.api, &format!("/v1/records?correlation=s&cursor={cursor}"));
    refused.is_problem(400, "bad_request");
    assert!(refused.text().contains("of another question"), "{}", refused.text());
}
