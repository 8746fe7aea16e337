//! Lets in who may, and tells the log who may not.

use http::Request;
use hyper::body::Incoming;

use super::Api;
use crate::access::{Attempt, Caller, Need, is_plain};
use crate::acts::{self, Justification};
use crate::error::{Error, Result};
use crate::listener::Peer;
use crate::proxy::correlation::CorrelationId;
use crate::proxy::trace_context::TraceContext;

impl Api {
    /// Who asks, if he may. What anybody may ask, a caller with a wrong token may ask too.
    pub(super) async fn admit(
        &self,
        request: &Request<Incoming>,
        segments: &[&str],
        peer: Peer,
    ) -> Result<Caller> {
        let Some(need) = Need::of(request.method(), segments) else {
            return Ok(Caller::anybody(peer));
        };
        let headers = request.headers();
        let trace = TraceContext::of(headers);
        let correlation_id = CorrelationId::brought(headers, trace.as_ref());
        let identified = self
            .gate
            .identify(headers, peer)
            .map(|caller| Caller { correlation_id: correlation_id.clone(), ..caller });
        let (caller, refused) = match identified {
            Ok(caller) => match caller.require(need) {
                Ok(()) => return Ok(caller),
                Err(error) => (caller, error),
            },
            Err(error) => (Caller { correlation_id, ..Caller::anybody(peer) }, error),
        };
        self.refuse(&refused, &caller, Attempt::of(request.method(), segments)).await;
        Err(refused)
    }

    /// Whether the caller may see a data group; that he may not leaves a record that names the group.
    pub(super) async fn require_group(
        &self,
        caller: &Caller,
        group: &str,
        attempt: Option<Attempt>,
    ) -> Result<()> {
        let Err(error) = caller.require_group(group) else { return Ok(()) };
        let group = Some(group.to_owned()).filter(|group| is_plain(group));
        let attempt = attempt.map(|attempt| Attempt { group, ..attempt });
        self.refuse(&error, caller, attempt).await;
        Err(error)
    }

    /// Counts a refusal, and leaves a record of an act that was refused.
    pub(super) async fn refuse(&self, error: &Error, caller: &Caller, attempt: Option<Attempt>) {
        self.gate.note(error);
        let Some(attempt) = attempt else { return };
        let (actor, is_known) = (&caller.actor, caller.is_known);
        let Some(unrecorded) = self.refusals.admit(actor, is_known, &attempt) else { return };
        // Made to fit a record: nobody may prevent it by a long name.
        let why = Justification::of_the_past(&actor.kind, &actor.id, error.message())
            .within(caller.correlation_id.clone());
        let record = self.ask(move |trail| acts::refused(trail, &why, &attempt, unrecorded)).await;
        if let Err(error) = record {
            self.refusals.give_back(unrecorded);
            tracing::error!(%error, "a refusal could not be recorded");
        }
    }
}
