//! One client connection, whatever protocol it speaks.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::server::conn::http1::{self, UpgradeableConnection};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::forward::{Body, Proxy};
use super::upstream::Link;
use crate::framing::{MAX_HEAD, Verdict, Watched};
use crate::listener::{Accepted, Place, until_drained};

/// What is the same for all requests of a connection.
pub struct Client {
    pub peer: IpAddr,
    /// Held as long as anything of the connection is, a tunnel too.
    pub place: Place,
}

/// A client that speaks HTTP/1.1: one request at a time.
struct Http1 {
    client: Client,
    link: Link,
    verdict: Verdict,
}

impl Proxy {
    /// Serves a connection to its end.
    pub async fn serve(self: Arc<Self>, accepted: Accepted) {
        let Accepted { stream, peer, place, drain } = accepted;
        let _open = self.metrics.timings.proxy_connection();
        let client = Client { peer: peer.ip(), place };
        let (stream, verdict) = Watched::new(stream);
        let link = Link::new(self.upstream.clone());
        let http1 = Arc::new(Http1 { client, link, verdict });
        let builder = self.http1();
        let service = service_fn(move |request| {
            let (proxy, http1) = (self.clone(), http1.clone());
            async move { Ok::<_, std::convert::Infallible>(http1.answer(&proxy, request).await) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        until_drained(connection, drain, UpgradeableConnection::graceful_shutdown).await;
    }

    fn http1(&self) -> http1::Builder {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            // A client may close its side when it has said all; the answer is still on its way.
            .half_close(true)
            .max_buf_size(MAX_HEAD);
        http1
    }
}

impl Http1 {
    async fn answer(&self, proxy: &Proxy, request: Request<Incoming>) -> Response<Body> {
        let began = Instant::now();
        if let Some(fault) = self.verdict.of_next() {
            return proxy.refuse(&fault.error());
        }
        let response = proxy.forward(request, &self.client, &self.link).await;
        proxy.metrics.timings.proxied(response.status(), began.elapsed());
        response
    }
}
