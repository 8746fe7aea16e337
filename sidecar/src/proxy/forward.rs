//! One request through the proxy.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode, Uri, Version};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response};

use super::client_address::{self, Trust};
use super::connection::Client;
use super::correlation::CorrelationId;
use super::download::Download;
use super::failure::Failure;
use super::identity::Actor;
use super::link::Link;
use super::randomness::random;
use super::request_memory::{RequestMemory, SeenRequest, SeenTrace};
use super::rest::Freed;
use super::trace_context::{TraceContext, Tracing};
use super::upstream::{Answered, Upstream};
use super::{hop_by_hop, max_forwards, upgrade, user_agent};
use crate::clock::Moment;
use crate::code::Code;
use crate::config;
use crate::error::{Error, Result};
use crate::framing::Refused;
use crate::jwt::Source;
use crate::listener::Tls;
use crate::logging::Access;
use crate::metrics::Metrics;
use crate::problem;
use crate::reload::Live;

/// Longer paths are cut in the record, not on the way.
const MAX_PATH: usize = 2048;

/// Of one request: as many as hyper reads of HTTP/1.1, and no more of HTTP/2.
const MAX_FIELDS: usize = 100;

/// Everything that the connections of one worker share.
pub struct Proxy {
    pub upstream: Arc<Upstream>,
    pub config: config::Proxy,
    pub tls: Option<Arc<Live<Tls>>>,
    pub memory: Arc<RequestMemory>,
    pub trust: Trust,
    pub tracing: Tracing,
    pub token_keys: Option<Source>,
    pub metrics: Arc<Metrics>,
    pub access: Option<Access>,
    pub freed: Freed,
}

pub type Body = Either<Download, Full<Bytes>>;

impl Proxy {
    /// Answers a request; `link` is what the client's connection keeps, if it keeps anything.
    pub async fn forward(
        &self,
        request: Request<Incoming>,
        client: &Client,
        link: Option<&Arc<Link>>,
    ) -> Response<Body> {
        let entry = self.access.as_ref().map(|access| access.begin(&request));
        let began = Instant::now();
        let is_http2 = request.version() == Version::HTTP_2;
        let mut response = self.exchange(request, client, link, began).await;
        if is_http2 {
            // How long a connection lives is no matter of headers there (RFC 9113 §8.2.2).
            response.headers_mut().remove(header::CONNECTION);
        }
        self.metrics.timings.proxied(response.status(), began.elapsed());
        if let Some(entry) = entry {
            entry.end(&response);
        }
        response
    }

    async fn exchange(
        &self,
        mut request: Request<Incoming>,
        client: &Client,
        link: Option<&Arc<Link>>,
        began: Instant,
    ) -> Response<Body> {
        let peer = client.peer;
        let trace = TraceContext::of(request.headers());
        let id = CorrelationId::of(request.headers(), trace.as_ref(), CorrelationId::new_v7);
        let taken = expect_few_fields(&request).and_then(|()| address_upstream(&mut request));
        if let Err(error) = taken {
            let mut response = self.refusal(&error);
            id.set_on_response(response.headers_mut());
            return response;
        }
        let trace = self.take_part(trace);
        let request_id = self.memory.keep(began, self.seen(&request, &id, trace.as_ref(), peer));
        if let Some(mut response) = max_forwards::answer_here(&mut request) {
            id.set_on_response(response.headers_mut());
            return response.map(Either::Right);
        }

        let upgrade_to = upgrade::requested(request.headers()).filter(|_| link.is_some());
        let client_half = upgrade_to.is_some().then(|| upgrade::client_half(&mut request));
        let takes_trailers = hop_by_hop::takes_trailers(request.headers());
        hop_by_hop::remove(request.headers_mut());
        if !self.config.upstream_http2 {
            hop_by_hop::frame_body(&mut request);
        }
        if let Some(protocol) = upgrade_to {
            upgrade::restore(request.headers_mut(), protocol);
        } else if takes_trailers {
            hop_by_hop::take_trailers(request.headers_mut());
        }
        if let (Tracing::Participate, Some(trace)) = (self.tracing, &trace) {
            trace.set_on_request(request.headers_mut());
        }
        id.set_on_request(request.headers_mut());
        request_id.set_on_request(request.headers_mut());
        let scheme = if client.is_tls { "https" } else { "http" };
        client_address::forward(
            peer,
            &client.peer_text,
            scheme,
            request.headers_mut(),
            &self.trust,
        );
        // HTTP/1.0 need not name a host, and what goes on is HTTP/1.1.
        if !request.headers().contains_key(header::HOST) {
            request.headers_mut().insert(header::HOST, self.config.upstream.host());
        }

        self.metrics.proxied.add(1);
        let answer = self.upstream.send(request, link, began).await;
        self.metrics.timings.upstream(began.elapsed());
        let mut response = match answer {
            Ok(answered) => match hop_by_hop::unclear_framing(answered.response.headers()) {
                None => {
                    let failure = self.failure(&id, trace.as_ref());
                    self.answer(answered, client_half, client, failure)
                }
                Some(why) => {
                    // Before its body, which would wait for the rest.
                    if let Some(lease) = answered.lease {
                        lease.discard();
                    }
                    self.unusable(&refused_answer(why), &id, trace.as_ref())
                }
            },
            // The client's own fault, and the rest of its request may still come.
            Err(error) if is_fault_of_client(error.code()) => self.refusal(&error),
            Err(error) => self.unusable(&error, &id, trace.as_ref()),
        };
        id.set_on_response(response.headers_mut());
        response
    }

    /// The service gave no answer that can be passed on.
    fn unusable(
        &self,
        error: &Error,
        id: &CorrelationId,
        trace: Option<&TraceContext>,
    ) -> Response<Body> {
        // The client learns nothing of the files here.
        self.failure(id, trace).tell(error, self.config.upstream.socket());
        problem::response(error).map(Either::Right)
    }

    fn failure(&self, id: &CorrelationId, trace: Option<&TraceContext>) -> Failure {
        let (metrics, trace) = (self.metrics.clone(), trace.map(|trace| trace.parent));
        Failure { metrics, correlation_id: id.clone(), trace }
    }

    fn answer(
        &self,
        answered: Answered,
        client_half: Option<OnUpgrade>,
        client: &Client,
        failure: Failure,
    ) -> Response<Body> {
        let Answered { mut response, lease, upload } = answered;
        let protocol = response.headers().get(header::UPGRADE).cloned();
        let switches = response.status() == http::StatusCode::SWITCHING_PROTOCOLS;
        if let Some(client_half) = client_half {
            upgrade::join(client_half, &mut response, client.place.clone());
        }
        hop_by_hop::remove(response.headers_mut());
        if let (true, Some(protocol)) = (switches, protocol) {
            upgrade::restore(response.headers_mut(), protocol);
        }
        // The body may come or not, and nobody could tell it from the next request (RFC 9110 §10.1.1). Both connections
        // end with the answer.
        if lease.as_ref().is_some_and(|lease| lease.is_body_unwanted) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        *response.version_mut() = Version::HTTP_11;
        let timeout = self.config.stream_timeout;
        response.map(|body| Either::Left(Download::new(body, timeout, lease, upload, failure)))
    }

    /// The place in a trace that the service gets.
    fn take_part(&self, incoming: Option<TraceContext>) -> Option<TraceContext> {
        match self.tracing {
            Tracing::Pass => incoming,
            Tracing::Participate => Some(TraceContext::participate(incoming, random())),
        }
    }

    /// What is worth remembering of a request.
    fn seen<'a>(
        &self,
        request: &'a Request<Incoming>,
        id: &'a CorrelationId,
        trace: Option<&TraceContext>,
        peer: IpAddr,
    ) -> SeenRequest<'a> {
        let headers = request.headers();
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let path = request.uri().path();
        SeenRequest {
            at: Moment::now(),
            correlation_id: id.as_str().into(),
            method: request.method().clone(),
            path: path[..path.floor_char_boundary(MAX_PATH)].into(),
            ip: client_address::of(peer, headers, &self.trust),
            user_agent: text(header::USER_AGENT).map(|text| user_agent::cut(text).into()),
            actor: Actor::of(headers, self.token_keys.as_ref()),
            trace: trace.map(|trace| SeenTrace { parent: trace.parent, state: trace.kept_state() }),
        }
    }

    /// Refuses a request whose head can be read in more than one way.
    pub fn refuse<B>(&self, request: &Request<B>, error: &Error) -> Response<Body> {
        let entry = self.access.as_ref().map(|access| access.begin(request));
        let trace = TraceContext::of(request.headers());
        let id = CorrelationId::of(request.headers(), trace.as_ref(), CorrelationId::new_v7);
        let mut response = self.refusal(error);
        id.set_on_response(response.headers_mut());
        self.metrics.timings.proxied(response.status(), Duration::ZERO);
        if let Some(entry) = entry {
            entry.end(&response);
        }
        response
    }

    /// Closes the connection: what follows on it may be part of an attack.
    fn refusal(&self, error: &Error) -> Response<Body> {
        self.metrics.proxy_refused.add(1);
        let mut response = problem::response(error).map(Either::Right);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// Heads that cannot be read at all.
impl Refused for Proxy {
    fn refused(&self, status: StatusCode) {
        self.metrics.proxy_refused.add(1);
        self.metrics.timings.proxied(status, Duration::ZERO);
        if let Some(access) = &self.access {
            access.refused(status);
        }
    }
}

fn refused_answer(why: &str) -> Error {
    Error::new(Code::UpstreamUnreachable, format!("the answer of the service is refused: {why}"))
}

fn expect_few_fields(request: &Request<Incoming>) -> Result<()> {
    if request.headers().len() <= MAX_FIELDS {
        return Ok(());
    }
    let message = format!("at most {MAX_FIELDS} header fields of a request are taken");
    Err(Error::new(Code::HeadTooLarge, message))
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
    if *request.method() == Method::TRACE {
        let message = "TRACE is not passed on: its answer would show what is for the service alone";
        return Err(Error::new(Code::MethodNotAllowed, message));
    }
    let mut lengths = request.headers().get_all(header::CONTENT_LENGTH).iter().skip(1);
    if lengths.next().is_some() {
        return refused("the request states its length more than once");
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, other) = (hosts.next(), hosts.next());
    if other.is_some() {
        return refused("the request names more than one host");
    }
    if host.is_some_and(|host| !is_host(host.as_bytes())) {
        return refused("`Host` is not the name of one host");
    }
    let hosts = usize::from(host.is_some());
    if request.uri().path() == "*" && *request.method() != Method::OPTIONS {
        return refused("the target `*` is for OPTIONS only");
    }
    if let Some(authority) = request.uri().authority() {
        if !matches!(request.uri().scheme_str(), Some("http" | "https")) {
            return refused("the target of the request is neither a path nor an address of http");
        }
        // In absolute form the host of the target counts, whatever `Host` says.
        let host = HeaderValue::from_str(authority.as_str());
        let Some(host) = host.ok().filter(|host| is_host(host.as_bytes())) else {
            return refused("the host of the request cannot be used");
        };
        request.headers_mut().insert(header::HOST, host);
    } else if hosts == 0 && request.version() != Version::HTTP_10 {
        return refused("the request names no host");
    }
    *request.version_mut() = Version::HTTP_11;
    if request.uri().authority().is_none() && request.uri().scheme().is_none() {
        return Ok(());
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let Ok(target) = target.parse::<Uri>() else {
        return refused("the target of the request cannot be read");
    };
    *request.uri_mut() = target;
    Ok(())
}

/// `uri-host [":" port]` (RFC 9110 §7.2), which may be empty and names no user.
fn is_host(text: &[u8]) -> bool {
    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b".-".contains(b);
    if text.iter().all(is_plain) {
        return true;
    }
    // Colons of an address in brackets begin no port.
    let after_address = text.iter().rposition(|b| *b == b']').map_or(text, |end| &text[end..]);
    let mut ports = after_address.split(|b| *b == b':').skip(1);
    ports.all(|port| port.iter().all(u8::is_ascii_digit))
        && !text.contains(&b'@')
        && http::uri::Authority::try_from(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn hosts() {
        for host in ["", "a", "a:80", "a:", "a-b.example:8080", "[::1]", "[::1]:80", "1.2.3.4:5"] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in ["a:x", "a:80:80x", "[::1]:x", "[::1", "a b", "a/b", "u@a", "a:-1"] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }
}
