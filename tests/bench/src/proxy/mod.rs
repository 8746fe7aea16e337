//! The proxy against nginx, HAProxy and what a Node team would use, all with the same header work, one core
//! for the proxy and the other for the load and the upstream: CPU a request, requests a second, and what
//! each adds to the latency of the service itself. And the memory of each, at rest and with connections.

mod conf;
mod load;
mod memory;
mod servers;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use crate::goals::{Goal, Wanted};
use crate::machine::program;
use crate::{Report, Row, median};
use load::Load;
use servers::{Kind, Servers, Transport};

const BODIES: [(&str, usize); 2] = [("0.2 KB", 200), ("10 KB", 10_240)];
const CONNECTIONS: [usize; 2] = [64, 512];
const ROUNDS: usize = 3;

/// Where a figure was taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    transport: Transport,
    body: usize,
    connections: usize,
}

type Table = BTreeMap<(Place, Kind), Vec<Load>>;

pub fn run(root: &Path) -> Result<Report> {
    let folder = tempfile::tempdir()?;
    let (wrk, h2load) = (program("wrk")?, program("h2load").ok());
    let mut report = Report::default();
    let mut table = Table::new();
    for transport in [Transport::Tcp, Transport::Unix] {
        let servers = Servers::start(root, &folder.path().join(transport.folder()), transport)?;
        for (body, connections) in BODIES.iter().flat_map(|(_, b)| CONNECTIONS.map(|c| (*b, c))) {
            let place = Place { transport, body, connections };
            for _ in 0..ROUNDS {
                for server in servers.all() {
                    match load::wrk(&wrk, server, body, connections) {
                        Ok(load) => table.entry((place, server.kind)).or_default().push(load),
                        // Only of a peer that does not keep up, on a busy machine.
                        Err(error) if server.kind.is_of_node() => println!("left out: {error:#}"),
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        if let (Some(h2load), Transport::Tcp) = (&h2load, transport) {
            over_http2(h2load, &servers, &mut report)?;
        }
        if transport == Transport::Tcp {
            drop(servers);
            memory::run(root, &folder.path().join("memory"), &mut report)?;
        }
    }
    let mut rows: Vec<Row> = table.keys().map(|(place, kind)| row(&table, *place, *kind)).collect();
    rows.append(&mut report.rows);
    report.rows = rows;
    goals(&table, &mut report);
    Ok(report)
}

/// HTTP/2 in front, by prior knowledge; whoever does not speak it is left out.
fn over_http2(h2load: &Path, servers: &Servers, report: &mut Report) -> Result<()> {
    let mut measured: BTreeMap<Kind, Vec<Load>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for server in servers.all().filter(|server| server.http2_port.is_some()) {
            if let Some(load) = load::h2load(h2load, server, 200)? {
                measured.entry(server.kind).or_default().push(load);
            }
        }
    }
    let nginx = measured.get(&Kind::Nginx).map(|loads| middle(loads, |l| l.cpu_us));
    for (kind, loads) in &measured {
        let ratio = (*kind == Kind::Sealtrail).then_some(nginx).flatten();
        report.rows.push(Row {
            name: format!("HTTP/2, 0.2 KB, 64 connections of 8 streams: {}", kind.name()),
            figures: vec![
                ("µs CPU/request", middle(loads, |l| l.cpu_us)),
                ("requests/s", middle(loads, |l| l.rate)),
            ],
            ratio: ratio.map(|nginx| {
                (nginx / middle(loads, |l| l.cpu_us), "nginx by CPU a request".into())
            }),
        });
    }
    Ok(())
}

fn row(table: &Table, place: Place, kind: Kind) -> Row {
    let loads = &table[&(place, kind)];
    let direct = table.get(&(place, Kind::Upstream));
    let added = |pick: fn(&Load) -> f64| direct.map(|d| middle(loads, pick) - middle(d, pick));
    let mut figures = vec![
        ("µs CPU/request", middle(loads, |l| l.cpu_us)),
        ("requests/s", middle(loads, |l| l.rate)),
        ("ms p50", middle(loads, |l| l.p50_ms)),
        ("ms p99", middle(loads, |l| l.p99_ms)),
    ];
    if kind != Kind::Upstream {
        figures.extend(added(|l| l.p50_ms).map(|ms| ("ms p50 added", ms)));
        figures.extend(added(|l| l.p99_ms).map(|ms| ("ms p99 added", ms)));
    }
    let ours = &table[&(place, Kind::Sealtrail)];
    let ratio = middle(loads, |l| l.cpu_us) / middle(ours, |l| l.cpu_us);
    let is_peer = !matches!(kind, Kind::Sealtrail | Kind::Upstream);
    Row {
        name: place.named(kind.name()),
        figures,
        ratio: is_peer.then(|| (ratio, "the CPU of ours a request".into())),
    }
}

/// The goals of the sidecar (CONTRIBUTING.md) that requests through the proxy decide.
fn goals(table: &Table, report: &mut Report) {
    let to_peer = |kind: Kind, of: fn(&Place) -> bool, pick: fn(&Load) -> f64| {
        let ours = table.iter().filter(move |((place, k), _)| *k == Kind::Sealtrail && of(place));
        ours.filter_map(move |((place, _), loads)| {
            // A proxy with a Unix socket is compared with nginx over TCP, which is what one has today.
            let tcp = Place { transport: Transport::Tcp, ..*place };
            let peer = table.get(&(tcp, kind))?;
            Some((middle(loads, pick) / middle(peer, pick), place.named("")))
        })
        .collect::<Vec<_>>()
    };
    let tcp_small: fn(&Place) -> bool = |p| p.transport == Transport::Tcp && p.body == 200;
    let tcp_large: fn(&Place) -> bool = |p| p.transport == Transport::Tcp && p.body > 200;
    let unix: fn(&Place) -> bool = |p| p.transport == Transport::Unix;
    let tcp: fn(&Place) -> bool = |p| p.transport == Transport::Tcp;
    let mut goal = |what: &str, at_most: f64, figures: Vec<(f64, String)>| {
        if !figures.is_empty() {
            report.goals.push(Goal::worst("S1", what, Wanted::AtMost(at_most), figures));
        }
    };
    let cpu: fn(&Load) -> f64 = |l| l.cpu_us;
    goal("CPU a request to nginx, TCP, 0.2 KB", 0.92, to_peer(Kind::Nginx, tcp_small, cpu));
    goal("CPU a request to nginx, TCP, 10 KB", 0.80, to_peer(Kind::Nginx, tcp_large, cpu));
    goal("CPU a request over a Unix socket to nginx", 0.75, to_peer(Kind::Nginx, unix, cpu));
    goal("p99 to nginx", 1.0, to_peer(Kind::Nginx, tcp, |l| l.p99_ms));
    goal("CPU a request to http-proxy", 1.0 / 6.0, to_peer(Kind::HttpProxy, tcp, cpu));
}

fn middle(loads: &[Load], pick: fn(&Load) -> f64) -> f64 {
    median(loads.iter().map(pick).collect())
}

impl Place {
    fn named(self, name: &str) -> String {
        let body =
            BODIES.iter().find(|(_, bytes)| *bytes == self.body).map_or("", |(label, _)| label);
        let text = format!("{}, {body}, {} connections", self.transport.name(), self.connections);
        if name.is_empty() { text } else { format!("{text}: {name}") }
    }
}
