//! Who, when, where from and which request: what stands beside the images of a change.

use std::borrow::Cow;

use sealtrail_record::json::{Document, Kind, Member, NodeId, Place, Value, write_string};
use sealtrail_record::sort::sorted;
use sealtrail_record::{pointer, time};

use crate::Error;
use crate::change::{name_of, read_name};
use crate::fold::{fold_key, fold_keys};

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

    /// Where a policy folds keys: as [`fold_context`] does with the whole.
    pub(crate) fn fold_known_keys(&mut self) -> Result<(), Error> {
        for (name, known, part) in
            [("actor", &ACTOR[..], &mut self.actor), ("request", &REQUEST, &mut self.request)]
        {
            let Some(Value::Object(members)) = part else { continue };
            for (i, folded) in spelled_otherwise(name, known, members.iter().map(|m| &*m.key))? {
                members[i].key = folded.into();
            }
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

/// What is read by its name in the context, by the rules that are built in and by whoever joins it.
const ACTOR: [&str; 6] = ["id", "type", "name", "email", "account_id", "verified"];
const REQUEST: [&str; 5] = ["id", "method", "path", "ip", "user_agent"];

/// Folds what a policy that folds keys names in a context: all of the data of its event, and of its actor and its
/// request what is known. A rule matches them folded, so nobody may miss them who looks for them by their names.
pub(crate) fn fold_context(document: &mut Document<'_>) -> Result<(), Error> {
    let root = document.root();
    for (name, known) in [("actor", &ACTOR[..]), ("request", &REQUEST)] {
        let Some(part) = document.get(root, name) else { continue };
        let keys: Vec<_> = document
            .children(part)
            .filter_map(|(place, _)| match place {
                Place::Key(key) => Some((key, document.written(key))),
                _ => None,
            })
            .collect();
        for (i, folded) in spelled_otherwise(name, known, keys.iter().map(|(_, key)| &**key))? {
            document.rename(keys[i].0, folded.to_owned());
        }
    }
    if let Some(event) = document.get(root, "event")
        && let Some(data) = document.get(event, "data")
    {
        fold_keys(document, data);
    }
    Ok(())
}

/// Which keys are other spellings of what is known. One name in two spellings is refused: of the second nobody would
/// know that it is one.
fn spelled_otherwise<'k>(
    part: &str,
    known: &[&'static str],
    keys: impl Iterator<Item = &'k str>,
) -> Result<Vec<(usize, &'static str)>, Error> {
    let (mut found, mut other) = (Vec::new(), Vec::new());
    for (i, key) in keys.enumerate() {
        let folded = fold_key(key);
        let Some(&name) = known.iter().find(|name| **name == folded) else { continue };
        if found.contains(&name) {
            let message = format!("`/context/{part}` says `{name}` twice, in two spellings");
            return Err(Error::new("duplicate_key", message));
        }
        found.push(name);
        if key != name {
            other.push((i, name));
        }
    }
    Ok(other)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sealtrail_record::json::{self, Limits};

    use crate::{Draft, Error, Policy, preview};

    const SECRET: &str = "s3cr3t";

    fn policy(rest: &str) -> Arc<Policy> {
        let document = format!(r#"{{"id":"p","version":"1","default":"seal"{rest}}}"#);
        Arc::new(Policy::parse(document.as_bytes()).unwrap())
    }

    /// What the host gets to join, and the record of that as it is.
    fn trial(rest: &str, change: &str) -> Result<(String, String), Error> {
        let policy = policy(rest);
        let draft = Draft::read(&policy, change.as_bytes(), &Limits::default())?;
        let envelope = json::parse(draft.envelope(), &Limits::default()).unwrap();
        let context = envelope.get("context").unwrap().to_json();
        let shown = preview(&policy, change.as_bytes(), b"", &[7; 32], &Limits::default())?;
        let shown = json::parse(&shown, &Limits::default()).unwrap();
        Ok((context, shown.pointer("/record/data").unwrap().to_json()))
    }

    fn change(context: &str) -> String {
        format!(
            r#"{{"entity":{{"type":"t","id":"1"}},"event":{{"type":"e"}},"context":{context}}}"#
        )
    }

    const FOLDS: &str = r#","fold_keys":true"#;

    #[test]
    fn a_policy_that_folds_keys_folds_what_is_known_of_the_context() {
        let sent = change(
            r#"{"actor":{"_id":"u","TYPE":"user","Name":"N","Role":"r","Verified":true},
                "request":{"Path":"/reset?token=x"," method":"PUT","IP":"10.0.0.1","User Agent":"curl","Id":"i","Route":1}}"#,
        );
        let (context, record) = trial(FOLDS, &sent).unwrap();
        let actor = r#""actor":{"id":"u","type":"user","name":"N","Role":"r","verified":true}"#;
        let request = r#""request":{"path":"/reset?token=x","method":"PUT","ip":"10.0.0.1","user_agent":"curl","id":"i","Route":1}"#;
        assert!(context.contains(actor) && context.contains(request), "{context}");
        assert!(record.contains(r#""actor":{"id":"u","type":"user","name":"st1."#), "{record}");
        // Without, nobody reads these as what they are like.
        let (context, record) = trial("", &sent).unwrap();
        assert!(context.contains(r#""Path":"/reset?token=x""#), "{context}");
        assert!(record.contains(r#""Path":"st1."#) && !record.contains("reset"), "{record}");
    }

    #[test]
    fn the_same_of_the_older_shape_and_of_a_context_of_the_host() {
        let older = r#"{"table_id":"t","entity_id":"1","action":"create","new_data":{},
            "request_info":{"Path":"/a?b","miscellaneous":{"Method":"PUT"}}}"#;
        let (context, _) = trial(FOLDS, older).unwrap();
        assert!(context.contains(r#""request":{"path":"/a?b","method":"PUT"}"#), "{context}");
        let policy = policy(FOLDS);
        let shown = preview(
            &policy,
            change("{}").as_bytes(),
            br#"{"actor":{" ID":"u"},"request":{"Method":"PUT"},"event":{"type":"e","data":{"A B":1}}}"#,
            &[7; 32],
            &Limits::default(),
        );
        let shown = String::from_utf8(shown.unwrap()).unwrap();
        assert!(shown.contains(r#""authid":"u""#), "{shown}");
        assert!(shown.contains(r#""actor":{"id":"u"},"request":{"method":"PUT"}"#), "{shown}");
        assert!(shown.contains(r#"/data/event/data/a_b"#), "{shown}");
    }

    #[test]
    fn one_name_in_two_spellings_is_refused() {
        for context in [
            r#"{"request":{"path":"/a","Path":"/b"}}"#,
            r#"{"request":{"Path":"/a","PATH":"/b"}}"#,
            r#"{"actor":{"id":"u","_id":"v"}}"#,
        ] {
            let error = trial(FOLDS, &change(context)).expect_err(context);
            assert_eq!(error.code(), "duplicate_key", "{error}");
            assert!(error.to_string().contains("twice, in two spellings"), "{error}");
            trial("", &change(context)).unwrap();
            let draft = Draft::read(&policy(FOLDS), change("{}").as_bytes(), &Limits::default());
            let whole = context.replacen('{', r#"{"correlation_id":"c","event":{"type":"e"},"#, 1);
            let error = draft.unwrap().plan(whole.as_bytes()).err().expect(context);
            assert_eq!(error.code(), "duplicate_key", "{error}");
        }
        trial(FOLDS, &change(r#"{"actor":{"Role":1,"role":2}}"#)).unwrap();
    }

    #[test]
    fn what_is_built_in_keeps_single_values_only() {
        for (place, value) in [
            ("request", format!(r#"{{"path":{{"query":"{SECRET}"}}}}"#)),
            ("request", format!(r#"{{"path":["/x",["{SECRET}"]]}}"#)),
            ("request", format!(r#"{{"method":{{"path":"{SECRET}"}}}}"#)),
            ("request", format!(r#"{{"user_agent":{{"header":"{SECRET}"}}}}"#)),
            ("request", format!(r#"{{"user_agent":{{"browser":{{"os":"{SECRET}"}}}}}}"#)),
            ("actor", format!(r#"{{"id":{{"email":"{SECRET}"}}}}"#)),
            ("actor", format!(r#"{{"type":["{SECRET}"]}}"#)),
            ("tenant", format!(r#"{{"name":"{SECRET}"}}"#)),
            ("tenant", format!(r#"["{SECRET}"]"#)),
        ] {
            for rest in ["", r#","secrets":false"#, FOLDS] {
                let sent = change(&format!(r#"{{"{place}":{value}}}"#));
                let (_, record) = trial(rest, &sent).unwrap();
                assert!(!record.contains(SECRET), "{rest} {value}: {record}");
                let (_, masked) =
                    trial(&format!(r#"{rest},"context_default":"mask""#), &sent).unwrap();
                assert!(masked.contains("***") && !masked.contains(SECRET), "{masked}");
            }
        }
        let kept = r#""tenant":7,"actor":{"type":"user","id":true},"request":{"method":"PUT","path":"/x","user_agent":{"browser":"curl","os":"Debian","device":"other"}}"#;
        let (_, record) = trial("", &change(&format!("{{{kept}}}"))).unwrap();
        assert!(record.contains(kept), "{record}");
        // Who writes a rule of his own means all that stands there.
        let own = r#","context":[{"select":"$.request.path","action":"keep"}]"#;
        let sent = change(&format!(r#"{{"request":{{"path":{{"a":"{SECRET}"}}}}}}"#));
        let (_, record) = trial(own, &sent).unwrap();
        assert!(record.contains(SECRET), "{record}");
    }
}
