//! Clients of a server over loopback: each sends a request and waits for its acknowledgement, for a span.
//! The same loop for every server, so that what the load costs is the same for all.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::append::{create, percentiles};
use super::part::Outcome;
use super::{SPAN, line};

/// A protocol in which one answer follows one request.
#[derive(Clone, Copy)]
pub enum Protocol {
    Redis,
    Nats,
    /// Lines a request.
    Http(usize),
}

/// So many clients for a span; lines acknowledged a second.
pub fn load(port: u16, protocol: Protocol, clients: usize) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (lines, latencies, seconds) = runtime.block_on(async {
        let start = Instant::now();
        let clients: Vec<_> =
            (0..clients).map(|n| tokio::spawn(client(port, protocol, n, start))).collect();
        let mut latencies = Vec::new();
        for client in clients {
            latencies.extend(client.await??);
        }
        let lines = latencies.len() * protocol.lines();
        anyhow::Ok((lines, latencies, start.elapsed().as_secs_f64()))
    })?;
    let (p50_ms, p99_ms) = percentiles(latencies);
    Ok(Outcome { rate: lines as f64 / seconds, p50_ms, p99_ms, ..Outcome::default() })
}

async fn client(port: u16, protocol: Protocol, n: usize, start: Instant) -> Result<Vec<u32>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    stream.write_all(&protocol.hello(n)).await?;
    let request = protocol.request(n);
    let (mut latencies, mut answer) = (Vec::new(), Vec::with_capacity(4096));
    if matches!(protocol, Protocol::Nats) {
        until(&mut stream, &mut answer, |answer| answer.ends_with(b"PONG\r\n")).await?;
    }
    while start.elapsed() < SPAN {
        let before = Instant::now();
        stream.write_all(&request).await?;
        answer.clear();
        until(&mut stream, &mut answer, |answer| protocol.is_complete(answer)).await?;
        if !protocol.is_acknowledged(&answer) {
            bail!("an append was refused: {}", String::from_utf8_lossy(&answer));
        }
        latencies.push(before.elapsed().as_micros() as u32);
    }
    Ok(latencies)
}

async fn until(
    stream: &mut TcpStream,
    answer: &mut Vec<u8>,
    is_complete: impl Fn(&[u8]) -> bool,
) -> Result<()> {
    while !is_complete(answer) {
        if stream.read_buf(answer).await? == 0 {
            bail!("the server hung up after {:?}", String::from_utf8_lossy(answer));
        }
    }
    Ok(())
}

/// One request of NATS and its answer, for the stream to be made.
pub fn ask_nats(port: u16, subject: &str, body: &str) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(&Protocol::Nats.hello(0)).await?;
        let mut answer = Vec::new();
        until(&mut stream, &mut answer, |answer| answer.ends_with(b"PONG\r\n")).await?;
        answer.clear();
        let request = format!("PUB {subject} _INBOX.0 {}\r\n{body}\r\n", body.len());
        stream.write_all(request.as_bytes()).await?;
        until(&mut stream, &mut answer, |answer| Protocol::Nats.is_complete(answer)).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    })
}

impl Protocol {
    fn lines(self) -> usize {
        match self {
            Self::Http(lines) => lines,
            _ => 1,
        }
    }

    fn hello(self, n: usize) -> Vec<u8> {
        match self {
            Self::Nats => {
                format!("CONNECT {{\"verbose\":false}}\r\nSUB _INBOX.{n} 1\r\nPING\r\n").into()
            }
            _ => Vec::new(),
        }
    }

    fn request(self, n: usize) -> Vec<u8> {
        let line = line();
        let (mut request, body) = match self {
            Self::Redis => {
                let head = "*5\r\n$4\r\nXADD\r\n$3\r\nlog\r\n$1\r\n*\r\n$1\r\nd\r\n";
                (format!("{head}${}\r\n", line.len()), line)
            }
            Self::Nats => (format!("PUB log.line _INBOX.{n} {}\r\n", line.len()), line),
            Self::Http(lines) => {
                let body = [line.as_slice(), b"\n"].concat().repeat(lines);
                let head = "POST /lines HTTP/1.1\r\nhost: bench\r\ncontent-length:";
                (format!("{head} {}\r\n\r\n", body.len()), body)
            }
        };
        if !matches!(self, Self::Http(_)) {
            return [request.as_bytes(), &body, b"\r\n"].concat();
        }
        request.reserve(body.len());
        [request.as_bytes(), &body].concat()
    }

    /// Whether one whole answer is there. Each is short and comes alone.
    fn is_complete(self, answer: &[u8]) -> bool {
        let lines = || answer.windows(2).filter(|two| two == b"\r\n").count();
        match self {
            // `$15`, the id; or one line with an error.
            Self::Redis => lines() >= if answer.starts_with(b"$") { 2 } else { 1 },
            // `MSG …`, the acknowledgement; or one line with an error. A ping of the server's may come
            // between, which it bears unanswered for as long as this runs.
            Self::Nats => {
                let answer = answer.strip_prefix(b"PING\r\n").unwrap_or(answer);
                let wanted = if answer.starts_with(b"MSG") { 2 } else { 1 };
                !answer.is_empty()
                    && answer.windows(2).filter(|two| two == b"\r\n").count() >= wanted
            }
            Self::Http(_) => answer.ends_with(b"\r\n\r\n"),
        }
    }

    fn is_acknowledged(self, answer: &[u8]) -> bool {
        let has = |text: &[u8]| answer.windows(text.len()).any(|window| window == text);
        match self {
            Self::Redis => answer.starts_with(b"$"),
            Self::Nats => has(b"\"seq\":"),
            Self::Http(_) => answer.starts_with(b"HTTP/1.1 204"),
        }
    }
}

/// The log behind the smallest server that tells the truth: 204 once the lines are on disk.
pub fn serve_http(dir: &Path) -> Result<()> {
    let log = Arc::new(create(dir)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let service = service_fn(|request| append(&log, request));
                // A client that hangs up has had its answers.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}

async fn append(
    log: &sealtrail_log::Log,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let status = match try_append(log, request).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    Ok(response)
}

async fn try_append(log: &sealtrail_log::Log, request: Request<Incoming>) -> Result<()> {
    let body = request.into_body().collect().await?.to_bytes();
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let (sender, receiver) = tokio::sync::oneshot::channel();
    log.append_then(lines.map(<[u8]>::to_vec).collect(), move |appended| {
        let _ = sender.send(appended);
    });
    receiver.await.context("the log died")??;
    Ok(())
}
