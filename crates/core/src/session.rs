//! The steps of a capture for a host on the other side of a WebAssembly boundary, which can hold
//! no borrowed state between calls.

use std::sync::Arc;

use sealtrail_record::json::{self, Limits, Value};

use crate::capture::{Draft, KeyPair, Plan, Stamp};
use crate::policy::Policy;
use crate::{Error, act};

/// A policy, and the change that is on its way through it.
#[derive(Default)]
pub struct Session {
    policy: Option<Arc<Policy>>,
    draft: Option<Draft>,
    plan: Option<Plan>,
}

impl Session {
    /// Loads a policy in place of the one before; gives its [summary](Policy::summary).
    pub fn policy(&mut self, document: &[u8]) -> Result<Vec<u8>, Error> {
        *self = Self { policy: Some(Arc::new(Policy::parse(document)?)), ..Self::default() };
        self.loaded().map(|policy| policy.summary())
    }

    /// Reads a change; gives its [envelope](Draft::envelope).
    pub fn read(&mut self, change: &[u8]) -> Result<Vec<u8>, Error> {
        (self.draft, self.plan) = (None, None);
        let draft = Draft::read(self.loaded()?, change, &Limits::default())?;
        let envelope = draft.envelope().to_vec();
        self.draft = Some(draft);
        Ok(envelope)
    }

    /// Takes the joined context; gives the [summary](Plan::summary) of what is needed.
    pub fn plan(&mut self, context: &[u8]) -> Result<Vec<u8>, Error> {
        let draft = self.draft.take().ok_or_else(|| out_of_turn("`plan` follows `read`"))?;
        let plan = draft.plan(context)?;
        let summary = plan.summary();
        self.plan = Some(plan);
        Ok(summary)
    }

    /// Seals; gives the line. `stamp` is a [stamp document](with_stamp).
    pub fn seal(
        &mut self,
        stamp: &[u8],
        entropy: &[u8],
        keys: &[KeyPair<'_>],
    ) -> Result<Vec<u8>, Error> {
        let plan = self.plan.take().ok_or_else(|| out_of_turn("`seal` follows `plan`"))?;
        with_stamp(stamp, |stamp| plan.seal(stamp, entropy, keys))
    }

    fn loaded(&self) -> Result<&Arc<Policy>, Error> {
        self.policy.as_ref().ok_or_else(|| out_of_turn("a policy comes first"))
    }
}

/// The record of an [act](act()), from a stamp document and the act.
pub fn act_with_stamp(stamp: &[u8], document: &[u8]) -> Result<Vec<u8>, Error> {
    with_stamp(stamp, |stamp| act(stamp, document))
}

/// Reads `{"origin","id","recorded_time","engine":{"version","sha256"}}`.
fn with_stamp<T>(
    document: &[u8],
    use_it: impl FnOnce(&Stamp<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let limits = Limits { max_bytes: 16 << 10, max_depth: 4, max_values: 16 };
    let value = json::parse(document, &limits).map_err(|e| Error::json("the stamp", e))?;
    let text = |at: &str| match value.pointer(at) {
        Some(Value::String(text)) => Ok(text.to_string()),
        Some(other) => Err(Error::field(at, "a string", other.kind())),
        None => Err(Error::missing(at)),
    };
    let (origin, id, time) = (text("/origin")?, text("/id")?, text("/recorded_time")?);
    let (version, sha256) = (text("/engine/version")?, text("/engine/sha256")?);
    let stamp = Stamp {
        origin: &origin,
        id: &id,
        recorded_time: &time,
        engine_version: &version,
        engine_sha256: &sha256,
    };
    use_it(&stamp)
}

fn out_of_turn(what: &str) -> Error {
    Error::new("out_of_turn", what)
}
