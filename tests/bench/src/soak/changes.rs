//! Senders of changes. Each change has an id, and is sent again, the same, until it is acknowledged.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::Doors;
use super::traffic::answer;
use crate::collector::change;

/// What the senders know.
#[derive(Default)]
pub struct Written {
    /// Of each acknowledged change: its id, and that of its record.
    pub acknowledged: Vec<(String, String)>,
    /// POSTs that were sent again.
    pub repeated: u64,
    /// Answers that were no success: full, or not ready.
    pub refused: u64,
}

impl Written {
    pub fn add(&mut self, mut other: Self) {
        self.acknowledged.append(&mut other.acknowledged);
        self.repeated += other.repeated;
        self.refused += other.refused;
    }
}

pub async fn writer(n: u64, doors: Arc<Doors>) -> Result<Written> {
    let mut written = Written::default();
    let mut stream = None;
    for post in 0.. {
        // Three times one change, then eight in one POST.
        let count = if post % 4 == 3 { 8 } else { 1 };
        let ids: Vec<String> = (0..count).map(|i| format!("{n}-{post}-{i}")).collect();
        let lines = ids.iter().zip(n * 1_000_000 + post * 8..);
        let body: String = lines
            .map(|(id, seed)| change(seed).replacen('{', &format!("{{\"id\":\"{id}\","), 1) + "\n")
            .collect();
        loop {
            if doors.are_closed_for_good() {
                return Ok(written);
            }
            match send(&mut stream, &doors, &body).await {
                Ok((200, receipts)) => {
                    if take(&ids, &receipts, &mut written)? {
                        break;
                    }
                    // Refused one by one, as on a full disk.
                    written.refused += 1;
                }
                Ok((429 | 503, _)) => written.refused += 1,
                Ok((status, said)) => {
                    bail!("a change was answered with {status}: {}", String::from_utf8_lossy(&said))
                }
                Err(_) => stream = None,
            }
            written.repeated += 1;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(written)
}

async fn send(
    stream: &mut Option<TcpStream>,
    doors: &Doors,
    body: &str,
) -> std::io::Result<(u16, Vec<u8>)> {
    let mut open = match stream.take() {
        Some(open) => open,
        None => TcpStream::connect(("127.0.0.1", doors.api.load(Ordering::Acquire))).await?,
    };
    let head = format!(
        "POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    open.write_all(head.as_bytes()).await?;
    open.write_all(body.as_bytes()).await?;
    let answered = answer(&mut open).await?;
    if answered.0 == 200 {
        *stream = Some(open);
    }
    Ok(answered)
}

/// Notes the receipts; whether every change has one.
fn take(ids: &[String], receipts: &[u8], written: &mut Written) -> Result<bool> {
    let text = std::str::from_utf8(receipts)?;
    let receipts = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    if receipts.len() != ids.len() {
        bail!("{} changes and {} receipts: {text}", ids.len(), receipts.len());
    }
    let mut all = true;
    let mut noted = Vec::new();
    for (id, receipt) in ids.iter().zip(&receipts) {
        match receipt["status"].as_str() {
            Some("recorded") => {
                let record = receipt["id"].as_str().context("a receipt without an id")?;
                noted.push((id.clone(), record.to_owned()));
            }
            _ if receipt["status"] == 503 => all = false,
            _ => bail!("a change was refused: {receipt}"),
        }
    }
    // What was acknowledged counts, also beside others that were not.
    written.acknowledged.append(&mut noted);
    Ok(all)
}
