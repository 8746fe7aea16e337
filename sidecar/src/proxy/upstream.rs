//! Connections to the service behind the proxy.
//!
//! A client connection in HTTP/1.1 uses one upstream connection at a time and keeps it; when the client is
//! gone it goes back to a small pool. Requests of a client in HTTP/2 borrow from the pool. A connection
//! that was idle too long is not used again: the service may be closing it at this very moment, and a
//! request that was half sent must not be repeated. With a service that speaks HTTP/2 all requests of a
//! worker share one connection.

use std::future::poll_fn;
use std::net::ToSocketAddrs as _;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use http::header;
use hyper::body::{Body, Incoming};
use hyper::client::conn::{TrySendError, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpStream, UnixStream};

use super::http2 as http2_form;
use super::link::{Home, Idle, Lease, Link};
use super::service_connection::ServiceConnection;
use super::unreached;
use super::upload::{Progress, Upload};
use crate::code::Code;
use crate::config;
use crate::error::{Error, Result};
use crate::listener::{Stream, keep_alive};

/// Idle connections kept beyond those that client connections hold.
const POOLED: usize = 64;

/// How often a request that a service did nothing about is sent in HTTP/2.
const HTTP2_TRIES: u32 = 5;

/// How long to wait before the first repetition; twice as long before each further one.
const PAUSE: Duration = Duration::from_millis(25);

/// The service, and the idle connections to it.
pub struct Upstream {
    config: config::Proxy,
    idle: Mutex<Pool>,
    /// Locked while it is being made, so that one is made and not one for each request.
    http2: tokio::sync::Mutex<SharedHttp2>,
}

/// The connection in HTTP/2 that all requests share.
#[derive(Default)]
struct SharedHttp2 {
    sender: Option<http2::SendRequest<Upload>>,
    /// Of how many this is the last.
    number: u64,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Idle>,
    /// Whoever drives them.
    attendant: Option<Waker>,
}

/// The head of an answer, and what its body comes with.
pub struct Answered {
    pub response: Response<Incoming>,
    pub lease: Option<Lease>,
    /// The request goes on while the answer comes.
    pub upload: Progress,
}

/// Why a request got no answer, and whether it may be sent again.
struct Failed {
    error: Error,
    again: Again,
}

enum Again {
    /// Nothing of it was sent.
    Unsent(Box<Request<Upload>>),
    /// It may have arrived.
    Perhaps,
    Never,
}

impl Failed {
    fn finally(error: Error) -> Self {
        Self { error, again: Again::Never }
    }
}

impl Upstream {
    pub fn new(proxy: &config::Proxy) -> Self {
        Self { config: proxy.clone(), idle: Mutex::default(), http2: tokio::sync::Mutex::default() }
    }

    /// Sends a request and waits for the head of the answer, on the connection that the client's holds if
    /// there is one. It is `now`.
    pub async fn send(
        self: &Arc<Self>,
        request: Request<Incoming>,
        link: Option<&Arc<Link>>,
        now: Instant,
    ) -> Result<Answered> {
        let (head, body) = request.into_parts();
        let (body, progress) = Upload::new(body, self.config.body_timeout, now);
        let (response, lease) =
            self.send_upload(Request::from_parts(head, body), link, &progress).await?;
        Ok(Answered { response, lease, upload: progress })
    }

    async fn send_upload(
        self: &Arc<Self>,
        mut request: Request<Upload>,
        link: Option<&Arc<Link>>,
        progress: &Progress,
    ) -> Result<(Response<Incoming>, Option<Lease>)> {
        if self.config.upstream_http2 {
            http2_form::of_request(&mut request)?;
        } else {
            Upload::expect_continue(&mut request);
        }
        let copy = self.copy_of(&request, progress);
        let mut pause = PAUSE;
        for left in (0..=self.config.retries).rev() {
            let Failed { error, again } = match self.try_send(request, progress, link).await {
                Ok(answered) => return Ok(answered),
                Err(failed) => failed,
            };
            if let Some(fault) = progress.fault() {
                return Err(fault);
            }
            request = match (again, &copy) {
                _ if left == 0 => return Err(error),
                (Again::Unsent(unsent), _) => *unsent,
                (Again::Perhaps, Some(copy)) => copy_with(copy, Upload::empty(progress)),
                _ => return Err(error),
            };
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(broken())
    }

    /// A second one of a request that may arrive twice (RFC 9110 §9.2.2) and has no body, if it may be
    /// wanted.
    fn copy_of(&self, request: &Request<Upload>, progress: &Progress) -> Option<Request<Upload>> {
        let may = self.config.retries > 0
            && request.method().is_idempotent()
            && request.body().is_end_stream();
        may.then(|| copy_with(request, Upload::empty(progress)))
    }

    async fn try_send(
        self: &Arc<Self>,
        request: Request<Upload>,
        progress: &Progress,
        link: Option<&Arc<Link>>,
    ) -> Result<(Response<Incoming>, Option<Lease>), Failed> {
        if self.config.upstream_http2 {
            let response = self.try_http2(request, progress).await?;
            return Ok((response, None));
        }
        let (response, connection, is_unwanted) = self.try_http1(request, progress, link).await?;
        let home = match link {
            Some(link) => Home::Link(link.clone()),
            None => Home::Pool(self.clone()),
        };
        Ok((response, Some(Lease::new(home, connection, is_unwanted))))
    }

    /// A request that an idle connection did not take, because it had just been closed, goes out on
    /// another; one of which a byte may have been sent does not. With the answer comes whether it was given instead of
    /// asking for the body.
    async fn try_http1(
        &self,
        mut request: Request<Upload>,
        progress: &Progress,
        link: Option<&Arc<Link>>,
    ) -> Result<(Response<Incoming>, ServiceConnection, bool), Failed> {
        let must_run_alone = request.headers().contains_key(header::UPGRADE);
        loop {
            let (mut connection, is_new) = match self.next_idle(progress.began(), link) {
                Some(connection) => (connection, false),
                None => match self.connect_http1().await {
                    Ok(connection) => (connection, true),
                    Err(error) => {
                        return Err(Failed { error, again: Again::Unsent(Box::new(request)) });
                    }
                },
            };
            if must_run_alone {
                connection.run_alone();
            }
            let limit = self.config.response_timeout;
            match connection.answer(request, progress, limit).await {
                None => return Err(too_slow()),
                Some(Ok(response)) => {
                    let is_unwanted = progress.keep_held_back();
                    // The answer has begun, but the request goes on: neither may wait for the other.
                    if !is_unwanted && !progress.is_over() {
                        connection.run_alone();
                    }
                    return Ok((response, connection, is_unwanted));
                }
                Some(Err(mut failed)) => match failed.take_message() {
                    Some(unsent) if !is_new => request = unsent,
                    unsent => return Err(no_answer(&failed, unsent)),
                },
            }
        }
    }

    async fn try_http2(
        &self,
        mut request: Request<Upload>,
        progress: &Progress,
    ) -> Result<Response<Incoming>, Failed> {
        let head = copy_with(&request, ());
        let repeat = request.body_mut().repeat(self.config.body_timeout);
        let mut pause = PAUSE;
        // A shared connection may be closing, and the next one too: services let each take so many requests.
        for is_last in (0..HTTP2_TRIES).map(|tried| tried + 1 == HTTP2_TRIES) {
            let (mut sender, number) = match self.shared_http2().await {
                Ok(shared) => shared,
                Err(error) => {
                    return Err(Failed { error, again: Again::Unsent(Box::new(request)) });
                }
            };
            let mut failed = match self.answer(sender.try_send_request(request), progress).await? {
                Ok(response) => return Ok(response),
                Err(failed) => failed,
            };
            let untouched = untouched(failed.error());
            let unsent = failed.take_message();
            if unsent.is_some() || matches!(untouched, Some(Untouched::ConnectionEnds)) {
                // It takes no more, and others must not be told so too.
                self.leave_http2(number).await;
            }
            let unsent = unsent.or_else(|| {
                untouched.and_then(|_| repeat.upload()).map(|upload| copy_with(&head, upload))
            });
            match unsent {
                Some(unsent) if !is_last && progress.fault().is_none() => request = unsent,
                unsent => return Err(no_answer(&failed, unsent)),
            }
            if matches!(untouched, Some(Untouched::Refused)) {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
        Err(Failed::finally(broken()))
    }

    /// Waits for an answer as long as the request moves, and then for the response timeout.
    async fn answer<T>(
        &self,
        sending: impl Future<Output = T>,
        progress: &Progress,
    ) -> Result<T, Failed> {
        let mut sending = pin!(sending);
        let limit = self.config.response_timeout;
        loop {
            let left = limit.saturating_sub(progress.idle());
            match tokio::time::timeout(left, &mut sending).await {
                Ok(answer) => return Ok(answer),
                Err(_) if progress.idle() >= limit => return Err(too_slow()),
                Err(_) => {}
            }
        }
    }

    /// A connection that was used before and still looks usable.
    fn next_idle(&self, now: Instant, link: Option<&Arc<Link>>) -> Option<ServiceConnection> {
        loop {
            let kept = link.and_then(|link| link.take());
            let idle = kept.or_else(|| self.take_idle())?;
            let is_fresh = now.saturating_duration_since(idle.since) < self.config.idle_timeout;
            if is_fresh && idle.connection.is_ready() {
                return Some(idle.connection);
            }
        }
    }

    fn take_idle(&self) -> Option<Idle> {
        self.pool().idle.pop()
    }

    pub fn put_idle(&self, connection: Idle) {
        let mut pool = self.pool();
        if pool.idle.len() < POOLED {
            pool.idle.push(connection);
            if let Some(attendant) = &pool.attendant {
                attendant.wake_by_ref();
            }
        }
    }

    /// Lets those idle connections go that the service closes, and those that were idle for too long; never ends.
    pub async fn attend(&self) {
        poll_fn(|cx| {
            let mut pool = self.pool();
            pool.attendant = Some(cx.waker().clone());
            pool.idle.retain_mut(|idle| idle.is_kept(self.config.idle_timeout, cx));
            Poll::<()>::Pending
        })
        .await
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect_http1(&self) -> Result<ServiceConnection> {
        let stream = self.connect().await?;
        ServiceConnection::handshake(stream).await.map_err(|_| unreachable(&"handshake"))
    }

    async fn shared_http2(&self) -> Result<(http2::SendRequest<Upload>, u64)> {
        // Whoever waits here waits for somebody else's connection, so for no longer than for his own.
        let waited = tokio::time::timeout(self.config.connect_timeout, self.http2.lock()).await;
        let mut shared = waited.map_err(|_| not_connected())?;
        if let Some(sender) = shared.sender.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok((sender.clone(), shared.number));
        }
        let stream = TokioIo::new(self.connect().await?);
        let limit = self.config.response_timeout;
        let builder = http2_form::client(TokioExecutor::new(), TokioTimer::new(), limit);
        let (sender, connection) =
            builder.handshake(stream).await.map_err(|_| unreachable(&"handshake"))?;
        tokio::spawn(connection);
        shared.sender = Some(sender.clone());
        shared.number += 1;
        Ok((sender, shared.number))
    }

    /// The next request goes over another connection than this one, which takes no more.
    async fn leave_http2(&self, number: u64) {
        let mut shared = self.http2.lock().await;
        if shared.number == number {
            shared.sender = None;
        }
    }

    async fn connect(&self) -> Result<Stream> {
        tokio::time::timeout(self.config.connect_timeout, self.open())
            .await
            .map_err(|_| not_connected())?
            .map_err(|e| unreachable(&unreached::why(&e)))
    }

    async fn open(&self) -> std::io::Result<Stream> {
        match &self.config.upstream {
            config::Upstream::Tcp { host, port } => {
                // What is no address is resolved on a thread that may block.
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                let _ = stream.set_nodelay(true);
                keep_alive(&stream);
                Ok(Stream::Tcp(stream))
            }
            config::Upstream::Unix(path) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
        }
    }
}

fn too_slow() -> Failed {
    let message = "the service did not answer within `proxy.response_timeout`";
    Failed::finally(Error::new(Code::UpstreamTimeout, message))
}

fn not_connected() -> Error {
    let message = "no connection to the service within `proxy.connect_timeout`";
    Error::new(Code::UpstreamTimeout, message)
}

fn copy_with<T, B>(request: &Request<T>, body: B) -> Request<B> {
    let mut copy = Request::new(body);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    copy
}

fn unreachable(why: &dyn std::fmt::Display) -> Error {
    Error::new(Code::UpstreamUnreachable, format!("the service cannot be reached: {why}"))
}

fn no_answer(failed: &TrySendError<Request<Upload>>, unsent: Option<Request<Upload>>) -> Failed {
    if failed.error().is_parse() {
        let message = match failed.error().is_parse_too_large() {
            true => {
                "the head of the answer of the service is larger than 64 KiB, or has more than 100 fields"
            }
            false => "the answer of the service cannot be read",
        };
        return Failed::finally(Error::new(Code::UpstreamUnreachable, message));
    }
    let again = unsent.map_or(Again::Perhaps, |unsent| Again::Unsent(Box::new(unsent)));
    Failed { error: broken(), again }
}

/// Why a service that speaks HTTP/2 did nothing about a request.
#[derive(Clone, Copy)]
enum Untouched {
    Refused,
    /// It came behind the last one that the service took on this connection.
    ConnectionEnds,
}

/// Whether it says so (RFC 9113 §8.7). Of the streams that a GOAWAY names as taken none gets this error, as long as the
/// GOAWAY tells of no fault.
fn untouched(error: &hyper::Error) -> Option<Untouched> {
    let mut source = std::error::Error::source(error);
    let error = loop {
        match source?.downcast_ref::<h2::Error>() {
            Some(error) => break error,
            None => source = source?.source(),
        }
    };
    match error.reason() {
        Some(h2::Reason::REFUSED_STREAM) if error.is_reset() && error.is_remote() => {
            Some(Untouched::Refused)
        }
        Some(h2::Reason::NO_ERROR) if error.is_go_away() && error.is_remote() => {
            Some(Untouched::ConnectionEnds)
        }
        _ => None,
    }
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
