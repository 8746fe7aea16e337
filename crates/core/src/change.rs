//! A change as it comes in: which entity, what was done, and its image before and after.
//!
//! ```json
//! {"id": "…", "entity": {"type": "products_master", "id": "1"}, "action": "update",
//!  "before": {…}, "after": {…},
//!  "context": {"correlation_id": "…", "time": "…", "service": "…", "tenant": "…",
//!              "actor": {"type": "user", "id": "…"}, "request": {…}}}
//! ```
//!
//! `before` and `after` may be null (there is no such entity) or left out (nobody knows). `id` is the
//! sender's own name for this change, or left out; with `context.service` it tells a repeat, and the
//! record has it in clear as `data.change_id`.
//!
//! `event` says what happened in the terms of the business: `{"type": "order.approved", "data": {…}}`, of an
//! entity, beside a change of it or without one. Alone it has no `action` and no images, and its record is
//! a `sealtrail.event.v1`. The type is in clear; the data goes through the `rules` as `$.event.data`.
//!
//! The older shape `table_id`, `entity_id`, `micro_service_name`, `action`, `old_data`, `new_data`,
//! `request_info` (and `id`) is taken as well, in any mix of spellings that folds to these names.

mod name;
mod older;

pub(crate) use name::{MAX_NAME, name_of, read_name};

use std::borrow::Cow;

use sealtrail_record::json::{Document, Kind, NodeId, Place, write_string};

use crate::Error;
use crate::context::{Context, check_event};
use older::OlderKey;

/// A change that has been read.
pub(crate) struct Change<'a> {
    /// What the sender calls it.
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) entity_type: Cow<'a, str>,
    pub(crate) entity_id: Cow<'a, str>,
    pub(crate) action: Action,
    pub(crate) before: Image,
    pub(crate) after: Image,
    pub(crate) context: Context<'a>,
}

/// What was done to the entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    Update,
    Delete,
    /// Nothing was done to it that anybody has images of.
    Event,
}

/// The three states of an image.
#[derive(Clone, Copy)]
pub(crate) enum Image {
    /// Nobody took it.
    Unknown,
    /// There is no such entity at this time.
    Absent,
    Known(NodeId),
}

impl Action {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "create" => Some(Self::Create),
            "update" => Some(Self::Update),
            "delete" => Some(Self::Delete),
            _ => None,
        }
    }

    /// The `type` of its records.
    pub(crate) fn record_type(self) -> &'static str {
        match self {
            Self::Create => "sealtrail.change.create.v1",
            Self::Update => "sealtrail.change.update.v1",
            Self::Delete => "sealtrail.change.delete.v1",
            Self::Event => "sealtrail.event.v1",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Event => "event",
        }
    }
}

impl<'a> Change<'a> {
    pub(crate) fn of(document: &Document<'a>) -> Result<Self, Error> {
        let root = document.root();
        if document.kind(root) != Kind::Object {
            let message = format!("a change is an object, got {}", document.kind(root).name());
            return Err(Error::new("not_a_change", message));
        }
        let members = || {
            document.children(root).filter_map(|(place, value)| match place {
                Place::Key(key) => Some((document.written(key), value)),
                _ => None,
            })
        };
        let is_older = |key: &str| OlderKey::of(key).is_some_and(OlderKey::is_telling);
        let change = match members().any(|(key, _)| is_older(&key)) {
            true => Self::older(document, members())?,
            false => Self::plain(document, members())?,
        };
        change.check(document)
    }

    fn plain(
        document: &Document<'a>,
        members: impl Iterator<Item = (Cow<'a, str>, NodeId)>,
    ) -> Result<Self, Error> {
        let (mut own_id, mut entity, mut action, mut context) = (None, None, None, None);
        let mut event = None;
        let (mut before, mut after) = (Image::Unknown, Image::Unknown);
        for (key, node) in members {
            match key.as_ref() {
                "id" => own_id = Some(name_of(document, node, &|| "/id".to_owned())?),
                "entity" => entity = Some(read_entity(document, node)?),
                "action" => action = Some(read_action(document, node, "/action")?),
                "before" => before = Image::of(document, node),
                "after" => after = Image::of(document, node),
                "context" => context = Some(node),
                "event" => event = Some(node),
                _ => {
                    return Err(unknown_key(
                        &key,
                        "id, entity, action, before, after, event, context",
                    ));
                }
            }
        }
        let (entity_type, entity_id) = entity.ok_or_else(|| Error::missing("/entity"))?;
        let mut context = match context {
            Some(node) => Context::of(document, node, "/context")?,
            None => Context::default(),
        };
        if let Some(event) = event {
            check_event(document, event, "/event")?;
            if context.event.is_some() {
                let message = "`/event` says a second time what `/context/event` says";
                return Err(Error::new("duplicate_key", message));
            }
            context.event = Some(document.to_value(event));
        }
        Ok(Self {
            id: own_id,
            entity_type,
            entity_id,
            action: match action {
                Some(action) => action,
                None if context.event.is_some() => Action::Event,
                None => return Err(Error::missing("/action")),
            },
            before,
            after,
            context,
        })
    }

    fn check(mut self, document: &Document<'_>) -> Result<Self, Error> {
        // What is created was not there before, and what is deleted is not there after.
        if matches!((self.action, &self.before), (Action::Create, Image::Unknown)) {
            self.before = Image::Absent;
        }
        if matches!((self.action, &self.after), (Action::Delete, Image::Unknown)) {
            self.after = Image::Absent;
        }
        // `<type>/<id>` names the data subject: with a slash in the type, two entities would share a key.
        if self.entity_type.contains('/') {
            return Err(Error::field("/entity/type", "a text without `/`", "one with it"));
        }
        let known = |image: &Image| !matches!(image, Image::Unknown);
        let there = |image: &Image| match image {
            Image::Known(node) => {
                document.has_children(*node) || document.kind(*node) != Kind::Object
            }
            Image::Unknown | Image::Absent => false,
        };
        let contradicts = |at: &str, what: &str| {
            let action = self.action.name();
            Err(Error::new("invalid_field", format!("`{at}` must be {what} for a {action}")))
        };
        match self.action {
            Action::Create if there(&self.before) => contradicts("/before", "null or left out"),
            Action::Create if matches!(self.after, Image::Absent) => contradicts("/after", "there"),
            Action::Delete if there(&self.after) => contradicts("/after", "null or left out"),
            Action::Event if known(&self.before) => contradicts("/before", "left out"),
            Action::Event if known(&self.after) => contradicts("/after", "left out"),
            Action::Create if !known(&self.after) => Err(Error::missing("/after")),
            Action::Update if !known(&self.before) && !known(&self.after) => {
                let message = "an update needs `/before`, `/after` or both";
                Err(Error::new("missing_field", message))
            }
            _ => Ok(self),
        }
    }

    /// Appends `<type>/<id>`: the entity as CloudEvents subject and as data subject.
    pub(crate) fn push_entity(&self, out: &mut String) {
        for part in [&self.entity_type, "/", &self.entity_id] {
            out.push_str(part);
        }
    }

    /// What the change says of itself without its images, in one spelling.
    pub(crate) fn envelope(&self) -> Vec<u8> {
        let mut out = b"{".to_vec();
        if let Some(id) = &self.id {
            out.extend_from_slice(b"\"id\":");
            write_string(id, &mut out);
            out.push(b',');
        }
        self.write_entity(&mut out);
        out.extend_from_slice(b",\"action\":");
        write_string(self.action.name(), &mut out);
        out.extend_from_slice(b",\"context\":");
        self.context.write(&mut out);
        out.push(b'}');
        out
    }

    pub(crate) fn write_entity(&self, out: &mut Vec<u8>) {
        write_entity(&self.entity_type, &self.entity_id, out);
    }
}

pub(crate) fn write_entity(entity_type: &str, entity_id: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"entity\":{\"type\":");
    write_string(entity_type, out);
    out.extend_from_slice(b",\"id\":");
    write_string(entity_id, out);
    out.push(b'}');
}

impl Image {
    fn of(document: &Document<'_>, node: NodeId) -> Self {
        if document.kind(node) == Kind::Null { Self::Absent } else { Self::Known(node) }
    }

    /// The value of the entity, where there is one.
    pub(crate) fn value(self) -> Option<NodeId> {
        match self {
            Self::Unknown | Self::Absent => None,
            Self::Known(node) => Some(node),
        }
    }
}

/// Type and id.
fn read_entity<'a>(
    document: &Document<'a>,
    node: NodeId,
) -> Result<(Cow<'a, str>, Cow<'a, str>), Error> {
    let kind = document.kind(node);
    if kind != Kind::Object {
        return Err(Error::field("/entity", "an object with `type` and `id`", kind.name()));
    }
    let (mut entity_type, mut id) = (None, None);
    for (place, part) in document.children(node) {
        let Place::Key(key) = place else { continue };
        match document.written(key).as_ref() {
            "type" => entity_type = Some(part),
            "id" => id = Some(part),
            other => {
                let message = format!("`/entity` has `type` and `id` only, got `{other}`");
                return Err(Error::new("not_a_change", message));
            }
        }
    }
    let part = |node: Option<NodeId>, at: &str| match node {
        Some(node) => name_of(document, node, &|| at.to_owned()),
        None => Err(Error::missing(at)),
    };
    Ok((part(entity_type, "/entity/type")?, part(id, "/entity/id")?))
}

fn read_action(document: &Document<'_>, node: NodeId, at: &str) -> Result<Action, Error> {
    let wanted = "one of `create`, `update`, `delete`";
    let kind = document.kind(node);
    if kind != Kind::String {
        let message = format!("`{at}` must be {wanted}, got {}", kind.name());
        return Err(Error::new("unknown_action", message));
    }
    let text = document.written(node);
    Action::parse(&text).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        let message = format!("`{at}` must be {wanted}, got `{}`", shown.escape_debug());
        Error::new("unknown_action", message)
    })
}

fn unknown_key(key: &str, known: &str) -> Error {
    let shown: String = key.chars().take(40).collect();
    let message = format!("a change does not know `{}`; it knows {known}", shown.escape_debug());
    Error::new("not_a_change", message)
}

#[cfg(test)]
mod tests {
    use sealtrail_record::json::{Buffers, Limits};

    use super::*;

    fn read(text: &str) -> Result<Vec<u8>, Error> {
        let document =
            Document::read(text.as_bytes(), &Limits::default(), Buffers::default()).unwrap();
        Change::of(&document).map(|change| change.envelope())
    }

    fn envelope(text: &str) -> String {
        let change = read(text).unwrap_or_else(|e| panic!("{text}: {}", e));
        String::from_utf8(change).unwrap()
    }

    #[test]
    fn both_shapes_have_one_envelope() {
        let text = r#"{"entity":{"type":"p","id":7},"action":"update","before":{},"after":null,
            "context":{"correlation_id":"c","service":"s","actor":{"id":"u","x":[1]},"request":{"ip":"::1"}}}"#;
        assert_eq!(
            envelope(text),
            r#"{"entity":{"type":"p","id":"7"},"action":"update","context":{"correlation_id":"c","service":"s","actor":{"id":"u","x":[1]},"request":{"ip":"::1"}}}"#
        );
        let text = r#"{"table id":"p","_entity_id":"7","Micro_Service_Name":"s","action":"delete","request info":
            {"time_stamp":"2020-07-29T19:45:00.047Z","request_id":"c","ip_address":"::1",
             "user":{"user_id":"u","user_name":"N","email":"e","account_id":"a"},
             "miscellaneous":{"user agent":"M"}, "more":1}}"#;
        assert_eq!(
            envelope(text),
            r#"{"entity":{"type":"p","id":"7"},"action":"delete","context":{"correlation_id":"c","time":"2020-07-29T19:45:00.047Z","service":"s","actor":{"type":"user","id":"u","name":"N","email":"e","account_id":"a"},"request":{"ip":"::1","user_agent":"M","more":1}}}"#
        );
    }

    #[test]
    fn the_senders_own_id() {
        let plain = r#"{"entity":{"type":"p","id":"1"},"id":"c-7","action":"delete"}"#;
        let older = r#"{"table_id":"p","entity_id":"1","id":"c-7","action":"delete"}"#;
        let expected =
            r#"{"id":"c-7","entity":{"type":"p","id":"1"},"action":"delete","context":{}}"#;
        assert_eq!((envelope(plain), envelope(older)), (expected.into(), expected.into()));
    }

    #[test]
    fn an_event_alone_and_beside_a_change() {
        let alone = r#"{"entity":{"type":"p","id":"1"},"event":{"type":"paid","data":[1]}}"#;
        assert_eq!(
            envelope(alone),
            r#"{"entity":{"type":"p","id":"1"},"action":"event","context":{"event":{"type":"paid","data":[1]}}}"#
        );
        let beside = r#"{"entity":{"type":"p","id":"1"},"action":"delete","event":{"type":"gone"},"context":{"service":"s"}}"#;
        assert_eq!(
            envelope(beside),
            r#"{"entity":{"type":"p","id":"1"},"action":"delete","context":{"service":"s","event":{"type":"gone"}}}"#
        );
    }

    #[test]
    fn refusals() {
        for (text, code, message) in [
            (
                r#"{"id":"","entity":{"type":"p","id":"1"},"action":"delete"}"#,
                "invalid_field",
                "`/id`",
            ),
            (
                r#"{"id":"a\nb","entity":{"type":"p","id":"1"},"action":"delete"}"#,
                "invalid_field",
                "`/id`",
            ),
            ("[]", "not_a_change", "got an array"),
            ("{}", "missing_field", "`/entity`"),
            (r#"{"entity":{"type":"p"},"action":"update"}"#, "missing_field", "`/entity/id`"),
            (
                r#"{"entity":{"type":"","id":"1"},"action":"update"}"#,
                "invalid_field",
                "`/entity/type`",
            ),
            (r#"{"entity":{"type":"p","id":"1"},"before":{}}"#, "missing_field", "`/action`"),
            (
                r#"{"entity":{"type":"p","id":"1"},"action":"upsert"}"#,
                "unknown_action",
                "got `upsert`",
            ),
            (
                r#"{"entity":{"type":"p","id":"1"},"action":"update"}"#,
                "missing_field",
                "needs `/before`",
            ),
            (r#"{"entity":{"type":"p","id":"1"},"action":"create"}"#, "missing_field", "`/after`"),
            (
                r#"{"entity":{"type":"p","id":"1"},"action":"update","befor":{}}"#,
                "not_a_change",
                "`befor`",
            ),
            (
                r#"{"entity":{"type":"p","id":"1"},"action":"delete","context":[]}"#,
                "invalid_field",
                "`/context`",
            ),
            (
                r#"{"entity":{"type":"p","id":"1"},"action":"delete","context":{"time":"now"}}"#,
                "invalid_field",
                "`/context/time`",
            ),
            (
                r#"{"entity":{"type":"p","id":"1"},"action":"delete","context":{"who":1}}"#,
                "not_a_change",
                "`/context/who`",
            ),
            (
                r#"{"table_id":"p","table id":"q","entity_id":"1","action":"delete"}"#,
                "duplicate_key",
                "`/table id`",
            ),
            (
                r#"{"table_id":"p","entity_id":"1","action":"delete","before":{}}"#,
                "not_a_change",
                "`before`",
            ),
        ] {
            let error = read(text).err().unwrap_or_else(|| panic!("{text}"));
            assert_eq!(error.code(), code, "{text}: {error}");
            assert!(error.to_string().contains(message), "{text}: {error}");
        }
    }
}
