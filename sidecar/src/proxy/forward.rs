//! One request through the proxy.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, HeaderName, Method, Uri, Version};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response};

use super::client_address::{self, Network};
use super::connection::Client;
use super::correlation::CorrelationId;
use super::download::Download;
use super::identity::{Actor, TokenKey};
use super::request_memory::{RequestId, RequestMemory, SeenRequest};
use super::upstream::{Lease, Link, Upstream};
use super::{hop_by_hop, max_forwards, upgrade, user_agent};
use crate::clock::Moment;
use crate::code::Code;
use crate::config;
use crate::error::{Error, Result};
use crate::listener::Tls;
use crate::metrics::Metrics;
use crate::problem;

/// Longer paths are cut in the record, not on the way.
const MAX_PATH: usize = 2048;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Everything that the connections of one worker share.
pub struct Proxy {
    pub upstream: Arc<Upstream>,
    pub config: config::Proxy,
    pub tls: Option<Arc<Tls>>,
    pub memory: Arc<RequestMemory>,
    pub trusted: Vec<Network>,
    pub token_key: Option<Arc<TokenKey>>,
    pub metrics: Arc<Metrics>,
}

pub type Body = Either<Download, Full<Bytes>>;

impl Proxy {
    /// Answers a request; `link` is what the client's connection keeps, if it keeps anything.
    pub async fn forward(
        &self,
        request: Request<Incoming>,
        client: &Client,
        link: Option<&Link>,
    ) -> Response<Body> {
        let is_http2 = request.version() == Version::HTTP_2;
        let mut response = match self.exchange(request, client, link).await {
            Ok(response) => response,
            Err(error) => self.refuse(&error),
        };
        if is_http2 {
            // How long a connection lives is no matter of headers there (RFC 9113 §8.2.2).
            response.headers_mut().remove(header::CONNECTION);
        }
        response
    }

    async fn exchange(
        &self,
        mut request: Request<Incoming>,
        client: &Client,
        link: Option<&Link>,
    ) -> Result<Response<Body>> {
        let peer = client.peer;
        address_upstream(&mut request)?;
        let id = CorrelationId::of(request.headers(), CorrelationId::new_v7);
        let request_id = RequestId::new();
        self.memory.keep(request_id, self.seen(&request, &id, peer));
        if let Some(mut response) = max_forwards::answer_here(&mut request)? {
            id.set_on_response(response.headers_mut());
            return Ok(response.map(Either::Right));
        }

        let upgrade_to = upgrade::requested(request.headers()).filter(|_| link.is_some());
        let client_half = upgrade_to.is_some().then(|| upgrade::client_half(&mut request));
        let takes_trailers = hop_by_hop::takes_trailers(request.headers());
        hop_by_hop::remove(request.headers_mut());
        if let Some(protocol) = upgrade_to {
            upgrade::restore(request.headers_mut(), protocol);
        } else if takes_trailers {
            hop_by_hop::take_trailers(request.headers_mut());
        }
        id.set_on_request(request.headers_mut());
        request_id.set_on_request(request.headers_mut());
        client_address::forward(peer, request.headers_mut(), &self.trusted);
        self.tell_scheme(client, request.headers_mut());

        self.metrics.proxied.add(1);
        let mut response = match self.upstream.send(request, link).await {
            Ok((response, lease)) => self.answer(response, client_half, client, lease),
            // The client's own fault, and the rest of its request may still come.
            Err(error) if is_fault_of_client(error.code()) => self.refuse(&error),
            Err(error) => {
                self.metrics.upstream_failed.add(1);
                tracing::warn!(correlation_id = id.as_str(), code = error.code().name(), "{error}");
                problem::response(&error).map(Either::Right)
            }
        };
        id.set_on_response(response.headers_mut());
        Ok(response)
    }

    fn answer(
        &self,
        mut response: Response<Incoming>,
        client_half: Option<OnUpgrade>,
        client: &Client,
        lease: Option<Lease>,
    ) -> Response<Body> {
        let protocol = response.headers().get(header::UPGRADE).cloned();
        let switches = response.status() == http::StatusCode::SWITCHING_PROTOCOLS;
        if let Some(client_half) = client_half {
            client.lingers.store(!switches, Ordering::Relaxed);
            upgrade::join(client_half, &mut response, client.place.clone());
        }
        hop_by_hop::remove(response.headers_mut());
        if let (true, Some(protocol)) = (switches, protocol) {
            upgrade::restore(response.headers_mut(), protocol);
        }
        *response.version_mut() = Version::HTTP_11;
        let timeout = self.config.stream_timeout;
        response.map(|body| Either::Left(Download::new(body, timeout, lease)))
    }

    /// How the client reached us. What a trusted proxy says of its own client counts.
    fn tell_scheme(&self, client: &Client, headers: &mut HeaderMap) {
        let is_told = headers.contains_key(FORWARDED_PROTO)
            && self.trusted.iter().any(|network| network.contains(client.peer));
        if !is_told {
            let scheme = if client.is_tls { "https" } else { "http" };
            headers.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme));
        }
    }

    /// What is worth remembering of a request.
    fn seen(&self, request: &Request<Incoming>, id: &CorrelationId, peer: IpAddr) -> SeenRequest {
        let headers = request.headers();
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let path = request.uri().path();
        SeenRequest {
            at: Moment::now(),
            correlation_id: id.as_str().to_owned(),
            method: request.method().to_string(),
            path: path[..path.floor_char_boundary(MAX_PATH)].to_owned(),
            ip: client_address::of(peer, headers, &self.trusted),
            user_agent: text(header::USER_AGENT).map(|text| user_agent::cut(text).to_owned()),
            actor: Actor::of(headers, self.token_key.as_deref()),
        }
    }

    /// Refuses a request and closes the connection: what follows on it may be part of an attack.
    pub fn refuse(&self, error: &Error) -> Response<Body> {
        self.metrics.proxy_refused.add(1);
        let mut response = problem::response(error).map(Either::Right);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

fn is_fault_of_client(code: Code) -> bool {
    matches!(code, Code::BadRequest | Code::RequestTimeout)
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
