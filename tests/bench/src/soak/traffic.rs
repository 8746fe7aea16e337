//! Requests through the proxy, one after another on a connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Doors;

/// What clients of the proxy saw.
#[derive(Default)]
pub struct Seen {
    pub answered: u64,
    /// 502, 503 or 504: the service was gone.
    pub unavailable: u64,
    /// The connection ended instead.
    pub cut: u64,
}

impl Seen {
    pub fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.unavailable += other.unavailable;
        self.cut += other.cut;
    }
}

pub async fn client(n: u64, doors: Arc<Doors>) -> Result<Seen> {
    let mut seen = Seen::default();
    let mut stream = None;
    let mut round = n;
    while !doors.are_closed_for_good() {
        tokio::time::sleep(Duration::from_millis(4)).await;
        let mut open = match stream.take() {
            Some(open) => open,
            None => {
                match TcpStream::connect(("127.0.0.1", doors.proxy.load(Ordering::Acquire))).await {
                    Ok(open) => open,
                    Err(_) => {
                        seen.cut += 1;
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                }
            }
        };
        round += 1;
        let body =
            vec![b'a' + (round % 26) as u8; if round.is_multiple_of(5) { 100_000 } else { 0 }];
        let asked = tokio::time::timeout(Duration::from_secs(20), ask(&mut open, &body)).await;
        match asked {
            Ok(Ok((200, answer))) => {
                if !body.is_empty() && answer != body {
                    bail!("the proxy gave another body than the service did");
                }
                seen.answered += 1;
                stream = Some(open);
            }
            Ok(Ok((502..=504, _))) => {
                seen.unavailable += 1;
                stream = Some(open);
            }
            Ok(Ok((status, answer))) => {
                bail!("the proxy answered {status}: {}", String::from_utf8_lossy(&answer))
            }
            Ok(Err(_)) => seen.cut += 1,
            Err(_) => bail!("the proxy did not answer within 20 s"),
        }
    }
    Ok(seen)
}

/// Status and body.
async fn ask(stream: &mut TcpStream, body: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
    let head =
        format!("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    answer(stream).await
}

/// An answer with a stated length.
pub async fn answer(stream: &mut TcpStream) -> std::io::Result<(u16, Vec<u8>)> {
    let odd = || std::io::Error::from(std::io::ErrorKind::InvalidData);
    let mut bytes = Vec::with_capacity(4096);
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let status =
                head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(odd)?;
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|text| text.parse().ok()).ok_or_else(odd)?;
            while bytes.len() < end + 4 + length {
                if stream.read_buf(&mut bytes).await? == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
            }
            return Ok((status, bytes.split_off(end + 4)));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
