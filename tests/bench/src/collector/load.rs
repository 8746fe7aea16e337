//! Clients that post changes over loopback, each with one request under way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::changes::change;

/// Different requests, used in turn; clients begin at different ones.
const DIFFERENT: u64 = 64;

pub struct Load {
    pub records: usize,
    pub rate: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

pub fn run(port: u16, connections: usize, records: usize, span: Duration) -> Result<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Made before the clock runs.
        let requests = Arc::new(requests(records));
        let start = Instant::now();
        let clients: Vec<_> = (0..connections)
            .map(|n| tokio::spawn(client(port, requests.clone(), n, records, start + span)))
            .collect();
        let mut latencies = Vec::new();
        for client in clients {
            latencies.extend(client.await??);
        }
        let seconds = start.elapsed().as_secs_f64();
        latencies.sort_by(f64::total_cmp);
        let at = |share: f64| {
            latencies[((latencies.len() as f64 * share) as usize).min(latencies.len() - 1)]
        };
        let (p50_ms, p99_ms) = (at(0.5), at(0.99));
        let records = latencies.len() * records;
        Ok(Load { records, rate: records as f64 / seconds, p50_ms, p99_ms })
    })
}

fn requests(records: usize) -> Vec<Vec<u8>> {
    let of = |n: u64| {
        let first = n * records as u64;
        let body: String = (0..records as u64).map(|i| change(first + i) + "\n").collect();
        let length = body.len();
        format!(
            "POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    };
    (0..DIFFERENT).map(of).collect()
}

async fn client(
    port: u16,
    requests: Arc<Vec<Vec<u8>>>,
    first: usize,
    records: usize,
    until: Instant,
) -> Result<Vec<f64>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (mut latencies, mut answer) = (Vec::new(), Vec::with_capacity(32 << 10));
    for request in requests.iter().cycle().skip(first % requests.len()) {
        let before = Instant::now();
        if before >= until && !latencies.is_empty() {
            break;
        }
        stream.write_all(request).await?;
        answer.clear();
        while !is_complete(&answer)? {
            if stream.read_buf(&mut answer).await? == 0 {
                bail!("the collector hung up");
            }
        }
        let text = std::str::from_utf8(&answer)?;
        if text.matches("\"recorded\"").count() != records {
            bail!("not everything was recorded: {text}");
        }
        latencies.push(before.elapsed().as_secs_f64() * 1e3);
    }
    Ok(latencies)
}

/// By the length that the head states.
fn is_complete(answer: &[u8]) -> Result<bool> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(false);
    };
    let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.context("an answer without a length")?.trim().parse()?;
    Ok(answer.len() >= end + 4 + length)
}
