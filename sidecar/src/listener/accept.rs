use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1::Connection;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::socket::{Bound, Socket, SocketFile};
use super::{Drain, PatientStream, Peer, Stream};
use crate::error::Result;
use crate::framing::{MAX_HEAD, Verdict, Watched};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// More connections than this wait in the backlog of the kernel.
const CONNECTIONS: u32 = 16_384;

/// Accepts on the runtime that it was made in.
pub struct Listener {
    socket: Accepting,
}

enum Accepting {
    Tcp(TcpListener),
    Unix(UnixListener, #[expect(dead_code, reason = "its drop removes the file")] Arc<SocketFile>),
}

/// A connection that has just come in.
pub struct Accepted {
    pub stream: Stream,
    pub peer: Peer,
    pub place: Place,
    pub drain: Drain,
}

/// One of the places that a listener has for connections; whoever holds it keeps the drain waiting.
#[derive(Clone)]
pub struct Place(#[expect(dead_code, reason = "held, not read")] Arc<OwnedSemaphorePermit>);

impl Listener {
    pub fn new(socket: Socket) -> Result<Self> {
        let socket = match socket.bound {
            Bound::Tcp(listener) => Accepting::Tcp(TcpListener::from_std(listener)?),
            Bound::Unix(listener, file) => Accepting::Unix(UnixListener::from_std(listener)?, file),
        };
        Ok(Self { socket })
    }

    /// Accepts until the drain starts; returns when the last connection is done. `handle` runs one.
    pub async fn serve<H, F>(self, mut drain: Drain, handle: H)
    where
        H: Fn(Accepted) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&places) => accepted,
                () = drain.started() => break,
            };
            let (stream, peer, place) = accepted;
            tokio::spawn(handle(Accepted { stream, peer, place, drain: drain.clone() }));
        }
        // The socket closes now, so that no new connection waits in a backlog nobody reads.
        drop(self.socket);
        let _ = places.acquire_many(CONNECTIONS).await;
    }

    async fn accept(&self, places: &Arc<Semaphore>) -> (Stream, Peer, Place) {
        let place = places.clone().acquire_owned().await.expect("never closed");
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => return (stream, peer, Place(Arc::new(place))),
                // Out of file descriptors, most likely: connections must end first.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

impl Accepting {
    async fn accept(&self) -> std::io::Result<(Stream, Peer)> {
        match self {
            Accepting::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                let _ = stream.set_nodelay(true);
                keep_alive(&stream);
                Ok((Stream::Tcp(stream), Peer::Address(address)))
            }
            Accepting::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                let process = stream.peer_cred()?;
                let peer = Peer::Unix { uid: process.uid(), pid: process.pid() };
                Ok((Stream::Unix(stream), peer))
            }
        }
    }
}

/// A peer that vanished without a word is noticed, also where nobody has anything to say to it, as in a tunnel.
pub fn keep_alive(stream: &TcpStream) {
    let probes = TcpKeepalive::new()
        .with_time(Duration::from_mins(1))
        .with_interval(Duration::from_secs(15));
    let _ = SockRef::from(stream).set_tcp_keepalive(&probes);
}

/// How long a peer may take.
#[derive(Clone, Copy)]
pub struct Limits {
    /// For the head of a request.
    pub header: Duration,
    /// While it takes nothing of an answer.
    pub write: Duration,
}

/// Serves HTTP/1.1 on a connection until it ends or is drained. `connect` makes the service of the
/// connection, which asks the verdict about each request.
pub async fn serve_http1<S, B>(
    accepted: Accepted,
    limits: Limits,
    connect: impl FnOnce(Peer, Verdict) -> S,
) where
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let Accepted { stream, peer, drain, place: _place } = accepted;
    let (stream, verdict) = Watched::new(PatientStream::new(stream, limits.write));
    let mut http1 = hyper::server::conn::http1::Builder::new();
    http1.timer(TokioTimer::new()).header_read_timeout(limits.header).max_buf_size(MAX_HEAD);
    let connection = http1.serve_connection(TokioIo::new(stream), connect(peer, verdict));
    until_drained(connection, drain, Connection::graceful_shutdown).await;
}

/// Runs a connection to its end; when the drain starts, `shut_down` tells it to take no new requests.
pub async fn until_drained<C>(connection: C, mut drain: Drain, shut_down: fn(Pin<&mut C>))
where
    C: Future<Output = Result<(), hyper::Error>>,
{
    let mut connection = pin!(connection);
    let done = match drain.unless_started(connection.as_mut()).await {
        Some(done) => done,
        None => {
            shut_down(connection.as_mut());
            connection.await
        }
    };
    // What a peer does wrong on its own connection is no news for the operator.
    if let Err(error) = done {
        tracing::debug!(%error, "connection ended");
    }
}
