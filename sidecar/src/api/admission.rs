//! Lets in who may, and tells the log who may not.

use http::Request;
use hyper::body::Incoming;

use super::Api;
use crate::access::{Attempt, Caller, Need, Via};
use crate::acts;
use crate::engine::Actor;
use crate::error::{Error, Result};

impl Api {
    /// Who asks, if he may. What anybody may ask, a caller with a wrong token may ask too.
    pub(super) async fn admit(
        &self,
        request: &Request<Incoming>,
        segments: &[&str],
        via: Via,
    ) -> Result<Caller> {
        let Some(need) = Need::of(request.method(), segments) else {
            return Ok(Caller::anybody(via));
        };
        let identified = self.gate.identify(request.headers(), via);
        let (actor, is_known) = match &identified {
            Ok(caller) => (caller.actor.clone(), caller.is_known),
            Err(_) => (via.actor(), false),
        };
        let error = match identified.and_then(|caller| caller.require(need).map(|()| caller)) {
            Ok(caller) => return Ok(caller),
            Err(error) => error,
        };
        let attempt = Attempt::of(request.method(), segments);
        self.refuse(&error, &actor, is_known, attempt).await;
        Err(error)
    }

    /// Counts a refusal, and leaves a record of an act that was refused.
    pub(super) async fn refuse(
        &self,
        error: &Error,
        actor: &Actor,
        is_known: bool,
        attempt: Option<Attempt>,
    ) {
        self.gate.note(error);
        let Some(attempt) = attempt else { return };
        let Some(unrecorded) = self.refusals.admit(actor, is_known, &attempt) else { return };
        let (who, why) = (actor.clone(), error.message().to_owned());
        let record =
            self.ask(move |trail| acts::refused(trail, &who, &why, &attempt, unrecorded)).await;
        if let Err(error) = record {
            self.refusals.give_back(unrecorded);
            tracing::error!(%error, "a refusal could not be recorded");
        }
    }
}
