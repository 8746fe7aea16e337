//! Clients that speak HTTP/2 and take nothing, or ask for nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use http::Method;
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::http2::{nothing, request, runtime, serve_http2, text};
use super::place::Place;
use super::served::Served;
use super::service::Service;
use super::streaming::MEMORY;
use super::wire::exchange;

type Body = http_body_util::combinators::BoxBody<bytes::Bytes, std::convert::Infallible>;
type Sender = hyper::client::conn::http2::SendRequest<Body>;

fn with(lines: &str) -> (Place, Service, Served) {
    let (place, service) = (Place::new(), Service::start());
    let served = Served::in_front_of(&place, &format!("{}\"\n{lines}\n#", service.url()));
    (place, service, served)
}

/// A client, and what ends when its connection does.
async fn connect(served: &Served) -> (Sender, tokio::task::JoinHandle<()>) {
    let io = TokioIo::new(tokio::net::TcpStream::connect(served.proxy).await.unwrap());
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    (sender, tokio::spawn(async { drop(connection.await) }))
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("it takes for ever")
}

#[test]
fn who_takes_nothing_of_an_answer_loses_it_and_nothing_else() {
    let (_place, service, served) = with("write_timeout = \"500ms\"");
    runtime().block_on(in_time(async {
        let (mut sender, _connection) = connect(&served).await;
        // More than all windows and buffers on the way.
        let large = request(Method::GET, "/large?1073741824", nothing());
        let mut slow = sender.send_request(large).await.unwrap().into_body();
        assert!(slow.frame().await.unwrap().is_ok());
        // As long as it is under way, the service is still writing it.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let mut taken = 0;
        let end = loop {
            match slow.frame().await {
                Some(Ok(frame)) => taken += frame.into_data().unwrap().len(),
                end => break end,
            }
        };
        assert!(matches!(end, Some(Err(_))), "half an answer never looks like a whole one");
        assert!(taken < 64 << 20, "{taken}");
        let next = sender.send_request(request(Method::GET, "/a", nothing())).await.unwrap();
        assert_eq!(next.status(), 200);
        assert!(text(next).await.starts_with("GET /a HTTP/1.1\r\n"));
    }));
    assert_eq!(service.requests(), 2);
    let most = served.peak_memory();
    assert!(most < MEMORY, "{most} KiB for an answer that nobody took");
    assert_eq!(served.terminate().0, 0);
}

#[test]
fn who_asks_for_nothing_is_let_go_and_who_waits_for_an_answer_is_not() {
    let (_place, _service, served) = with("header_timeout = \"500ms\"\nresponse_timeout = \"2s\"");
    runtime().block_on(in_time(async {
        let (mut waiting, _connection) = connect(&served).await;
        let answer = waiting.send_request(request(Method::GET, "/hang", nothing()));
        let (_idle, connection) = connect(&served).await;
        connection.await.unwrap();
        assert_eq!(answer.await.unwrap().status(), 504);
    }));
    assert_eq!(served.terminate().0, 0);
}

/// The kinds of the frames in it (RFC 9113 §4.1).
fn kinds(mut frames: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let [a, b, c, kind, _, _, _, _, _, payload @ ..] = frames {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        kinds.push(*kind);
        frames = payload.get(length..).unwrap_or_default();
    }
    kinds
}

#[test]
fn a_client_that_is_dead_while_it_waits_is_asked_and_let_go() {
    let (_place, _service, served) =
        with("header_timeout = \"1s\"\nresponse_timeout = \"90s\"\nwrite_timeout = \"90s\"");
    let mut client = TcpStream::connect(served.proxy).unwrap();
    // Shorter than all that else might end it.
    client.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    // HEADERS with END_HEADERS and END_STREAM (RFC 9113 §6.2): GET, http, /hang, the authority `a`.
    bytes.extend_from_slice(&[0, 0, 12, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x04, 5]);
    bytes.extend_from_slice(b"/hang\x41\x01a");
    client.write_all(&bytes).unwrap();
    // It is there, and answers nothing.
    let mut said = Vec::new();
    client.read_to_end(&mut said).expect("the connection ends");
    assert!(kinds(&said).contains(&6), "it was asked: {:?}", kinds(&said));
}

/// A service in HTTP/2 that dies without a word on its first connection, and answers on those after it.
fn dead_at_first() -> SocketAddr {
    let alive = serve_http2(Default::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut first, _) = listener.accept().unwrap();
        // SETTINGS, with nothing in it (§6.5).
        first.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).unwrap();
        for stream in listener.incoming().flatten() {
            let other = TcpStream::connect(alive).unwrap();
            for (mut from, mut to) in
                [(stream.try_clone().unwrap(), other.try_clone().unwrap()), (other, stream)]
            {
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    address
}

#[test]
fn a_shared_connection_to_a_service_that_is_dead_is_noticed() {
    let place = Place::new();
    let lines = "workers = 1\nupstream_http2 = true\nresponse_timeout = \"3s\"";
    let served = Served::in_front_of(&place, &format!("http://{}\"\n{lines}\n#", dead_at_first()));
    let ask = || exchange(served.proxy, "GET /a HTTP/1.1\r\nHost: shop\r\n\r\n");
    let first = ask();
    assert!([502, 504].contains(&first.status), "{}", first.status);
    let deadline = Instant::now() + Duration::from_secs(30);
    while ask().status != 200 {
        assert!(Instant::now() < deadline, "every request goes to the dead connection");
    }
    assert_eq!(served.terminate().0, 0);
}
