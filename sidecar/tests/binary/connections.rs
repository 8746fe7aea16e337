//! Connections in the proxy: those that rest, those that are shared, those whose other end has vanished.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::place::Place;
use super::served::Served;
use super::service::Service;
use super::wire::Wire;

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

fn with(lines: &str) -> (Place, Service, Served) {
    let (place, service) = (Place::new(), Service::start());
    let upstream = format!("{}\"\nworkers = 1\n{lines}\n#", service.url());
    let served = Served::in_front_of(&place, &upstream);
    (place, service, served)
}

/// A client with one request behind it, when its connection rests: what it had to the service, another has got, and
/// nobody has gone away who could have left his.
fn resting(service: &Service, served: &Served, held: &mut Vec<Wire>) -> Wire {
    let ask = || {
        let mut wire = Wire::connect(served.proxy);
        assert_eq!(wire.ask(GET).status, 200);
        (wire, service.connections.load(Ordering::SeqCst))
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        let (wire, before) = ask();
        std::thread::sleep(Duration::from_millis(600));
        let (other, after) = ask();
        held.push(other);
        if before == after {
            return wire;
        }
        held.push(wire);
    }
    panic!("a connection to the service stays with a client that asks for nothing")
}

#[test]
fn a_client_that_rests_lends_its_connection_to_the_service_and_goes_on_where_it_was() {
    let (_place, service, served) = with("idle_timeout = \"60s\"");
    let held = &mut Vec::new();
    let mut wire = resting(&service, &served, held);
    assert_eq!(wire.ask(GET).status, 200);
    let body = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    let mut wire = resting(&service, &served, held);
    for piece in body.as_bytes().chunks(1) {
        wire.send(piece);
    }
    assert!(wire.response().text().ends_with("body"));

    let mut wire = resting(&service, &served, held);
    wire.send(format!("{GET}{GET}"));
    assert_eq!((wire.response().status, wire.response().status), (200, 200));
    let mut wire = resting(&service, &served, held);
    wire.send("garbage\r\n\r\n");
    wire.response().is_problem(400, "bad_request");
    assert!(wire.is_closed());

    let mut left = resting(&service, &served, held);
    let (code, said) = served.terminate();
    assert!(code == 0 && left.is_closed());
    assert!(!said.contains("still open"), "the drain waited for it: {said}");
}

#[test]
fn a_client_that_rests_for_too_long_is_let_go() {
    let (_place, service, served) = with("header_timeout = \"2s\"\nidle_timeout = \"60s\"");
    let mut wire = resting(&service, &served, &mut Vec::new());
    assert!(wire.is_closed());
    assert_eq!(served.terminate().0, 0);
}

/// The timer of a socket that we have to this address, while nothing is under way (proc(5), `/proc/net/tcp`).
fn timer_of(process: u32, to: SocketAddr) -> Option<String> {
    let table = std::fs::read_to_string(format!("/proc/{process}/net/tcp")).unwrap();
    let port = format!("0100007F:{:04X}", to.port());
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row.get(2) == Some(&port.as_str()) && row.get(3) == Some(&"01"))?;
    Some(row[5][..2].to_owned())
}

/// Whether the other end of a socket would be missed if it vanished without a word.
fn is_kept_alive(served: &Served, to: SocketAddr) -> bool {
    let deadline = Instant::now() + Duration::from_secs(30);
    // As long as something is on its way, another timer may run.
    while timer_of(served.id(), to).as_deref() != Some("02") {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

#[test]
fn a_service_that_has_vanished_is_noticed() {
    let (_place, service, served) = with("idle_timeout = \"60s\"");
    let mut wire = Wire::connect(served.proxy);
    assert_eq!(wire.ask(GET).status, 200);
    assert!(is_kept_alive(&served, service.address));
    assert_eq!(served.terminate().0, 0);
}

#[test]
fn a_client_that_has_vanished_is_noticed() {
    let (_place, _service, served) = with("header_timeout = \"60s\"");
    for server in [served.proxy, served.api] {
        let client = TcpStream::connect(server).unwrap();
        assert!(is_kept_alive(&served, client.local_addr().unwrap()));
    }
    assert_eq!(served.terminate().0, 0);
}

/// Everybody waits for the one connection that is being made, and for no longer than for his own.
#[test]
fn a_shared_connection_that_is_never_made_keeps_nobody_for_long() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(0).unwrap();
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    // Its backlog is full when a connection is no longer made.
    let mut backlog = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        backlog.push(stream);
    }

    let place = Place::new();
    let lines = "workers = 1\nupstream_http2 = true\nconnect_timeout = \"2s\"";
    let served = Served::in_front_of(&place, &format!("http://{address}\"\n{lines}\n#"));
    // One after the other they would take longer than a client here waits.
    let mut clients: Vec<Wire> = (0..30).map(|_| Wire::connect(served.proxy)).collect();
    clients.iter_mut().for_each(|client| client.send(GET));
    // The last first: it would have had to wait for all of them.
    for client in clients.iter_mut().rev() {
        client.response().is_problem(504, "upstream_timeout");
    }
    assert_eq!(served.terminate().0, 0);
}
