//! Connections to the service behind the proxy.
//!
//! One client connection uses one upstream connection at a time and keeps it; when the client is gone
//! it goes back to a small pool. A connection that was idle too long is not used again: the service may
//! be closing it at this very moment, and a request that was half sent must not be repeated.

use std::net::ToSocketAddrs as _;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};

use super::upload::{Progress, Upload};
use crate::code::Code;
use crate::config;
use crate::error::{Error, Result};
use crate::listener::Stream;

/// Idle connections kept beyond those that client connections hold.
const POOLED: usize = 64;

/// The service, and the idle connections to it.
pub struct Upstream {
    to: config::Upstream,
    connect_timeout: Duration,
    response_timeout: Duration,
    idle_timeout: Duration,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    sender: SendRequest<Upload>,
    since: Instant,
}

/// What one client connection holds.
pub struct Link {
    upstream: Arc<Upstream>,
    idle: Mutex<Option<Idle>>,
}

impl Upstream {
    pub fn new(proxy: &config::Proxy) -> Self {
        Self {
            to: proxy.upstream.clone(),
            connect_timeout: proxy.connect_timeout,
            response_timeout: proxy.response_timeout,
            idle_timeout: proxy.idle_timeout,
            idle: Mutex::default(),
        }
    }

    fn take_idle(&self) -> Option<Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put_idle(&self, connection: Idle) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < POOLED {
            idle.push(connection);
        }
    }

    async fn connect(&self) -> Result<SendRequest<Upload>> {
        let unreachable = |why: &dyn std::fmt::Display| {
            Error::new(Code::UpstreamUnreachable, format!("the service cannot be reached: {why}"))
        };
        let connecting = self.open();
        let stream = tokio::time::timeout(self.connect_timeout, connecting)
            .await
            .map_err(|_| {
                let message = "no connection to the service within `proxy.connect_timeout`";
                Error::new(Code::UpstreamTimeout, message)
            })?
            .map_err(|e| unreachable(&e.kind()))?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|_| unreachable(&"handshake"))?;
        tokio::spawn(connection.with_upgrades());
        Ok(sender)
    }

    async fn open(&self) -> std::io::Result<Stream> {
        match &self.to {
            config::Upstream::Tcp { host, port } => {
                // What is no address is resolved on a thread that may block.
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                let _ = stream.set_nodelay(true);
                Ok(Stream::Tcp(stream))
            }
            config::Upstream::Unix(path) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
        }
    }
}

impl Link {
    pub fn new(upstream: Arc<Upstream>) -> Self {
        Self { upstream, idle: Mutex::new(None) }
    }

    /// Sends a request and waits for the head of the response. A request that an idle connection did
    /// not take, because it had just been closed, goes out on another; one of which a byte may have
    /// been sent does not.
    pub async fn send(&self, request: Request<Incoming>) -> Result<Response<Incoming>> {
        let (head, body) = request.into_parts();
        let (body, progress) = Upload::new(body);
        let mut request = Request::from_parts(head, body);
        loop {
            let (mut sender, is_new) = match self.next_idle().await {
                Some(sender) => (sender, false),
                None => (self.upstream.connect().await?, true),
            };
            let sent = self.answer(sender.try_send_request(request), &progress).await;
            match sent {
                Some(Ok(response)) => {
                    *self.kept() = Some(Idle { sender, since: Instant::now() });
                    return Ok(response);
                }
                Some(Err(mut failed)) => match failed.take_message() {
                    Some(unsent) if !is_new => request = unsent,
                    _ if progress.is_cut() => return Err(cut()),
                    _ => return Err(broken()),
                },
                None => {
                    let message = "the service did not answer within `proxy.response_timeout`";
                    return Err(Error::new(Code::UpstreamTimeout, message));
                }
            }
        }
    }

    /// Waits for an answer as long as the request moves, and then for the response timeout; none if
    /// that is over.
    async fn answer<T>(&self, sending: impl Future<Output = T>, progress: &Progress) -> Option<T> {
        let mut sending = pin!(sending);
        loop {
            let left = self.upstream.response_timeout.saturating_sub(progress.idle());
            match tokio::time::timeout(left, &mut sending).await {
                Ok(answer) => return Some(answer),
                Err(_) if progress.idle() >= self.upstream.response_timeout => return None,
                Err(_) => {}
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that was used before and still looks usable. The last response on our own has been
    /// read by now, so it is ready at once or never.
    async fn next_idle(&self) -> Option<SendRequest<Upload>> {
        loop {
            let kept = self.kept().take();
            let mut idle = kept.or_else(|| self.upstream.take_idle())?;
            let is_fresh = idle.since.elapsed() < self.upstream.idle_timeout;
            if is_fresh && !idle.sender.is_closed() && idle.sender.ready().await.is_ok() {
                return Some(idle.sender);
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let kept = self.kept().take();
        if let Some(idle) = kept.filter(|idle| idle.sender.is_ready()) {
            self.upstream.put_idle(idle);
        }
    }
}

/// The client's fault, not the service's.
fn cut() -> Error {
    Error::new(
        Code::BadRequest,
        "the body of the request ended too early, or its chunks are malformed",
    )
}

fn broken() -> Error {
    Error::new(Code::UpstreamUnreachable, "the service closed the connection without an answer")
}

/// Resolves the upstream's name once, to tell a wrong name at the start and not at the first request.
pub fn check_name(to: &config::Upstream) -> Result<()> {
    let config::Upstream::Tcp { host, port } = to else { return Ok(()) };
    let unknown = |e| {
        Error::new(Code::ConfigInvalid, format!("proxy.upstream: cannot resolve `{host}`: {e}"))
    };
    (host.as_str(), *port).to_socket_addrs().map(drop).map_err(unknown)
}
