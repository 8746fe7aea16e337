//! Bad HTTP against both listeners of the real binary: what is answered, what happens to the connection,
//! and what arrived at the service and in the log, which is nothing that should not.

mod http2;
mod recorder;
mod table;

use std::collections::BTreeSet;

use recorder::Recorder;
use table::Case;

use super::place::{Place, change};
use super::served::Served;
use super::wire::Wire;

const TABLES: [&[Case]; 8] = [
    table::GOOD,
    table::REQUEST_LINES,
    table::TARGETS,
    table::HEADERS,
    table::LENGTHS,
    table::CHUNKS,
    table::PIPELINED,
    table::MEANT_BADLY,
];

#[test]
fn bad_http_in_one_piece() {
    run(&TABLES, |wire, bytes| wire.offer(bytes));
}

#[test]
fn bad_http_byte_by_byte() {
    run(&TABLES, |wire, bytes| bytes.chunks(1).for_each(|byte| wire.offer(byte)));
}

#[test]
fn too_much_of_it() {
    run(&[table::TOO_LARGE], |wire, bytes| wire.offer(bytes));
}

#[test]
fn requests_that_are_sent_by_half() {
    run(&[table::HALF_SENT], |wire, bytes| {
        wire.offer(bytes);
        wire.end();
    });
}

fn run(tables: &[&[Case]], send: fn(&mut Wire, &[u8])) {
    let (place, recorder) = (Place::new(), Recorder::start());
    let served = Served::in_front_of(&place, &recorder.url());
    let mut wrong = vec![];
    let cases = || tables.iter().copied().flatten().enumerate();
    for (n, (name, bytes, of_proxy, of_api)) in cases() {
        let bytes = filled(bytes, n);
        for (place, to, probe, expected) in
            [("proxy", served.proxy, "/probe", of_proxy), ("API", served.api, "/healthz", of_api)]
        {
            let mut wire = Wire::connect(to);
            send(&mut wire, bytes.as_bytes());
            let statuses = expected.split(' ').filter(|word| word.parse::<u16>().is_ok()).count();
            let seen = answers(&mut wire, probe, statuses);
            let arrived = [" forwarded", " cut", " recorded"];
            let expected =
                arrived.iter().find_map(|end| expected.strip_suffix(end)).unwrap_or(expected);
            let is_gone = *expected == *"gone" && seen.ends_with("closed");
            // A body that nobody reads may not be there yet when its request is refused; then the connection ends.
            let is_unread = expected.strip_suffix("open").is_some_and(|answer| {
                answer.starts_with('4') && seen.strip_suffix("closed") == Some(answer)
            });
            if seen != expected && !is_gone && !is_unread {
                wrong.push(format!("{name}, {place}: expected `{expected}`, got `{seen}`"));
            }
        }
    }
    let (code, said) = served.terminate();
    assert_eq!(code, 0);
    assert!(!said.contains("panicked"), "{said}");

    let seen = recorder.seen();
    for seen in &seen {
        let is_known = seen.head.contains("case=") || seen.head.starts_with("GET /probe ");
        assert!(is_known, "the service got what nobody sent: {seen:?}");
    }
    let recorded: BTreeSet<String> = place.lines().iter().map(|line| correlation(line)).collect();
    assert_eq!(recorded.len(), place.lines().len(), "nothing twice");
    let mut expected_records = BTreeSet::new();
    for (n, (name, _, of_proxy, of_api)) in cases() {
        let arrived = seen.iter().filter(|seen| seen.head.contains(&format!("case={n}&")));
        let (whole, cut): (Vec<_>, Vec<_>) = arrived.partition(|seen| seen.whole);
        let expected = match of_proxy.ends_with(" forwarded") {
            true => of_proxy.matches("200").count(),
            false => 0,
        };
        if whole.len() != expected || !cut.is_empty() && !of_proxy.ends_with(" cut") {
            wrong.push(format!("{name}: expected `{of_proxy}`, forwarded {whole:?} and {cut:?}"));
        }
        if of_api.ends_with(" recorded") {
            expected_records.insert(format!("case-{n}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(recorded, expected_records);
    assert_eq!(place.verify().code, 0);
}

fn filled(bytes: &str, n: usize) -> String {
    let body = change(&format!("case-{n}"));
    let headers: Vec<String> = (0..200).map(|i| format!("X-{i}: x")).collect();
    bytes
        .replace("{T}", &format!("/v1/changes?case={n}&"))
        .replace("{L}", &body.len().to_string())
        .replace("{X}", &format!("{:x}", body.len()))
        .replace("{70K}", &"a".repeat(70 << 10))
        .replace("{200H}", &headers.join("\r\n"))
        .replace("{B}", &body)
}

/// The answers as the table has them, and whether there could be another, which is tried.
fn answers(wire: &mut Wire, probe: &str, how_many: usize) -> String {
    let mut said = String::new();
    for _ in 0..how_many.max(1) {
        if wire.has_ended() {
            return said + "closed";
        }
        if !wire.is_http1() {
            // The proxy takes HTTP/2 too; what is not of it ends with frames that say so.
            wire.rest();
            return said + if wire.has_ended() { "closed" } else { "open" };
        }
        let answer = wire.response();
        said += &format!("{} ", answer.status);
        if answer.header("content-type") == Some("application/problem+json") {
            let problem = answer.json();
            assert_eq!(problem["status"], answer.status, "{problem}");
            said += &format!("{} ", problem["code"].as_str().unwrap());
        }
        if answer.header("connection") == Some("close") {
            assert!(wire.is_closed(), "said that it closes, and more after that");
            return said + "closed";
        }
    }
    wire.offer(format!("GET {probe} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());
    let is_open = !wire.has_ended() && wire.response().status == 200;
    said + if is_open { "open" } else { "closed" }
}

fn correlation(line: &str) -> String {
    let record: serde_json::Value = serde_json::from_str(line).unwrap();
    record["correlationid"].as_str().unwrap().to_owned()
}
