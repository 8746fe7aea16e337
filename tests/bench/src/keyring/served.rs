//! The real server with a keyring of many subjects: leases, seals, reveals and shreddings over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use sealtrail_keyring::Kek;
use serde_json::{Value, json};

use super::{Pair, each};
use crate::Row;
use crate::sidecar::Folder;

/// Of each kind at most, and a quarter of the subjects.
const AT_MOST: usize = 8_000;

/// Clients at a time, and what each sends in a request.
const CLIENTS: usize = 4;
const IN_A_REQUEST: usize = 64;

/// So many reveals and shreddings, one after the other.
const ACTS: usize = 200;

const NDJSON: &str = "application/x-ndjson";
const JSON: &str = "application/json";

/// Serves the keyring in `dir` whose subjects are `customer/<n>`, none of which was asked for by this process.
pub fn measure(at: &Path, dir: &Path, kek: &Kek, subjects: usize) -> Result<Vec<Row>> {
    let folder = Folder::init(&at.join("trail"), "http://127.0.0.1:1")?;
    folder.edit_config("\"keyring\"", &json!(dir).to_string())?;
    let file = folder.path.join("keys/kek");
    std::fs::remove_file(&file)?;
    kek.write_new(&file)?;
    let served = folder.serve(None)?;
    let port = served.api;

    let count = AT_MOST.min(subjects / 4);
    let subject = |n: usize| (n * 7919) % subjects;
    let leases = |first: usize| {
        rate(port, "/v1/leases", count, &|n| {
            json!({"needs": [{"subject": format!("customer/{}", subject(first + n)), "group": "default",
                "retain": "default"}]})
        })
    };
    let seals = |first: usize, email: &str| {
        rate(port, "/v1/changes", count, &|n| {
            let id = subject(first + n);
            json!({"entity": {"type": "customer", "id": id.to_string()}, "action": "update",
                "before": {"email": "old@example.com", "tier": 1}, "after": {"email": email, "tier": 2},
                "context": {"correlation_id": format!("c-{id}")}})
        })
    };
    // The month's key is there once, and is not what is measured.
    rate(
        port,
        "/v1/leases",
        1,
        &|_| json!({"needs": [{"subject": "customer/0", "group": "default", "retain": "default"}]}),
    )?;
    let (cold_leases, warm_leases) = (leases(1)?, leases(1)?);
    let (cold_seals, warm_seals) =
        (seals(1 + count, "a@example.com")?, seals(1 + count, "b@example.com")?);
    let reveals = reveals(port, &warm_seals.answers)?;
    let shreds = shreds(port, |n| subject(1 + 2 * count + n), ACTS.min(count))?;

    let name = |what: &str| format!("{subjects} subjects, served: {what}");
    let row = |what: &str, figures| Row { name: name(what), figures, ratio: None };
    Ok(vec![
        row("leases, keys not in memory", vec![("/s", cold_leases.rate)]),
        row("leases, keys in memory", vec![("/s", warm_leases.rate)]),
        row("seals, keys not in memory", vec![("/s", cold_seals.rate)]),
        row("seals, keys in memory", vec![("/s", warm_seals.rate)]),
        row(
            "reveal, with its record",
            vec![("ms p50", reveals[0] * 1e3), ("ms p99", reveals[1] * 1e3)],
        ),
        row(
            "shred, with its record",
            vec![("ms p50", shreds[0] * 1e3), ("ms p99", shreds[1] * 1e3)],
        ),
    ])
}

struct Measured {
    rate: f64,
    /// A line for each of what was asked.
    answers: Vec<Value>,
}

fn rate(
    port: u16,
    path: &str,
    count: usize,
    line: &(dyn Fn(usize) -> Value + Sync),
) -> Result<Measured> {
    // Made before the clock runs.
    let bodies: Vec<String> = (0..count)
        .step_by(IN_A_REQUEST)
        .map(|first| {
            let lines = first..(first + IN_A_REQUEST).min(count);
            lines.map(|n| line(n).to_string() + "\n").collect()
        })
        .collect();
    let clients = (0..CLIENTS).map(|_| Client::connect(port)).collect::<Result<Vec<_>>>()?;
    let began = Instant::now();
    let answers = std::thread::scope(|scope| {
        let ask = |(first, mut client): (usize, Client)| {
            let bodies = bodies.iter().skip(first).step_by(CLIENTS);
            scope.spawn(move || {
                bodies.map(|body| client.post(path, NDJSON, body)).collect::<Result<Vec<_>>>()
            })
        };
        let threads: Vec<_> = clients.into_iter().enumerate().map(ask).collect();
        let answers = threads.into_iter().map(|thread| thread.join().expect("no client panics"));
        answers.collect::<Result<Vec<_>>>()
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let texts = answers.into_iter().flatten();
    let mut answers = Vec::with_capacity(count);
    for text in texts {
        for line in text.lines() {
            let line: Value = serde_json::from_str(line)?;
            let done = !line["keys"].is_null() || line["status"] == "recorded";
            anyhow::ensure!(done, "{path} did not do what it was asked: {line}");
            answers.push(line);
        }
    }
    anyhow::ensure!(answers.len() == count, "{} answers to {count} lines", answers.len());
    Ok(Measured { rate: count as f64 / seconds, answers })
}

fn reveals(port: u16, recorded: &[Value]) -> Result<Pair> {
    let mut client = Client::connect(port)?;
    each(ACTS.min(recorded.len()), |n| {
        let id = recorded[n]["id"].as_str().context("no id")?;
        let body = json!({"group": "default", "reason": "bench"}).to_string();
        client.post(&format!("/v1/records/{id}/reveal"), JSON, &body)?;
        Ok(())
    })
}

fn shreds(port: u16, subject: impl Fn(usize) -> usize, times: usize) -> Result<Pair> {
    let mut client = Client::connect(port)?;
    each(times, |n| {
        let path = format!("/v1/subjects/customer%2F{}/shred", subject(n));
        client.post(&path, JSON, &json!({"reason": "bench"}).to_string())?;
        Ok(())
    })
}

/// One connection that is kept.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    fn post(&mut self, path: &str, media_type: &str, body: &str) -> Result<String> {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\nContent-Length: \
             {length}\r\n\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length) = (String::new(), 0);
        self.0.read_line(&mut status)?;
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(number) = line.strip_prefix("content-length: ") {
                length = number.parse()?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        let body = String::from_utf8(body)?;
        if !status.contains(" 200 ") {
            bail!("{path}: {} {body}", status.trim_end());
        }
        Ok(body)
    }
}
