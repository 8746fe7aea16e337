//! A service that gives no answer, or not all of one.

use std::path::Path;
use std::sync::Arc;

use super::correlation::CorrelationId;
use super::trace_context::Traceparent;
use crate::error::Error;
use crate::metrics::Metrics;

/// What it takes to count and to tell that the service failed a request.
pub struct Failure {
    pub metrics: Arc<Metrics>,
    pub correlation_id: CorrelationId,
    pub trace: Option<Traceparent>,
}

impl Failure {
    /// `socket` is that of the service, for the operator alone.
    pub fn tell(&self, error: &Error, socket: Option<&Path>) {
        self.metrics.upstream_failed.add(1);
        tracing::warn!(
            correlation_id = self.correlation_id.as_str(),
            trace_id = self.trace.map(|trace| trace.trace_id()),
            code = error.code().name(),
            socket = socket.map(|path| tracing::field::display(path.display())),
            "{error}"
        );
    }

    /// It was the client that broke its request off, after the answer had begun: nothing to wake anybody for.
    pub fn tell_of_client(&self, error: &Error) {
        self.metrics.abandoned.add(1);
        tracing::debug!(
            correlation_id = self.correlation_id.as_str(),
            trace_id = self.trace.map(|trace| trace.trace_id()),
            code = error.code().name(),
            "{error}"
        );
    }
}
