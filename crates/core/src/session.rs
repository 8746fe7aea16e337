//! The steps of a capture for a host on the other side of a WebAssembly boundary, which can hold
//! no borrowed state between calls.

use std::sync::Arc;

use sealtrail_record::json::{Buffers, Document, Kind, Limits, NodeId};

use crate::capture::{Draft, Plan, Reading};
use crate::lease::LeasedKey;
use crate::lent_keys::LentKeys;
use crate::policy::Policy;
use crate::room::Room;
use crate::seal::{Key, NONCE_BYTES};
use crate::stamp::{KeyPair, Stamp};
use crate::{Error, act};

/// A policy, and the change that is on its way through it.
#[derive(Default)]
pub struct Session {
    policy: Option<Arc<Policy>>,
    draft: Option<Draft>,
    plan: Option<Plan>,
    keys: LentKeys,
    room: Room,
    /// The last record.
    line: Vec<u8>,
}

/// What came of a change in one call.
pub enum Recorded<'s> {
    /// The line, and how many nonces it took.
    Line {
        line: &'s [u8],
        nonces: usize,
    },
    Unchanged,
    /// Keys or entropy are missing: the [summary](Plan::summary). [`Session::seal`] may follow.
    Needs(Vec<u8>),
}

impl Session {
    /// Loads a policy in place of the one before; gives its [summary](Policy::summary).
    pub fn policy(&mut self, document: &[u8]) -> Result<Vec<u8>, Error> {
        *self = Self { policy: Some(Arc::new(Policy::parse(document)?)), ..Self::default() };
        self.loaded().map(|policy| policy.summary().to_vec())
    }

    /// Reads a change; gives its [envelope](Draft::envelope).
    pub fn read(&mut self, change: &[u8]) -> Result<Vec<u8>, Error> {
        (self.draft, self.plan) = (None, None);
        let mut draft = self.draft(change, Reading::Host)?;
        let envelope = draft.take_envelope();
        self.draft = Some(draft);
        Ok(envelope)
    }

    /// Takes the joined context; gives the [summary](Plan::summary) of what is needed.
    pub fn plan(&mut self, context: &[u8]) -> Result<Vec<u8>, Error> {
        let draft = self.draft.take().ok_or_else(|| out_of_turn("`plan` follows `read`"))?;
        let plan = draft.plan_with(context, &mut self.room)?;
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
        let Room { context, seals, .. } = &mut self.room;
        let line = with_stamp(stamp, context, |stamp| plan.seal_in(stamp, entropy, keys, seals))?;
        plan.leave(&mut self.room);
        Ok(line)
    }

    /// Seals with keys that are of this record only; gives the line.
    pub fn seal_leased(
        &mut self,
        stamp: &[u8],
        entropy: &[u8],
        leased: &[LeasedKey<'_>],
    ) -> Result<Vec<u8>, Error> {
        let plan = self.plan.take().ok_or_else(|| out_of_turn("`seal` follows `plan`"))?;
        with_stamp(stamp, &mut self.room.context, |stamp| plan.seal_leased(stamp, entropy, leased))
    }

    /// Lends the key of a data subject, for [`record`](Self::record), until [`forget`](Self::forget).
    pub fn lend_subject(&mut self, subject: &str, kid: &str, key: Key) {
        self.keys.lend_subject(subject, kid, key);
    }

    /// Lends the key of a retention class's current period.
    pub fn lend_period(&mut self, class: &str, kid: &str, key: Key) {
        self.keys.lend_period(class, kid, key);
    }

    /// Wipes every key that was lent.
    pub fn forget(&mut self) {
        self.keys = LentKeys::default();
    }

    /// [`read`](Self::read), [`plan`](Self::plan) and [`seal`](Self::seal) with keys that were lent.
    pub fn record(
        &mut self,
        change: &[u8],
        context: &[u8],
        stamp: &[u8],
        entropy: &[u8],
    ) -> Result<Recorded<'_>, Error> {
        (self.draft, self.plan) = (None, None);
        let plan = self.draft(change, Reading::Record)?.plan_with(context, &mut self.room)?;
        if plan.is_unchanged() {
            plan.leave(&mut self.room);
            return Ok(Recorded::Unchanged);
        }
        let nonces = plan.nonces();
        if nonces * NONCE_BYTES <= entropy.len() {
            let Self { keys, room: Room { context, seals, .. }, line, .. } = self;
            line.clear();
            let write = |stamp: &Stamp<'_>| keys.write(&plan, stamp, entropy, seals, line);
            if with_stamp(stamp, context, write)? {
                plan.leave(&mut self.room);
                return Ok(Recorded::Line { line: &self.line, nonces });
            }
        }
        let summary = plan.summary();
        self.plan = Some(plan);
        Ok(Recorded::Needs(summary))
    }

    fn draft(&mut self, change: &[u8], reading: Reading) -> Result<Draft, Error> {
        let policy = Arc::clone(self.loaded()?);
        Draft::read_with(&policy, change, &Limits::default(), reading, &mut self.room)
    }

    fn loaded(&self) -> Result<&Arc<Policy>, Error> {
        self.policy.as_ref().ok_or_else(|| out_of_turn("a policy comes first"))
    }
}

/// The record of an [act](act()), from a stamp document and the act.
pub fn act_with_stamp(stamp: &[u8], document: &[u8]) -> Result<Vec<u8>, Error> {
    with_stamp(stamp, &mut Buffers::default(), |stamp| act(stamp, document))
}

/// Reads `{"origin","id","recorded_time","engine":{"version","sha256"}}`.
fn with_stamp<T>(
    document: &[u8],
    buffers: &mut Buffers,
    use_it: impl FnOnce(&Stamp<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let limits = Limits { max_bytes: 16 << 10, max_depth: 4, max_values: 16 };
    let document = Document::read(document, &limits, std::mem::take(buffers))
        .map_err(|e| Error::json("the stamp", e))?;
    let text = |parent: Option<NodeId>, name: &str, at: &str| {
        let node = parent.and_then(|parent| document.get(parent, name));
        let node = node.ok_or_else(|| Error::missing(at))?;
        match document.kind(node) {
            Kind::String => Ok(document.written(node)),
            other => Err(Error::field(at, "a string", other.name())),
        }
    };
    let root = Some(document.root());
    let engine = document.get(document.root(), "engine");
    let (origin, id) = (text(root, "origin", "/origin")?, text(root, "id", "/id")?);
    let time = text(root, "recorded_time", "/recorded_time")?;
    let version = text(engine, "version", "/engine/version")?;
    let sha256 = text(engine, "sha256", "/engine/sha256")?;
    let stamp = Stamp {
        origin: &origin,
        id: &id,
        recorded_time: &time,
        engine_version: &version,
        engine_sha256: &sha256,
    };
    let used = use_it(&stamp);
    drop((origin, id, time, version, sha256));
    *buffers = document.into_buffers();
    used
}

fn out_of_turn(what: &str) -> Error {
    Error::new("out_of_turn", what)
}
