//! One request through the proxy.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Uri, Version};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper::{Request, Response};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::client_address::{self, Network};
use super::correlation::CorrelationId;
use super::framing::{Verdict, Watched};
use super::identity::{Actor, TokenKey};
use super::request_memory::{RequestId, RequestMemory, SeenRequest};
use super::upstream::{Link, Upstream};
use super::{hop_by_hop, upgrade, user_agent};
use crate::clock::Moment;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::metrics::{Metrics, Open};
use crate::problem;
use crate::reload::Live;

/// Longer paths are cut in the record, not on the way.
const MAX_PATH: usize = 2048;

/// Everything that all connections share.
pub struct Proxy {
    pub upstream: Arc<Upstream>,
    pub memory: Arc<RequestMemory>,
    pub trusted: Vec<Network>,
    pub token_key: Option<Arc<Live<TokenKey>>>,
    pub metrics: Arc<Metrics>,
}

/// The service on one client connection.
pub struct Connection {
    proxy: Arc<Proxy>,
    peer: IpAddr,
    /// Behind a lock for the type's sake: HTTP/1.1 has one request at a time on a connection.
    link: Arc<Mutex<Link>>,
    verdict: Verdict,
    requests: AtomicU64,
    _open: Open,
}

type Body = Either<Incoming, Full<Bytes>>;

impl Proxy {
    /// The stream and the service for one connection, as the listener wants them.
    pub fn connect(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> (Watched<TcpStream>, Connection) {
        let (stream, verdict) = Watched::new(stream);
        let connection = Connection {
            proxy: self.clone(),
            peer: peer.ip(),
            link: Arc::new(Mutex::new(Link::new(self.upstream.clone()))),
            verdict,
            requests: AtomicU64::new(0),
            _open: self.metrics.timings.proxy_connection(),
        };
        (stream, connection)
    }
}

impl Service<Request<Incoming>> for Connection {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let is_ambiguous = self.verdict.refuses(number);
        let (proxy, peer, link) = (self.proxy.clone(), self.peer, self.link.clone());
        Box::pin(async move {
            if is_ambiguous {
                let message = "the length of the request is stated in more than one way";
                return Ok(proxy.refuse(&Error::new(Code::BadRequest, message)));
            }
            let began = Instant::now();
            let response = proxy.forward(request, peer, &link).await;
            proxy.metrics.timings.proxied(response.status(), began.elapsed());
            Ok(response)
        })
    }
}

impl Proxy {
    async fn forward(
        &self,
        mut request: Request<Incoming>,
        peer: IpAddr,
        link: &Mutex<Link>,
    ) -> Response<Body> {
        if let Err(error) = address_upstream(&mut request) {
            return self.refuse(&error);
        }
        let id = CorrelationId::of(request.headers(), CorrelationId::new_v7);
        let request_id = RequestId::new();
        self.memory.keep(request_id, self.seen(&request, &id, peer));

        let upgrade_to = upgrade::requested(request.headers());
        let client = upgrade_to.is_some().then(|| upgrade::client_half(&mut request));
        hop_by_hop::remove(request.headers_mut());
        if let Some(protocol) = upgrade_to {
            upgrade::restore(request.headers_mut(), protocol);
        }
        id.set_on_request(request.headers_mut());
        request_id.set_on_request(request.headers_mut());
        client_address::forward(peer, request.headers_mut(), &self.trusted);

        self.metrics.proxied.add(1);
        let began = Instant::now();
        let answer = link.lock().await.send(request).await;
        self.metrics.timings.upstream(began.elapsed());
        let mut response = match answer {
            Ok(response) => self.answer(response, client),
            Err(error) => {
                self.metrics.upstream_failed.add(1);
                tracing::warn!(correlation_id = id.as_str(), code = error.code().name(), "{error}");
                problem::response(&error).map(Either::Right)
            }
        };
        id.set_on_response(response.headers_mut());
        response
    }

    fn answer(
        &self,
        mut response: Response<Incoming>,
        client: Option<hyper::upgrade::OnUpgrade>,
    ) -> Response<Body> {
        let protocol = response.headers().get(header::UPGRADE).cloned();
        let switches = response.status() == http::StatusCode::SWITCHING_PROTOCOLS;
        if let Some(client) = client {
            upgrade::join(client, &mut response);
        }
        hop_by_hop::remove(response.headers_mut());
        if let (true, Some(protocol)) = (switches, protocol) {
            upgrade::restore(response.headers_mut(), protocol);
        }
        *response.version_mut() = Version::HTTP_11;
        response.map(Either::Left)
    }

    /// What is worth remembering of a request.
    fn seen(&self, request: &Request<Incoming>, id: &CorrelationId, peer: IpAddr) -> SeenRequest {
        let headers = request.headers();
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let path = request.uri().path();
        let key = self.token_key.as_ref().map(|key| key.get());
        SeenRequest {
            at: Moment::now(),
            correlation_id: id.as_str().to_owned(),
            method: request.method().to_string(),
            path: path[..path.floor_char_boundary(MAX_PATH)].to_owned(),
            ip: client_address::of(peer, headers, &self.trusted),
            user_agent: text(header::USER_AGENT).map(|text| user_agent::cut(text).to_owned()),
            actor: Actor::of(headers, key.as_deref()),
        }
    }

    /// Refuses a request and closes the connection: what follows on it may be part of an attack.
    fn refuse(&self, error: &Error) -> Response<Body> {
        self.metrics.proxy_refused.add(1);
        let mut response = problem::response(error).map(Either::Right);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// Gives the request the form in which a server of origin takes it (RFC 9112 §3.2), and refuses what
/// has no single host.
fn address_upstream(request: &mut Request<Incoming>) -> Result<()> {
    let refused = |message: &str| Err(Error::new(Code::BadRequest, message));
    if *request.method() == Method::CONNECT {
        return Err(Error::new(Code::MethodNotAllowed, "this proxy makes no tunnels"));
    }
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if hosts > 1 {
        return refused("the request names more than one host");
    }
    if let Some(authority) = request.uri().authority() {
        // In absolute form the host of the target counts, whatever `Host` says.
        let Ok(host) = HeaderValue::from_str(authority.as_str()) else {
            return refused("the host of the request cannot be used");
        };
        request.headers_mut().insert(header::HOST, host);
    } else if hosts == 0 && request.version() == Version::HTTP_11 {
        return refused("the request names no host");
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let Ok(target) = target.parse::<Uri>() else {
        return refused("the target of the request cannot be read");
    };
    *request.uri_mut() = target;
    *request.version_mut() = Version::HTTP_11;
    Ok(())
}
