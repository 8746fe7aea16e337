//! What operators do to a running server: reload it, look at its metrics, stop it.

use std::thread;
use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::exposition::Exposition;
use super::http2::{handshake, nothing, request, runtime};
use super::place::{Place, change, edit};
use super::served::Served;
use super::service::Service;
use super::wire::{Wire, exchange, get, post};

/// Waits until a metric has this value.
pub fn until(served: &Served, metric: &str, value: &str) {
    let line = format!("sealtrail_{metric} {value}");
    while !get(served.api, "/metrics").text().lines().any(|l| l == line) {
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_hangup_reloads_the_policy_and_a_bad_one_changes_nothing() {
    let place = Place::new();
    let policy = place.path("policy.json");
    edit(&policy, "\"version\": \"1\"", "\"version\": \"first\"");
    let served = Served::start(&place);
    until(&served, "policy_reloads_total{result=\"ok\"}", "0");
    assert_eq!(served.post_change(&change("one")).status, 200);

    edit(&policy, "\"version\": \"first\"", "\"version\": \"second\"");
    assert_eq!(served.post_change(&change("two")).status, 200);
    place.add_config("[limits]\ndrain = \"77s\"");
    served.signal("HUP");
    until(&served, "policy_reloads_total{result=\"ok\"}", "1");
    assert_eq!(served.post_change(&change("three")).status, 200);

    edit(&policy, "\"version\": \"second\"", "\"version\": \"third\", \"color\": 1");
    served.signal("HUP");
    until(&served, "policy_reloads_total{result=\"refused\"}", "1");
    assert_eq!(served.post_change(&change("four")).status, 200);
    let metrics = get(served.api, "/metrics").text();
    let info = metrics.lines().find(|line| line.starts_with("sealtrail_policy_info{")).unwrap();
    assert!(info.contains("version=\"second\""), "{info}");

    let versions: Vec<String> = place.lines().iter().map(|line| version_of(line)).collect();
    assert_eq!(versions, ["first", "first", "second", "second"]);
    let (code, said) = served.terminate();
    assert_eq!(code, 0);
    let told = said.lines().find(|line| line.contains("only a restart reads it")).unwrap();
    assert!(told.contains("keys=\"limits.drain\""), "{told}");
    let refusal = said.lines().find(|line| line.contains("the reload is refused")).unwrap();
    for part in ["policy.json", "color", "policy_invalid"] {
        assert!(refusal.contains(part), "{refusal}");
    }
}

fn version_of(line: &str) -> String {
    let record: serde_json::Value = serde_json::from_str(line).unwrap();
    record["data"]["policy"]["version"].as_str().unwrap().to_owned()
}

#[test]
fn a_key_of_tokens_is_reloaded_with_the_policy_or_not_at_all() {
    let place = Place::new();
    let key = place.path("keys/jwt");
    let secret = |byte: char| byte.to_string().repeat(32);
    std::fs::write(&key, secret('a')).unwrap();
    restrict(&key);
    place.edit_config("trusted_proxies = []", "jwt_key = \"keys/jwt\"");
    let served = Served::start(&place);
    std::fs::write(&key, "short").unwrap();
    edit(&place.path("policy.json"), "\"version\": \"1\"", "\"version\": \"2\"");
    served.signal("HUP");
    until(&served, "policy_reloads_total{result=\"refused\"}", "1");
    assert!(get(served.api, "/metrics").text().contains("policy_info{id=\"starter\""));
    assert!(!get(served.api, "/metrics").text().contains("version=\"2\""));
    std::fs::write(&key, secret('b')).unwrap();
    served.signal("HUP");
    until(&served, "policy_reloads_total{result=\"ok\"}", "1");
    assert!(get(served.api, "/metrics").text().contains("version=\"2\""));
}

fn restrict(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let place = Place::new();
    let service = Service::start();
    let served = Served::in_front_of(&place, &service.url());
    let mut proxied = Wire::connect(served.proxy);
    proxied.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(proxied.response().status, 200);
    proxied.send("GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(proxied.response().status, 502);
    assert_eq!(served.post_change(&change("a")).status, 200);

    let answer = get(served.api, "/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let metrics = Exposition::parse(&answer.text());
    for (sample, value) in [
        ("sealtrail_proxy_request_duration_seconds_count{code=\"2xx\"}", 1.0),
        ("sealtrail_proxy_request_duration_seconds_count{code=\"5xx\"}", 1.0),
        ("sealtrail_upstream_response_duration_seconds_count", 2.0),
        ("sealtrail_append_duration_seconds_count", 1.0),
        ("sealtrail_append_records_sum", 1.0),
        ("sealtrail_open_connections{listener=\"proxy\"}", 1.0),
        ("sealtrail_records_total", 1.0),
        ("sealtrail_log_commits_total", 1.0),
    ] {
        assert_eq!(metrics.value(sample), value, "{sample}");
    }
    assert!(metrics.value("sealtrail_guest_duration_seconds_count") >= 1.0);
    assert!(metrics.value("process_resident_memory_bytes") > 1e6);
    assert!(metrics.value("process_open_fds") > 3.0);
    drop(proxied);
    until(&served, "open_connections{listener=\"proxy\"}", "0");
}

#[test]
fn a_stop_finishes_what_is_under_way_and_takes_the_changes_that_belong_to_it() {
    let place = Place::new();
    let service = Service::start();
    let served = Served::in_front_of(&place, &service.url());
    let mut upload = Wire::connect(served.proxy);
    upload.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
    while service.requests() == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    let first = change("first");
    let mut posting = Wire::connect(served.api);
    posting.send(format!(
        "POST /v1/changes HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{}",
        served.api,
        first.len(),
        &first[..20]
    ));
    served.signal("TERM");
    while std::net::TcpStream::connect(served.proxy).is_ok() {
        thread::sleep(Duration::from_millis(5));
    }
    // The service, still at work for the upload, has something to record, on a connection of its own.
    get(served.api, "/readyz").is_problem(503, "log_unavailable");
    assert_eq!(get(served.api, "/healthz").status, 200);
    let second = post(served.api, "/v1/changes", "application/json", &change("second"));
    assert_eq!(second.status, 200);
    upload.send("cd");
    assert!(upload.response().text().ends_with("abcd"));
    posting.send(&first[20..]);
    assert_eq!(posting.response().status, 200);
    drop((upload, posting));

    let (code, said) = served.ended();
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("still open"), "{said}");
    let verified = place.verify();
    assert_eq!(verified.code, 0, "{verified:?}");
    assert!(verified.stdout.contains("2 covered"), "{verified:?}");
}

#[test]
fn who_does_not_finish_is_cut_at_the_end_of_the_drain() {
    let place = Place::new();
    let service = Service::start();
    place.add_config("[limits]\ndrain = \"400ms\"");
    let served = Served::in_front_of(&place, &service.url());
    assert_eq!(served.post_change(&change("a")).status, 200);
    let mut upload = Wire::connect(served.proxy);
    upload.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
    let mut posting = Wire::connect(served.api);
    posting.send("POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n");
    while service.requests() == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    let (code, said) = served.terminate();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("still open at the end of `limits.drain`"), "{said}");
    assert!(said.contains("log closed"), "{said}");
    assert!(upload.is_closed() && posting.is_closed());
    assert_eq!(place.verify().code, 0);
}

#[test]
fn a_second_signal_ends_it_at_once_and_loses_nothing_acknowledged() {
    let place = Place::new();
    let service = Service::start();
    place.add_config("[limits]\ndrain = \"10m\"");
    let served = Served::in_front_of(&place, &service.url());
    assert_eq!(served.post_change(&change("a")).status, 200);
    let mut upload = Wire::connect(served.proxy);
    upload.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
    while service.requests() == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    served.signal("TERM");
    while std::net::TcpStream::connect(served.proxy).is_ok() {
        thread::sleep(Duration::from_millis(5));
    }
    // Two in an instant are one.
    thread::sleep(Duration::from_millis(300));
    let (code, said) = served.terminate();
    assert_eq!(code, 128 + 15, "{said}");
    assert!(said.contains("stopped by a second signal"), "{said}");
    assert_eq!(place.lines().len(), 1);
    // The next start closes what this one could not.
    assert_eq!(Served::start(&place).terminate().0, 0);
    assert_eq!(place.verify().code, 0);
}

/// The JSON lines of a server that has ended.
fn logged(said: &str) -> Vec<Value> {
    said.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect()
}

/// What a line about a request says of it, itself or by what was under way.
fn ids(line: &Value) -> [&Value; 2] {
    ["correlation_id", "trace_id"].map(|id| line.get(id).unwrap_or_else(|| &line["span"][id]))
}

/// In front of a service, with access lines and all lines in JSON.
fn with_lines(lines: &str) -> (Place, Service, Served) {
    let (place, service) = (Place::new(), Service::start());
    place.add_config("[log]\naccess = true");
    place.edit_config("http://127.0.0.1:3000", &format!("{}\"\n{lines}\n#", service.url()));
    let served = Served::with(&place, &["--log-format", "json"]);
    (place, service, served)
}

#[test]
fn log_lines_name_the_request_and_nothing_personal() {
    let (_place, _service, served) = with_lines("stream_timeout = \"300ms\"");
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = |target: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: mine-1\r\n\
             Authorization: Bearer abc.def\r\ntraceparent: 00-{trace}-b7ad6b7169203331-01\r\n\r\n"
        )
    };
    for (target, status) in [("/customers/anna?email=anna@example.com", 200), ("/close", 502)] {
        let mut wire = Wire::connect(served.proxy);
        wire.send(request(target));
        assert_eq!(wire.response().status, status);
    }
    // The answer breaks off, and stands still.
    for target in ["/dies/length", "/dies/chunked", "/stalls"] {
        let mut wire = Wire::connect(served.proxy);
        wire.send(request(target));
        wire.rest();
    }
    let posted = [
        served.post_change(&change("mine-2")),
        exchange(served.api, &posting(&served, "X-Correlation-ID: mine-3\r\n", &change("mine-4"))),
        exchange(served.api, &posting(&served, "", NAMELESS)),
    ];
    let metrics = Exposition::parse(&get(served.api, "/metrics").text());
    assert_eq!(metrics.value("sealtrail_upstream_failures_total"), 4.0);
    let (code, said) = served.terminate();
    assert_eq!(code, 0);
    let lines = logged(&said);
    let mine = [&Value::from("mine-1"), &Value::from(trace)];
    let (access, others): (Vec<&Value>, Vec<&Value>) =
        lines.iter().partition(|line| line["target"] == "access");
    let (proxy, api): (Vec<&Value>, Vec<&Value>) =
        access.iter().partition(|line| line["listener"] == "proxy");
    let statuses: Vec<_> = proxy.iter().map(|line| line["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 502, 200, 200, 200], "{said}");
    for line in proxy {
        assert_eq!(ids(line), mine, "{line}");
        assert!(line["duration_seconds"].as_f64().unwrap() > 0.0);
        assert!(line.get("path").is_none());
    }
    let failed: Vec<_> = others.iter().filter(|line| line["level"] == "WARN").collect();
    let codes: Vec<_> = failed.iter().map(|line| line["code"].as_str().unwrap()).collect();
    let [cut, late] = ["upstream_unreachable", "upstream_timeout"];
    assert_eq!(codes, [cut, cut, cut, late], "{said}");
    assert!(failed.iter().all(|line| ids(line) == mine), "{said}");
    // The question for the metrics is the last one.
    assert_eq!(api.len(), posted.len() + 1, "{said}");
    for (line, answer) in api.iter().zip(&posted) {
        assert_eq!((answer.status, &line["method"]), (200, &"POST".into()), "{}", answer.text());
        assert_eq!(line["correlation_id"], answer.header("x-correlation-id").unwrap(), "{line}");
    }
    assert_eq!(posted[1].header("x-correlation-id"), Some("mine-3"));
    let records = posted.each_ref().map(|answer| answer.json()["correlation_id"].clone());
    assert_eq!(records[..2], ["mine-2", "mine-4"], "what a change says of itself is in its record");
    assert_eq!(records[2], posted[2].header("x-correlation-id").unwrap(), "and else that");
    assert!(access.iter().all(|line| ids(line)[0].is_string()), "{said}");
    for personal in ["anna", "customers", "email", "abc.def", "example.com\"", "127.0.0.1"] {
        assert!(!said.contains(personal), "{personal} in {said}");
    }
}

const NAMELESS: &str =
    r#"{"entity":{"type":"product","id":"1"},"action":"create","after":{"n":1}}"#;

fn posting(served: &Served, headers: &str, change: &str) -> String {
    format!(
        "POST /v1/changes HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n{headers}\
         Content-Length: {}\r\n\r\n{change}",
        served.api,
        change.len()
    )
}

/// Everything that is refused, by whom and when ever: counted, with a line, and with an id where it can be read.
#[test]
fn what_is_refused_is_counted_and_has_its_line_and_its_id() {
    let (_place, _service, served) = with_lines("body_timeout = \"300ms\"");
    let many: String = (0..99).map(|n| format!("X-{n}: 1\r\n")).collect();
    let cases = [
        ("TRACE", 405, String::new()),
        ("GET", 400, "Host: b\r\n".into()),
        ("POST", 408, "Content-Length: 4\r\n".into()),
        ("POST", 400, "Transfer-Encoding: chunked\r\n\r\nx".into()),
        ("POST", 400, "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n".into()),
    ];
    let mut refused = Vec::new();
    for (method, status, rest) in &cases {
        for id in ["", "X-Correlation-ID: mine\r\n"] {
            let request = format!("{method} /a HTTP/1.1\r\nHost: a\r\n{id}{rest}\r\n");
            let answer = exchange(served.proxy, &request);
            assert_eq!(answer.status, *status, "{request}");
            let echoed = answer.header("x-correlation-id").unwrap_or_default();
            let is_right = if id.is_empty() { echoed.len() == 36 } else { echoed == "mine" };
            assert!(is_right, "{request}: `{echoed}`");
            refused.push((*method, *status, echoed.to_owned()));
        }
    }
    runtime().block_on(async {
        let stream = tokio::net::TcpStream::connect(served.proxy).await.unwrap();
        let mut sender = handshake(stream).await;
        for (method, status, fields) in [(Method::TRACE, 405, 0), (Method::GET, 431, 120)] {
            let mut request = request(method.clone(), "/a", nothing());
            request.headers_mut().insert("x-correlation-id", "mine".parse().unwrap());
            for n in 0..fields {
                request.headers_mut().append("x-many", n.into());
            }
            let answer = sender.send_request(request).await.unwrap();
            assert_eq!(answer.status().as_u16(), status);
            assert_eq!(answer.headers()["x-correlation-id"], "mine");
            let method = if method == Method::TRACE { "TRACE" } else { "GET" };
            refused.push((method, status, "mine".into()));
        }
    });
    // Of what cannot be read nothing is known, and that is told.
    let unreadable = ["what is this\r\n\r\n", &format!("GET / HTTP/1.1\r\n{many}{many}\r\n")];
    for unreadable in unreadable {
        let answer = exchange(served.proxy, unreadable);
        assert!([400, 431].contains(&answer.status) && answer.header("x-correlation-id").is_none());
    }
    let metrics = Exposition::parse(&get(served.api, "/metrics").text());
    let count = (refused.len() + unreadable.len()) as f64;
    assert_eq!(metrics.value("sealtrail_proxy_refused_requests_total"), count);
    let answered = "sealtrail_proxy_request_duration_seconds_count{code=\"4xx\"}";
    assert_eq!(metrics.value(answered), count);
    for unreadable in unreadable {
        assert!([400, 431].contains(&exchange(served.api, unreadable).status));
    }

    let (_, said) = served.terminate();
    let lines = logged(&said);
    let of = |listener: &str| {
        let lines = lines.iter().filter(|line| line["listener"] == listener);
        lines.cloned().collect::<Vec<Value>>()
    };
    let told: Vec<_> = of("proxy");
    let (told, of_unreadable) = told.split_at(refused.len());
    for line in of_unreadable {
        assert!(line.get("method").is_none() && line.get("correlation_id").is_none(), "{line}");
    }
    assert_eq!(of_unreadable.len(), unreadable.len(), "{said}");
    for (line, (method, status, id)) in told.iter().zip(&refused) {
        assert_eq!(
            (&line["status"], &line["correlation_id"]),
            (&(*status).into(), &id.as_str().into()),
            "{line}"
        );
        assert_eq!(line["method"], *method, "{line}");
    }
    let statuses: Vec<_> = of("api").iter().map(|line| line["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 400, 431], "{said}");
}

#[test]
fn paths_are_logged_where_that_is_wanted_and_queries_never() {
    let place = Place::new();
    place.add_config("[log]\naccess = true\npaths = true");
    let served = Served::with(&place, &["--log-format", "json"]);
    assert_eq!(get(served.api, "/v1/records?correlation=secret").status, 200);
    let (_, said) = served.terminate();
    assert!(logged(&said).iter().any(|line| line["path"] == "/v1/records"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

#[test]
fn a_flood_of_lines_is_cut_and_counted() {
    let place = Place::new();
    let service = Service::start();
    let served = Served::in_front_of(&place, &service.url());
    let requests = 300;
    for _ in 0..requests {
        let mut wire = Wire::connect(served.proxy);
        wire.send("GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(wire.response().status, 502);
    }
    let metrics = Exposition::parse(&get(served.api, "/metrics").text());
    let dropped = metrics.value("sealtrail_log_lines_dropped_total");
    let (_, said) = served.terminate();
    let written = said.lines().filter(|line| line.contains("upstream_unreachable")).count();
    assert_eq!(written as f64 + dropped, f64::from(requests));
    assert!(dropped > 0.0);
}

#[test]
fn the_configuration_is_printed_whole_and_is_one_again() {
    let place = Place::new();
    let printed = place.run("config", &[]);
    assert_eq!(printed.code, 0, "{printed:?}");
    assert!(printed.stdout.contains("guest_time = \"5s\""), "{printed:?}");
    std::fs::write(place.path("again.toml"), &printed.stdout).unwrap();
    let again = place.path("again.toml").display().to_string();
    let twice = super::place::sealtrail(&["config", "--config", &again]);
    assert_eq!(twice.stdout, printed.stdout);
    place.edit_config("[api]", "[apy]");
    place.run("config", &[]).refused(3, "did you mean `api`?");
}
