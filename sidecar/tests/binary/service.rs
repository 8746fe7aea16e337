//! A service to stand behind the proxy. It answers with what it was sent, and misbehaves on request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub struct Service {
    pub address: SocketAddr,
    /// How many requests it got, in part or whole.
    pub requests: Arc<AtomicUsize>,
    pub connections: Arc<AtomicUsize>,
}

impl Service {
    /// Lives until the test process ends.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let service = Self { address, requests: Arc::default(), connections: Arc::default() };
        let (requests, connections) = (service.requests.clone(), service.connections.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::SeqCst);
                let requests = requests.clone();
                std::thread::spawn(move || serve(stream.try_clone().unwrap(), stream, &requests));
            }
        });
        service
    }

    /// On a Unix socket.
    pub fn start_at(path: &Path) {
        let listener = UnixListener::bind(path).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving =
                    move || serve(stream.try_clone().unwrap(), stream, &AtomicUsize::new(0));
                std::thread::spawn(serving);
            }
        });
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(stream: impl Read, mut writer: impl Write, requests: &AtomicUsize) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let head = read_head(&mut reader)?;
        requests.fetch_add(1, Ordering::SeqCst);
        let target = head.split(' ').nth(1)?.to_owned();
        match target.as_str() {
            "/close" => return None,
            "/hang" => std::thread::sleep(Duration::from_secs(60)),
            "/empty" => write!(writer, "HTTP/1.1 204 No Content\r\n\r\n").ok()?,
            "/hops" => write!(
                writer,
                "HTTP/1.1 200 OK\r\nConnection: keep-alive, x-hop\r\nKeep-Alive: timeout=5\r\n\
                 X-Hop: 1\r\nX-End: 1\r\nContent-Length: 0\r\n\r\n"
            )
            .ok()?,
            // Answers each chunk at once, before the request is complete.
            "/echo-stream" => {
                write!(writer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").ok()?;
                while let Some(chunk) = read_chunk(&mut reader)? {
                    write!(writer, "{:x}\r\n", chunk.len()).ok()?;
                    writer.write_all(&chunk).ok()?;
                    write!(writer, "\r\n").ok()?;
                }
                write!(writer, "0\r\n\r\n").ok()?;
            }
            "/trailers" => write!(
                writer,
                "HTTP/1.1 200 OK\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n\
                 4\r\nbody\r\n0\r\nx-sum: 4\r\n\r\n"
            )
            .ok()?,
            // Shows what of a chunked body comes after its last chunk.
            "/request-trailers" => {
                while read_chunk_data(&mut reader)?.is_some() {}
                let trailers = read_head(&mut reader)?;
                let seen = format!("{head}{trailers}");
                write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{seen}", seen.len())
                    .ok()?;
            }
            "/not-modified" => {
                write!(
                    writer,
                    "HTTP/1.1 304 Not Modified\r\nETag: \"7\"\r\nContent-Length: 1234\r\n\r\n"
                )
                .ok()?;
            }
            "/continue" => {
                write!(writer, "HTTP/1.1 100 Continue\r\n\r\n").ok()?;
                let mut body = vec![0; length_of(&head)];
                reader.read_exact(&mut body).ok()?;
                write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).ok()?;
                writer.write_all(&body).ok()?;
            }
            "/interims" => write!(
                writer,
                "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n\
                 HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal"
            )
            .ok()?,
            "/refuse" => {
                write!(writer, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
                    .ok()?;
                let mut rest = Vec::new();
                reader.read_to_end(&mut rest).ok()?;
                requests.fetch_add(rest.len(), Ordering::SeqCst);
            }
            "/dies/length" => {
                write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").ok()?;
                return None;
            }
            "/dies/chunked" => {
                write!(
                    writer,
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
                )
                .ok()?;
                return None;
            }
            // Nobody can be sure where these end, or what they are.
            _ if target.starts_with("/framed/") => {
                let fields = match target.as_str() {
                    "/framed/both" => "Content-Length: 3\r\nTransfer-Encoding: chunked",
                    "/framed/longer" => "Content-Length: 30\r\nTransfer-Encoding: chunked",
                    "/framed/coded" => "Transfer-Encoding: gzip, chunked",
                    "/framed/list" => "Content-Length: 15, 15",
                    _ => "Content-Length: 15\r\nContent-Length: 15",
                };
                let chunks = "5\r\nhalf1\r\n0\r\n\r\n";
                write!(writer, "HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{chunks}").ok()?;
            }
            "/stalls" => {
                write!(
                    writer,
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
                )
                .ok()?;
                std::thread::sleep(Duration::from_secs(60));
            }
            // So many bytes, one each tenth of a second.
            _ if target.starts_with("/slow?") => {
                write!(writer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").ok()?;
                for _ in 0..target["/slow?".len()..].parse().ok()? {
                    std::thread::sleep(Duration::from_millis(100));
                    write!(writer, "1\r\nx\r\n").ok()?;
                }
                write!(writer, "0\r\n\r\n").ok()?;
            }
            // So many bytes of an answer as the query says.
            _ if target.starts_with("/large?") => {
                let length: usize = target["/large?".len()..].parse().ok()?;
                write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").ok()?;
                let piece = vec![b'x'; 64 << 10];
                let mut left = length;
                while left > 0 {
                    let part = left.min(piece.len());
                    writer.write_all(&piece[..part]).ok()?;
                    left -= part;
                }
            }
            "/sink" => {
                let length = length_of(&head) as u64;
                let read = std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink());
                let read = read.ok()?.to_string();
                write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{read}", read.len())
                    .ok()?;
            }
            // Breaks off without an answer every other time.
            "/flaky" if requests.load(Ordering::SeqCst) % 2 == 1 => return None,
            "/upgrade" => {
                write!(
                    writer,
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n"
                )
                .ok()?;
                let mut byte = [0];
                while reader.read_exact(&mut byte).is_ok() {
                    writer.write_all(&byte.map(|b| b.to_ascii_uppercase())).ok()?;
                }
                return None;
            }
            _ => {
                let mut body = vec![0; length_of(&head)];
                reader.read_exact(&mut body).ok()?;
                let seen = format!("{head}{}", String::from_utf8_lossy(&body));
                let shown = if head.starts_with("HEAD ") { "" } else { &seen };
                write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{shown}", seen.len())
                    .ok()?;
            }
        }
    }
}

fn read_head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        if head[before..].trim().is_empty() {
            return Some(head);
        }
    }
}

/// A chunk; inner none after the last, with the empty line that ends the body.
fn read_chunk(reader: &mut impl BufRead) -> Option<Option<Vec<u8>>> {
    let chunk = read_chunk_data(reader)?;
    if chunk.is_none() {
        reader.read_line(&mut String::new()).ok()?;
    }
    Some(chunk)
}

/// The same, but what comes after the last chunk is not read.
fn read_chunk_data(reader: &mut impl BufRead) -> Option<Option<Vec<u8>>> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let size = usize::from_str_radix(line.trim(), 16).ok()?;
    if size == 0 {
        return Some(None);
    }
    let mut chunk = vec![0; size];
    reader.read_exact(&mut chunk).ok()?;
    reader.read_line(&mut line).ok()?;
    Some(Some(chunk))
}

fn length_of(head: &str) -> usize {
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.map_or(0, |length| length.trim().parse().unwrap())
}
