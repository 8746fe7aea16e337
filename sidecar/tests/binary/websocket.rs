//! A WebSocket through the proxy (RFC 6455), by its bytes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use super::place::Place;
use super::served::Served;
use super::wire::Wire;

/// What a client sends, and what the service makes of it (§1.3).
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// `Hello`, as a client has to mask it, and not masked (§5.7).
const ASKED: [u8; 11] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
const ANSWERED: [u8; 7] = *b"\x81\x05Hello";

/// The service speaks as soon as it has agreed.
const PING: [u8; 2] = [0x89, 0];

/// Close with 1000, masked with zeros, and not masked (§5.5.1).
const LEAVES: [u8; 8] = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
const LEFT: [u8; 4] = [0x88, 0x02, 0x03, 0xe8];

/// Takes one connection; gives the head of its request.
fn service() -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        let agreed = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {ACCEPT}\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
        );
        stream.write_all(&[agreed.as_bytes(), &PING].concat()).unwrap();
        let mut asked = [0; ASKED.len()];
        reader.read_exact(&mut asked).unwrap();
        assert_eq!(asked, ASKED);
        stream.write_all(&ANSWERED).unwrap();
        let mut leaves = [0; LEAVES.len()];
        reader.read_exact(&mut leaves).unwrap();
        assert_eq!(leaves, LEAVES);
        stream.write_all(&LEFT).unwrap();
        head
    });
    (address, serving)
}

#[test]
fn a_websocket_from_its_handshake_to_its_end() {
    let (address, serving) = service();
    let place = Place::new();
    let served = Served::in_front_of(&place, &format!("http://{address}"));
    let mut wire = Wire::connect(served.proxy);
    wire.send(format!(
        "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Protocol: chat\r\nSec-WebSocket-Version: 13\r\n\
         Origin: http://a\r\n\r\n"
    ));
    let (status, headers) = wire.head();
    assert_eq!(status, 101);
    for (name, value) in [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-accept", ACCEPT),
        ("sec-websocket-protocol", "chat"),
    ] {
        assert!(headers.contains(&(name.into(), value.into())), "{name}: {headers:?}");
    }
    assert_eq!(wire.exactly(PING.len()), PING);
    ASKED.chunks(1).for_each(|byte| wire.send(byte));
    assert_eq!(wire.exactly(ANSWERED.len()), ANSWERED);
    wire.send(LEAVES);
    assert_eq!(wire.exactly(LEFT.len()), LEFT);
    assert!(wire.is_closed(), "with the service");

    let head = serving.join().unwrap();
    for line in [
        "connection: upgrade",
        "upgrade: websocket",
        &format!("sec-websocket-key: {KEY}"),
        "sec-websocket-protocol: chat",
        "sec-websocket-version: 13",
        "origin: http://a",
    ] {
        assert!(head.contains(&format!("{line}\r\n")), "{line}: {head}");
    }
}
