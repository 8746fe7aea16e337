//! Where the binary listens, on how many threads, and how it lets go.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::place::Place;
use super::served::Served;
use super::service::Service;
use super::wire::{Wire, get};

fn with_workers(count: usize) -> (Place, Service, Served) {
    let (place, service) = (Place::new(), Service::start());
    let upstream = format!("{}\"\nworkers = {count} #", service.url());
    let served = Served::in_front_of(&place, &upstream);
    (place, service, served)
}

#[test]
fn a_unix_socket_on_every_side() {
    let place = Place::new();
    Service::start_at(&place.path("service.sock"));
    place.edit_config("http://127.0.0.1:3000", "unix:service.sock");
    let config = std::fs::read_to_string(place.path("sealtrail.toml")).unwrap();
    let config = config
        .replacen("\"127.0.0.1:0\"", "\"unix:proxy.sock\"\nworkers = 3\nsocket_mode = \"0600\"", 1)
        .replacen("\"127.0.0.1:0\"", "[\"unix:api.sock\", \"127.0.0.1:0\"]", 1);
    std::fs::write(place.path("sealtrail.toml"), config).unwrap();

    let mut served = Served::start(&place);
    let api = served.line();
    let api = api.strip_prefix("api listening on ").unwrap().parse().unwrap();
    let mode =
        |name: &str| std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("proxy.sock"), mode("api.sock")), (0o600, 0o660));
    for _ in 0..6 {
        let mut wire = Wire::connect_unix(&place.path("proxy.sock"));
        for _ in 0..2 {
            let seen = wire.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(seen.status, 200);
            assert!(seen.text().contains("x-forwarded-for: 127.0.0.1\r\n"), "{}", seen.text());
        }
    }
    let health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(Wire::connect_unix(&place.path("api.sock")).ask(health).status, 200);
    assert_eq!(get(api, "/healthz").status, 200);
    assert_eq!(served.terminate().0, 0);
    assert!(!place.path("proxy.sock").exists() && !place.path("api.sock").exists());
}

#[test]
fn what_a_kill_left_does_not_keep_the_next_one_from_starting() {
    let place = Place::new();
    place.edit_config("listen = \"127.0.0.1:0\"", "listen = \"unix:both.sock\"");
    let ran = place.run("serve", &[]);
    ran.refused(3, "both.sock: another process listens there");
    place.edit_config("unix:both.sock\"\nupstream", "unix:proxy.sock\"\nupstream");
    Served::start(&place).kill();
    assert!(place.path("proxy.sock").exists());
    assert_eq!(Served::start(&place).terminate().0, 0);
}

/// How often each thread of the proxy has waited for something (proc(5), `status`). Other threads come and go meanwhile.
fn waits(served: &Served) -> BTreeMap<String, u64> {
    let threads = std::fs::read_dir(format!("/proc/{}/task", served.id())).unwrap();
    let of = |thread: PathBuf| {
        let text = |file| std::fs::read_to_string(thread.join(file)).ok();
        let (status, name) = (text("status")?, text("comm")?.trim().to_owned());
        let waits = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        Some((name, waits?.trim().parse().unwrap()))
    };
    let all = threads.filter_map(|thread| of(thread.unwrap().path()));
    all.filter(|(name, _): &(String, u64)| name.starts_with("proxy-")).collect()
}

#[test]
fn workers_share_one_port_and_each_answers() {
    let (_place, service, served) = with_workers(4);
    // A thread gives itself its name, a little later than it is there.
    let before = loop {
        let before = waits(&served);
        if before.len() == 4 {
            break before;
        }
        thread::sleep(Duration::from_millis(5));
    };
    // The kernel deals them out: that one of four gets none happens once in millions of times.
    for _ in 0..64 {
        assert_eq!(get(served.proxy, "/a").status, 200);
    }
    assert_eq!(service.requests(), 64);
    for (name, waits) in waits(&served) {
        assert!(waits >= before[&name] + 4, "{name} had nothing to do: {waits}");
    }
    assert_eq!(served.terminate().0, 0);
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_served() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let held = TcpListener::bind(taken).unwrap();
    let place = Place::new();
    let address = held.local_addr().unwrap();
    place.edit_config(
        "listen = \"127.0.0.1:0\"\nupstream",
        &format!("workers = 2\nlisten = \"{address}\"\nupstream"),
    );
    place.run("serve", &[]).refused(3, &format!("cannot listen on {address}: "));
}

#[test]
fn a_drain_waits_for_what_is_under_way_and_closes_what_never_ends() {
    let (place, service) = (Place::new(), Service::start());
    place.add_config("[limits]\ndrain = \"2s\"");
    let served = Served::in_front_of(&place, &service.url());
    let mut upload = Wire::connect(served.proxy);
    upload.send("POST /echo-stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    upload.send("5\r\nfirst\r\n");
    assert_eq!(upload.head().0, 200);
    assert_eq!(upload.chunk().unwrap(), b"first");
    let mut tunnel = Wire::connect(served.proxy);
    tunnel
        .send("GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n");
    assert_eq!(tunnel.head().0, 101);
    let mut idle = Wire::connect(served.proxy);
    assert_eq!(idle.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);

    served.signal("TERM");
    assert!(idle.is_closed(), "an idle connection at once");
    upload.send("4\r\nlast\r\n0\r\n\r\n");
    assert_eq!(upload.chunk().unwrap(), b"last");
    assert_eq!(upload.chunk(), None);
    tunnel.send("still here");
    assert_eq!(tunnel.exactly(10), b"STILL HERE");
    assert!(tunnel.is_closed(), "at the end of the drain");
    // A second signal would end it at once.
    let (code, said) = served.ended();
    assert_eq!(code, 0);
    assert!(said.contains("still open at the end of `limits.drain`"), "{said}");
}

#[test]
fn a_service_whose_socket_is_not_there() {
    let place = Place::new();
    let served = Served::in_front_of(&place, "unix:no-such.sock");
    let answer = get(served.proxy, "/a");
    answer.is_problem(502, "upstream_unreachable");
    let words = "the service cannot be reached: its socket is not there";
    assert_eq!(answer.json()["detail"], words, "and no path here, for anybody");
    let (_, said) = served.terminate();
    let line = said.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("no-such.sock"), "the operator is told which: {line}");
}
