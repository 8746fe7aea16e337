//! Bodies, and everything about them that can stand still, break or be too much.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::exposition::Exposition;
use super::place::Place;
use super::served::Served;
use super::service::Service;
use super::wire::{Wire, exchange, get, post};

/// Far more than a server with few connections takes, and far less than a large body, in KiB.
pub const MEMORY: u64 = 256 << 10;

fn with(lines: &str) -> (Place, Service, Served) {
    let (place, service) = (Place::new(), Service::start());
    let upstream = format!("{}\"\n{lines}\n#", service.url());
    let served = Served::in_front_of(&place, &upstream);
    (place, service, served)
}

#[test]
fn a_body_of_a_gibibyte_takes_no_memory() {
    const LENGTH: u64 = 1 << 30;
    let (_place, _service, served) = with("");
    assert_eq!(get(served.proxy, "/a").status, 200);
    let before = served.peak_memory();
    let mut down = TcpStream::connect(served.proxy).unwrap();
    write!(down, "GET /large?{LENGTH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let read = std::io::copy(&mut down, &mut std::io::sink()).unwrap();
    assert!((LENGTH..LENGTH + 4096).contains(&read), "{read}");

    let mut up = TcpStream::connect(served.proxy).unwrap();
    write!(
        up,
        "POST /sink HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {LENGTH}\r\n\r\n"
    )
    .unwrap();
    std::io::copy(&mut std::io::repeat(b'x').take(LENGTH), &mut up).unwrap();
    let mut answer = String::new();
    up.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with(&format!("\r\n\r\n{LENGTH}")), "{answer}");
    // Some of it is the table of user agents, which is made on the side after the start.
    let grown = served.peak_memory() - before;
    assert!(grown < 48 << 10, "{grown} KiB more for 2 GiB of bodies");
}

#[test]
fn trailers_pass_both_ways_to_whom_takes_them() {
    let (_place, _service, served) = with("");
    let ask = |te: &str| {
        let mut wire = Wire::connect(served.proxy);
        wire.send(format!("GET /trailers HTTP/1.1\r\nHost: a\r\nConnection: close{te}\r\n\r\n"));
        String::from_utf8(wire.rest()).unwrap()
    };
    let answer = ask(", te\r\nTE: trailers");
    assert!(answer.ends_with("4\r\nbody\r\n0\r\nx-sum: 4\r\n\r\n"), "{answer}");
    assert!(ask("").ends_with("4\r\nbody\r\n0\r\n\r\n"));

    let seen = exchange(
        served.proxy,
        "POST /request-trailers HTTP/1.1\r\nHost: a\r\nTrailer: x-sum\r\nTE: trailers\r\n\
         Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 4\r\n\r\n",
    );
    let seen = seen.text();
    assert!(seen.ends_with("\r\n\r\nx-sum: 4\r\n\r\n"), "{seen}");
    assert!(seen.contains("te: trailers\r\n") && seen.contains("connection: te\r\n"), "{seen}");

    // What only a head may say, and what is for us to say.
    let names =
        ["X-Forwarded-For", "X_Real_IP", "X-Correlation-ID", "Traceparent", "Content-Length"];
    let hearsay: String = names.iter().map(|name| format!("{name}: 7\r\n")).collect();
    let seen = exchange(
        served.proxy,
        &format!(
            "POST /request-trailers HTTP/1.1\r\nHost: a\r\nTrailer: x-sum, {}\r\n\
             Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n{hearsay}X-Sum: 4\r\n\r\n",
            names.join(", ")
        ),
    );
    let seen = seen.text();
    assert!(seen.ends_with("\r\n\r\nx-sum: 4\r\n\r\n"), "{seen}");
}

#[derive(Debug, Clone, Copy)]
enum Leave {
    Resets,
    Closes,
    /// As one does that has said all, and one that has left.
    ClosesItsSide,
}

fn reset(client: TcpStream) {
    let socket = socket2::Socket::from(client);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}

/// The service's end of a request whose client has left.
fn left(served: &Served, listener: &TcpListener, leave: impl FnOnce(TcpStream)) -> TcpStream {
    let mut client = TcpStream::connect(served.proxy).unwrap();
    client.write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    leave(client);
    stream
}

#[test]
fn a_service_hears_that_its_client_has_left() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::new();
    let upstream = format!(
        "http://{}\"\nworkers = 1\nhalf_close_timeout = \"1s\" #",
        listener.local_addr().unwrap()
    );
    let served = Served::in_front_of(&place, &upstream);
    for leave in [Leave::Resets, Leave::Closes, Leave::ClosesItsSide] {
        let mut kept = None;
        let mut stream = left(&served, &listener, |client| match leave {
            Leave::Resets => reset(client),
            Leave::Closes => drop(client),
            Leave::ClosesItsSide => {
                client.shutdown(std::net::Shutdown::Write).unwrap();
                kept = Some(client);
            }
        });
        assert!(matches!(stream.read(&mut [0]), Ok(0)), "{leave:?}");
        drop(kept);
    }
    let metrics = get(served.api, "/metrics").text();
    assert!(metrics.contains("sealtrail_abandoned_requests_total 3\n"), "{metrics}");
}

#[test]
fn the_body_is_asked_for_by_the_service_and_not_by_us() {
    // Longer than a client here waits.
    let (_place, service, served) = with("header_timeout = \"90s\"\nbody_timeout = \"90s\"");
    let head = |target: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let mut wire = Wire::connect(served.proxy);
    wire.send(head("/continue"));
    assert_eq!(wire.head().0, 100);
    wire.send("body");
    let answer = wire.response();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"body"[..]));

    let mut refused = Wire::connect(served.proxy);
    refused.send(head("/refuse"));
    let answer = refused.response();
    assert_eq!(answer.status, 413, "and no 100 before it");
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(refused.is_closed(), "the body may come or not, so the connection is of no more use");
    assert_eq!(service.requests(), 2, "two heads and not a byte of the refused body");

    // The client says by itself what nobody has asked for: it is not taken for a request.
    let mut refused = Wire::connect(served.proxy);
    refused.send(head("/refuse") + "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(refused.response().status, 413);
    assert!(refused.is_closed());
    assert_eq!(service.requests(), 3);

    let mut api = Wire::connect(served.api);
    api.send(head("/v1/nothing").replace("Host: a", "Host: localhost"));
    let answer = api.response();
    assert_eq!((answer.status, answer.header("connection")), (404, Some("close")));
    assert!(api.is_closed());

    // A service that knows nothing of it gets the body after a while.
    let mut wire = Wire::connect(served.proxy);
    wire.send(head("/a"));
    assert_eq!(wire.head().0, 100);
    wire.send("body");
    assert!(wire.response().text().ends_with("body"));
}

#[test]
fn a_service_that_dies_gives_no_whole_answer() {
    let (_place, _service, served) = with("");
    let ask = |target: &str| {
        let mut wire = Wire::connect(served.proxy);
        wire.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        String::from_utf8(wire.rest()).unwrap()
    };
    let answer = ask("/dies/length");
    assert!(!answer.contains("\r\n\r\n") || answer.contains("content-length: 100\r\n"), "{answer}");
    let answer = ask("/dies/chunked");
    assert!(!answer.contains("0\r\n\r\n"), "{answer}");
}

/// An answer may begin before the request has ended. When that breaks, both do, and the service is not to blame.
#[test]
fn a_client_that_breaks_its_request_off_is_no_failure_of_the_service() {
    let (_place, _service, served) = with("body_timeout = \"500ms\"");
    // Malformed, and not sent at all.
    for rest in ["5\r\nwrongly", ""] {
        let mut wire = Wire::connect(served.proxy);
        wire.send("POST /echo-stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        wire.send("4\r\nhalf\r\n");
        assert_eq!(wire.head().0, 200);
        assert_eq!(wire.chunk().unwrap(), b"half");
        wire.send(rest);
        let rest = String::from_utf8(wire.rest()).unwrap();
        assert!(!rest.ends_with("0\r\n\r\n"), "{rest}: a whole answer");
    }
    let metrics = Exposition::parse(&get(served.api, "/metrics").text());
    assert_eq!(metrics.value("sealtrail_upstream_failures_total"), 0.0);
    assert_eq!(metrics.value("sealtrail_abandoned_requests_total"), 2.0);
}

/// Interim answers that cannot be passed on end nothing, and are never taken for the answer.
#[test]
fn after_any_number_of_interim_answers_comes_the_answer() {
    let (_place, _service, served) = with("");
    let mut wire = Wire::connect(served.proxy);
    for _ in 0..2 {
        let answer = wire.ask("GET /interims HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((answer.status, &answer.body[..]), (200, &b"final"[..]));
        assert_eq!(answer.header("link"), None, "what an interim says is of no answer");
    }
    let metrics = Exposition::parse(&get(served.api, "/metrics").text());
    assert_eq!(metrics.value("sealtrail_upstream_failures_total"), 0.0);
}

#[test]
fn what_was_not_modified_has_no_body() {
    let (_place, _service, served) = with("");
    let mut wire = Wire::connect(served.proxy);
    wire.send("GET /not-modified HTTP/1.1\r\nHost: a\r\n\r\n");
    let (status, headers) = wire.head();
    assert_eq!(status, 304);
    assert!(headers.contains(&("etag".into(), "\"7\"".into())), "{headers:?}");
    assert_eq!(wire.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").status, 200, "still in step");
}

#[test]
fn a_client_that_has_said_all_gets_its_answer() {
    let (_place, _service, served) = with("");
    let request = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    let mut wire = Wire::half_closed(served.proxy, request);
    let answer = wire.response();
    assert!(answer.status == 200 && answer.text().ends_with("body"));
    assert!(wire.is_closed());

    let cut = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbody";
    Wire::half_closed(served.proxy, cut).response().is_problem(400, "bad_request");
}

#[test]
fn what_stands_still_is_ended() {
    let (_place, service, served) =
        with("body_timeout = \"500ms\"\nstream_timeout = \"500ms\"\nwrite_timeout = \"1s\"");
    for (target, framing) in
        [("/a", "Content-Length: 9"), ("/request-trailers", "Transfer-Encoding: chunked")]
    {
        let mut wire = Wire::connect(served.proxy);
        wire.send(format!("POST {target} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n4\r\nbod"));
        let answer = wire.response();
        answer.is_problem(408, "request_timeout");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(wire.is_closed());
    }
    let mut stalled = Wire::connect(served.proxy);
    stalled.send("GET /stalls HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(stalled.head().0, 200);
    assert_eq!(stalled.chunk().unwrap(), b"half");
    assert!(stalled.is_closed(), "and no last chunk");

    // More than the kernel holds, for a client that reads nothing of it: the service's side is let go.
    let mut wire = Wire::connect(served.proxy);
    wire.send("GET /large?1073741824 HTTP/1.1\r\nHost: a\r\n\r\n");
    std::thread::sleep(std::time::Duration::from_secs(4));
    let length = wire.rest().len();
    assert!(length < 1 << 30, "it was cut: {length}");
    assert_eq!(service.requests(), 4);
    let most = served.peak_memory();
    assert!(most < MEMORY, "{most} KiB for an answer that nobody took");
}

#[test]
fn half_a_head_is_not_waited_for_for_ever() {
    let (_place, service, served) = with("header_timeout = \"500ms\"");
    for half in ["G", "GET /a HTTP/1.1\r\nHost: a\r\nX-Half:", "PRI * HTTP/2.0\r\n", "\r\n"] {
        let mut wire = Wire::connect(served.proxy);
        wire.send(half);
        assert!(wire.is_closed(), "{half:?}");
    }
    for half in ["G", "GET /a HTTP/1.1\r\nHost: a\r\nX-Half:"] {
        let mut wire = Wire::connect(served.proxy);
        assert_eq!(wire.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
        wire.send(half);
        assert!(wire.is_closed(), "{half:?} behind an answer");
    }
    assert_eq!(service.requests(), 2);
}

/// Pages of several megabytes can be asked for.
fn with_large_pages(place: &Place) -> (Served, &'static str, usize) {
    let served = Served::start(place);
    let text = "x".repeat(60_000);
    let line = format!(
        r#"{{"entity":{{"type":"note","id":"1"}},"action":"create","after":{{"text":"{text}"}}}}"#
    );
    let body = format!("{line}\n").repeat(100);
    for _ in 0..2 {
        let answer = post(served.api, "/v1/changes", "application/x-ndjson", &body);
        assert_eq!(answer.status, 200);
    }
    let request = "GET /v1/records?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let page = Wire::connect(served.api).ask(request).body.len();
    assert!(page > 4 << 20, "{page}");
    (served, request, page)
}

#[test]
fn an_answer_of_the_api_that_nobody_takes_is_let_go() {
    let place = Place::new();
    place.edit_config("[api]\n", "[api]\nwrite_timeout = \"1s\"\n");
    let (served, request, page) = with_large_pages(&place);
    // More than the kernel holds for a client that reads nothing.
    let mut wire = Wire::connect(served.api);
    wire.send(request.repeat(8));
    std::thread::sleep(std::time::Duration::from_secs(4));
    let length = wire.rest().len();
    assert!(length < 8 * page, "it was cut: {length} of 8 times {page}");
}

#[test]
fn answers_of_the_api_that_wait_for_their_clients_are_bounded() {
    let place = Place::new();
    place.add_config("[limits]\nanswers = \"20MiB\"");
    let (served, request, page) = with_large_pages(&place);
    assert!((7 << 20..10 << 20).contains(&page), "two fit, and no three: {page}");
    // Their heads tell that they were made; the rest is not read.
    let mut wires: Vec<Wire> = (0..3).map(|_| Wire::connect(served.api)).collect();
    let begun = |wire: &mut Wire| {
        wire.send(request);
        wire.head().0
    };
    let statuses: Vec<u16> = wires.iter_mut().map(begun).collect();
    assert_eq!(statuses, [200, 200, 503]);
    let refused = Wire::connect(served.api).ask(request);
    refused.is_problem(503, "queue_full");
    assert_eq!(refused.header("retry-after"), Some("1"));
    // What there is room for, and what nobody waits for.
    assert_eq!(Wire::connect(served.api).ask(&request.replace("1000", "1")).status, 200);
    assert_eq!(get(served.api, "/readyz").status, 200);
    assert_eq!(get(served.api, "/metrics").status, 200);
    let line = r#"{"entity":{"type":"note","id":"2"},"action":"create","after":{}}"#;
    assert_eq!(post(served.api, "/v1/changes", "application/x-ndjson", line).status, 200);
    drop(wires);
    // A client is seen to have gone when something is written to it.
    let deadline = Instant::now() + Duration::from_secs(60);
    while Wire::connect(served.api).ask(request).status != 200 {
        assert!(Instant::now() < deadline, "the room does not come back");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// By us when its time is over, and when the service has closed its side; the client stays.
#[test]
fn a_connection_to_the_service_that_nobody_uses_is_let_go() {
    for (idle_timeout, service_closes) in [("100ms", false), ("60s", true)] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let upstream = format!("http://{address}\"\nidle_timeout = \"{idle_timeout}\"\n#");
        let place = Place::new();
        let served = Served::in_front_of(&place, &upstream);
        let mut wire = Wire::connect(served.proxy);
        for _ in 0..2 {
            wire.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
            assert_eq!(wire.response().text(), "ok");
            if service_closes {
                stream.shutdown(std::net::Shutdown::Write).unwrap();
            }
            assert_eq!(stream.read(&mut [0]).unwrap(), 0, "{idle_timeout}");
        }
        assert_eq!(served.terminate().0, 0);
    }
}

#[test]
fn only_what_may_arrive_twice_is_sent_twice() {
    let (_place, service, served) = with("retries = 1");
    let seen = get(served.proxy, "/flaky");
    assert_eq!((seen.status, service.requests()), (200, 2), "{}", seen.text());
    let post = "POST /flaky HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    exchange(served.proxy, post).is_problem(502, "upstream_unreachable");
    assert_eq!(service.requests(), 3);
    get(served.proxy, "/a");
    let put = "PUT /flaky HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    exchange(served.proxy, put).is_problem(502, "upstream_unreachable");
    assert_eq!(service.requests(), 5);

    let (_place, service, served) = with("");
    get(served.proxy, "/flaky").is_problem(502, "upstream_unreachable");
    assert_eq!(service.requests(), 1, "nothing is sent twice unless it is configured");
}

#[test]
fn options_may_end_here() {
    let (_place, service, served) = with("");
    let ask = |method: &str, left: u8| {
        let head = format!("{method} /a HTTP/1.1\r\nHost: a\r\nMax-Forwards: {left}\r\n\r\n");
        exchange(served.proxy, &head)
    };
    assert!(ask("OPTIONS", 5).text().contains("max-forwards: 4\r\n"));
    assert_eq!(ask("OPTIONS", 0).status, 204);
    ask("TRACE", 0).is_problem(405, "method_not_allowed");
    assert_eq!(service.requests(), 1);
}

#[test]
fn heads_have_limits() {
    let (_place, service, served) = with("");
    let many: String = (0..101).map(|i| format!("X-{i}: 1\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "x".repeat(70_000));
    for headers in [many, long] {
        let request = format!("GET /a HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        assert_eq!(exchange(served.proxy, &request).status, 431);
    }
    assert_eq!(service.requests(), 0);
}

#[test]
fn a_client_that_takes_what_comes_may_have_closed_its_side_for_long() {
    let (_place, _service, served) = with("half_close_timeout = \"1s\"");
    // A piece each tenth of a second, for longer than that.
    let mut wire = Wire::half_closed(
        served.proxy,
        "GET /slow?30 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(wire.head().0, 200);
    let taken: usize = std::iter::from_fn(|| wire.chunk()).map(|chunk| chunk.len()).sum();
    assert_eq!(taken, 30);
}

#[test]
fn a_client_of_http_1_0_need_not_name_a_host_and_others_must_state_one_length() {
    let (_place, service, served) = with("");
    let answer = exchange(served.proxy, "GET /a HTTP/1.0\r\n\r\n");
    let seen = answer.text();
    assert!(seen.contains(&format!("host: {}\r\n", service.address)), "{seen}");
    assert!(!seen.contains("x-forwarded-host"), "nobody said so: {seen}");
    exchange(served.proxy, "GET /a HTTP/1.1\r\n\r\n").is_problem(400, "bad_request");
}
