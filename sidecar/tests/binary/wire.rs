//! HTTP/1.1 by hand: tests see the bytes, and can send what no client would.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

pub struct Wire {
    reader: BufReader<Box<dyn Duplex>>,
    /// To say that nothing more comes, where that can be said of one direction.
    tcp: Option<TcpStream>,
}

/// What bytes go through: TCP, a Unix socket, TLS.
pub trait Duplex: Read + Write {}

impl<T: Read + Write> Duplex for T {}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Wire {
    pub fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        // Only so that a hanging peer fails the test instead of the test run.
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let tcp = stream.try_clone().ok();
        Self { tcp, ..Self::over(stream) }
    }

    pub fn connect_unix(to: &Path) -> Self {
        let stream = UnixStream::connect(to).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self::over(stream)
    }

    /// Says that nothing more will be sent, and still listens.
    pub fn half_closed(to: SocketAddr, request: &str) -> Self {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        Self::over(stream)
    }

    /// Everything until the peer closes or resets.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = vec![];
        let _ = self.reader.read_to_end(&mut rest);
        rest
    }

    pub fn over(stream: impl Duplex + 'static) -> Self {
        Self { reader: BufReader::new(Box::new(stream)), tcp: None }
    }

    /// One request and its answer.
    pub fn ask(&mut self, request: &str) -> Response {
        self.send(request);
        self.response()
    }

    /// Sends as much as the peer takes, which may have answered and closed before the end.
    pub fn offer(&mut self, bytes: &[u8]) {
        let _ = self.reader.get_mut().write_all(bytes);
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.reader.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// The body of the answer to a POST; none where the peer goes away before it is complete.
    pub fn try_post(to: SocketAddr, target: &str, media_type: &str, body: &str) -> Option<String> {
        let mut stream = TcpStream::connect(to).ok()?;
        let length = body.len();
        write!(
            stream,
            "POST {target} HTTP/1.1\r\nHost: {to}\r\nContent-Type: {media_type}\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let length = head.to_ascii_lowercase();
        let length = length.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        (length.trim().parse() == Ok(body.len())).then(|| body.to_owned())
    }

    /// Whether what comes next is an answer in HTTP/1.1, and not frames of HTTP/2.
    pub fn is_http1(&mut self) -> bool {
        self.reader.fill_buf().is_ok_and(|bytes| bytes.starts_with(b"HTTP/1.1 "))
    }

    /// Reads one response, and its body by the length or the chunks it states.
    pub fn response(&mut self) -> Response {
        let (status, headers) = self.head();
        let mut response = Response { status, headers, body: vec![] };
        if let Some(length) = response.header("content-length") {
            response.body = vec![0; length.parse().unwrap()];
            self.reader.read_exact(&mut response.body).unwrap();
        } else if response.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                response.body.extend(chunk);
            }
        }
        response
    }

    pub fn head(&mut self) -> (u16, Vec<(String, String)>) {
        let status = self.line();
        let status = status.split(' ').nth(1).unwrap_or_else(|| panic!("no status in `{status}`"));
        let mut headers = vec![];
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        (status.parse().unwrap(), headers)
    }

    /// One chunk; none after the last.
    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = usize::from_str_radix(&self.line(), 16).unwrap();
        let mut chunk = vec![0; size];
        self.reader.read_exact(&mut chunk).unwrap();
        self.line();
        (size > 0).then_some(chunk)
    }

    pub fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.reader.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Whether the peer has closed, with nothing more to say.
    pub fn is_closed(&mut self) -> bool {
        let mut rest = vec![];
        let read = self.reader.read_to_end(&mut rest);
        rest.is_empty() && read.err().is_none_or(|error| is_end(&error))
    }

    /// Whether the peer closes, or closed, instead of saying more.
    pub fn has_ended(&mut self) -> bool {
        self.reader.fill_buf().map_or_else(|error| is_end(&error), <[u8]>::is_empty)
    }

    /// Says that nothing more comes.
    pub fn end(&mut self) {
        let tcp = self.tcp.as_ref().expect("a TCP connection");
        let _ = tcp.shutdown(Shutdown::Write);
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The answer is a problem with this status and code.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.json()["code"], code, "{}", self.text());
    }
}

pub fn get(to: SocketAddr, target: &str) -> Response {
    exchange(to, &format!("GET {target} HTTP/1.1\r\nHost: {to}\r\n\r\n"))
}

pub fn post(to: SocketAddr, target: &str, media_type: &str, body: &str) -> Response {
    let length = body.len();
    exchange(
        to,
        &format!(
            "POST {target} HTTP/1.1\r\nHost: {to}\r\nContent-Type: {media_type}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ),
    )
}

pub fn exchange(to: SocketAddr, request: &str) -> Response {
    let mut wire = Wire::connect(to);
    wire.send(request);
    wire.response()
}

/// A reset is an end too; that nothing came in time is none.
fn is_end(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    !matches!(error.kind(), WouldBlock | TimedOut)
}
