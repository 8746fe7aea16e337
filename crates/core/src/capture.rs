//! From a change to its record, in three steps that a host takes one after another:
//! [`Draft::read`] (the change and what the policy makes of its images), [`Draft::plan`] (with the
//! context that the host joined; now it is known which keys are needed), [`Plan::seal`] (with the
//! keys, the entropy and the time).

use std::sync::Arc;

use sealtrail_record::json::{Document, Limits, write_string};

use crate::change::{Action, Change, Image};
use crate::change_list::ChangeList;
use crate::context::{Context, fold_context};
use crate::context_writer::write_context;
use crate::diff::compare_entities;
use crate::fold::fold_keys;
use crate::lease::LeasedKey;
use crate::policy::{Cursor, Policy, Seal};
use crate::protector::{self, Entry, Protector};
use crate::room::Room;
use crate::seal::Source;
use crate::stamp::{KeyPair, Stamp};
use crate::subject::payload_subject;
use crate::template::{Body, Gap, Need, Role, Template};
use crate::writer::Writer;
use crate::{Error, hex};

/// A change whose images have been compared and put through the policy.
pub struct Draft {
    policy: Arc<Policy>,
    template: Template,
    envelope: Vec<u8>,
    entity: Entity,
    action: Action,
    changes: usize,
    unchanged: bool,
}

/// `<type>/<id>`, and how long the type is.
struct Entity {
    text: String,
    split: usize,
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
        Self::read_with(policy, change, limits, Reading::Host, &mut Room::default())
    }

    /// The same in the room of a record before.
    pub(crate) fn read_with(
        policy: &Arc<Policy>,
        change: &[u8],
        limits: &Limits,
        reading: Reading,
        room: &mut Room,
    ) -> Result<Self, Error> {
        let buffers = std::mem::take(&mut room.change);
        let mut document = Document::read_images(change, limits, buffers)
            .map_err(|e| Error::json("the change", e))?;
        let draft = Self::of(policy, &mut document, reading, room);
        room.change = document.into_buffers();
        draft
    }

    fn of(
        policy: &Arc<Policy>,
        document: &mut Document<'_>,
        reading: Reading,
        room: &mut Room,
    ) -> Result<Self, Error> {
        let mut change = Change::of(document)?;
        if policy.fold_keys {
            // Before the host joins what it knows: it looks for these by their names.
            change.context.fold_known_keys()?;
            for image in [change.before, change.after] {
                if let Image::Known(node) = image {
                    fold_keys(document, node);
                }
            }
        }
        let document = &*document;
        let mut template = std::mem::take(&mut room.template);
        template.fields = (reading == Reading::Preview).then(Vec::new);
        let subjects = |seal: &Seal, side: &str, out: &mut String| {
            payload_subject(document, &change, seal, side, out)
        };
        let mut writer = Writer::new(policy, document, &mut template, &subjects);
        if let Some(id) = &change.id {
            writer.template.text(b",\"change_id\":");
            write_string(id, &mut writer.template.body.text);
        }
        writer.template.text(b",\"changes\":[");
        let (mut changes, mut unchanged) = (0, false);
        if let (Image::Unknown, image) | (image, Image::Unknown) = (change.before, change.after) {
            // The other image is kept as it is, and no difference is invented.
            writer.template.text(b"]");
            if let Some(node) = image.value() {
                let is_before = matches!(change.after, Image::Unknown);
                let name = if is_before { "before" } else { "after" };
                room.spot.begin("rec", &format!("/data/{name}"));
                let head = format!(",\"{name}\":");
                let cursor = Cursor::new(&policy.payload);
                writer.members(&cursor, node, &mut room.spot, head.as_bytes())?;
            }
        } else {
            let (before, after) = (change.before.value(), change.after.value());
            let mut list = ChangeList::new(writer, &mut room.list);
            compare_entities(document, before, after, Some(policy), &mut list, &mut room.walk)?;
            (changes, unchanged) =
                (list.written, list.found == 0 && change.action == Action::Update);
            list.writer.template.text(b"]");
        }
        let mut entity = std::mem::take(&mut room.entity);
        change.push_entity(&mut entity);
        Ok(Self {
            policy: Arc::clone(policy),
            template,
            envelope: match reading {
                Reading::Record => Vec::new(),
                Reading::Host | Reading::Preview => change.envelope(),
            },
            entity: Entity { text: entity, split: change.entity_type.len() },
            action: change.action,
            changes,
            unchanged,
        })
    }

    /// `{"id":…,"entity":…,"action":…,"context":…}`: what the change says of itself, in one spelling,
    /// for the host to join with what it knows of the request.
    pub fn envelope(&self) -> &[u8] {
        &self.envelope
    }

    /// The same for whoever asks once.
    pub(crate) fn take_envelope(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.envelope)
    }

    /// Adds the context, which now is whole.
    pub fn plan(self, context: &[u8]) -> Result<Plan, Error> {
        self.plan_with(context, &mut Room::default())
    }

    pub(crate) fn plan_with(self, context: &[u8], room: &mut Room) -> Result<Plan, Error> {
        let limits = Limits { max_bytes: 256 << 10, max_depth: 32, max_values: 10_000 };
        let mut document = Document::read(context, &limits, std::mem::take(&mut room.context))
            .map_err(|e| Error::json("the context", e))?;
        if self.policy.fold_keys {
            fold_context(&mut document)?;
        }
        let document = document;
        let (mut has_actor, mut has_event) = (false, false);
        let texts = Context::texts(&document, document.root(), "/context", &mut |name, _| {
            has_actor |= name == "actor";
            has_event |= name == "event";
        })?;
        if self.action == Action::Event && !has_event {
            return Err(Error::missing("/context/event"));
        }
        let Some(correlation_id) = &texts.correlation_id else {
            return Err(Error::missing("/context/correlation_id"));
        };
        let mut template = self.template;
        std::mem::swap(&mut template.body, &mut room.context_body);
        let entity = &self.entity.text;
        let actor = write_context(&self.policy, &document, entity, &mut template, &mut room.spot)?;
        std::mem::swap(&mut template.body, &mut room.context_body);
        let mut attributes = std::mem::take(&mut room.attributes);
        attributes.add(&[("", texts.service.as_deref())]);
        attributes.add(&[("", texts.time.as_deref())]);
        // CloudEvents' authcontext wants a type wherever there is an actor.
        let authtype = has_actor.then(|| actor.kind.as_deref().unwrap_or("unknown"));
        attributes.add(&[
            (",\"correlationid\":", Some(correlation_id)),
            (",\"causationid\":", texts.causation_id.as_deref()),
            (",\"traceparent\":", texts.traceparent.as_deref()),
            (",\"tracestate\":", texts.tracestate.as_deref()),
            (",\"authtype\":", authtype),
        ]);
        attributes.add(&[(",\"authid\":", actor.id.as_deref())]);
        drop(texts);
        room.context = document.into_buffers();
        Ok(Plan {
            policy: self.policy,
            template,
            context_body: std::mem::take(&mut room.context_body),
            attributes,
            entity: self.entity,
            action: self.action,
            changes: self.changes,
            // An event is worth a record, whatever it changed.
            unchanged: self.unchanged && !has_event,
        })
    }
}

/// A record that lacks only its keys, its time and its entropy.
pub struct Plan {
    policy: Arc<Policy>,
    pub(crate) template: Template,
    context_body: Body,
    attributes: Attributes,
    entity: Entity,
    action: Action,
    changes: usize,
    unchanged: bool,
}

/// CloudEvents attributes that the context gives, as they stand in the record.
#[derive(Default)]
pub(crate) struct Attributes {
    json: Vec<u8>,
    /// Where the source ends, the time, what follows the recorded time, and the id of the actor.
    ends: [usize; 4],
    parts: usize,
}

impl Attributes {
    fn add(&mut self, attributes: &[(&str, Option<&str>)]) {
        for (name, text) in attributes {
            if let Some(text) = text {
                self.json.extend_from_slice(name.as_bytes());
                write_string(text, &mut self.json);
            }
        }
        self.ends[self.parts] = self.json.len();
        self.parts += 1;
    }

    fn part(&self, part: usize) -> &[u8] {
        let start = part.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.json[start..self.ends[part]]
    }

    fn clear(&mut self) {
        self.json.clear();
        self.parts = 0;
    }
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
            // What a lease of its key must be for; most needs are of sealed values, and say nothing.
            if need.role == Role::Pseudonym {
                out.extend_from_slice(b",\"use\":\"pseudonym\"");
            }
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
        self.seal_in(stamp, entropy, keys, &mut protector::Room::default())
    }

    /// The same in the room of a record before.
    pub(crate) fn seal_in(
        &self,
        stamp: &Stamp<'_>,
        entropy: &[u8],
        keys: &[KeyPair<'_>],
        room: &mut protector::Room,
    ) -> Result<Vec<u8>, Error> {
        if keys.len() != self.needs().len() {
            let message =
                format!("{} key pairs are needed, got {}", self.needs().len(), keys.len());
            return Err(Error::new("missing_field", message));
        }
        let mut entries = room.entries();
        for (need, pair) in self.needs().iter().zip(keys) {
            let kids = [pair.subject_kid, pair.period_kid];
            let source = Source::new(&pair.subject, &pair.period);
            entries.push(Entry::new(need, kids, stamp, &pair.subject, &source, room)?);
        }
        let mut out = Vec::new();
        self.write(stamp, entropy, entries, room, &mut out)?;
        Ok(out)
    }

    /// The record, sealed with keys that are of this record only, in the order of [`needs`](Self::needs). What comes
    /// out is what [`seal`](Self::seal) gives with the keys that these were derived from.
    pub fn seal_leased(
        self,
        stamp: &Stamp<'_>,
        entropy: &[u8],
        leased: &[LeasedKey<'_>],
    ) -> Result<Vec<u8>, Error> {
        if leased.len() != self.needs().len() {
            let message =
                format!("{} leased keys are needed, got {}", self.needs().len(), leased.len());
            return Err(Error::new("missing_field", message));
        }
        let mut room = protector::Room::default();
        let mut entries = room.entries();
        for (need, leased) in self.needs().iter().zip(leased) {
            entries.push(Entry::leased(need, leased)?);
        }
        let mut out = Vec::new();
        self.write(stamp, entropy, entries, &mut room, &mut out)?;
        Ok(out)
    }

    /// Appends the record.
    pub(crate) fn write<'s>(
        &'s self,
        stamp: &Stamp<'_>,
        entropy: &[u8],
        mut entries: Vec<Entry<'s>>,
        room: &mut protector::Room,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        stamp.check()?;
        let mut protector = Protector::new(self, entropy, &mut entries, &mut room.token)?;
        out.reserve(self.expected_len());
        self.head(stamp, &protector, out);
        for body in [&self.context_body, &self.template.body] {
            let mut from = 0;
            for gap in &body.gaps {
                out.extend_from_slice(&body.text[from..gap.offset]);
                protector.fill(gap, out);
                from = gap.offset;
            }
            out.extend_from_slice(&body.text[from..]);
        }
        protector.write_seals(out);
        out.extend_from_slice(b",\"policy\":");
        out.extend_from_slice(self.policy.summary());
        stamp.write_engine(out);
        out.extend_from_slice(b"}}");
        room.take_back(entries);
        Ok(())
    }

    /// Leaves its room to the next record.
    pub(crate) fn leave(mut self, room: &mut Room) {
        self.template.clear();
        self.context_body.clear();
        self.attributes.clear();
        self.entity.text.clear();
        room.template = self.template;
        room.context_body = self.context_body;
        room.attributes = self.attributes;
        room.entity = self.entity.text;
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
    fn head(&self, stamp: &Stamp<'_>, protector: &Protector<'_, '_>, out: &mut Vec<u8>) {
        let text = |name: &str, text: &str, out: &mut Vec<u8>| {
            out.extend_from_slice(name.as_bytes());
            write_string(text, out);
        };
        text("{\"specversion\":\"1.0\",\"id\":", stamp.id, out);
        out.extend_from_slice(b",\"source\":");
        match self.attributes.part(0) {
            b"" => write_string(stamp.origin, out),
            service => out.extend_from_slice(service),
        }
        text(",\"type\":", self.action.record_type(), out);
        text(",\"subject\":", &self.entity.text, out);
        out.extend_from_slice(b",\"time\":");
        match self.attributes.part(1) {
            b"" => write_string(stamp.recorded_time, out),
            time => out.extend_from_slice(time),
        }
        let name = ",\"datacontenttype\":\"application/json\",\"recordedtime\":";
        text(name, stamp.recorded_time, out);
        out.extend_from_slice(self.attributes.part(2));
        match self.attributes.part(3) {
            // An actor whose id is a pseudonym is known by it.
            b"" => {
                let mut gaps = self.context_body.gaps.iter();
                let id = gaps.find(|gap| self.template.at(gap) == "/data/actor/id");
                if let Some(pseudonym) = id.and_then(|gap| protector.pseudonym(gap)) {
                    text(",\"authid\":", &pseudonym, out);
                }
            }
            id => out.extend_from_slice(id),
        }
        out.extend_from_slice(b",\"data\":{");
        let (entity_type, id) = self.entity.text.split_at(self.entity.split);
        crate::change::write_entity(entity_type, &id[1..], out);
        text(",\"action\":", self.action.name(), out);
    }
}

/// The digest of an engine that is not a wasm file: native code in tests and benchmarks.
pub fn native_engine_sha256() -> String {
    hex(&[0; 32])
}
