//! A service that writes down what it was sent, in bytes, and is as strict as a service should be: what
//! the proxy lets through must not be bad HTTP in its turn.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub struct Recorder {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    open: Arc<AtomicUsize>,
}

/// A request that arrived, or as much of it as did.
#[derive(Debug, Clone)]
pub struct Seen {
    pub head: String,
    pub body: Vec<u8>,
    pub whole: bool,
}

impl Recorder {
    /// Lives until the test process ends.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let recorder = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            open: Arc::default(),
        };
        let (seen, open) = (recorder.seen.clone(), recorder.open.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                open.fetch_add(1, Ordering::SeqCst);
                let (seen, open) = (seen.clone(), open.clone());
                std::thread::spawn(move || {
                    let _ = record(stream, &seen);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        recorder
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that ever arrived; to be asked when the proxy has ended, and all its connections.
    pub fn seen(&self) -> Vec<Seen> {
        while self.open.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        self.seen.lock().unwrap().clone()
    }
}

fn record(stream: TcpStream, seen: &Mutex<Vec<Seen>>) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = Seen { head: String::new(), body: vec![], whole: false };
        // Its place is taken with the first byte, and filled as the rest comes.
        let place = {
            reader.fill_buf().ok().filter(|bytes| !bytes.is_empty())?;
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        let whole = read(&mut reader, &mut request);
        request.whole = whole.is_some();
        seen.lock().unwrap()[place] = request;
        whole?;
        write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nseen").ok()?;
    }
}

/// Reads one request; none if it was not complete.
fn read(reader: &mut impl BufRead, request: &mut Seen) -> Option<()> {
    loop {
        let before = request.head.len();
        let mut line = vec![];
        reader.read_until(b'\n', &mut line).ok()?;
        request.head += &String::from_utf8_lossy(&line);
        match &request.head[before..] {
            "\r\n" => break,
            line if !line.ends_with("\r\n") => return None,
            _ => {}
        }
    }
    let lower = request.head.to_ascii_lowercase();
    let header = |name: &str| lower.lines().find_map(|line| line.strip_prefix(name));
    match (header("content-length: "), header("transfer-encoding: ")) {
        (None, None) => Some(()),
        (Some(length), None) => {
            // Piece by piece, so that what came of it is kept when the rest does not.
            let length = length.parse().ok()?;
            reader.by_ref().take(length).read_to_end(&mut request.body).ok()?;
            (request.body.len() as u64 == length).then_some(())
        }
        (None, Some("chunked")) => loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let size = u64::from_str_radix(line.strip_suffix("\r\n")?, 16).ok()?;
            let before = request.body.len();
            reader.by_ref().take(size).read_to_end(&mut request.body).ok()?;
            let mut end = [0; 2];
            reader.read_exact(&mut end).ok()?;
            match (request.body.len() - before) as u64 {
                0 => return Some(()),
                read if read == size => {}
                _ => return None,
            }
        },
        _ => panic!("the proxy sent a length that can be read in two ways: {}", request.head),
    }
}
