//! A service that speaks HTTP/2 and says of requests that it did nothing about them (RFC 9113 §8.7), as servers do that let
//! each connection take so many requests.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::place::Place;
use super::served::Served;
use super::wire::{Wire, post};

const SETTINGS: u8 = 4;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;

/// So many requests a connection answers; it takes no notice of those that come later.
const PER_CONNECTION: u32 = 5;

#[derive(Clone, Copy)]
enum Says {
    /// Each request is refused when it comes for the first time.
    Refused,
    /// GOAWAY when one more comes than a connection answers.
    ConnectionEnds,
    /// The same, because of a fault: what became of the others nobody knows.
    Fault,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The bodies of the requests that it has answered.
fn serve(says: Says) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let done: Arc<Mutex<Vec<String>>> = Arc::default();
    let answered = done.clone();
    let refused: Arc<Mutex<HashSet<Vec<u8>>>> = Arc::default();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (done, refused) = (done.clone(), refused.clone());
            std::thread::spawn(move || serve_connection(stream, says, &done, &refused));
        }
    });
    (address, answered)
}

fn serve_connection(
    mut stream: TcpStream,
    says: Says,
    done: &Mutex<Vec<String>>,
    refused: &Mutex<HashSet<Vec<u8>>>,
) -> Option<()> {
    stream.read_exact(&mut [0; 24]).ok()?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).ok()?;
    let mut bodies: HashMap<u32, Vec<u8>> = HashMap::new();
    let mut has_ended = false;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).ok()?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).ok()?;
        let id = u32::from_be_bytes(id);
        match kind {
            SETTINGS if flags & 1 == 0 => stream.write_all(&frame(SETTINGS, 1, 0, &[])).ok()?,
            // DATA and HEADERS.
            0 | 1 => {
                // Streams of clients have odd numbers.
                let number = id / 2 + 1;
                let is_late = number > PER_CONNECTION && !matches!(says, Says::Refused);
                if is_late && !has_ended {
                    has_ended = true;
                    let last = 2 * PER_CONNECTION - 1;
                    let reason = u32::from(matches!(says, Says::Fault));
                    let told = [last.to_be_bytes(), reason.to_be_bytes()].concat();
                    stream.write_all(&frame(GOAWAY, 0, 0, &told)).ok()?;
                }
                if is_late {
                    continue;
                }
                if kind == 0 && !payload.is_empty() {
                    // WINDOW_UPDATE, of the connection and of the stream.
                    let taken = (payload.len() as u32).to_be_bytes();
                    let again = [frame(8, 0, 0, &taken), frame(8, 0, id, &taken)].concat();
                    stream.write_all(&again).ok()?;
                }
                let body = bodies.entry(id).or_default();
                if kind == 0 {
                    body.extend_from_slice(&payload);
                }
                if flags & 1 == 0 {
                    continue;
                }
                if matches!(says, Says::Refused) && refused.lock().unwrap().insert(body.clone()) {
                    stream.write_all(&frame(RST_STREAM, 0, id, &7_u32.to_be_bytes())).ok()?;
                    continue;
                }
                done.lock().unwrap().push(String::from_utf8(body.clone()).unwrap());
                // `:status: 200`, and the beginning of the body once more, in frames as large as may be.
                stream.write_all(&frame(1, 4, id, &[0x88])).ok()?;
                for part in body[..body.len().min(60_000)].chunks(16_384) {
                    stream.write_all(&frame(0, 0, id, part)).ok()?;
                }
                stream.write_all(&frame(0, 1, id, &[])).ok()?;
            }
            _ => {}
        }
    }
}

fn in_front_of(says: Says, retries: u32) -> (Place, Served, Arc<Mutex<Vec<String>>>) {
    let (address, answered) = serve(says);
    let place = Place::new();
    let upstream =
        format!("http://{address}\"\nworkers = 1\nupstream_http2 = true\nretries = {retries} #");
    let served = Served::in_front_of(&place, &upstream);
    (place, served, answered)
}

#[test]
fn what_the_service_did_nothing_about_is_sent_again_whatever_it_is() {
    for says in [Says::Refused, Says::ConnectionEnds] {
        let (_place, served, answered) = in_front_of(says, 0);
        let clients = (0..4).map(|client| {
            let proxy = served.proxy;
            std::thread::spawn(move || {
                for n in 0..20 {
                    // One frame, many frames, and none at all.
                    let length = [10, 50_000, 0][n % 3];
                    let body = format!("{client} {n} {}", "x".repeat(length));
                    let answer = post(proxy, "/a", "text/plain", &body);
                    assert_eq!((answer.status, answer.text().len()), (200, body.len()));
                    assert_eq!(answer.text(), body);
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.join().unwrap();
        }
        let mut answered = answered.lock().unwrap().clone();
        assert_eq!(answered.len(), 80, "each once");
        answered.sort();
        answered.dedup();
        assert_eq!(answered.len(), 80);
    }
}

#[test]
fn a_long_body_is_not_gathered_to_be_sent_again() {
    let (_place, served, answered) = in_front_of(Says::Refused, 0);
    let long = "x".repeat(200_000);
    let statuses = [(); 2].map(|()| post(served.proxy, "/a", "text/plain", &long).status);
    assert_eq!(statuses, [502, 200]);
    assert_eq!(post(served.proxy, "/a", "text/plain", "short").status, 200);
    assert_eq!(answered.lock().unwrap().len(), 2);
}

#[test]
fn what_a_service_may_have_done_is_not_sent_again() {
    let (_place, served, answered) = in_front_of(Says::Fault, 0);
    let statuses: Vec<u16> = (0..PER_CONNECTION + 1)
        .map(|n| post(served.proxy, "/a", "text/plain", &n.to_string()).status)
        .collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 502]);
    let mut wire = Wire::connect(served.proxy);
    assert_eq!(
        wire.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").status,
        200,
        "over another connection"
    );
    assert_eq!(answered.lock().unwrap().len(), 6);
}
