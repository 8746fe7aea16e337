//! From a change to its record, in three steps that a host takes one after another:
//! [`Draft::read`] (the change and what the policy makes of its images), [`Draft::plan`] (with the
//! context that the host joined; now it is known which keys are needed), [`Plan::seal`] (with the
//! keys, the entropy and the time).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealtrail_record::json::{Buffers, Document, Kind, Limits, NodeId, Value, write_string};
use sealtrail_record::{id, pointer, time};

use crate::change::{Action, Change, Image, MAX_NAME};
use crate::context::Context;
use crate::diff::{Path, Sink, What, compare_entities};
use crate::fold::fold_keys;
use crate::policy::{Cursor, Policy, Seal, Step, SubjectPart};
use crate::seal::{Key, KeyStream, NONCE_BYTES, PseudonymKey, RecordKeys, Scope};
use crate::template::{Body, Gap, Need, Role, Template};
use crate::writer::{Side, Spot, Writer};
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
    template: Template,
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

/// What the host knows of the record: where it goes, what it is called and when it was made.
#[derive(Clone, Copy)]
pub struct Stamp<'a> {
    /// Name of the log.
    pub origin: &'a str,
    /// UUIDv7 of the record.
    pub id: &'a str,
    /// RFC 3339, in UTC.
    pub recorded_time: &'a str,
    pub engine_version: &'a str,
    /// Digest of the wasm file that makes the record, in hexadecimal.
    pub engine_sha256: &'a str,
}

/// The two keys of one [`Need`], with their ids.
pub struct KeyPair<'a> {
    pub subject_kid: &'a str,
    pub subject: Key,
    pub period_kid: &'a str,
    pub period: Key,
}

impl Stamp<'_> {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let bad = |what: &str, wanted: &str| Err(Error::field(what, wanted, "another text"));
        if self.origin.is_empty() || self.origin.len() > MAX_NAME {
            return bad("/origin", "the name of the log");
        }
        if !id::is_uuid(self.id) {
            return bad("/id", "a UUID in lower case");
        }
        if time::month(self.recorded_time).is_none() {
            return bad("/recorded_time", "an RFC 3339 date-time in UTC");
        }
        let digest = self.engine_sha256;
        if digest.len() != 64 || !digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return bad("/engine/sha256", "64 hexadecimal digits in lower case");
        }
        Ok(())
    }

    pub(crate) fn write_engine(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"engine\":{\"version\":");
        write_string(self.engine_version, out);
        out.extend_from_slice(b",\"sha256\":");
        write_string(self.engine_sha256, out);
        out.push(b'}');
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

    fn is_sealed(&self, gap: &Gap) -> bool {
        self.needs()[gap.need].role == Role::Sealed
    }

    fn gaps(&self) -> impl Iterator<Item = &Gap> + Clone {
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

/// Fills the gaps of a record.
struct Protector<'s> {
    plan: &'s Plan,
    entropy: &'s [[u8; NONCE_BYTES]],
    entries: Vec<Entry<'s>>,
    room: Vec<u8>,
}

/// What protects the values of one need.
pub(crate) struct Entry<'s> {
    keys: Keys,
    group: &'s str,
    kids: [&'s str; 2],
}

enum Keys {
    Sealing { index: usize, keys: RecordKeys, stream: KeyStream },
    Naming(PseudonymKey),
}

impl<'s> Entry<'s> {
    pub(crate) fn new(
        need: &'s Need,
        kids: [&'s str; 2],
        stamp: &Stamp<'_>,
        subject: &Key,
        record_keys: impl FnOnce(&Scope<'_>) -> RecordKeys,
    ) -> Result<Self, Error> {
        for kid in kids {
            let plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
            if kid.is_empty() || kid.len() > 128 || !kid.bytes().all(plain) {
                let wanted = "1 to 128 visible ASCII characters";
                return Err(Error::field("/kid", wanted, "another text"));
            }
        }
        let scope = Scope { origin: stamp.origin, record_id: stamp.id, group: &need.group, kids };
        let keys = match need.role {
            Role::Sealed => {
                let keys = record_keys(&scope);
                Keys::Sealing { index: 0, keys, stream: KeyStream::default() }
            }
            Role::Pseudonym => {
                Keys::Naming(PseudonymKey::derive(subject, stamp.origin, &need.group))
            }
        };
        Ok(Self { keys, group: &need.group, kids })
    }
}

impl<'s> Protector<'s> {
    fn new(plan: &'s Plan, entropy: &'s [u8], entries: Vec<Entry<'s>>) -> Result<Self, Error> {
        let (entropy, _) = entropy.as_chunks::<NONCE_BYTES>();
        if entropy.len() < plan.nonces() {
            let message = "there is less entropy than fields to seal";
            return Err(Error::new("missing_field", message));
        }
        let mut protector = Self { plan, entropy, entries, room: Vec::new() };
        let mut seals = 0;
        for need in 0..protector.entries.len() {
            if let Keys::Sealing { index, keys, stream } = &mut protector.entries[need].keys {
                // Nonces are used in the order of the record.
                let sealed = plan.gaps().filter(|gap| plan.is_sealed(gap)).zip(entropy);
                let own = sealed.filter(|(gap, _)| gap.need == need);
                let lengths = own.map(|(gap, nonce)| (nonce, plan.template.plaintext(gap).len()));
                *stream = keys.key_stream(lengths)?;
                *index = seals;
                seals += 1;
            }
        }
        Ok(protector)
    }

    fn fill(&mut self, gap: &Gap, out: &mut Vec<u8>) {
        let template = &self.plan.template;
        let plaintext = template.plaintext(gap);
        out.push(b'"');
        match &mut self.entries[gap.need].keys {
            Keys::Naming(key) => out.extend_from_slice(key.pseudonym(plaintext).as_bytes()),
            Keys::Sealing { index, keys, stream } => {
                let Some((nonce, rest)) = self.entropy.split_first() else { return };
                self.entropy = rest;
                let location = template.location(gap);
                keys.write_token(*index, location, plaintext, nonce, stream, &mut self.room, out);
            }
        }
        out.push(b'"');
    }

    /// What a gap will be filled with, if it is a pseudonym.
    fn pseudonym(&self, gap: &Gap) -> Option<String> {
        match &self.entries[gap.need].keys {
            Keys::Naming(key) => Some(key.pseudonym(self.plan.template.plaintext(gap))),
            Keys::Sealing { .. } => None,
        }
    }

    fn write_seals(&self, out: &mut Vec<u8>) {
        let mut next: &[u8] = b",\"seals\":[";
        for (need, entry) in self.entries.iter().enumerate() {
            let Keys::Sealing { keys, .. } = &entry.keys else { continue };
            out.extend_from_slice(std::mem::replace(&mut next, b","));
            out.extend_from_slice(b"{\"alg\":\"A256GCM-HS256\",\"group\":");
            write_string(entry.group, out);
            for (name, kid) in [(",\"kids\":[", entry.kids[0]), (",", entry.kids[1])] {
                out.extend_from_slice(name.as_bytes());
                write_string(kid, out);
            }
            out.extend_from_slice(b"],\"commit\":\"");
            let start = out.len();
            out.resize(start + 43, b'=');
            let written = URL_SAFE_NO_PAD.encode_slice(keys.commit(), &mut out[start..]);
            debug_assert_eq!(written, Ok(43));
            out.push(b'"');
            self.write_pointers(need, out);
        }
        if next == b"," {
            out.push(b']');
        }
        next = b",\"pseudonyms\":[";
        for (need, entry) in self.entries.iter().enumerate() {
            let Keys::Naming(_) = &entry.keys else { continue };
            out.extend_from_slice(std::mem::replace(&mut next, b","));
            out.extend_from_slice(b"{\"alg\":\"HS256-128\",\"group\":");
            write_string(entry.group, out);
            out.extend_from_slice(b",\"kid\":");
            write_string(entry.kids[0], out);
            self.write_pointers(need, out);
        }
        if next == b"," {
            out.push(b']');
        }
    }

    /// The end of an entry of `seals` or `pseudonyms`: what it protects.
    fn write_pointers(&self, need: usize, out: &mut Vec<u8>) {
        let mut next: &[u8] = b",\"at\":[";
        for gap in self.plan.gaps().filter(|gap| gap.need == need) {
            out.extend_from_slice(std::mem::replace(&mut next, b","));
            write_string(self.plan.template.at(gap), out);
        }
        out.extend_from_slice(b"]}");
    }
}

/// Writes the entries of `changes`.
struct ChangeList<'w> {
    writer: Writer<'w>,
    found: usize,
    /// Without those that the policy drops.
    written: usize,
    /// Room for what is written again for each.
    head: Vec<u8>,
    old: Spot,
    new: Spot,
}

impl<'w> ChangeList<'w> {
    fn new(writer: Writer<'w>) -> Self {
        let room = || String::with_capacity(64);
        let spot = |side| Spot { side, path: room(), at: room() };
        let (old, new) = (spot("old"), spot("new"));
        Self { writer, found: 0, written: 0, head: Vec::with_capacity(128), old, new }
    }
}

impl Sink for ChangeList<'_> {
    fn take(&mut self, path: &mut Path<'_>, what: What, coarse: bool) -> Result<(), Error> {
        self.found += 1;
        let Self { writer, head, old, new, .. } = self;
        for spot in [&mut *old, &mut *new] {
            spot.path.clear();
            spot.at.clear();
            spot.path.push_str(path.pointer());
            spot.at.push_str("/data/changes/");
            pointer::push_number(&mut spot.at, self.written);
            spot.at.push('/');
            spot.at.push_str(spot.side);
        }
        head.clear();
        head.extend_from_slice(if self.written == 0 { b"{\"op\":" } else { b",{\"op\":" });
        write_string(what.op(), head);
        head.extend_from_slice(b",\"path\":");
        write_string(&old.path, head);
        if let What::Move { from, .. } = what {
            head.extend_from_slice(b",\"from\":");
            write_string(&path.neighbour(from), head);
        }
        if coarse {
            head.extend_from_slice(b",\"coarse\":true");
        }
        let Some(cursor) = path.cursor() else { return Ok(()) };
        // A move says where something is, so it is dropped with it.
        if let What::Move { item, .. } = what
            && writer.drops(cursor, item)
        {
            return Ok(());
        }
        let old = what.before().map(|value| Side { label: ",\"old\":", value, spot: old });
        let new = what.after().map(|value| Side { label: ",\"new\":", value, spot: new });
        if writer.sides(cursor, [old, new], head)? {
            writer.template.text(b"}");
            self.written += 1;
        }
        Ok(())
    }
}

/// What of the actor the policy keeps in clear.
struct ClearActor {
    kind: Option<String>,
    id: Option<String>,
}

/// Writes `tenant`, `actor` and `request`.
fn write_context(
    policy: &Policy,
    document: &Document<'_>,
    context: &Context<'_>,
    entity: &str,
    template: &mut Template,
) -> Result<ClearActor, Error> {
    let root = Cursor::new(&policy.context);
    let subjects = |seal: &Seal, _: &str| context_subject(context, seal, entity);
    let mut writer = Writer::new(policy, document, template, &subjects);
    let value = |name| {
        let value = document.get(document.root(), name)?;
        (document.kind(value) != Kind::Null).then_some(value)
    };
    for name in ["tenant", "actor", "request"] {
        let Some(value) = value(name) else { continue };
        let cursor = root.down(policy, &Step::Key(name.into()));
        let at = format!("/data/{name}");
        let mut spot = Spot { side: "rec", path: at.clone(), at };
        writer.members(&cursor, value, &mut spot, format!(",\"{name}\":").as_bytes())?;
    }
    let clear = |key: &'static str| {
        let value = document.get(value("actor")?, key)?;
        let actor = root.down(policy, &Step::Key("actor".into()));
        let decision = actor.down(policy, &Step::Key(key.into())).decide(policy, document, value);
        let kept = *decision.action() == crate::policy::Action::Keep;
        if kept { node_text(document, value) } else { None }
    };
    Ok(ClearActor { kind: clear("type"), id: clear("id") })
}

fn payload_subject(
    document: &Document<'_>,
    change: &Change<'_>,
    seal: &Seal,
    side: &str,
) -> Result<String, Error> {
    let image = |image: Image, pointer: &str| {
        node_text(document, document.pointer(image.value()?, pointer)?)
    };
    // A value belongs to whom its own image names; the other image and the entity stand in, so
    // that it is never left unprotected.
    let [own, other] = match side {
        "old" => [change.before, change.after],
        _ => [change.after, change.before],
    };
    subject(seal, change.entity(), |pointer| image(own, pointer).or_else(|| image(other, pointer)))
}

fn context_subject(context: &Context<'_>, seal: &Seal, entity: &str) -> Result<String, Error> {
    let actor = |key: &str| context.actor.as_ref().and_then(|a| a.get(key)).and_then(scalar_text);
    let otherwise = match actor("id") {
        Some(id) => format!("{}/{id}", actor("type").as_deref().unwrap_or("user")),
        None => entity.to_owned(),
    };
    subject(seal, otherwise, |pointer| {
        let (root, rest) = match pointer[1..].split_once('/') {
            Some((root, _)) => (root, &pointer[1 + root.len()..]),
            None => (&pointer[1..], ""),
        };
        let value = match root {
            "actor" => &context.actor,
            "request" => &context.request,
            "tenant" => &context.tenant,
            _ => &None,
        };
        value.as_ref()?.pointer(rest).and_then(scalar_text)
    })
}

fn subject(
    seal: &Seal,
    otherwise: String,
    find: impl Fn(&str) -> Option<String>,
) -> Result<String, Error> {
    let Some(wanted) = &seal.subject else { return Ok(otherwise) };
    let mut text = String::new();
    for part in &wanted.0 {
        match part {
            SubjectPart::Text(fixed) => text.push_str(fixed),
            SubjectPart::Pointer(pointer) => match find(pointer) {
                Some(value) => text.push_str(&value),
                None => return Ok(otherwise),
            },
        }
    }
    if text.is_empty() || text.len() > MAX_NAME {
        let wanted = format!("1 to {MAX_NAME} bytes");
        return Err(Error::field("/subject", &wanted, &format!("{} bytes", text.len())));
    }
    Ok(text)
}

fn node_text(document: &Document<'_>, node: NodeId) -> Option<String> {
    match document.kind(node) {
        Kind::String => Some(document.written(node).into_owned()).filter(|text| !text.is_empty()),
        Kind::Number => Some(document.raw(node).to_owned()),
        _ => None,
    }
}

fn scalar_text(value: &Value<'_>) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.to_string()),
        Value::Number(text) => Some((*text).to_owned()),
        _ => None,
    }
}

/// The digest of an engine that is not a wasm file: native code in tests and benchmarks.
pub fn native_engine_sha256() -> String {
    hex(&[0; 32])
}
