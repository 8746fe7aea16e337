//! One client connection, whatever protocol it speaks.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use http::HeaderValue;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use super::client_address;
use super::client_stream::ClientStream;
use super::departure::Departure;
use super::forward::{Body, Proxy};
use super::http2;
use super::link::Link;
use super::paced::{Paced, Streams};
use super::rest::{self, Due, Rest};
use crate::framing::{MAX_HEAD, Verdict, Watched};
use crate::listener::{Accepted, Drain, Place, Stream, until_drained};

/// What is the same for all requests of a connection.
pub struct Client {
    pub peer: IpAddr,
    /// The same as it stands in a header.
    pub peer_text: HeaderValue,
    pub is_tls: bool,
    /// Held as long as anything of the connection is, a tunnel too.
    pub place: Place,
}

/// A client that speaks HTTP/1.1: one request at a time.
struct Http1 {
    client: Client,
    link: Arc<Link>,
    verdict: Verdict,
}

impl Proxy {
    /// Serves a connection to its end.
    pub async fn serve(self: Arc<Self>, accepted: Accepted) {
        let Accepted { stream, peer, place, mut drain } = accepted;
        let _open = self.metrics.timings.proxy_connection();
        let begun = tokio::select! {
            begun = tokio::time::timeout(self.config.header_timeout, self.begin(stream)) => begun,
            () = drain.started() => return,
        };
        let (stream, is_http2, is_tls) = match begun {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => return tracing::debug!(%error, "connection not begun"),
            Err(_) => return tracing::debug!("connection not begun in time"),
        };
        let peer = peer.ip();
        let client = Client { peer, peer_text: client_address::text(peer), is_tls, place };
        // Each in a room of its own, because the larger one would make all connections as large.
        match is_http2 {
            true => Box::pin(self.clone().serve_http2(stream, client, drain)).await,
            false => Box::pin(self.clone().serve_http1(stream, client, drain)).await,
        }
        self.freed.tell();
    }

    /// The TLS handshake where there is one, and which protocol the client speaks.
    async fn begin(&self, stream: Stream) -> std::io::Result<(ClientStream, bool, bool)> {
        let stream = match &self.tls {
            Some(tls) => tls.get().accept(stream).await?,
            None => stream,
        };
        let is_tls = stream.is_tls();
        let (stream, is_http2) = ClientStream::recognise(stream, self.config.write_timeout).await?;
        Ok((stream, is_http2, is_tls))
    }

    async fn serve_http1(self: Arc<Self>, stream: ClientStream, client: Client, mut drain: Drain) {
        let mut departure = Departure::new(stream.socket(), self.config.half_close_timeout);
        let (stream, verdict) = Watched::new(stream);
        verdict.tell(self.clone());
        let mut stream = stream.with_limit_of_heads(self.config.header_timeout);
        let link = Arc::new(Link::new(self.upstream.clone()));
        let http1 = Arc::new(Http1 { client, link: link.clone(), verdict: verdict.clone() });
        let proxy = self.clone();
        let service = service_fn(move |request| {
            let (proxy, http1) = (proxy.clone(), http1.clone());
            async move { Ok::<_, Infallible>(http1.answer(&proxy, request).await) }
        });
        let (builder, mut rest) = (builder(), Rest::default());
        loop {
            // Apart, so that one that rests has none.
            let io = TokioIo::new(stream);
            let mut connection =
                Box::new(builder.serve_connection(io, service.clone()).with_upgrades());
            let is_over = {
                let served = until_drained(&mut *connection, drain.clone(), |connection| {
                    Pin::new(&mut **connection.get_mut()).graceful_shutdown();
                });
                let mut served = pin!(served);
                poll_fn(|cx| {
                    if served.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(true);
                    }
                    // Afterwards, because by now an answer may have come to its end.
                    link.attend(cx);
                    while let Some(due) = rest.due(verdict.is_idle(), cx) {
                        match due {
                            Due::Rest => return Poll::Ready(false),
                            Due::Look if departure.is_over(verdict.has_written()) => {
                                self.metrics.abandoned.add(1);
                                return Poll::Ready(true);
                            }
                            Due::Look => {}
                        }
                    }
                    Poll::Pending
                })
                .await
            };
            if is_over {
                return;
            }
            // Nothing of a request is in hyper's buffer: then it would not be idle.
            stream = match connection.into_parts() {
                Some(parts) if parts.read_buf.is_empty() => parts.io.into_inner(),
                _ => return,
            };
            link.lend();
            self.freed.tell();
            tokio::select! {
                is_woken = rest::is_woken(&mut stream) => if !is_woken { return },
                () = drain.started() => return,
            }
        }
    }

    async fn serve_http2(self: Arc<Self>, stream: ClientStream, client: Client, drain: Drain) {
        let (client, streams) = (Arc::new(client), Arc::new(Streams::new()));
        let (idle_limit, write_limit) = (self.config.header_timeout, self.config.write_timeout);
        let idle = streams.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            let (proxy, client, stream) = (self.clone(), client.clone(), streams.begin());
            async move {
                http2::join_cookies(request.headers_mut());
                let response = proxy.forward(request, &client, None).await;
                Ok::<_, Infallible>(response.map(|body| Paced::new(body, write_limit, stream)))
            }
        });
        let connection = http2::server(idle_limit).serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let idle = async {
            idle.idle(idle_limit).await;
            tracing::debug!("an idle connection of HTTP/2 is closed");
        };
        tokio::select! {
            () = until_drained(connection.as_mut(), drain, |connection| {
                connection.get_mut().as_mut().graceful_shutdown();
            }) => return,
            () = idle => {}
        }
        // Where the client takes nothing, not even the end is taken.
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(write_limit, connection).await;
    }
}

fn builder() -> http1::Builder {
    let mut http1 = http1::Builder::new();
    http1
        .header_read_timeout(None)
        // A client may close its side when it has said all; the answer is still on its way. It also means that
        // nothing is read meanwhile.
        .half_close(true)
        .max_buf_size(MAX_HEAD);
    http1
}

impl Http1 {
    async fn answer(&self, proxy: &Proxy, request: Request<Incoming>) -> Response<Body> {
        if let Some(fault) = self.verdict.of_next() {
            return proxy.refuse(&request, &fault.error());
        }
        let response = proxy.forward(request, &self.client, Some(&self.link)).await;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            self.verdict.begin_tunnel();
        }
        response
    }
}
