//! Changes in, durable records out, and the questions that they answer.

use serde_json::json;

use super::place::{Place, change, sealtrail};
use super::served::Served;
use super::wire::{self, Wire, get, post};

const NDJSON: &str = "application/x-ndjson";

#[test]
fn the_first_users_object_goes_in_as_it_is() {
    let place = Place::new();
    let ran = place.append(FIRST_USERS);
    assert_eq!(ran.code, 0, "{ran:?}");
    let record: serde_json::Value = serde_json::from_str(&place.lines()[0]).unwrap();
    assert_eq!(record["source"], "product_mangement");
    assert_eq!(record["time"], "2020-07-29T19:45:00.047Z");
    assert_eq!(
        record["data"]["request"]["user_agent"],
        json!({"browser": "Chrome", "os": "Windows 10", "device": "desktop"})
    );
    assert_eq!(record["data"]["changes"].as_array().unwrap().len(), 6);
    let ran = place.run("history", &["products_master", "1"]);
    assert!(
        ran.stdout.contains("'title' changed: [sealed default] -> [sealed default]\n"),
        "{ran:?}"
    );
}

#[test]
fn receipts_and_questions() {
    let place = Place::new();
    let served = Served::start(&place);
    let receipt = served.post_change(&change("q-1")).json();
    assert_eq!((&receipt["index"], &receipt["status"]), (&json!(0), &json!("recorded")));
    let unchanged = change("q-2").replace("new@", "old@").replace("\"tier\":2", "\"tier\":1");
    let answer = served.post_change(&unchanged).json();
    assert_eq!(answer, json!({"status": "unchanged", "correlation_id": "q-2"}));
    let both = format!("{}\n{}\n", change("q-3"), change("q-3"));
    let answer = post(served.api, "/v1/changes", NDJSON, &both);
    assert_eq!(answer.header("content-type"), Some(NDJSON));
    assert_eq!(answer.text().lines().count(), 2);

    let lines = place.lines();
    assert_eq!(lines.len(), 3);
    let id = receipt["id"].as_str().unwrap();
    let answer = get(served.api, &format!("/v1/records/{id}"));
    assert_eq!(answer.text(), lines[0], "byte for byte");
    let list = |target: &str| get(served.api, target).json();
    let all = list("/v1/entities/customer/3/changes");
    assert_eq!(all["records"].as_array().unwrap().len(), 3);
    assert_eq!(all["records"][0]["record"]["id"], *id);
    let page = list("/v1/entities/customer/3/changes?after=0&limit=1");
    assert_eq!((&page["records"][0]["index"], &page["next"]), (&json!(1), &json!(1)));
    let request = list("/v1/records?correlation=q-3");
    assert_eq!(request["records"].as_array().unwrap().len(), 2);
    assert_eq!(list("/v1/records?correlation=nobody"), json!({"records": []}));

    get(served.api, "/v1/records/none").is_problem(404, "not_found");
    assert_eq!(list("/v1/records")["records"].as_array().unwrap().len(), 3);
    get(served.api, "/v1/records?corelation=a").is_problem(400, "bad_request");
    get(served.api, "/nothing").is_problem(404, "not_found");
    for (target, allowed) in [("/v1/changes", "POST"), ("/v1/records/x/reveal", "POST")] {
        let refused = get(served.api, target);
        refused.is_problem(405, "method_not_allowed");
        assert_eq!(refused.header("allow"), Some(allowed));
    }
    let refused = post(served.api, "/healthz", "text/plain", "");
    refused.is_problem(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
    post(served.api, "/v1/changes", "application/json; charset=utf-16", &change("x"))
        .is_problem(415, "unsupported_media_type");
    post(served.api, "/v1/changes", "text/plain", &change("x"))
        .is_problem(415, "unsupported_media_type");
    assert_eq!(get(served.api, "/healthz").text(), "ok\n");
    assert_eq!(get(served.api, "/readyz").text(), "ready\n");
    let metrics = get(served.api, "/metrics").text();
    for line in
        ["sealtrail_records_total 3", "sealtrail_unchanged_total 1", "sealtrail_log_records 3"]
    {
        assert!(metrics.contains(&format!("\n{line}\n")), "{line}: {metrics}");
    }
}

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    let place = Place::new();
    let served = Served::start(&place);
    for i in 0..20 {
        assert_eq!(served.post_change(&change(&format!("k-{i}"))).status, 200);
    }
    served.kill();
    assert_eq!(place.lines().len(), 20);
    // The next start covers them with a checkpoint, and the index finds them.
    let served = Served::start(&place);
    let found = get(served.api, "/v1/records?correlation=k-19").json();
    assert_eq!(found["records"].as_array().unwrap().len(), 1);
    assert_eq!(served.terminate().0, 0);
    let ran = place.verify();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("20 covered"), "{ran:?}");
}

#[test]
fn a_signal_leaves_a_signed_checkpoint() {
    let place = Place::new();
    // Long enough that only the end can have signed.
    place.edit_config("checkpoint_interval = \"1s\"", "checkpoint_interval = \"1h\"");
    let served = Served::start(&place);
    assert_eq!(served.post_change(&change("s-1")).status, 200);
    // A client that does not let go of its connection does not keep the process.
    let mut idle = Wire::connect(served.api);
    idle.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(idle.response().status, 200);
    let (code, said) = served.terminate();
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("still open"), "{said}");
    let ran = place.verify();
    assert_eq!(ran.code, 0, "intact, and nothing uncovered: {ran:?}");
    assert!(idle.is_closed());
}

#[test]
fn a_receipt_that_anybody_can_check() {
    let place = Place::new();
    let served = Served::start(&place);
    let id = served.post_change(&change("p-1")).json()["id"].as_str().unwrap().to_owned();
    let proof = get(served.api, &format!("/v1/records/{id}/proof"));
    assert_eq!(proof.status, 200, "{}", proof.text());
    assert!(get(served.api, "/checkpoint").text().starts_with("shop.example/audit\n1\n"));
    assert_eq!(
        get(served.api, "/tile/entries/000.p/1").body.len(),
        34,
        "one entry: length and hash"
    );
    get(served.api, "/tile/../checkpoint").is_problem(404, "not_found");
    get(served.api, "/tile/entries/999").is_problem(404, "not_found");

    let file = |name: &str, bytes: &[u8]| {
        let path = place.path(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let receipt = file("a.tlog-proof", &proof.body);
    let line = place.lines()[0].clone();
    let check =
        |line: &str, vkey: &str| sealtrail(&["verify-proof", &receipt, line, "--vkey", vkey]).code;
    assert_eq!(check(&file("line", line.as_bytes()), &place.vkey), 0);
    assert_eq!(check(&file("line", format!("{line}\n").as_bytes()), &place.vkey), 0);
    let altered = line.replace("customer/3", "customer/4");
    assert_eq!(check(&file("altered", altered.as_bytes()), &place.vkey), 11);
    assert_eq!(check(&file("line", line.as_bytes()), &Place::new().vkey), 22);

    let log = place.log();
    let by_id = sealtrail(&["prove", &log, &id]);
    assert_eq!(by_id.stdout, sealtrail(&["prove", &log, "0"]).stdout);
    assert_eq!(by_id.code, 0);
    sealtrail(&["prove", &log, "no-such-id"]).refused(7, "no record has the id `no-such-id`");
}

#[test]
fn too_much_is_refused_and_the_rest_goes_on() {
    let place = Place::new();
    place.add_config("[limits]\nbody = \"64KiB\"\nline = \"64KiB\"\nqueue = \"64KiB\"");
    let served = Served::start(&place);
    let large = change("x").replace("old@", &"o".repeat(64 << 10));
    served.post_change(&large).is_problem(413, "too_large");

    // A POST holds room for what has arrived until it is over, so the next finds none.
    let body = change("held");
    let padded = format!("{body}{}", " ".repeat((64 << 10) - body.len()));
    let mut held = Wire::connect(served.api);
    held.send(format!(
        "POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        padded.len()
    ));
    let (most, last) = padded.split_at(padded.len() - 1);
    held.send(most);
    let is_full = || get(served.api, "/metrics").text().contains("sealtrail_queue_bytes 65536\n");
    while !is_full() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let refused = served.post_change(&change("refused"));
    refused.is_problem(503, "queue_full");
    assert_eq!(refused.header("retry-after"), Some("1"));
    held.send(last);
    assert_eq!(held.response().json()["status"], "recorded");
    assert_eq!(served.post_change(&change("again")).status, 200);
    assert_eq!(place.lines().len(), 2);
}

#[test]
fn more_at_once_than_there_are_guests_is_work_and_no_failure() {
    const AT_ONCE: usize = 800;
    let place = Place::new();
    let served = Served::start(&place);
    let mut wires: Vec<Wire> = (0..AT_ONCE).map(|_| Wire::connect(served.api)).collect();
    for (i, wire) in wires.iter_mut().enumerate() {
        let body = change(&format!("c-{i}")).replace("\"id\":\"3\"", &format!("\"id\":\"{i}\""));
        // Long enough that each gets a thread of its own when it is its turn.
        let body = body.replace("old@example.com", &"x".repeat(20_000));
        let (most, _last) = body.split_at(body.len() - 1);
        wire.send(format!(
            "POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{most}",
            body.len()
        ));
    }
    // All of them become complete at once.
    for wire in &mut wires {
        wire.send("}");
    }
    let mut recorded = vec![];
    for wire in &mut wires {
        let answer = wire.response();
        assert_eq!(answer.status, 200, "{}", answer.text());
        recorded.push(answer.json());
    }
    let lines = place.lines();
    assert_eq!(lines.len(), recorded.len());
    for receipt in recorded {
        let index = usize::try_from(receipt["index"].as_u64().unwrap()).unwrap();
        let record: serde_json::Value = serde_json::from_str(&lines[index]).unwrap();
        assert_eq!(record["id"], receipt["id"]);
        assert_eq!(record["correlationid"], receipt["correlation_id"]);
    }
}

#[test]
fn uploads_that_send_nothing_hold_no_room() {
    let place = Place::new();
    let served = Served::start(&place);
    let head = "POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\
                Content-Type: application/x-ndjson\r\n";
    let idle = |framing: &str| {
        let mut wire = Wire::connect(served.api);
        wire.send(format!("{head}{framing}\r\n\r\n"));
        assert_eq!(wire.head().0, 100, "it is being read");
        wire
    };
    let chunked: Vec<Wire> = (0..20).map(|_| idle("Transfer-Encoding: chunked")).collect();
    let stated: Vec<Wire> = (0..20).map(|_| idle("Content-Length: 8388608")).collect();
    assert_eq!(served.post_change(&change("meanwhile")).status, 200);
    drop((chunked, stated));
}

#[test]
fn a_change_that_needs_too_much_memory_costs_its_neighbours_nothing() {
    let place = Place::new();
    place.add_config("[limits]\nguest_memory = \"8MiB\"");
    let served = Served::start(&place);
    let numbers = vec!["0"; 450_000].join(",");
    let hungry = change("x").replace("\"old@example.com\"", &format!("[{numbers}]"));
    let body = format!("{}\n{hungry}\n{}\n", change("before"), change("after"));
    let answer = post(served.api, "/v1/changes", NDJSON, &body).text();
    let codes: Vec<serde_json::Value> =
        answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(codes[0]["status"], "recorded");
    assert_eq!(codes[1]["code"], "guest_failed");
    assert_eq!(codes[2]["status"], "recorded");
    assert_eq!(place.lines().len(), 2);
}

#[test]
fn pages_of_other_sites_get_no_answer() {
    let place = Place::new();
    let served = Served::start(&place);
    let shred = |headers: &str| {
        wire::exchange(
            served.api,
            &format!(
                "POST /v1/subjects/customer%2F3/shred HTTP/1.1\r\n{headers}\r\n\
                 Content-Length: 14\r\n\r\n{{\"reason\":\"x\"}}"
            ),
        )
    };
    let json = "Content-Type: application/json";
    let host = format!("Host: {}", served.api);
    shred(&format!("{host}\r\n{json}\r\nOrigin: https://evil.example"))
        .is_problem(400, "bad_request");
    shred(&format!("Host: evil.example\r\n{json}\r\nOrigin: http://evil.example"))
        .is_problem(400, "bad_request");
    // What a form of another site can send without asking first.
    shred(&format!("{host}\r\nContent-Type: text/plain")).is_problem(415, "unsupported_media_type");
    shred(&format!("{host}\r\n{json}")).is_problem(404, "not_found");
}

#[test]
fn a_name_that_was_pointed_here_gets_no_answer() {
    let place = Place::new();
    place.edit_config("[api]\n", "[api]\nhosts = [\"sidecar.internal\"]\n");
    let served = Served::start(&place);
    let read = |host: &str| {
        let request = format!("GET /v1/records?correlation=a HTTP/1.1\r\nHost: {host}\r\n\r\n");
        wire::exchange(served.api, &request)
    };
    // All that a browser says of a `GET` within such a page.
    read("evil.example:8090").is_problem(400, "bad_request");
    for host in ["127.0.0.1:8090", "localhost", "sidecar.internal:8090"] {
        assert_eq!(read(host).status, 200, "{host}");
    }
}

#[test]
fn a_link_of_another_site_leads_to_the_page() {
    let place = Place::new();
    let served = Served::start(&place);
    let follow = |target: &str| {
        let link = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n\
                    Sec-Fetch-Dest: document";
        let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{link}\r\n\r\n", served.api);
        wire::exchange(served.api, &request).status
    };
    assert_eq!(follow("/console"), 308);
    // 404 where the binary was built without the page.
    assert_ne!(follow("/console/"), 400);
    assert_eq!(follow("/v1/records?correlation=a"), 400);
}

#[test]
fn the_page_has_one_address() {
    let place = Place::new();
    let served = Served::start(&place);
    let answer = get(served.api, "/console");
    assert_eq!((answer.status, answer.header("location")), (308, Some("/console/")));
    get(served.api, "/console/../sealtrail.toml").is_problem(404, "not_found");
}

const FIRST_USERS: &[u8] = include_bytes!("../../../tests/first-users/audit-object.json");

#[test]
fn the_segment_being_written_is_filled_ahead_unless_told_not_to() {
    let active = |place: &Place| {
        let served = Served::start(place);
        assert_eq!(served.post_change(&change("c-1")).status, 200);
        let segment = std::fs::read(place.path(&format!("log/entries/{:020}.jsonl", 0))).unwrap();
        (segment.last().copied(), served.terminate().0)
    };
    assert_eq!(active(&Place::new()), (Some(0), 0));
    let place = Place::new();
    place.edit_config("checkpoint_interval = \"1s\"", "fill_ahead = false");
    assert_eq!(active(&place), (Some(b'\n'), 0));
}
