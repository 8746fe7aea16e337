//! Who, when, where from and which request: what stands beside the images of a change.

use std::borrow::Cow;

use sealtrail_record::json::{Document, Kind, Member, NodeId, Place, Value, write_string};
use sealtrail_record::sort::sorted;
use sealtrail_record::{pointer, time};

use crate::Error;
use crate::change::{name_of, read_name};
use crate::fold::fold_key;

/// The context of a change; every part may be missing.
#[derive(Default)]
pub(crate) struct Context<'a> {
    pub(crate) correlation_id: Option<Cow<'a, str>>,
    pub(crate) causation_id: Option<Cow<'a, str>>,
    pub(crate) traceparent: Option<Cow<'a, str>>,
    pub(crate) tracestate: Option<Cow<'a, str>>,
    pub(crate) time: Option<Cow<'a, str>>,
    pub(crate) service: Option<Cow<'a, str>>,
    pub(crate) tenant: Option<Value<'a>>,
    /// An object, open to what a service knows of its users.
    pub(crate) actor: Option<Value<'a>>,
    /// An object: `method`, `path`, `ip`, `user_agent` and what else there is.
    pub(crate) request: Option<Value<'a>>,
    /// What happened in the terms of the business: `type`, and `data` of any form.
    pub(crate) event: Option<Value<'a>>,
}

impl<'a> Context<'a> {
    pub(crate) fn of(document: &Document<'a>, node: NodeId, at: &str) -> Result<Self, Error> {
        let (mut tenant, mut actor, mut request, mut event) = (None, None, None, None);
        let texts = Self::texts(document, node, at, &mut |name, node| {
            let part = match name {
                "tenant" => &mut tenant,
                "actor" => &mut actor,
                "event" => &mut event,
                _ => &mut request,
            };
            *part = Some(document.to_value(node));
        })?;
        Ok(Self { tenant, actor, request, event, ..texts })
    }

    /// The same without the values, whose nodes `part` gets.
    pub(crate) fn texts(
        document: &Document<'a>,
        node: NodeId,
        at: &str,
        part: &mut dyn FnMut(&str, NodeId),
    ) -> Result<Self, Error> {
        let mut context = Self::default();
        match document.kind(node) {
            Kind::Null => return Ok(context),
            Kind::Object => {}
            other => return Err(Error::field(at, "an object", other.name())),
        }
        for (place, value) in document.children(node) {
            let Place::Key(key) = place else { continue };
            if document.kind(value) == Kind::Null {
                continue;
            }
            let key = document.written(key);
            let place = || {
                let mut place = at.to_owned();
                pointer::push_key(&mut place, &key);
                place
            };
            let text = || name_of(document, value, &place).map(Some);
            match key.as_ref() {
                "correlation_id" => context.correlation_id = text()?,
                "causation_id" => context.causation_id = text()?,
                "traceparent" => context.traceparent = text()?,
                "tracestate" => context.tracestate = text()?,
                "time" => context.time = text()?,
                "service" => context.service = text()?,
                "tenant" => part("tenant", value),
                name @ ("actor" | "request") => match document.kind(value) {
                    Kind::Object => part(name, value),
                    other => return Err(Error::field(&place(), "an object", other.name())),
                },
                "event" => {
                    check_event(document, value, &place())?;
                    part("event", value);
                }
                _ => {
                    let known = "correlation_id, causation_id, traceparent, tracestate, time, service, tenant, actor, request, event";
                    let message = format!("`{}` is not known; a context knows {known}", place());
                    return Err(Error::new("not_a_change", message));
                }
            }
        }
        context.check(at)?;
        Ok(context)
    }

    /// The values of a context that has been read before.
    pub(crate) fn of_valid(value: Value<'a>) -> Self {
        let mut context = Self::default();
        let Value::Object(members) = value else { return context };
        for Member { key, value } in members.into_iter().filter(|member| !member.value.is_null()) {
            match key.as_ref() {
                "tenant" => context.tenant = Some(value),
                "actor" => context.actor = Some(value),
                "request" => context.request = Some(value),
                "event" => context.event = Some(value),
                _ => {}
            }
        }
        context
    }

    /// Reads `request_info` of the older shape; what it has beyond the known names stays with the
    /// request or the actor.
    pub(crate) fn read_older(&mut self, value: Value<'a>, at: &str) -> Result<(), Error> {
        let Value::Object(members) = object(value, at)? else { return Ok(()) };
        let mut request = Vec::new();
        for Member { key, value } in members {
            if value.is_null() {
                continue;
            }
            let mut place = at.to_owned();
            pointer::push_key(&mut place, &key);
            match fold_key(&key).as_ref() {
                "time_stamp" | "timestamp" => self.time = Some(read_name(&value, &place)?),
                "request_id" => self.correlation_id = Some(read_name(&value, &place)?),
                "ip_address" => request.push(Member { key: "ip".into(), value }),
                "user" => self.actor = Some(older_actor(object(value, &place)?, &place)?),
                "miscellaneous" => {
                    if let Value::Object(more) = object(value, &place)? {
                        request.extend(more.into_iter().map(|m| match fold_key(&m.key).as_ref() {
                            "user_agent" => Member { key: "user_agent".into(), value: m.value },
                            _ => m,
                        }));
                    }
                }
                _ => request.push(Member { key, value }),
            }
        }
        if !request.is_empty() {
            self.request = Some(unique(request, at)?);
        }
        Ok(())
    }

    pub(crate) fn check(&self, at: &str) -> Result<(), Error> {
        if let Some(text) = &self.time
            && !time::is_rfc3339(text)
        {
            let shown: String = text.chars().take(40).collect();
            let got = format!("`{}`", shown.escape_debug());
            return Err(Error::field(&format!("{at}/time"), "an RFC 3339 date-time", &got));
        }
        let uri_reference =
            |text: &str| !text.contains([' ', '<', '>', '"', '\\', '^', '`', '{', '|', '}']);
        if let Some(service) = &self.service
            && !uri_reference(service)
        {
            let at = format!("{at}/service");
            return Err(Error::field(&at, "a URI reference (no spaces or quotes)", "another text"));
        }
        Ok(())
    }

    /// JSON in one order of keys; what is missing is left out.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let texts = [
            ("correlation_id", &self.correlation_id),
            ("causation_id", &self.causation_id),
            ("traceparent", &self.traceparent),
            ("tracestate", &self.tracestate),
            ("time", &self.time),
            ("service", &self.service),
        ];
        let values = [
            ("tenant", &self.tenant),
            ("actor", &self.actor),
            ("request", &self.request),
            ("event", &self.event),
        ];
        out.push(b'{');
        let start = out.len();
        let name = |key: &str, out: &mut Vec<u8>| {
            if out.len() > start {
                out.push(b',');
            }
            write_string(key, out);
            out.push(b':');
        };
        for (key, text) in texts {
            if let Some(text) = text {
                name(key, out);
                write_string(text, out);
            }
        }
        for (key, value) in values {
            if let Some(value) = value {
                name(key, out);
                value.write(out);
            }
        }
        out.push(b'}');
    }
}

/// An event has a name, and data if it likes.
pub(crate) fn check_event(document: &Document<'_>, event: NodeId, at: &str) -> Result<(), Error> {
    let kind = document.kind(event);
    if kind != Kind::Object {
        return Err(Error::field(at, "an object with `type` and `data`", kind.name()));
    }
    let mut has_type = false;
    for (place, value) in document.children(event) {
        let Place::Key(key) = place else { continue };
        match document.written(key).as_ref() {
            "type" => {
                name_of(document, value, &|| format!("{at}/type"))?;
                has_type = true;
            }
            "data" => {}
            other => {
                let shown: String = other.chars().take(40).collect();
                let message =
                    format!("`{at}` has `type` and `data` only, got `{}`", shown.escape_debug());
                return Err(Error::new("not_a_change", message));
            }
        }
    }
    if has_type { Ok(()) } else { Err(Error::missing(&format!("{at}/type"))) }
}

fn older_actor<'a>(user: Value<'a>, at: &str) -> Result<Value<'a>, Error> {
    let Value::Object(members) = user else { return Ok(user) };
    let mut actor: Vec<Member<'a>> = members
        .into_iter()
        .map(|m| {
            let key: Cow<'_, str> = match fold_key(&m.key).as_ref() {
                "user_id" => "id".into(),
                "user_name" => "name".into(),
                folded => folded.to_owned().into(),
            };
            Member { key, value: m.value }
        })
        .collect();
    if !actor.iter().any(|m| m.key == "type") {
        actor.insert(0, Member { key: "type".into(), value: Value::String("user".into()) });
    }
    unique(actor, at)
}

/// Renaming may make two keys one; a record with a key twice would be refused by its readers.
fn unique<'a>(members: Vec<Member<'a>>, at: &str) -> Result<Value<'a>, Error> {
    let mut is_twice = vec![false; members.len()];
    let by_key = sorted(members.len(), &mut |a, b| members[a].key.cmp(&members[b].key));
    for pair in by_key.windows(2) {
        is_twice[pair[1]] = members[pair[0]].key == members[pair[1]].key;
    }
    match is_twice.iter().position(|twice| *twice) {
        Some(i) => {
            let message = format!("`{at}` says `{}` twice, in two spellings", members[i].key);
            Err(Error::new("duplicate_key", message))
        }
        None => Ok(Value::Object(members)),
    }
}

fn object<'a>(value: Value<'a>, at: &str) -> Result<Value<'a>, Error> {
    match value {
        Value::Object(members) => unique(members, at),
        other => Err(Error::field(at, "an object", other.kind())),
    }
}
