//! What the proxy does about traces, and what it tells the service of who asked.

use serde_json::Value;

use super::place::{Place, change};
use super::served::Served;
use super::service::Service;
use super::wire::{exchange, get};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn proxied(from: &str, to: &str) -> (Place, Service, Served) {
    let (place, service) = (Place::new(), Service::start());
    place.edit_config(from, to);
    let served = Served::in_front_of(&place, &service.url());
    (place, service, served)
}

/// The values of a header that the service got.
fn got<'s>(seen: &'s str, name: &str) -> Vec<&'s str> {
    let prefix = format!("{name}: ");
    seen.lines().filter_map(|line| line.strip_prefix(&prefix)).collect()
}

fn ask(served: &Served, headers: &str) -> String {
    exchange(served.proxy, &format!("GET /a HTTP/1.1\r\nHost: shop:80\r\n{headers}\r\n")).text()
}

#[test]
fn the_service_gets_a_place_in_the_trace() {
    let (_place, _service, served) = proxied("[api]", "[api]");
    let given = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n");
    let seen = ask(&served, &format!("{given}tracestate: a=1, \t b=2\r\nTraceState: c=3\r\n"));
    let parent = got(&seen, "traceparent");
    assert_eq!(parent.len(), 1, "{seen}");
    assert!(parent[0].starts_with(&format!("00-{TRACE}-")) && parent[0].ends_with("-01"));
    assert!(!parent[0].contains(PARENT), "{seen}");
    assert_eq!(got(&seen, "tracestate"), ["a=1,b=2,c=3"]);
    let again = ask(&served, &format!("{given}Connection: traceparent\r\n"));
    assert_ne!(got(&again, "traceparent"), parent, "each request is another place");

    for bad in [
        String::new(),
        "tracestate: a=1\r\n".into(),
        format!("{given}{given}tracestate: a=1\r\n"),
        format!("traceparent: ff-{TRACE}-{PARENT}-01\r\ntracestate: a=1\r\n"),
    ] {
        let seen = ask(&served, &bad);
        let parent = got(&seen, "traceparent");
        assert_eq!(parent.len(), 1, "{seen}");
        assert!(!parent[0].contains(TRACE) && parent[0].ends_with("-02"), "{seen}");
        assert!(got(&seen, "tracestate").is_empty(), "{seen}");
    }
}

#[test]
fn the_record_and_our_log_name_the_trace_that_the_service_saw() {
    let (place, _service, served) = proxied("[api]", "[api]");
    let seen = ask(
        &served,
        &format!(
            "traceparent: 00-{TRACE}-{PARENT}-01\r\ntracestate: a=1\r\nX-Correlation-ID: t-1\r\n"
        ),
    );
    assert_eq!(served.post_change(&change("t-1")).status, 200);
    let record: Value = serde_json::from_str(&place.lines()[0]).unwrap();
    assert_eq!(record["traceparent"], got(&seen, "traceparent")[0]);
    assert_eq!((&record["tracestate"], &record["correlationid"]), (&"a=1".into(), &"t-1".into()));

    let broken = format!(
        "GET /close HTTP/1.1\r\nHost: a\r\ntraceparent: 00-{TRACE}-{PARENT}-01\r\n\
         X-Correlation-ID: t-2\r\n\r\n"
    );
    assert_eq!(exchange(served.proxy, &broken).status, 502);
    let (code, said) = served.terminate();
    assert_eq!(code, 0, "{said}");
    let line = said.lines().find(|line| line.contains("t-2")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains(TRACE), "{line}");
}

#[test]
fn a_proxy_that_passes_leaves_it_alone() {
    let (_place, _service, served) = proxied("[api]", "trace = \"pass\"\n[api]");
    let seen =
        ask(&served, &format!("traceparent: 00-{TRACE}-{PARENT}-01\r\ntracestate: a=1,,\r\n"));
    assert_eq!(got(&seen, "traceparent"), [format!("00-{TRACE}-{PARENT}-01")]);
    assert_eq!(got(&seen, "tracestate"), ["a=1,,"]);
    assert!(got(&get(served.proxy, "/a").text(), "traceparent").is_empty());
}

const HEARSAY: &str = "Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 203.0.113.7\r\n\
                       X-Forwarded-Host: theirs\r\nX-Real-IP: 1.1.1.1\r\n";

#[test]
fn a_stranger_tells_the_service_nothing_of_where_he_is() {
    let (_place, _service, served) = proxied("[request]", "[request]\nforwarded = true");
    let seen = ask(&served, HEARSAY);
    assert_eq!(got(&seen, "forwarded"), ["for=127.0.0.1;host=\"shop:80\";proto=http"]);
    assert_eq!(got(&seen, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(got(&seen, "x-forwarded-host"), ["shop:80"]);
    assert_eq!(got(&seen, "x-forwarded-proto"), ["http"]);
    assert!(got(&seen, "x-real-ip").is_empty(), "{seen}");
}

#[test]
fn a_trusted_hop_is_believed_and_sent_on() {
    let (_place, _service, served) = proxied("[request]", "[request]\ntrusted_hops = 1");
    let seen = ask(&served, HEARSAY);
    let element = "for=1.1.1.1, for=127.0.0.1;host=\"shop:80\";proto=http";
    assert_eq!(got(&seen, "forwarded"), [element]);
    assert_eq!(got(&seen, "x-forwarded-for"), ["203.0.113.7, 127.0.0.1"]);
    assert_eq!(got(&seen, "x-forwarded-host"), ["theirs"]);
}
