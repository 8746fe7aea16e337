//! Load from the second core, by wrk and h2load.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::servers::Server;
use crate::machine::Process;

const SECONDS: &str = "2";

/// What a proxy came to under load.
pub struct Load {
    pub cpu_us: f64,
    pub rate: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

pub fn wrk(wrk: &Path, server: &Server, body: usize, connections: usize) -> Result<Load> {
    let before = server.process.cpu_seconds()?;
    let output = Process::pinned("1", wrk)
        .args(["-t1", "-c", &connections.to_string(), "-d", SECONDS, "--latency"])
        // A slow peer is a slow peer; only requests without an answer end the benchmark.
        .args(["--timeout", "30s"])
        .arg(format!("http://127.0.0.1:{}/{body}", server.port))
        .output()
        .context("cannot run `wrk` under `taskset`")?;
    let cpu = server.process.cpu_seconds()? - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let name = server.kind.name();
    let word_after = |label: &str| {
        let line = text.lines().find(|l| l.trim_start().starts_with(label))?;
        line.split_whitespace().nth(1).map(str::to_owned)
    };
    let requests = text
        .lines()
        .find(|l| l.contains(" requests in "))
        .and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok());
    let (Some(requests), Some(rate), Some(p50), Some(p99)) =
        (requests, word_after("Requests/sec:"), word_after("50%"), word_after("99%"))
    else {
        bail!("wrk said nothing of {name} that could be read: {text}");
    };
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        bail!("{name} did not answer every request: {text}");
    }
    Ok(Load {
        cpu_us: cpu * 1e6 / requests,
        rate: rate.parse()?,
        p50_ms: milliseconds(&p50)?,
        p99_ms: milliseconds(&p99)?,
    })
}

/// None where the server does not speak HTTP/2.
pub fn h2load(h2load: &Path, server: &Server, body: usize) -> Result<Option<Load>> {
    let Some(port) = server.http2_port else { return Ok(None) };
    let before = server.process.cpu_seconds()?;
    let output = Process::pinned("1", h2load)
        .args(["-t1", "-c64", "-m8", "-n40000"])
        .arg(format!("http://127.0.0.1:{port}/{body}"))
        .output()
        .context("cannot run `h2load` under `taskset`")?;
    let cpu = server.process.cpu_seconds()? - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number_before = |label: &str| {
        let words = text.split(label).next()?.split_whitespace();
        words.last()?.trim_end_matches(',').parse::<f64>().ok()
    };
    let (Some(done), Some(rate)) = (number_before(" 2xx,"), number_before(" req/s,")) else {
        bail!("h2load said nothing of {} that could be read: {text}", server.kind.name());
    };
    if done < 40_000.0 {
        return Ok(None);
    }
    Ok(Some(Load { cpu_us: cpu * 1e6 / done, rate, p50_ms: f64::NAN, p99_ms: f64::NAN }))
}

fn milliseconds(text: &str) -> Result<f64> {
    for (unit, factor) in [("us", 1e-3), ("ms", 1.0), ("s", 1e3)] {
        if let Some(number) = text.strip_suffix(unit) {
            return Ok(number.parse::<f64>()? * factor);
        }
    }
    bail!("`{text}` is no time")
}
