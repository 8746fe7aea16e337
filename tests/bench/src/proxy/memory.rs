//! Memory at rest, and of a connection that was used and stays open.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::servers::{Kind, Server, Servers, Transport};
use crate::goals::{Goal, Wanted};
use crate::{Report, Row};

const CONNECTIONS: usize = 1000;

/// In which a server gives back what it freed: ours does so for many at a time, and pauses. In 5 s those in Node hang up.
const SETTLED: Duration = Duration::from_secs(4);

pub fn run(root: &Path, folder: &Path, report: &mut Report) -> Result<()> {
    let servers = Servers::start(root, folder, Transport::Tcp)?;
    for server in servers.all().filter(|server| server.kind != Kind::Upstream) {
        // What the first request alone makes is no part of a connection.
        drop(connect(server)?);
        thread::sleep(SETTLED);
        let at_rest = server.process.resident_kb()?;
        let connections = (0..CONNECTIONS).map(|_| connect(server)).collect::<Result<Vec<_>>>()?;
        thread::sleep(SETTLED);
        let with_them = server.process.resident_kb()?;
        drop(connections);
        let each = (with_them - at_rest) / CONNECTIONS as f64;
        let engine = match server.kind {
            Kind::Sealtrail => engine_kb(server)?,
            _ => 0.0,
        };
        let mut figures = vec![("MB at rest", (at_rest - engine) / 1024.0)];
        if server.kind == Kind::Sealtrail {
            figures.push(("MB of the engine", engine / 1024.0));
            let (rest, place) = ((at_rest - engine) / 1024.0, String::new());
            let at_most = Wanted::AtMost;
            let goals = &mut report.goals;
            goals.push(Goal::worst(
                "S2",
                "MB at rest beyond the engine",
                at_most(20.0),
                [(rest, place.clone())],
            ));
            goals.push(Goal::worst(
                "S2",
                "KB an idle connection, of 1,000",
                at_most(20.0),
                [(each, place)],
            ));
        }
        figures.push(("KB a connection", each));
        report.rows.push(Row {
            name: format!("memory: {}", server.kind.name()),
            figures,
            ratio: None,
        });
    }
    Ok(())
}

/// A connection with one request behind it.
fn connect(server: &Server) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"GET /200 HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut room = [0; 4096];
    // The body is 200 times `x`.
    while !answer.ends_with(&[b'x'; 200]) {
        let read = stream.read(&mut room)?;
        if read == 0 {
            anyhow::bail!("{} hung up", server.kind.name());
        }
        answer.extend_from_slice(&room[..read]);
    }
    Ok(stream)
}

/// What the sandbox has: code that was mapped without a file, and the rooms reserved for instances, which
/// are larger than anything else.
fn engine_kb(server: &Server) -> Result<f64> {
    const RESERVED: u64 = 1 << 30;
    let smaps = std::fs::read_to_string(format!("/proc/{}/smaps", server.process.0.id()))?;
    let (mut sum, mut counts) = (0.0, false);
    for line in smaps.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if let Some((from, to)) = first.split_once('-').filter(|_| !first.ends_with(':')) {
            let size = u64::from_str_radix(to, 16)? - u64::from_str_radix(from, 16)?;
            let is_code = words.next().is_some_and(|rights| rights.contains('x'));
            let has_file = line.contains('/') || line.contains('[');
            counts = !has_file && (is_code || size >= RESERVED);
        } else if counts && first == "Rss:" {
            sum += words.next().context("no size")?.parse::<f64>()?;
        }
    }
    Ok(sum)
}
