//! The access log: one line for each request that was answered, where `[log] access` asks for it. Its correlation id is that
//! of the answer: the one that the request brought, or else one that was made for it. Only what could not be read as a request
//! has none.

use std::time::Instant;

use http::{Method, Request, Response, StatusCode};

use crate::config;
use crate::proxy::correlation::CorrelationId;
use crate::proxy::trace_context::TraceContext;

/// The target of its lines, so that `SEALTRAIL_LOG` can choose them.
pub const TARGET: &str = "access";

/// Longer paths are cut.
const MAX_PATH: usize = 256;

/// What one listener writes.
pub struct Access {
    listener: &'static str,
    has_paths: bool,
}

/// A line that waits for its answer.
pub struct Entry {
    listener: &'static str,
    method: &'static str,
    path: Option<String>,
    trace_id: Option<String>,
    began: Instant,
}

impl Access {
    /// None where nobody asked for it.
    pub fn of(log: &config::Log, listener: &'static str) -> Option<Self> {
        log.access.then_some(Self { listener, has_paths: log.paths })
    }

    pub fn begin<B>(&self, request: &Request<B>) -> Entry {
        let trace = TraceContext::of(request.headers());
        let path = request.uri().path();
        let cut = || path[..path.floor_char_boundary(MAX_PATH)].to_owned();
        Entry {
            listener: self.listener,
            method: known(request.method()),
            path: self.has_paths.then(cut),
            trace_id: trace.map(|trace| trace.parent.trace_id()),
            began: Instant::now(),
        }
    }

    /// The line of a request that was refused before anybody looked at what it says: its answer is all that is known.
    pub fn refused(&self, status: StatusCode) {
        tracing::info!(
            target: TARGET,
            listener = self.listener,
            status = status.as_u16(),
            "request"
        );
    }
}

impl Entry {
    /// Writes the line.
    pub fn end<B>(self, response: &Response<B>) {
        let correlation_id = CorrelationId::in_header(response.headers());
        tracing::info!(
            target: TARGET,
            listener = self.listener,
            method = self.method,
            path = self.path,
            status = response.status().as_u16(),
            duration_seconds = self.began.elapsed().as_secs_f64(),
            correlation_id = correlation_id.as_ref().map(CorrelationId::as_str),
            trace_id = self.trace_id,
            "request"
        );
    }
}

/// A method is whatever a client writes; only those of the registry are repeated.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "other",
    }
}
