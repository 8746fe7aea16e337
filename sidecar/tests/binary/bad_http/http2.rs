//! Bad HTTP/2 (RFC 9113 §8), in frames by hand, because no client would send it: each ends with its stream, its connection or
//! a 4xx, and nothing of it arrives at the service.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::super::place::Place;
use super::super::served::Served;
use super::recorder::Recorder;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The longest payload of a frame where nobody has agreed on another (§6.5.2).
const FRAME: usize = 16_384;

type Fields = Vec<(String, String)>;

/// A request that nothing is wrong with.
fn good() -> Fields {
    own(&[(":method", "POST"), (":scheme", "http"), (":authority", "localhost"), (":path", "/bad")])
}

fn own(fields: &[(&str, &str)]) -> Fields {
    fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn and(fields: &[(&str, &str)]) -> Fields {
    [good(), own(fields)].concat()
}

fn without(name: &str) -> Fields {
    good().into_iter().filter(|(n, _)| n != name).collect()
}

fn instead(name: &str, value: &str) -> Fields {
    let other = |(n, v): (String, String)| if n == name { (n, value.to_owned()) } else { (n, v) };
    good().into_iter().map(other).collect()
}

/// What is wrong, and the fields; the body is always `body`.
fn cases() -> Vec<(&'static str, Fields)> {
    let mut late = good();
    late.insert(2, ("accept".into(), "*/*".into()));
    let many: Vec<(String, &str)> = (0..150).map(|n| (format!("x-{n}"), "1")).collect();
    let many: Vec<(&str, &str)> =
        many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    vec![
        ("no method", without(":method")),
        ("no scheme", without(":scheme")),
        ("no path", without(":path")),
        ("an empty path", instead(":path", "")),
        ("a path that is none", instead(":path", "bad")),
        ("a path with a space", instead(":path", "/bad bad")),
        ("a path with a line end", instead(":path", "/bad\r\nx: y")),
        ("the path `*`", instead(":path", "*")),
        ("an empty method", instead(":method", "")),
        ("a method with a space", instead(":method", "GE T")),
        ("another scheme", instead(":scheme", "ftp")),
        ("an authority with a user", instead(":authority", "root@localhost")),
        ("an authority that is none", instead(":authority", "a b")),
        ("a tunnel", own(&[(":method", "CONNECT"), (":authority", "localhost:1")])),
        ("what only the service should see", instead(":method", "TRACE")),
        ("a method twice", and(&[(":method", "GET")])),
        ("a path twice", and(&[(":path", "/other")])),
        ("a pseudo field after another one", late),
        ("a pseudo field that there is not", and(&[(":colour", "red")])),
        ("a pseudo field of answers", and(&[(":status", "200")])),
        ("Connection", and(&[("connection", "close")])),
        ("Keep-Alive", and(&[("keep-alive", "timeout=5")])),
        ("Proxy-Connection", and(&[("proxy-connection", "keep-alive")])),
        ("Transfer-Encoding", and(&[("transfer-encoding", "chunked")])),
        ("Upgrade", and(&[("upgrade", "websocket")])),
        ("TE for codings", and(&[("te", "gzip")])),
        ("an upper-case name", and(&[("X-Upper", "1")])),
        ("an empty name", and(&[("", "1")])),
        ("a name with a space", and(&[("x y", "1")])),
        ("a name with a line end", and(&[("x\r\ny", "1")])),
        ("a value with a line end", and(&[("x", "1\r\nhost: other")])),
        ("a value with NUL", and(&[("x", "1\0")])),
        ("a length that is none", and(&[("content-length", "x")])),
        ("a length that is too long", and(&[("content-length", "5")])),
        ("a length that is too short", and(&[("content-length", "3")])),
        ("two lengths", and(&[("content-length", "4"), ("content-length", "5")])),
        ("a length twice", and(&[("content-length", "4"), ("content-length", "4")])),
        ("two hosts", and(&[("host", "a"), ("host", "b")])),
        ("too much", and(&[("x", &"x".repeat(70 << 10))])),
        ("too many", and(&many)),
    ]
}

#[test]
fn bad_http2() {
    let (place, recorder) = (Place::new(), Recorder::start());
    let served = Served::in_front_of(&place, &recorder.url());
    let probe = instead(":path", "/probe");
    assert_eq!(ask(served.proxy, &probe), "200", "a request that is good");
    let mut wrong = Vec::new();
    for (name, fields) in cases() {
        let came = ask(served.proxy, &fields);
        if !["refused", "reset", "goaway", "closed"].contains(&came) {
            wrong.push(format!("{name}: {came}"));
        }
        assert_eq!(ask(served.proxy, &probe), "200", "after {name}");
    }
    let (code, said) = served.terminate();
    assert_eq!(code, 0);
    assert!(!said.contains("panicked"), "{said}");
    for seen in recorder.seen() {
        // A body that is not as long as it said may have begun to arrive.
        if seen.whole && !seen.head.starts_with("POST /probe HTTP/1.1\r\n") {
            wrong.push(format!("the service got {seen:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What comes of a request on a connection of its own.
fn ask(to: SocketAddr, fields: &Fields) -> &'static str {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    frame(&mut bytes, SETTINGS, 0, 0, &[]);
    let block: Vec<u8> = fields.iter().flat_map(|(name, value)| field(name, value)).collect();
    let last = block.chunks(FRAME).count() - 1;
    for (n, piece) in block.chunks(FRAME).enumerate() {
        let kind = if n == 0 { HEADERS } else { CONTINUATION };
        frame(&mut bytes, kind, if n == last { END_HEADERS } else { 0 }, 1, piece);
    }
    frame(&mut bytes, DATA, END_STREAM, 1, b"body");
    // It may be closed before all is written.
    let _ = stream.write_all(&bytes);
    loop {
        let mut head = [0; 9];
        if let Err(error) = stream.read_exact(&mut head) {
            let is_late = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            return if is_late { "nothing" } else { "closed" };
        }
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        if stream.read_exact(&mut payload).is_err() {
            return "closed";
        }
        match head[3] {
            HEADERS if status_is_200(&payload) => return "200",
            HEADERS => return "refused",
            RST_STREAM => return "reset",
            GOAWAY => return "goaway",
            _ => {}
        }
    }
}

/// Whether a block begins with the entry of the static table for it (RFC 7541 appendix A), behind changes of the table's
/// size.
fn status_is_200(block: &[u8]) -> bool {
    block.iter().find(|byte| **byte & 0xe0 != 0x20) == Some(&0x88)
}

fn frame(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
}

/// Literal, without a place in the table (RFC 7541 §6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    [&[0][..], &text(name), &text(value)].concat()
}

/// Not compressed: its length, and its bytes (§5.1, §5.2).
fn text(text: &str) -> Vec<u8> {
    const PREFIX: usize = 127;
    let mut bytes = vec![text.len().min(PREFIX) as u8];
    if let Some(mut rest) = text.len().checked_sub(PREFIX) {
        while rest >= 128 {
            bytes.push((rest % 128) as u8 | 128);
            rest /= 128;
        }
        bytes.push(rest as u8);
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes
}
