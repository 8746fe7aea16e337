//! The reverse proxy.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::place::{Place, change};
use super::served::Served;
use super::service::Service;
use super::wire::{Wire, exchange, get};

fn proxied() -> (Place, Service, Served) {
    let (place, service) = (Place::new(), Service::start());
    let served = Served::in_front_of(&place, &service.url());
    (place, service, served)
}

#[test]
fn every_request_has_a_correlation_id() {
    let (_place, _service, served) = proxied();
    let answer = get(served.proxy, "/a");
    let id = answer.header("x-correlation-id").unwrap().to_owned();
    assert_eq!(id.len(), 36, "a UUID");
    let seen = answer.text();
    assert!(seen.contains(&format!("x-correlation-id: {id}\r\n")), "{seen}");
    assert!(seen.contains(&format!("x-request-id: {id}\r\n")), "{seen}");

    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (header, expected) in [
        ("X-Correlation-ID: theirs", "theirs"),
        ("X-Request-ID: r-1", "r-1"),
        ("request-id: q-1", "q-1"),
        (&format!("traceparent: {trace}")[..], "0af7651916cd43dd8448eb211c80319c"),
    ] {
        let answer =
            exchange(served.proxy, &format!("GET /a HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n"));
        assert_eq!(answer.header("x-correlation-id"), Some(expected));
        let seen = answer.text();
        assert!(seen.contains(&format!("x-correlation-id: {expected}\r\n")), "{seen}");
    }
    let bad = "GET /a HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: no spaces please\r\n\r\n";
    let answer = exchange(served.proxy, bad);
    assert_eq!(answer.header("x-correlation-id").unwrap().len(), 36);
    assert!(!answer.text().contains("no spaces"));
}

#[test]
fn hop_by_hop_headers_stay_on_their_hop() {
    let (_place, _service, served) = proxied();
    let request = "GET /a?q=1 HTTP/1.1\r\nHost: shop\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n\
                   Keep-Alive: timeout=9\r\nTE: trailers\r\nProxy-Authorization: Basic eA==\r\n\
                   X-Forwarded-For: 1.2.3.4\r\nX-End: 1\r\n\r\n";
    let seen = exchange(served.proxy, request).text();
    assert!(seen.starts_with("GET /a?q=1 HTTP/1.1\r\n"), "{seen}");
    for gone in ["x-hop", "keep-alive", "proxy-authorization", "1.2.3.4"] {
        assert!(!seen.to_ascii_lowercase().contains(gone), "{gone}: {seen}");
    }
    // We take trailers too, and say so for this hop.
    for kept in [
        "te: trailers\r\nconnection: te\r\n",
        "host: shop\r\n",
        "x-end: 1\r\n",
        "x-forwarded-for: 127.0.0.1\r\n",
    ] {
        assert!(seen.contains(kept), "{kept}: {seen}");
    }
    let answer = get(served.proxy, "/hops");
    assert_eq!((answer.header("x-end"), answer.header("x-hop")), (Some("1"), None));
    assert_eq!(answer.header("keep-alive"), None);
}

#[test]
fn bodies_stream_both_ways() {
    let (_place, _service, served) = proxied();
    let mut wire = Wire::connect(served.proxy);
    wire.send("POST /echo-stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    wire.send("5\r\nfirst\r\n");
    let (status, _) = wire.head();
    assert_eq!(status, 200);
    // The answer to the first chunk arrives while the request is not over: nothing waits for the whole.
    assert_eq!(wire.chunk().unwrap(), b"first");
    wire.send("6\r\nsecond\r\n0\r\n\r\n");
    assert_eq!(wire.chunk().unwrap(), b"second");
    assert_eq!(wire.chunk(), None);
}

#[test]
fn connections_are_kept_on_both_sides() {
    let (_place, service, served) = proxied();
    let mut wire = Wire::connect(served.proxy);
    for i in 0..5 {
        wire.send(format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nbody-{i}"));
        assert!(wire.response().text().ends_with(&format!("body-{i}")));
    }
    let connections = service.connections.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!((service.requests(), connections), (5, 1));
}

#[test]
fn no_body_where_none_belongs() {
    let (_place, _service, served) = proxied();
    let mut wire = Wire::connect(served.proxy);
    wire.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let (status, headers) = wire.head();
    assert_eq!(status, 200);
    assert!(headers.iter().any(|(name, length)| name == "content-length" && length != "0"));
    wire.send("GET /empty HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(wire.response().status, 204);
    wire.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(wire.response().status, 200, "the connection is still in step");
}

#[test]
fn upgrades_pass_through() {
    let (_place, _service, served) = proxied();
    let mut wire = Wire::connect(served.proxy);
    wire.send("GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n");
    let (status, headers) = wire.head();
    assert_eq!(status, 101);
    assert!(headers.contains(&("upgrade".into(), "shout".into())));
    wire.send("hello");
    assert_eq!(wire.exactly(5), b"HELLO");
}

#[test]
fn a_service_that_fails_gives_502_or_504() {
    let (place, service) = (Place::new(), Service::start());
    let url = service.url();
    place.edit_config(
        "upstream = \"http://127.0.0.1:3000\"",
        &format!("upstream = \"{url}\"\nresponse_timeout = \"200ms\""),
    );
    let served = Served::start(&place);
    let closed = get(served.proxy, "/close");
    closed.is_problem(502, "upstream_unreachable");
    assert_eq!(closed.header("x-correlation-id").unwrap().len(), 36);
    get(served.proxy, "/hang").is_problem(504, "upstream_timeout");
    assert_eq!(get(served.proxy, "/a").status, 200);

    let place = Place::new();
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    let served = Served::in_front_of(&place, &format!("http://{address}"));
    get(served.proxy, "/a").is_problem(502, "upstream_unreachable");
}

#[test]
fn a_long_upload_is_not_a_slow_answer() {
    let (place, service) = (Place::new(), Service::start());
    let url = service.url();
    place.edit_config(
        "upstream = \"http://127.0.0.1:3000\"",
        &format!("upstream = \"{url}\"\nresponse_timeout = \"2s\""),
    );
    let served = Served::start(&place);
    let mut wire = Wire::connect(served.proxy);
    wire.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n");
    for byte in ["u", "p", "l", "o", "a", "d"] {
        std::thread::sleep(std::time::Duration::from_millis(400));
        wire.send(byte);
    }
    let answer = wire.response();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().ends_with("upload"));
}

#[test]
fn a_length_that_can_be_read_in_two_ways_is_refused() {
    let (_place, service, served) = proxied();
    for framing in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 5",
    ] {
        let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
        let mut wire = Wire::connect(served.proxy);
        wire.send(format!("POST /a HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n0\r\n\r\n{smuggled}"));
        let answer = wire.response();
        answer.is_problem(400, "bad_request");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(wire.is_closed(), "{framing}");
    }
    for framing in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: -5",
        "Content-Length: 5, 6",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
    ] {
        let mut wire = Wire::connect(served.proxy);
        wire.send(format!("POST /a HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\nabcde"));
        assert_eq!(wire.response().status, 400, "{framing}");
    }
    assert_eq!(service.requests(), 0, "nothing of it was forwarded");
    assert_eq!(get(served.proxy, "/a").status, 200);
}

#[test]
fn a_request_without_a_single_host_is_refused() {
    let (_place, service, served) = proxied();
    for head in ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"] {
        exchange(served.proxy, head).is_problem(400, "bad_request");
    }
    exchange(served.proxy, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")
        .is_problem(405, "method_not_allowed");
    assert_eq!(service.requests(), 0);
    let absolute = "GET http://shop/a HTTP/1.1\r\nHost: other\r\n\r\n";
    let seen = exchange(served.proxy, absolute).text();
    assert!(seen.starts_with("GET /a HTTP/1.1\r\n") && seen.contains("host: shop\r\n"), "{seen}");
}

#[test]
fn a_change_is_joined_with_its_request() {
    let (place, service) = (Place::new(), Service::start());
    let secret = "0123456789abcdef0123456789abcdef";
    std::fs::write(place.path("keys/jwt.secret"), secret).unwrap();
    std::process::Command::new("chmod")
        .arg("600")
        .arg(place.path("keys/jwt.secret"))
        .status()
        .unwrap();
    place.edit_config(
        "trusted_proxies = []",
        "trusted_proxies = [\"127.0.0.1\"]\njwt_key = \"keys/jwt.secret\"",
    );
    let served = Served::in_front_of(&place, &service.url());
    let claims = json!({"sub": "u-7", "email": "ada@example.com", "tenant": "acme"});
    let token = jsonwebtoken::encode(
        &jsonwebtoken::Header::default(),
        &claims,
        &jsonwebtoken::EncodingKey::from_secret(secret.as_bytes()),
    )
    .unwrap();
    let answer = exchange(
        served.proxy,
        &format!(
            "PUT /customers/3?token=in-the-query HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: join-1\r\n\
             Authorization: Bearer {token}\r\nX-Forwarded-For: 203.0.113.7\r\n\
             User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
             Gecko) Chrome/84.0.4147.89 Safari/537.36\r\nContent-Length: 0\r\n\r\n"
        ),
    );
    assert_eq!(answer.status, 200);
    assert_eq!(served.post_change(&change("join-1")).status, 200);

    let line = place.lines().pop().unwrap();
    let record: serde_json::Value = serde_json::from_str(&line).unwrap();
    let data = &record["data"];
    assert_eq!(record["correlationid"], "join-1");
    assert_eq!(
        (&data["request"]["method"], &data["request"]["path"]),
        (&json!("PUT"), &json!("/customers/3"))
    );
    assert_eq!(
        data["request"]["user_agent"],
        json!({"browser": "Chrome", "os": "Windows 10", "device": "desktop"})
    );
    assert_eq!((&data["actor"]["id"], &data["actor"]["verified"]), (&json!("u-7"), &json!(true)));
    assert_eq!(data["tenant"], "acme");
    assert!(data["request"]["ip"].as_str().unwrap().starts_with("st1."), "the address is sealed");
    for secret in [&token[..], "in-the-query", "ada@example.com", "203.0.113.7", "new@example.com"]
    {
        assert!(!line.contains(secret), "{secret}: {line}");
    }
    // The sealed address is the client's, not the proxy's.
    let id = record["id"].as_str().unwrap();
    let body = r#"{"group":"actor","reason":"test"}"#;
    let revealed = super::wire::post(
        served.api,
        &format!("/v1/records/{id}/reveal"),
        "application/json",
        body,
    );
    assert!(revealed.text().contains("203.0.113.7"), "{}", revealed.text());
}

#[test]
fn a_header_on_the_post_names_the_request_too() {
    let (place, _service, served) = proxied();
    exchange(served.proxy, "GET /a HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: by-header\r\n\r\n");
    let nameless = change("x").replace(r#","context":{"correlation_id":"x"}"#, "");
    let length = nameless.len();
    let answer = exchange(
        served.api,
        &format!(
            "POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nX-Correlation-ID: by-header\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{nameless}"
        ),
    );
    assert_eq!(answer.json()["correlation_id"], "by-header");
    assert!(place.lines()[0].contains(r#""path":"/a""#));
    let answer = served.post_change(&nameless);
    assert_eq!(answer.json()["correlation_id"].as_str().unwrap().len(), 36, "a new one");
}

#[test]
fn an_answer_that_has_no_sure_end_is_refused_and_its_connection_given_up() {
    let (_place, service, served) = proxied();
    let mut wire = Wire::connect(served.proxy);
    for (used, case) in ["both", "longer", "coded", "list", "twice"].into_iter().enumerate() {
        let answer = wire.ask(&format!("GET /framed/{case} HTTP/1.1\r\nHost: a\r\n\r\n"));
        answer.is_problem(502, "upstream_unreachable");
        assert!(!answer.text().contains("half"), "{case}: {}", answer.text());
        assert_eq!(service.connections.load(Ordering::SeqCst), used + 1, "{case}");
    }
    assert_eq!(wire.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
}

/// What the service was told the id of its request is.
fn request_id(seen: &str) -> &str {
    let line = seen.lines().find_map(|line| line.strip_prefix("x-sealtrail-request: "));
    line.unwrap_or_else(|| panic!("no id: {seen}"))
}

#[test]
fn every_request_has_an_id_of_its_own_that_no_client_chooses() {
    let (_place, _service, served) = proxied();
    let ask = || {
        let request = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: x-sealtrail-request\r\n\
                       X-Correlation-ID: same\r\nX-Sealtrail-Request: mine\r\n\
                       X-Sealtrail-Request: mine-too\r\n\r\n";
        let answer = exchange(served.proxy, request);
        assert_eq!(answer.header("x-sealtrail-request"), None, "for the service alone");
        assert!(!answer.text().contains("mine"), "{}", answer.text());
        request_id(&answer.text()).to_owned()
    };
    let (first, second) = (ask(), ask());
    assert_eq!((first.len(), &first[14..15]), (36, "7"), "a UUIDv7: {first}");
    assert_ne!(first, second);
}

#[test]
fn two_requests_of_one_correlation_id_are_not_taken_for_each_other() {
    let (place, _service, served) = proxied();
    // Every call of a distributed trace has the trace's id.
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let send = |line: &str| {
        let head = format!("{line} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n");
        let trace = format!("traceparent: 00-{trace}-b7ad6b7169203331-01\r\n\r\n");
        request_id(&exchange(served.proxy, &(head + &trace)).text()).to_owned()
    };
    let posted = send("POST /products");
    let got = send("GET /products/99");
    let record = |context: &str| {
        let change = change("x").replace(r#"{"correlation_id":"x"}"#, context);
        assert_eq!(served.post_change(&change).status, 200);
        let line = place.lines().pop().unwrap();
        assert!(!line.contains(&posted) && !line.contains(&got), "not stored: {line}");
        serde_json::from_str::<serde_json::Value>(&line).unwrap()
    };
    let seen = |record: &serde_json::Value| {
        let request = &record["data"]["request"];
        (request["method"].clone(), request["path"].clone())
    };
    let by_id =
        |id: &str| record(&format!(r#"{{"correlation_id":"{trace}","request":{{"id":"{id}"}}}}"#));
    assert_eq!(seen(&by_id(&posted)), (json!("POST"), json!("/products")));
    assert_eq!(seen(&by_id(&got)), (json!("GET"), json!("/products/99")));
    // Without a correlation id it has the one of its request.
    let alone = record(&format!(r#"{{"request":{{"id":"{posted}"}}}}"#));
    assert_eq!(alone["correlationid"], trace);
    // One that is not known is not guessed from the correlation id.
    let unknown = by_id("01a1ffa9-be2f-73ed-8b10-49bb862aa357");
    assert_eq!(unknown["data"]["request"], json!(null));
    assert!(get(served.api, "/metrics").text().contains("\nsealtrail_ambiguous_joins_total 0\n"));
    let ambiguous = record(&format!(r#"{{"correlation_id":"{trace}"}}"#));
    assert_eq!(ambiguous["data"]["request"], json!(null));
    assert!(get(served.api, "/metrics").text().contains("\nsealtrail_ambiguous_joins_total 1\n"));

    let nameless = change("x").replace(r#","context":{"correlation_id":"x"}"#, "");
    let by_header = format!(
        "POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nX-Sealtrail-Request: {got}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{nameless}",
        nameless.len()
    );
    assert_eq!(exchange(served.api, &by_header).json()["correlation_id"], trace);
    let line = serde_json::from_str(&place.lines().pop().unwrap()).unwrap();
    assert_eq!(seen(&line), (json!("GET"), json!("/products/99")));
}

#[test]
fn nobody_gets_under_the_change_of_another() {
    let (place, _service, served) = proxied();
    let send = |claims: &str| {
        exchange(
            served.proxy,
            &format!(
                "PUT /customers/3 HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: shared-1\r\n\
                 Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.{claims}.x\r\n\
                 Content-Length: 0\r\n\r\n"
            ),
        )
        .text()
    };
    // {"sub":"alice"}, {"sub":"mallory"}
    let alice = send("eyJzdWIiOiJhbGljZSJ9");
    send("eyJzdWIiOiJtYWxsb3J5In0");
    assert_eq!(served.post_change(&change("shared-1")).status, 200);
    let exact = format!(r#""shared-1","request":{{"id":"{}"}}"#, request_id(&alice));
    let exact = change("shared-1").replace("\"shared-1\"", &exact);
    assert_eq!(served.post_change(&exact).status, 200);
    let lines = place.lines();
    assert!(!lines[0].contains("mallory") && !lines[0].contains("alice"), "{}", lines[0]);
    assert!(lines[1].contains("alice") && !lines[1].contains("mallory"), "{}", lines[1]);
}
