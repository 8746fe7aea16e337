//! The service behind the proxy, which can be restarted on its port.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Handle, Runtime};
use tokio::task::{JoinHandle, JoinSet};

pub struct Service {
    pub port: u16,
    runtime: Handle,
    running: Mutex<JoinHandle<()>>,
}

impl Service {
    pub fn start(runtime: &Runtime) -> Result<Self> {
        let listener = listen(0)?;
        let port = listener.local_addr()?.port();
        let runtime = runtime.handle().clone();
        let running = Mutex::new(runtime.spawn(serve(listener)));
        Ok(Self { port, runtime, running })
    }

    /// Ends it with all its connections, in the middle of what they do, and starts it after a while.
    pub fn restart(&self, gone_for: Duration) {
        let Ok(mut running) = self.running.lock() else { return };
        running.abort();
        std::thread::sleep(gone_for);
        if let Ok(listener) = listen(self.port) {
            *running = self.runtime.spawn(serve(listener));
        }
    }
}

fn listen(port: u16) -> Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    Ok(socket.listen(1024)?)
}

async fn serve(listener: TcpListener) {
    // Dropped with this task, and the connections with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let http = hyper::server::conn::http1::Builder::new();
        connections.spawn(http.serve_connection(TokioIo::new(stream), service_fn(answer)));
        while connections.try_join_next().is_some() {}
    }
}

/// What it was sent, and at least 2 KB.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = if body.len() < 2048 { Bytes::from(vec![b'x'; 2048]) } else { body };
    Ok(Response::new(Full::new(body)))
}
