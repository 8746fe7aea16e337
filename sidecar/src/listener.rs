//! A listening socket: accepts, bounds how many connections there are, and drains.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::code::Code;
use crate::error::{Error, Result};
use crate::framing::MAX_HEAD;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// More connections than this wait in the backlog of the kernel.
const CONNECTIONS: usize = 16_384;

/// A bound socket, not accepting yet.
pub struct Listener {
    socket: TcpListener,
    header_timeout: Duration,
}

/// Tells every connection to finish what it is doing and take nothing new.
#[derive(Clone)]
pub struct Drain(watch::Receiver<bool>);

/// What [`Drain`] listens to.
pub struct StartDrain(watch::Sender<bool>);

pub fn drain() -> (StartDrain, Drain) {
    let (sender, receiver) = watch::channel(false);
    (StartDrain(sender), Drain(receiver))
}

impl StartDrain {
    pub fn start(&self) {
        self.0.send_replace(true);
    }
}

impl Drain {
    pub async fn started(&mut self) {
        // An error means that the sender is gone, and then there is nothing to wait for either.
        let _ = self.0.wait_for(|started| *started).await;
    }
}

impl Listener {
    pub async fn bind(address: SocketAddr, header_timeout: Duration) -> Result<Self> {
        let socket = TcpListener::bind(address).await.map_err(|e| {
            Error::new(Code::ConfigInvalid, format!("cannot listen on {address}: {e}"))
        })?;
        Ok(Self { socket, header_timeout })
    }

    /// The address with the port that the system chose, where the configuration says port 0.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }

    /// Accepts until the drain starts; returns when the last connection is done. `connect` makes the
    /// stream and the service of one connection.
    pub async fn serve<C, Io, S, B>(self, mut drain: Drain, connect: C)
    where
        C: Fn(TcpStream, SocketAddr) -> (Io, S),
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&places) => accepted,
                () = drain.started() => break,
            };
            let (stream, peer, place) = accepted;
            let _ = stream.set_nodelay(true);
            let (io, service) = connect(stream, peer);
            let connection = http1(self.header_timeout)
                .serve_connection(TokioIo::new(io), service)
                .with_upgrades();
            let mut drain = drain.clone();
            tokio::spawn(async move {
                let _place = place;
                let mut connection = std::pin::pin!(connection);
                let done = tokio::select! {
                    done = connection.as_mut() => done,
                    () = drain.started() => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                };
                // What a peer does wrong on its own connection is no news for the operator.
                if let Err(error) = done {
                    tracing::debug!(%error, "connection ended");
                }
            });
        }
        // The socket closes now, so that no new connection waits in a backlog nobody reads.
        drop(self.socket);
        let _ = places.acquire_many(CONNECTIONS as u32).await;
    }

    async fn accept(
        &self,
        places: &Arc<Semaphore>,
    ) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        let place = places.clone().acquire_owned().await.expect("never closed");
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => return (stream, peer, place),
                // Out of file descriptors, most likely: connections must end first.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

fn http1(header_timeout: Duration) -> hyper::server::conn::http1::Builder {
    let mut http1 = hyper::server::conn::http1::Builder::new();
    http1.timer(TokioTimer::new()).header_read_timeout(header_timeout).max_buf_size(MAX_HEAD);
    http1
}
