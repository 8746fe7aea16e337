//! What a change says of itself, completed by the request that the proxy saw: the one that it names in
//! `context.request.id`, or else the only one under its correlation id.
//!
//! The change wins, field by field: the service knows best what it did. One thing is turned round: an
//! actor whose token the proxy verified is not replaced by what somebody merely says.

use sealtrail_record::json::{Member, Value};

use crate::clock::Moment;
use crate::proxy::identity::Actor;
use crate::proxy::request_memory::{RequestId, SeenRequest};
use crate::proxy::user_agent::UserAgent;

/// The context of a record, as the guest's `plan` takes it.
pub fn join(
    own: &Value<'_>,
    correlation_id: &str,
    seen: Option<&SeenRequest<'_>>,
    recorded: Moment,
) -> Vec<u8> {
    let mut context = Members::of(Some(own));
    context.set("correlation_id", text(correlation_id));
    context.add("time", text(seen.map_or(recorded, |seen| seen.at).to_string()));
    let says_trace = ["traceparent", "tracestate"].iter().any(|key| own.get(key).is_some());
    if let Some(trace) = seen.and_then(|seen| seen.trace.as_ref()).filter(|_| !says_trace) {
        context.add("traceparent", text(trace.parent.to_string()));
        if let Some(state) = &trace.state {
            context.add("tracestate", text(state.as_str()));
        }
    }
    // Who is somebody else than the change says, and unverified, says nothing of it, nor of its tenant.
    let seen_actor = seen.and_then(|seen| seen.actor.as_ref());
    let seen_actor = seen_actor.filter(|seen| seen.verified || is_same(own.get("actor"), seen));
    let actor = join_actor(own.get("actor"), seen_actor);
    if let Some(tenant) = seen_actor.and_then(|seen| seen.tenant.as_deref()) {
        context.add("tenant", text(tenant));
    }
    let request = join_request(own.get("request"), seen);
    for (key, members) in [("actor", actor), ("request", request)] {
        if members.0.is_empty() {
            context.0.retain(|member| member.key != key);
        } else {
            context.set(key, Value::Object(members.0));
        }
    }
    let mut out = Vec::new();
    Value::Object(context.0).write(&mut out);
    out
}

/// The id that the proxy gave the request of a change, where the change names it.
pub fn request_id(own: &Value<'_>) -> Option<RequestId> {
    own.get("request")?.get("id")?.as_str()?.parse().ok()
}

/// The context of a change with the event that goes into its record.
pub fn with_event<'a>(own: &Value<'a>, event: Option<Value<'a>>) -> Value<'a> {
    let mut context = Members::of(Some(own));
    if let Some(event) = event {
        context.set("event", event);
    }
    Value::Object(context.0)
}

/// A context with a user agent string in it, as `preview` gets it, with the parsed one.
pub fn resolve_user_agent(own: &Value<'_>) -> Vec<u8> {
    let mut context = Members::of(Some(own));
    if own.get("request").is_some() {
        context.set("request", Value::Object(join_request(own.get("request"), None).0));
    }
    let mut out = Vec::new();
    Value::Object(context.0).write(&mut out);
    out
}

fn join_actor<'a>(own: Option<&Value<'a>>, seen: Option<&Actor>) -> Members<'a> {
    let mut actor = Members::of(own);
    // Only the proxy can say this.
    actor.0.retain(|member| member.key != "verified");
    let Some(seen) = seen else { return actor };
    // Two people: fields of one must not end up with the other.
    if !is_same(own, seen) {
        actor = Members(Vec::new());
    }
    let facts = [
        ("id", Some(&seen.id)),
        ("email", seen.email.as_ref()),
        ("name", seen.name.as_ref()),
        ("account_id", seen.account_id.as_ref()),
    ];
    for (key, fact) in facts {
        match fact {
            Some(fact) if seen.verified => actor.set(key, text(fact.as_str())),
            Some(fact) => actor.add(key, text(fact.as_str())),
            None => {}
        }
    }
    actor.add("type", text("user"));
    actor.set("verified", Value::Bool(seen.verified));
    actor
}

fn is_same(own: Option<&Value<'_>>, seen: &Actor) -> bool {
    own.and_then(|own| own.get("id")).is_none_or(|id| id.as_str() == Some(&seen.id))
}

fn join_request<'a>(own: Option<&Value<'a>>, seen: Option<&SeenRequest<'_>>) -> Members<'a> {
    let mut request = Members::of(own);
    // It has served its purpose; an id of the service's own has another form and stays.
    request.0.retain(|member| member.key != "id" || !is_request_id(&member.value));
    if let Some(seen) = seen {
        request.add("method", text(seen.method.as_str()));
        request.add("path", text(&*seen.path));
        request.add("ip", text(seen.ip.to_string()));
        if let Some(user_agent) = &seen.user_agent {
            request.add("user_agent", text(&**user_agent));
        }
    }
    for member in &mut request.0 {
        // Queries carry personal data and secrets, whoever reports them.
        if member.key == "path"
            && let Some(path) = member.value.as_str()
            && let Some((path, _)) = path.split_once(['?', '#'])
        {
            member.value = text(path);
        }
        if member.key == "user_agent"
            && let Some(string) = member.value.as_str()
        {
            member.value = user_agent(&UserAgent::parse(string));
        }
    }
    request
}

fn is_request_id(value: &Value<'_>) -> bool {
    value.as_str().is_some_and(|text| text.parse::<RequestId>().is_ok())
}

fn user_agent<'a>(parsed: &UserAgent) -> Value<'a> {
    let mut members = Members(Vec::new());
    for (key, part) in [("browser", &parsed.browser), ("os", &parsed.os)] {
        if let Some(part) = part {
            members.add(key, text(part.as_str()));
        }
    }
    members.add("device", text(parsed.device));
    Value::Object(members.0)
}

fn text<'a>(text: impl Into<String>) -> Value<'a> {
    Value::String(text.into().into())
}

/// The members of an object that is being put together.
struct Members<'a>(Vec<Member<'a>>);

impl<'a> Members<'a> {
    fn of(object: Option<&Value<'a>>) -> Self {
        Self(object.map(|object| object.members().to_vec()).unwrap_or_default())
    }

    /// Puts a value where there is none, or null.
    fn add(&mut self, key: &'static str, value: Value<'a>) {
        if self.0.iter().all(|member| member.key != key || member.value.is_null()) {
            self.set(key, value);
        }
    }

    fn set(&mut self, key: &'static str, value: Value<'a>) {
        match self.0.iter_mut().find(|member| member.key == key) {
            Some(member) => member.value = value,
            None => self.0.push(Member { key: key.into(), value }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::request_memory::SeenTrace;
    use crate::proxy::trace_context::TraceContext;
    use sealtrail_record::json::{Limits, parse};

    fn seen(verified: bool) -> SeenRequest<'static> {
        SeenRequest {
            at: Moment::now(),
            correlation_id: "c1".into(),
            method: http::Method::PUT,
            path: "/products/1".into(),
            ip: "203.0.113.7".parse().unwrap(),
            user_agent: Some("curl/7.88.1".into()),
            actor: Some(Actor {
                id: "u1".into(),
                email: Some("seen@example.com".into()),
                name: None,
                account_id: None,
                tenant: Some("acme".into()),
                verified,
            }),
            trace: Some(SeenTrace {
                parent: TraceContext::participate(None, [7; 24]).parent,
                state: Some("a=1".into()),
            }),
        }
    }

    fn joined(own: &str, seen: Option<&SeenRequest<'_>>, pointer: &str) -> String {
        let own = parse(own.as_bytes(), &Limits::default()).unwrap();
        let context = join(&own, "c1", seen, Moment::now());
        let context = parse(&context, &Limits::default()).unwrap();
        context.pointer(pointer).map_or("-".into(), Value::to_json)
    }

    #[test]
    fn the_request_completes_the_change() {
        let request = seen(false);
        let all = |pointer| joined("{}", Some(&request), pointer);
        assert_eq!(all("/correlation_id"), r#""c1""#);
        assert_eq!(all("/time"), format!("\"{}\"", request.at));
        assert_eq!(all("/tenant"), r#""acme""#);
        let trace = "00-07070707070707070707070707070707-0707070707070707-02";
        assert_eq!(all("/traceparent"), format!("\"{trace}\""));
        assert_eq!(all("/tracestate"), r#""a=1""#);
        assert_eq!(
            all("/request"),
            r#"{"method":"PUT","path":"/products/1","ip":"203.0.113.7","user_agent":{"browser":"curl","device":"other"}}"#
        );
        assert_eq!(
            all("/actor"),
            r#"{"id":"u1","email":"seen@example.com","type":"user","verified":false}"#
        );
    }

    #[test]
    fn the_change_wins_field_by_field() {
        let own = r#"{"time":"2020-01-01T00:00:00Z","tenant":"own","request":{"ip":"10.0.0.1","route":1.10},"actor":{"id":"u1","email":"own@example.com"}}"#;
        let request = seen(false);
        let all = |pointer| joined(own, Some(&request), pointer);
        assert_eq!(all("/time"), r#""2020-01-01T00:00:00Z""#);
        assert_eq!(all("/tenant"), r#""own""#);
        let traced = r#"{"traceparent":"00-1"}"#;
        assert_eq!(joined(traced, Some(&request), "/traceparent"), r#""00-1""#);
        assert_eq!(joined(traced, Some(&request), "/tracestate"), "-", "of another place");
        assert_eq!(all("/request/ip"), r#""10.0.0.1""#);
        assert_eq!(all("/request/route"), "1.10", "numbers stay as they were written");
        assert_eq!(all("/request/method"), r#""PUT""#);
        assert_eq!(all("/actor/email"), r#""own@example.com""#);
    }

    #[test]
    fn a_verified_actor_is_not_talked_away() {
        let liar = r#"{"actor":{"id":"root","email":"root@example.com","role":"admin"}}"#;
        assert_eq!(
            joined(liar, Some(&seen(true)), "/actor"),
            r#"{"id":"u1","email":"seen@example.com","type":"user","verified":true}"#
        );
        let same = r#"{"actor":{"id":"u1","email":"new@example.com","role":"admin"}}"#;
        assert_eq!(
            joined(same, Some(&seen(true)), "/actor"),
            r#"{"id":"u1","email":"seen@example.com","role":"admin","type":"user","verified":true}"#
        );
    }

    #[test]
    fn a_query_is_not_kept_whoever_reports_it() {
        for path in ["/x?token=secret", "/x#token=secret", "/x?a#b"] {
            let own = format!(r#"{{"request":{{"path":"{path}"}}}}"#);
            assert_eq!(joined(&own, None, "/request/path"), r#""/x""#);
            assert_eq!(joined(&own, Some(&seen(false)), "/request/path"), r#""/x""#);
        }
    }

    #[test]
    fn the_id_of_a_request_is_read_and_not_stored() {
        let own = r#"{"request":{"id":"01a1ffa9-be2f-73ed-8b10-49bb862aa357"}}"#;
        let context = parse(own.as_bytes(), &Limits::default()).unwrap();
        assert!(request_id(&context).is_some());
        assert_eq!(joined(own, None, "/request"), "-");
        assert_eq!(joined(own, Some(&seen(false)), "/request/id"), "-");
        let other = r#"{"request":{"id":"the service's own"}}"#;
        assert_eq!(joined(other, None, "/request"), r#"{"id":"the service's own"}"#);
    }

    #[test]
    fn two_people_are_not_mixed() {
        let other = r#"{"actor":{"id":"u2"}}"#;
        assert_eq!(joined(other, Some(&seen(false)), "/actor"), r#"{"id":"u2"}"#);
        assert_eq!(joined(other, Some(&seen(false)), "/tenant"), "-", "nor their tenants");
        assert_eq!(joined(other, Some(&seen(true)), "/tenant"), r#""acme""#);
    }

    #[test]
    fn nobody_but_the_proxy_says_verified() {
        let own = r#"{"actor":{"id":"u2","verified":true}}"#;
        assert_eq!(joined(own, None, "/actor"), r#"{"id":"u2"}"#);
        assert_eq!(joined(own, Some(&seen(false)), "/actor"), r#"{"id":"u2"}"#);
        assert_eq!(joined(r#"{"actor":{"verified":true}}"#, None, "/actor"), "-");
    }
}
