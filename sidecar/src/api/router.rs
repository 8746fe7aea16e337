//! From a request to the function that answers it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::service::Service;
use tracing::{Instrument, Span};

use super::answer::Answer;
use super::exports::Body;
use super::query::{Query, decode};
use super::same_origin;
use super::turns::{Turns, blocking};
use super::untaken::Untaken;
use crate::access::{Gate, Refusals};
use crate::code::Code;
use crate::collector::Queue;
use crate::error::{Error, Result};
use crate::framing::{Refused, Verdict};
use crate::listener::Peer;
use crate::logging::{self, Access};
use crate::metrics::Open;
use crate::problem;
use crate::proxy::correlation::CorrelationId;
use crate::proxy::trace_context::TraceContext;
use crate::questions::{Questions, Stop};
use crate::trail::Trail;

/// What all connections share.
pub struct Api {
    pub trail: Arc<Trail>,
    pub queue: Queue,
    pub untaken: Untaken,
    pub turns: Arc<Turns>,
    pub gate: Gate,
    pub refusals: Refusals,
    /// Names under which this listener is reached, besides addresses and `localhost`.
    pub hosts: Vec<String>,
    pub access: Option<Access>,
}

/// The service on one connection.
pub struct Connection {
    api: Arc<Api>,
    peer: Peer,
    verdict: Verdict,
    _open: Open,
}

impl Api {
    /// The service for a connection that this peer made, and what is thought of its heads.
    pub fn connect(self: &Arc<Self>, peer: Peer, verdict: Verdict) -> Connection {
        let open = self.trail.metrics.timings.api_connection();
        verdict.tell(self.clone());
        Connection { api: self.clone(), peer, verdict, _open: open }
    }

    /// Does something that may wait for the disk, off the threads that serve. Whatever becomes of the client, it is done
    /// to its end.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Trail) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let trail = self.trail.clone();
        blocking(move || work(&trail)).await?
    }

    /// Answers a question when it is its turn. When the client leaves, so does the question.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Trail, &Questions) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (stop, _asker) = Stop::new();
        self.look_until(&stop, question).await
    }

    /// The same for somebody who waits for more than this.
    pub(super) async fn look_until<T: Send + 'static>(
        &self,
        stop: &Stop,
        question: impl FnOnce(&Trail, &Questions) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (trail, questions) = (self.trail.clone(), self.trail.questions.until(stop));
        self.turns.take(move || question(&trail, &questions)).await?
    }

    async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Result<Response<Body>> {
        let path = request.uri().path().to_owned();
        // A target with a host of its own overrides `Host` (RFC 9112 §3.2.2), so it must be the same.
        let host = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
        if request.uri().authority().is_some_and(|a| Some(a.as_str().as_bytes()) != host) {
            return Err(Error::new(Code::BadRequest, "the target names another host than `Host`"));
        }
        same_origin::check(request.method(), &path, request.headers(), &self.hosts)?;
        if path.len() > 4096 {
            return Err(Error::new(Code::BadRequest, "the path is too long"));
        }
        let segments = path.split('/').skip(1).map(decode).collect::<Result<Vec<_>>>()?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let caller = self.admit(&request, &segments, peer).await?;
        let query = || Query::parse(request.uri().query());
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let is_post = *request.method() == Method::POST;
        if matches!(segments[..], ["v1", "export"]) && is_read {
            return self.export(query()?).await;
        }
        let answered = match segments[..] {
            ["v1", "changes"] if is_post => self.post_changes(request, caller).await,
            ["v1", "entities", kind, id, "changes"] if is_read => {
                self.entity_changes(kind.to_owned(), id.to_owned(), query()?).await
            }
            ["v1", "entities", kind, id, "state"] if is_read => {
                self.entity_state(kind.to_owned(), id.to_owned(), query()?).await
            }
            ["v1", "touched"] if is_read => self.touched(query()?).await,
            ["v1", "records"] if is_read => self.records(query()?).await,
            ["v1", "records", id, "lineage"] if is_read => self.lineage(id.to_owned()).await,
            ["v1", "leases"] if is_post => self.post_leases(request, caller).await,
            ["v1", "records"] if is_post => self.post_records(request, caller).await,
            ["v1", "records", id, "lease"] if is_post => {
                self.lease_record(id.to_owned(), request, caller).await
            }
            ["v1", "policy"] if is_read => Ok(self.policy()),
            ["v1", "records", id] if is_read => self.record(id.to_owned()).await,
            ["v1", "records", id, "proof"] if is_read => self.proof(id.to_owned()).await,
            ["v1", "records", id, "reveal"] if is_post => {
                self.reveal(id.to_owned(), request, caller).await
            }
            ["v1", "subjects", id, "shred"] if is_post => {
                self.shred(id.to_owned(), request, caller).await
            }
            ["v1", "periods", kid, "shred"] if is_post => {
                self.shred_period(kid.to_owned(), request, caller).await
            }
            ["v1", "keys", "rotate"] if is_post => self.rotate(request, caller).await,
            ["v1", "holds"] if is_read => self.holds().await,
            ["v1", "holds"] if is_post => self.hold(request, caller).await,
            ["v1", "holds", name, "release"] if is_post => {
                self.release(name.to_owned(), request, caller).await
            }
            ["v1", "retention", "prune"] if is_post => self.prune(request, caller).await,
            ["v1", "retention", "expire"] if is_post => self.expire(request, caller).await,
            ["v1", "retention", "compress"] if is_post => self.compress(request).await,
            ["checkpoint"] | ["tile", ..] if is_read => self.log_resource(&path).await,
            ["healthz"] if is_read => Ok(self.healthz()),
            ["readyz"] if is_read => self.readyz().await,
            ["metrics"] if is_read => Ok(self.metrics()),
            ["console", ..] if is_read => self.console(&path, request.headers()),
            _ => no_route(&segments),
        };
        let mut answer = answered?;
        // What POST has done is done, and its answer must say so; the others are there for whoever looks after this.
        if is_read && matches!(segments[..], ["v1" | "checkpoint" | "tile", ..]) {
            answer = self.untaken.hold(answer)?;
        }
        Ok(answer.map(Either::Left))
    }
}

/// A resource that there is not, or not with this method; then the answer names those it has (RFC 9110
/// §15.5.6).
fn no_route(segments: &[&str]) -> Result<Answer> {
    let allowed = match segments {
        ["v1", "changes" | "leases"]
        | ["v1", "records", _, "reveal" | "lease"]
        | ["v1", "subjects" | "periods", _, "shred"]
        | ["v1", "keys", "rotate"]
        | ["v1", "holds", _, "release"]
        | ["v1", "retention", "prune" | "expire" | "compress"] => "POST",
        ["v1", "holds" | "records"] => "GET, HEAD, POST",
        ["v1", "policy" | "touched" | "export"]
        | ["v1", "entities", _, _, "changes" | "state"]
        | ["v1", "records", _]
        | ["v1", "records", _, "proof" | "lineage"]
        | ["checkpoint" | "healthz" | "readyz" | "metrics"]
        | ["tile" | "console", ..] => "GET, HEAD",
        _ => return Err(Error::new(Code::NotFound, "there is no such resource")),
    };
    let message = format!("this resource takes {allowed}, and no other method");
    let error = Error::new(Code::MethodNotAllowed, message);
    let mut answer = problem::response(&error);
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    Ok(answer)
}

impl Refused for Api {
    fn refused(&self, status: StatusCode) {
        if let Some(access) = &self.access {
            access.refused(status);
        }
    }
}

impl Service<Request<Incoming>> for Connection {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let (api, peer) = (self.api.clone(), self.peer);
        let fault = self.verdict.of_next();
        let trace = TraceContext::of(request.headers());
        let id = CorrelationId::of(request.headers(), trace.as_ref(), CorrelationId::new_v7);
        let span = span_of(&id, trace.as_ref());
        request.extensions_mut().insert(id.clone());
        let entry = self.api.access.as_ref().map(|access| access.begin(&request));
        // Who waits to be asked for a body and is refused sends it or does not (RFC 9110 §10.1.1).
        let may_hold_back = request.headers().contains_key(header::EXPECT);
        let answer = async move {
            let answered = match fault {
                Some(fault) => Err(fault.error()),
                None => api.answer(request, peer).await,
            };
            answered.unwrap_or_else(|error| {
                logging::tell(&error);
                let mut answer = problem::response(&error).map(Either::Left);
                // A body that was not read to its end would be read as the next request.
                let is_unread = matches!(
                    error.code(),
                    Code::TooLarge
                        | Code::QueueFull
                        | Code::Unauthenticated
                        | Code::InvalidToken
                        | Code::Forbidden
                );
                if fault.is_some() || is_unread || may_hold_back {
                    let close = HeaderValue::from_static("close");
                    answer.headers_mut().insert(header::CONNECTION, close);
                }
                answer
            })
        };
        Box::pin(async move {
            let mut answer = answer.instrument(span).await;
            id.set_on_response(answer.headers_mut());
            if let Some(entry) = entry {
                entry.end(&answer);
            }
            Ok(answer)
        })
    }
}

/// What every line of our log about a request says.
fn span_of(id: &CorrelationId, trace: Option<&TraceContext>) -> Span {
    let trace_id = trace.map(|trace| trace.parent.trace_id());
    tracing::error_span!("request", correlation_id = id.as_str(), trace_id)
}
