//! From a request to the function that answers it.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Request, header};
use hyper::body::Incoming;
use hyper::service::Service;
use tokio::net::TcpStream;

use super::answer::Answer;
use super::query::{Query, decode};
use super::same_origin;
use crate::code::Code;
use crate::collector::Queue;
use crate::engine;
use crate::error::{Error, Result};
use crate::metrics::Open;
use crate::problem;
use crate::proxy::identity::{Actor, TokenKey};
use crate::reload::Live;
use crate::trail::Trail;

/// What all connections share.
pub struct Api {
    pub trail: Arc<Trail>,
    pub queue: Queue,
    pub token_key: Option<Arc<Live<TokenKey>>>,
    /// Names under which this listener is reached, besides addresses and `localhost`.
    pub hosts: Vec<String>,
}

/// The service on one connection.
pub struct Connection {
    api: Arc<Api>,
    peer: IpAddr,
    _open: Open,
}

/// Who asks: known by a verified token, or only by the address.
pub struct Caller {
    actor: engine::Actor,
    is_verified: bool,
}

impl Caller {
    /// Whom the body names counts only where no token says better.
    pub fn or_named(self, named: Option<engine::Actor>) -> engine::Actor {
        match named {
            Some(named) if !self.is_verified => named,
            _ => self.actor,
        }
    }
}

impl Api {
    pub fn connect(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> (TcpStream, Connection) {
        let open = self.trail.metrics.timings.api_connection();
        (stream, Connection { api: self.clone(), peer: peer.ip(), _open: open })
    }

    /// Asks something that may wait for the disk, off the threads that serve.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Trail) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let trail = self.trail.clone();
        let asked = tokio::task::spawn_blocking(move || question(&trail)).await;
        asked.map_err(|_| Error::new(Code::Internal, "the work was given up halfway"))?
    }

    pub(super) fn actor(&self, headers: &HeaderMap, peer: IpAddr) -> Caller {
        let key = self.token_key.as_ref().map(|key| key.get());
        let actor = Actor::of(headers, key.as_deref()).filter(|actor| actor.verified);
        let is_verified = actor.is_some();
        let (kind, id) = match actor {
            Some(actor) => ("user", actor.id),
            None => ("address", peer.to_canonical().to_string()),
        };
        Caller { actor: engine::Actor { kind: kind.into(), id }, is_verified }
    }

    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Result<Answer> {
        let path = request.uri().path().to_owned();
        same_origin::check(request.method(), &path, request.headers(), &self.hosts)?;
        if path.len() > 4096 {
            return Err(Error::new(Code::BadRequest, "the path is too long"));
        }
        let segments = path.split('/').skip(1).map(decode).collect::<Result<Vec<_>>>()?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let query = || Query::parse(request.uri().query());
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let is_post = *request.method() == Method::POST;
        match segments[..] {
            ["v1", "changes"] if is_post => self.post_changes(request).await,
            ["v1", "entities", kind, id, "changes"] if is_read => {
                self.entity_changes(kind.to_owned(), id.to_owned(), query()?).await
            }
            ["v1", "records"] if is_read => self.records_of_correlation(query()?).await,
            ["v1", "records", id] if is_read => self.record(id.to_owned()).await,
            ["v1", "records", id, "proof"] if is_read => self.proof(id.to_owned()).await,
            ["v1", "records", id, "reveal"] if is_post => {
                self.reveal(id.to_owned(), request, peer).await
            }
            ["v1", "subjects", id, "shred"] if is_post => {
                self.shred(id.to_owned(), request, peer).await
            }
            ["v1", "holds"] if is_read => self.holds().await,
            ["v1", "holds"] if is_post => self.hold(request, peer).await,
            ["v1", "holds", name, "release"] if is_post => {
                self.release(name.to_owned(), request, peer).await
            }
            ["v1", "retention", "prune"] if is_post => self.prune(request, peer).await,
            ["v1", "retention", "compress"] if is_post => self.compress(request).await,
            ["checkpoint"] | ["tile", ..] if is_read => self.log_resource(&path).await,
            ["healthz"] if is_read => Ok(self.healthz()),
            ["readyz"] if is_read => self.readyz().await,
            ["metrics"] if is_read => Ok(self.metrics()),
            ["console", ..] if is_read => self.console(&path),
            _ => no_route(&segments),
        }
    }
}

/// A resource that there is not, or not with this method; then the answer names those it has (RFC 9110
/// §15.5.6).
fn no_route(segments: &[&str]) -> Result<Answer> {
    let allowed = match segments {
        ["v1", "changes"]
        | ["v1", "records", _, "reveal"]
        | ["v1", "subjects", _, "shred"]
        | ["v1", "holds", _, "release"]
        | ["v1", "retention", "prune" | "compress"] => "POST",
        ["v1", "holds"] => "GET, HEAD, POST",
        ["v1", "records"]
        | ["v1", "entities", _, _, "changes"]
        | ["v1", "records", _]
        | ["v1", "records", _, "proof"]
        | ["checkpoint" | "healthz" | "readyz" | "metrics"]
        | ["tile" | "console", ..] => "GET, HEAD",
        _ => return Err(Error::new(Code::NotFound, "there is no such resource")),
    };
    let error = Error::new(Code::MethodNotAllowed, "this resource does not know that method");
    let mut answer = problem::response(&error);
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    Ok(answer)
}

impl Service<Request<Incoming>> for Connection {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (api, peer) = (self.api.clone(), self.peer);
        Box::pin(async move {
            Ok(api.answer(request, peer).await.unwrap_or_else(|error| {
                let mut answer = problem::response(&error);
                // A body that was not read to its end would be read as the next request.
                if matches!(error.code(), Code::TooLarge | Code::QueueFull) {
                    let close = HeaderValue::from_static("close");
                    answer.headers_mut().insert(header::CONNECTION, close);
                }
                answer
            }))
        })
    }
}
