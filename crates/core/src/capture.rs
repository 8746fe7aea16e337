//! From a change to its record, in three steps that a host takes one after another:
//! [`Draft::read`] (the change and what the policy makes of its images), [`Draft::plan`] (with the
//! context that the host joined; now it is known which keys are needed), [`Plan::seal`] (with the
//! keys, the entropy and the time).

use std::sync::Arc;

use sealtrail_record::json::{Buffers, Document, Limits, write_string};

use crate::change::{Action, Change, Image};
use crate::change_list::ChangeList;
use crate::context::Context;
use crate::context_writer::write_context;
use crate::diff::compare_entities;
use crate::fold::fold_keys;
use crate::policy::{Cursor, Policy, Seal};
use crate::protector::{Entry, Protector};
use crate::seal::RecordKeys;
use crate::stamp::{KeyPair, Stamp};
use crate::subject::payload_subject;
use crate::template::{Body, Gap, Need, Role, Template};
use crate::writer::{Spot, Writer};
use crate::{Error, hex};

/// A change whose images have been compared and put through the policy.
pub struct Draft {
    policy: Arc<Policy>,
    template: Template,
    envelope: Vec<u8>,
    entity_type: String,
    entity_id: String,
    action: Action,
    changes: usize,
    unchanged: bool,
}

/// What a change is read for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A host, which asks for the envelope.
    Host,
    /// Somebody who asks what the policy did to each value.
    Preview,
    /// Nothing but its record.
    Record,
}

impl Draft {
    /// Reads a change; nothing of it is kept but what the policy lets through and what is to be
    /// sealed.
    pub fn read(policy: &Arc<Policy>, change: &[u8], limits: &Limits) -> Result<Self, Error> {
        Self::read_with(policy, change, limits, Reading::Host, &mut Buffers::default())
    }

    /// The same; `buffers` is what the reading before left, and what this one leaves.
    pub(crate) fn read_with(
        policy: &Arc<Policy>,
        change: &[u8],
        limits: &Limits,
        reading: Reading,
        buffers: &mut Buffers,
    ) -> Result<Self, Error> {
        let mut document = Document::read_images(change, limits, std::mem::take(buffers))
            .map_err(|e| Error::json("the change", e))?;
        let draft = Self::of(policy, &mut document, reading);
        *buffers = document.into_buffers();
        draft
    }

    fn of(
        policy: &Arc<Policy>,
        document: &mut Document<'_>,
        reading: Reading,
    ) -> Result<Self, Error> {
        let change = Change::of(document)?;
        if policy.fold_keys {
            for image in [change.before, change.after] {
                if let Image::Known(node) = image {
                    fold_keys(document, node);
                }
            }
        }
        let document = &*document;
        let mut template = Template::new(reading == Reading::Preview);
        let subjects = |seal: &Seal, side: &str| payload_subject(document, &change, seal, side);
        let mut writer = Writer::new(policy, document, &mut template, &subjects);
        writer.template.text(b",\"changes\":[");
        let (mut changes, mut unchanged) = (0, false);
        if let (Image::Unknown, image) | (image, Image::Unknown) = (change.before, change.after) {
            // The other image is kept as it is, and no difference is invented.
            writer.template.text(b"]");
            if let Some(node) = image.value() {
                let is_before = matches!(change.after, Image::Unknown);
                let name = if is_before { "before" } else { "after" };
                let at = format!("/data/{name}");
                let mut spot = Spot { side: "rec", path: at.clone(), at };
                let head = format!(",\"{name}\":");
                writer.members(&Cursor::new(&policy.payload), node, &mut spot, head.as_bytes())?;
            }
        } else {
            let (before, after) = (change.before.value(), change.after.value());
            let mut list = ChangeList::new(writer);
            compare_entities(document, before, after, Some(policy), &mut list)?;
            (changes, unchanged) =
                (list.written, list.found == 0 && change.action == Action::Update);
            list.writer.template.text(b"]");
        }
        Ok(Self {
            policy: Arc::clone(policy),
            template,
            envelope: match reading {
                Reading::Record => Vec::new(),
                Reading::Host | Reading::Preview => change.envelope(),
            },
            entity_type: change.entity_type,
            entity_id: change.entity_id,
            action: change.action,
            changes,
            unchanged,
        })
    }

    /// `{"entity":…,"action":…,"context":…}`: what the change says of itself, in one spelling,
    /// for the host to join with what it knows of the request.
    pub fn envelope(&self) -> &[u8] {
        &self.envelope
    }

    /// Adds the context, which now is whole.
    pub fn plan(self, context: &[u8]) -> Result<Plan, Error> {
        let limits = Limits { max_bytes: 256 << 10, max_depth: 32, max_values: 10_000 };
        let document = Document::read(context, &limits, Buffers::default())
            .map_err(|e| Error::json("the context", e))?;
        let context = Context::of(document.to_value(document.root()), "/context")?;
        let correlation_id = context
            .correlation_id
            .clone()
            .ok_or_else(|| Error::missing("/context/correlation_id"))?;
        let mut template = self.template;
        let changes = std::mem::take(&mut template.body);
        let entity = format!("{}/{}", self.entity_type, self.entity_id);
        let actor = write_context(&self.policy, &document, &context, &entity, &mut template)?;
        let context_body = std::mem::replace(&mut template.body, changes);
        Ok(Plan {
            policy: self.policy,
            template,
            context_body,
            entity_type: self.entity_type,
            entity_id: self.entity_id,
            action: self.action,
            changes: self.changes,
            unchanged: self.unchanged,
            correlation_id,
            causation_id: context.causation_id,
            traceparent: context.traceparent,
            tracestate: context.tracestate,
            time: context.time,
            service: context.service,
            // CloudEvents' authcontext wants a type wherever there is an actor.
            authtype: context.actor.map(|_| actor.kind.unwrap_or_else(|| "unknown".into())),
            authid: actor.id,
        })
    }
}

/// A record that lacks only its keys, its time and its entropy.
pub struct Plan {
    policy: Arc<Policy>,
    pub(crate) template: Template,
    context_body: Body,
    entity_type: String,
    entity_id: String,
    action: Action,
    changes: usize,
    unchanged: bool,
    correlation_id: String,
    causation_id: Option<String>,
    traceparent: Option<String>,
    tracestate: Option<String>,
    time: Option<String>,
    service: Option<String>,
    authtype: Option<String>,
    authid: Option<String>,
}

impl Plan {
    /// The keys that are needed, one pair for each entry of `seals`.
    pub fn needs(&self) -> &[Need] {
        &self.template.needs
    }

    /// Whether an update changed nothing that counts, so that there is nothing to record.
    pub fn is_unchanged(&self) -> bool {
        self.unchanged
    }

    /// How many nonces of 12 bytes [`seal`](Self::seal) takes.
    pub fn nonces(&self) -> usize {
        self.gaps().filter(|gap| self.is_sealed(gap)).count()
    }

    pub(crate) fn is_sealed(&self, gap: &Gap) -> bool {
        self.needs()[gap.need].role == Role::Sealed
    }

    pub(crate) fn gaps(&self) -> impl Iterator<Item = &Gap> + Clone {
        self.context_body.gaps.iter().chain(&self.template.body.gaps)
    }

    /// `{"outcome":…,"needs":[…],"nonces":…,"changes":…}`
    pub fn summary(&self) -> Vec<u8> {
        let outcome: &[u8] = if self.unchanged { b"unchanged" } else { b"record" };
        let mut out = [b"{\"outcome\":\"", outcome, b"\",\"needs\":["].concat();
        for (i, need) in self.needs().iter().enumerate() {
            out.extend_from_slice(if i == 0 { b"{\"group\":" } else { b",{\"group\":" });
            write_string(&need.group, &mut out);
            out.extend_from_slice(b",\"subject\":");
            write_string(&need.subject, &mut out);
            out.extend_from_slice(b",\"retain\":");
            write_string(&need.retain, &mut out);
            out.push(b'}');
        }
        let counts = format!("],\"nonces\":{},\"changes\":{}}}", self.nonces(), self.changes);
        out.extend_from_slice(counts.as_bytes());
        out
    }

    pub(crate) fn fields(&mut self) -> Vec<crate::template::Field> {
        self.template.fields.take().unwrap_or_default()
    }

    /// The record, one line without its line feed.
    ///
    /// `entropy` is at least [`nonces`](Self::nonces) × 12 bytes that were never used before;
    /// `keys` are in the order of [`needs`](Self::needs).
    pub fn seal(
        self,
        stamp: &Stamp<'_>,
        entropy: &[u8],
        keys: &[KeyPair<'_>],
    ) -> Result<Vec<u8>, Error> {
        if keys.len() != self.needs().len() {
            let message =
                format!("{} key pairs are needed, got {}", self.needs().len(), keys.len());
            return Err(Error::new("missing_field", message));
        }
        let mut entries = Vec::with_capacity(keys.len());
        for (need, pair) in self.needs().iter().zip(keys) {
            let kids = [pair.subject_kid, pair.period_kid];
            entries.push(Entry::new(need, kids, stamp, &pair.subject, |scope| {
                RecordKeys::derive(&pair.subject, &pair.period, scope)
            })?);
        }
        self.write(stamp, entropy, entries)
    }

    pub(crate) fn write(
        &self,
        stamp: &Stamp<'_>,
        entropy: &[u8],
        entries: Vec<Entry<'_>>,
    ) -> Result<Vec<u8>, Error> {
        stamp.check()?;
        let mut protector = Protector::new(self, entropy, entries)?;
        let mut out = Vec::with_capacity(self.expected_len());
        self.head(stamp, &protector, &mut out);
        for body in [&self.context_body, &self.template.body] {
            let mut from = 0;
            for gap in &body.gaps {
                out.extend_from_slice(&body.text[from..gap.offset]);
                protector.fill(gap, &mut out);
                from = gap.offset;
            }
            out.extend_from_slice(&body.text[from..]);
        }
        protector.write_seals(&mut out);
        out.extend_from_slice(b",\"policy\":");
        out.extend_from_slice(self.policy.summary());
        stamp.write_engine(&mut out);
        out.extend_from_slice(b"}}");
        Ok(out)
    }

    /// Near the length of the record, so that it is written where it stays.
    fn expected_len(&self) -> usize {
        let texts = self.context_body.text.len() + self.template.body.text.len();
        let gap = |gap: &Gap| {
            let (at, plaintext) = (self.template.at(gap), self.template.plaintext(gap));
            // 28 bytes of nonce and tag, base64, quotes and prefix; and the pointer in `seals`.
            (plaintext.len() + 28) * 4 / 3 + at.len() + 20
        };
        1200 + texts + self.gaps().map(gap).sum::<usize>() + 320 * self.needs().len()
    }

    /// The CloudEvents attributes and the head of `data`.
    fn head(&self, stamp: &Stamp<'_>, protector: &Protector<'_>, out: &mut Vec<u8>) {
        let subject = format!("{}/{}", self.entity_type, self.entity_id);
        let kind = format!("sealtrail.change.{}.v1", self.action.name());
        // An actor whose id is a pseudonym is known by it.
        let pseudonym = self
            .context_body
            .gaps
            .iter()
            .find(|gap| self.template.at(gap) == "/data/actor/id")
            .and_then(|gap| protector.pseudonym(gap));
        let authid = self.authid.as_deref().or(pseudonym.as_deref());
        let attributes = [
            ("{\"specversion\":", Some("1.0")),
            (",\"id\":", Some(stamp.id)),
            (",\"source\":", Some(self.service.as_deref().unwrap_or(stamp.origin))),
            (",\"type\":", Some(kind.as_str())),
            (",\"subject\":", Some(subject.as_str())),
            (",\"time\":", Some(self.time.as_deref().unwrap_or(stamp.recorded_time))),
            (",\"datacontenttype\":", Some("application/json")),
            (",\"recordedtime\":", Some(stamp.recorded_time)),
            (",\"correlationid\":", Some(self.correlation_id.as_str())),
            (",\"causationid\":", self.causation_id.as_deref()),
            (",\"traceparent\":", self.traceparent.as_deref()),
            (",\"tracestate\":", self.tracestate.as_deref()),
            (",\"authtype\":", self.authtype.as_deref()),
            (",\"authid\":", authid),
        ];
        for (name, text) in attributes {
            if let Some(text) = text {
                out.extend_from_slice(name.as_bytes());
                write_string(text, out);
            }
        }
        out.extend_from_slice(b",\"data\":{");
        crate::change::write_entity(&self.entity_type, &self.entity_id, out);
        out.extend_from_slice(b",\"action\":");
        write_string(self.action.name(), out);
    }
}

/// The digest of an engine that is not a wasm file: native code in tests and benchmarks.
pub fn native_engine_sha256() -> String {
    hex(&[0; 32])
}
