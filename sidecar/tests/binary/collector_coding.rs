//! Bodies with a content coding (RFC 9110 §8.4.1), and bodies that lie about it.

use std::io::Write;

use super::place::{Place, change};
use super::served::Served;
use super::wire::{Response, Wire, get};

const NDJSON: &str = "application/x-ndjson";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn post(served: &Served, media_type: &str, headers: &str, body: &[u8]) -> Response {
    let mut wire = Wire::connect(served.api);
    wire.send(format!(
        "POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\n{headers}\
         Content-Length: {}\r\n\r\n",
        body.len()
    ));
    wire.send(body);
    wire.response()
}

#[test]
fn gzip_and_zstd_are_taken() {
    let place = Place::new();
    let served = Served::start(&place);
    let two = format!("{}\n{}\n", change("a"), change("b"));
    for (name, coded) in [("gzip", gzip(two.as_bytes())), ("ZSTD", zstd(two.as_bytes()))] {
        let answer = post(&served, NDJSON, &format!("Content-Encoding: {name}\r\n"), &coded);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.text().matches("\"recorded\"").count(), 2);
    }
    let one = gzip(change("c").as_bytes());
    let answer = post(&served, "application/json", "Content-Encoding: x-gzip\r\n", &one);
    assert_eq!(answer.json()["status"], "recorded");
    assert_eq!(place.lines().len(), 5);
}

#[test]
fn codings_that_are_not_known_are_named() {
    let place = Place::new();
    let served = Served::start(&place);
    let body = gzip(change("a").as_bytes());
    for headers in [
        "Content-Encoding: br\r\n",
        "Content-Encoding: gzip, gzip\r\n",
        "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n",
        "Content-Encoding: zstd, identity\r\n",
    ] {
        let answer = post(&served, NDJSON, headers, &body);
        answer.is_problem(415, "unsupported_encoding");
        assert_eq!(answer.header("accept-encoding"), Some("gzip, zstd"), "{headers}");
    }
    // Another refusal is not about codings.
    let answer = post(&served, "text/plain", "", &body);
    answer.is_problem(415, "unsupported_media_type");
    assert_eq!(answer.header("accept-encoding"), None);
    assert!(place.lines().is_empty());
}

#[test]
fn a_cut_or_garbled_body_records_nothing() {
    let place = Place::new();
    let served = Served::start(&place);
    let two = format!("{}\n{}\n", change("a"), change("b"));
    for (name, coded) in [("gzip", gzip(two.as_bytes())), ("zstd", zstd(two.as_bytes()))] {
        let header = format!("Content-Encoding: {name}\r\n");
        let cut = post(&served, NDJSON, &header, &coded[..coded.len() - 3]);
        cut.is_problem(400, "bad_request");
        let at = format!("ends at byte {}, before its {name} does", coded.len() - 3);
        assert!(cut.text().contains(&at), "{}", cut.text());
        let plain = post(&served, NDJSON, &header, two.as_bytes());
        plain.is_problem(400, "bad_request");
        assert!(
            plain.text().contains(&format!("is no {name} near its byte 0")),
            "{}",
            plain.text()
        );
        post(&served, NDJSON, &header, b"").is_problem(400, "bad_request");
    }
    assert!(place.lines().is_empty());
}

#[test]
fn a_bomb_is_refused_when_it_has_grown_to_the_limit() {
    let place = Place::new();
    place.add_config("[limits]\nbody = \"1MiB\"\nline = \"1MiB\"\nqueue = \"4MiB\"");
    let served = Served::start(&place);
    let before = peak_memory(&served);
    // 256 MiB of blank lines in a quarter of a megabyte, and in 8 kB.
    let blank = vec![b'\n'; 256 << 20];
    for (name, coded) in [("gzip", gzip(&blank)), ("zstd", zstd(&blank))] {
        let header = format!("Content-Encoding: {name}\r\n");
        post(&served, NDJSON, &header, &coded).is_problem(413, "too_large");
    }
    let grown = peak_memory(&served) - before;
    assert!(grown < 64 << 10, "{grown} kB more for a body of at most 1 MiB");
    // What was held for them is given back.
    assert!(get(served.api, "/metrics").text().contains("sealtrail_queue_bytes 0\n"));
    assert_eq!(served.post_change(&change("after")).status, 200);
}

/// The most that it had in memory so far, in kB.
fn peak_memory(served: &Served) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
