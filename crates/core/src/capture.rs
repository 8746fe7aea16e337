//! From a change to its record, in three steps that a host takes one after another:
//! [`Draft::read`] (the change and what the policy makes of its images), [`Draft::plan`] (with the
//! context that the host joined; now it is known which keys are needed), [`Plan::seal`] (with the
//! keys, the entropy and the time).

use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use sealtrail_record::json::{Limits, Value, write_string};
use sealtrail_record::{id, time};

use crate::change::{Action, Change, Image, MAX_NAME};
use crate::context::Context;
use crate::diff::{Difference, Kind, compare_entities};
use crate::policy::{Policy, Seal, Step, SubjectPart};
use crate::seal::{Key, NONCE_BYTES, RecordKeys, Scope};
use crate::template::{Cursor, Need, Piece, Place, Template, Writer};
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

impl Draft {
    /// Reads a change; nothing of it is kept but what the policy lets through and what is to be
    /// sealed.
    pub fn read(policy: &Arc<Policy>, change: &[u8], limits: &Limits) -> Result<Self, Error> {
        Self::read_explained(policy, change, limits, false)
    }

    pub(crate) fn read_explained(
        policy: &Arc<Policy>,
        change: &[u8],
        limits: &Limits,
        explain: bool,
    ) -> Result<Self, Error> {
        let mut change = Change::parse(change, limits)?;
        if policy.fold_keys {
            change.fold_keys();
        }
        let mut template = Template::new(explain);
        let mut writer = Writer { policy, template: &mut template };
        let (mut changes, mut unchanged) = (0, false);
        writer.template.text(b",\"changes\":[");
        match (change.before.value(), change.after.value()) {
            (Some(before), Some(after)) => {
                let mut found = compare_entities(before, after, Some(policy));
                found.retain(|difference| !policy.ignores(&difference.steps));
                unchanged = found.is_empty() && change.action == Action::Update;
                for difference in &found {
                    let written = write_difference(&mut writer, &change, difference, changes)?;
                    changes += usize::from(written);
                }
                writer.template.text(b"]");
            }
            // One image is unknown: the other is kept as it is, and no difference is invented.
            (before, after) => {
                writer.template.text(b"]");
                for (name, image) in [("before", before), ("after", after)] {
                    if let Some(image) = image.filter(|image| !image.is_null()) {
                        let at = format!("/data/{name}");
                        let place = Place { side: "rec", path: at.clone(), at };
                        let head = format!(",\"{name}\":");
                        let cursor = Cursor::new(&policy.payload);
                        let subjects =
                            |seal: &Seal, side: &str| payload_subject(&change, seal, side);
                        writer.members(&cursor, image, &place, head.as_bytes(), &subjects)?;
                    }
                }
            }
        }
        Ok(Self {
            policy: Arc::clone(policy),
            template,
            envelope: change.envelope(),
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
        let context = Context::parse(context, &limits)?;
        let correlation_id = context
            .correlation_id
            .clone()
            .ok_or_else(|| Error::missing("/context/correlation_id"))?;
        let mut template = self.template;
        let changes = std::mem::take(&mut template.pieces);
        let entity = format!("{}/{}", self.entity_type, self.entity_id);
        let mut writer = Writer { policy: &self.policy, template: &mut template };
        let actor = write_context(&mut writer, &context, &entity)?;
        let context_pieces = std::mem::replace(&mut template.pieces, changes);
        Ok(Plan {
            policy: self.policy,
            template,
            context_pieces,
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
    context_pieces: Vec<Piece>,
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
        let context = self.context_pieces.iter().filter(|p| matches!(p, Piece::Token(_)));
        context.count() + self.template.tokens().count()
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
        stamp.check()?;
        if keys.len() != self.needs().len() {
            let message =
                format!("{} key pairs are needed, got {}", self.needs().len(), keys.len());
            return Err(Error::new("missing_field", message));
        }
        let mut sealer = Sealer::new(self.needs(), stamp, entropy, keys)?;
        let mut out = self.head(stamp);
        for piece in self.context_pieces.iter().chain(&self.template.pieces) {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Token(token) => write_string(&sealer.token(token)?, &mut out),
            }
        }
        sealer.write_seals(&mut out);
        out.extend_from_slice(b",\"policy\":");
        self.policy.write_summary(&mut out);
        stamp.write_engine(&mut out);
        out.extend_from_slice(b"}}");
        Ok(out)
    }

    /// The CloudEvents attributes and the head of `data`.
    fn head(&self, stamp: &Stamp<'_>) -> Vec<u8> {
        let subject = format!("{}/{}", self.entity_type, self.entity_id);
        let kind = format!("sealtrail.change.{}.v1", self.action.name());
        let mut out = Vec::with_capacity(1024);
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
            (",\"authid\":", self.authid.as_deref()),
        ];
        for (name, text) in attributes {
            if let Some(text) = text {
                out.extend_from_slice(name.as_bytes());
                write_string(text, &mut out);
            }
        }
        out.extend_from_slice(b",\"data\":{");
        crate::change::write_entity(&self.entity_type, &self.entity_id, &mut out);
        out.extend_from_slice(b",\"action\":");
        write_string(self.action.name(), &mut out);
        out
    }
}

/// Turns plaintexts into tokens and remembers which seal each belongs to.
struct Sealer<'s> {
    seals: Vec<SealEntry<'s>>,
    entropy: &'s [u8],
}

struct SealEntry<'s> {
    keys: RecordKeys,
    group: &'s str,
    kids: [&'s str; 2],
    at: Vec<String>,
}

impl<'s> Sealer<'s> {
    fn new(
        needs: &'s [Need],
        stamp: &Stamp<'s>,
        entropy: &'s [u8],
        keys: &'s [KeyPair<'s>],
    ) -> Result<Self, Error> {
        let entry = |(need, pair): (&'s Need, &'s KeyPair<'s>)| {
            let kids = [pair.subject_kid, pair.period_kid];
            for kid in kids {
                let plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
                if kid.is_empty() || kid.len() > 128 || !kid.bytes().all(plain) {
                    return Err(Error::field(
                        "/kid",
                        "1 to 128 visible ASCII characters",
                        "another text",
                    ));
                }
            }
            let scope =
                Scope { origin: stamp.origin, record_id: stamp.id, group: &need.group, kids };
            let keys = RecordKeys::derive(&pair.subject, &pair.period, &scope);
            Ok(SealEntry { keys, group: &need.group, kids, at: Vec::new() })
        };
        Ok(Self { seals: needs.iter().zip(keys).map(entry).collect::<Result<_, _>>()?, entropy })
    }

    fn token(&mut self, token: &crate::template::Token) -> Result<String, Error> {
        let Some((nonce, rest)) = self.entropy.split_first_chunk::<NONCE_BYTES>() else {
            return Err(Error::new("missing_field", "there is less entropy than fields to seal"));
        };
        self.entropy = rest;
        let entry = &mut self.seals[token.need];
        entry.at.push(token.at.clone());
        entry.keys.seal(token.need, &token.location, &token.plaintext, nonce)
    }

    fn write_seals(&self, out: &mut Vec<u8>) {
        if self.seals.is_empty() {
            return;
        }
        out.extend_from_slice(b",\"seals\":[");
        for (i, entry) in self.seals.iter().enumerate() {
            out.extend_from_slice(if i == 0 { b"{" } else { b",{" });
            out.extend_from_slice(b"\"alg\":\"A256GCM-HS256\",\"group\":");
            write_string(entry.group, out);
            for (name, kid) in [(",\"kids\":[", entry.kids[0]), (",", entry.kids[1])] {
                out.extend_from_slice(name.as_bytes());
                write_string(kid, out);
            }
            out.extend_from_slice(b"],\"commit\":");
            write_string(&Base64UrlUnpadded::encode_string(entry.keys.commit()), out);
            out.extend_from_slice(b",\"at\":[");
            for (j, at) in entry.at.iter().enumerate() {
                if j > 0 {
                    out.push(b',');
                }
                write_string(at, out);
            }
            out.extend_from_slice(b"]}");
        }
        out.push(b']');
    }
}

/// One entry of `changes`; false where the policy drops it.
fn write_difference(
    writer: &mut Writer<'_, '_>,
    change: &Change<'_>,
    difference: &Difference<'_, '_>,
    number: usize,
) -> Result<bool, Error> {
    let policy = writer.policy;
    let cursor = difference
        .steps
        .iter()
        .fold(Cursor::new(&policy.payload), |cursor, step| cursor.down(policy, step));
    let path = difference.pointer();
    let place = |side: &'static str| {
        let at = format!("/data/changes/{number}/{side}");
        Place { side, path: path.clone(), at }
    };
    let sides: Vec<_> =
        [(",\"old\":", difference.before(), "old"), (",\"new\":", difference.after(), "new")]
            .into_iter()
            .filter_map(|(label, value, side)| Some((label, value?, place(side))))
            .collect();
    let mut head = if number == 0 { b"{\"op\":".to_vec() } else { b",{\"op\":".to_vec() };
    write_string(difference.op(), &mut head);
    head.extend_from_slice(b",\"path\":");
    write_string(&path, &mut head);
    if let Some(from) = difference.from() {
        head.extend_from_slice(b",\"from\":");
        write_string(&from, &mut head);
    }
    if difference.coarse {
        head.extend_from_slice(b",\"coarse\":true");
    }
    // A move says where something is, so it is dropped with it.
    if let Kind::Move { item, .. } = difference.kind
        && writer.drops(&cursor, item)
    {
        return Ok(false);
    }
    let subjects = |seal: &Seal, side: &str| payload_subject(change, seal, side);
    let written = writer.sides(&cursor, &sides, &head, &subjects)?;
    if written {
        writer.template.text(b"}");
    }
    Ok(written)
}

/// What of the actor the policy keeps in clear.
struct ClearActor {
    kind: Option<String>,
    id: Option<String>,
}

/// Writes `tenant`, `actor` and `request`.
fn write_context(
    writer: &mut Writer<'_, '_>,
    context: &Context<'_>,
    entity: &str,
) -> Result<ClearActor, Error> {
    let policy = writer.policy;
    let root = Cursor::new(&policy.context);
    let subjects = |seal: &Seal, _: &str| context_subject(context, seal, entity);
    for (name, value) in
        [("tenant", &context.tenant), ("actor", &context.actor), ("request", &context.request)]
    {
        let Some(value) = value else { continue };
        let cursor = root.down(policy, &Step::Key(name.into()));
        let at = format!("/data/{name}");
        let place = Place { side: "rec", path: at.clone(), at };
        writer.members(&cursor, value, &place, format!(",\"{name}\":").as_bytes(), &subjects)?;
    }
    let clear = |key: &'static str| {
        let value = context.actor.as_ref()?.get(key)?;
        let actor = root.down(policy, &Step::Key("actor".into()));
        let kept = actor.down(policy, &Step::Key(key.into())).keeps(policy, value);
        if kept { scalar_text(value) } else { None }
    };
    Ok(ClearActor { kind: clear("type"), id: clear("id") })
}

fn payload_subject(change: &Change<'_>, seal: &Seal, side: &str) -> Result<String, Error> {
    let image = |image: &Image<'_>, pointer: &str| {
        image.value().and_then(|value| value.pointer(pointer)).and_then(scalar_text)
    };
    // A value belongs to whom its own image names; the other image and the entity stand in, so
    // that it is never left unprotected.
    let [own, other] = match side {
        "old" => [&change.before, &change.after],
        _ => [&change.after, &change.before],
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
