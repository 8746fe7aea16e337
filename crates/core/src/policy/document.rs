//! From the document to the policy: every key is known, every value of its kind, or it is refused.

use sealtrail_record::json::{self, Limits, Value};
use sealtrail_record::pointer;

use super::automaton::{Automaton, Numbering};
use super::object::{Object, expected, invalid};
use super::selector::{self, Segment};
use super::{
    Action, Mask, Matching, Policy, Rule, RuleSet, Seal, Shape, Subject, SubjectPart, summary,
};
use crate::Error;

pub(super) const LIMITS: Limits = Limits { max_bytes: 1 << 20, max_depth: 32, max_values: 50_000 };

/// What the context says without being asked: who (by id), what for, and with what program. Each is of a single
/// value: of an object in its place nobody knows what it holds.
pub(super) const CONTEXT_KEPT: [&str; 9] = [
    "$.tenant",
    "$.actor.id",
    "$.actor.type",
    "$.request.method",
    "$.request.path",
    "$.request.user_agent",
    "$.request.user_agent.browser",
    "$.request.user_agent.os",
    "$.request.user_agent.device",
];

pub(super) fn read(document: &[u8]) -> Result<Policy, Error> {
    let value = json::parse(document, &LIMITS).map_err(|e| Error::json("the policy", e))?;
    let root = Object::of(&value, "")?;
    root.only(&[
        "$schema",
        "id",
        "version",
        "description",
        "default",
        "rules",
        "context",
        "context_default",
        "ignore",
        "arrays",
        "fold_keys",
        "secrets",
        "pad",
        "retain",
    ])?;
    // Where an editor finds the schema of this document; it says nothing about what is stored.
    root.text("$schema")?;
    let retain = match root.text("retain")? {
        Some(class) => name(&class, "/retain", 32)?,
        None => "standard".into(),
    };
    let default = root.value("default").ok_or_else(|| {
        invalid("/default", "is missing: say what happens to attributes that no rule names")
    })?;
    let mut rules = Vec::new();
    for (i, rule) in root.array("rules")?.iter().enumerate() {
        rules.push(read_rule(rule, &format!("/rules/{i}"), "default", &retain)?);
    }
    let mut context = Vec::new();
    for (i, rule) in root.array("context")?.iter().enumerate() {
        context.push(read_rule(rule, &format!("/context/{i}"), "actor", &retain)?);
    }
    let own_context = context.len();
    for select in CONTEXT_KEPT {
        let segments = select_segments(select, "")?;
        context.push((segments, Rule { select: select.into(), action: Action::Keep }));
    }
    let context_default = match root.value("context_default") {
        Some(value) => read_action(value, "/context_default", "actor", &retain)?,
        None => {
            let seal = Seal { group: "actor".into(), subject: None, retain: (*retain).into() };
            Action::Seal(seal)
        }
    };
    let mut ignore = Vec::new();
    for (i, select) in root.array("ignore")?.iter().enumerate() {
        let at = format!("/ignore/{i}");
        let text = select.as_str().ok_or_else(|| expected(&at, "a selector", select))?;
        ignore.push(select_segments(text, &at)?);
    }
    let mut arrays = Vec::new();
    for (i, rule) in root.array("arrays")?.iter().enumerate() {
        arrays.push(read_array_rule(rule, &format!("/arrays/{i}"))?);
    }
    let (arrays, matchings): (Vec<_>, Vec<_>) = arrays.into_iter().unzip();
    let default = read_action(default, "/default", "default", &retain)?;
    Ok(Policy {
        summary: summary(&root.required_text("id")?, &root.required_text("version")?, document),
        fold_keys: root.switch("fold_keys", false)?,
        secrets: root.switch("secrets", true)?,
        pad: read_pad(&root)?,
        payload: rule_set("rules", rules, None, default, ignore, arrays),
        context: rule_set(
            "context",
            context,
            Some(own_context),
            context_default,
            Vec::new(),
            Vec::new(),
        ),
        matchings,
    })
}

fn rule_set(
    name: &'static str,
    rules: Vec<(Vec<Segment>, Rule)>,
    built_in: Option<usize>,
    default: Action,
    ignored: Vec<Vec<Segment>>,
    arrays: Vec<Vec<Segment>>,
) -> RuleSet {
    let (paths, rules): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
    let numbering = Numbering { rules: paths.len(), ignored: paths.len() + ignored.len() };
    let paths = paths.into_iter().chain(ignored).chain(arrays);
    let first_like = |action: &Action| rules.iter().position(|other| other.action == *action);
    let same_keys = rules.iter().map(|rule| first_like(&rule.action).unwrap_or(0)).collect();
    let default_keys = first_like(&default);
    let built_in = built_in.unwrap_or(rules.len());
    let automaton = Automaton::new(paths, numbering);
    RuleSet { automaton, rules, same_keys, default_keys, default, name, built_in }
}

fn read_rule(
    value: &Value<'_>,
    at: &str,
    group: &str,
    retain: &str,
) -> Result<(Vec<Segment>, Rule), Error> {
    let object = Object::of(value, at)?;
    let select = object.required_text("select")?;
    let segments = select_segments(&select, &object.place("select"))?;
    let action = read_action(value, at, group, retain)?;
    Ok((segments, Rule { select, action }))
}

fn read_array_rule(value: &Value<'_>, at: &str) -> Result<(Vec<Segment>, Matching), Error> {
    let object = Object::of(value, at)?;
    object.only(&["select", "match", "key", "description"])?;
    let segments = select_segments(&object.required_text("select")?, &object.place("select"))?;
    let matching = match object.required_text("match")?.as_str() {
        "sequence" => Matching::Sequence,
        "position" => Matching::Position,
        "set" => Matching::Set,
        "key" => Matching::Key(read_identity(&object)?),
        other => {
            let wanted = "must be one of `key`, `set`, `position`, `sequence`, got";
            return Err(invalid(&object.place("match"), &format!("{wanted} `{other}`")));
        }
    };
    if object.value("key").is_some() && !matches!(matching, Matching::Key(_)) {
        return Err(invalid(&object.place("key"), "goes with `\"match\": \"key\"` only"));
    }
    Ok((segments, matching))
}

fn read_identity(object: &Object<'_, '_>) -> Result<Vec<String>, Error> {
    let at = object.place("key");
    let parts = match object.value("key") {
        Some(Value::Array(parts)) if !parts.is_empty() => parts.as_slice(),
        Some(part @ Value::String(_)) => std::slice::from_ref(part),
        _ => return Err(invalid(&at, "must be a name, a pointer, or a list of them")),
    };
    let pointer_of = |part: &Value<'_>| match part.as_str() {
        Some(text) if text.starts_with('/') => pointer::tokens(text).map(|_| text.to_owned()),
        Some(name) => {
            let mut pointer = String::new();
            pointer::push_key(&mut pointer, name);
            Some(pointer)
        }
        None => None,
    };
    let pointers = parts.iter().map(pointer_of).collect::<Option<Vec<_>>>();
    pointers.ok_or_else(|| invalid(&at, "must be a name, a pointer, or a list of them"))
}

fn select_segments(select: &str, at: &str) -> Result<Vec<Segment>, Error> {
    selector::parse(select).map_err(|(wanted, column)| {
        let message = format!(
            "policy `{at}`: `{select}` is no selector: expected {wanted} at character {column}"
        );
        Error::new("selector_invalid", message)
    })
}

fn read_action(value: &Value<'_>, at: &str, group: &str, retain: &str) -> Result<Action, Error> {
    // `"default": "keep"` is the short form of `{"action": "keep"}`.
    if let Some(name) = value.as_str() {
        return plain_action(name, at, group, retain);
    }
    let object = Object::of(value, at)?;
    object.only(&["select", "action", "description", "group", "subject", "retain", "mask"])?;
    let mut action =
        plain_action(&object.required_text("action")?, &object.place("action"), group, retain)?;
    let is_pseudonym = matches!(action, Action::Pseudonym(_));
    let parameters: &[&str] = match &mut action {
        Action::Mask(mask) => {
            if let Some(value) = object.value("mask") {
                *mask = read_mask(value, &object.place("mask"))?;
            }
            &["group", "subject", "retain"]
        }
        Action::Seal(seal) | Action::Pseudonym(seal) => {
            if let Some(group) = object.text("group")? {
                seal.group = name(&group, &object.place("group"), 64)?.into();
            }
            if let Some(class) = object.text("retain")? {
                seal.retain = name(&class, &object.place("retain"), 32)?.into();
            }
            if let Some(subject) = object.text("subject")? {
                seal.subject = Some(read_subject(&subject, &object.place("subject"))?);
            }
            // A pseudonym is the same over the years, so no period has a part in it.
            if is_pseudonym { &["mask", "retain"] } else { &["mask"] }
        }
        // A group on a kept field is how schemas mark it; it does not change what is stored.
        Action::Keep | Action::Drop => {
            if let Some(group) = object.text("group")? {
                name(&group, &object.place("group"), 64)?;
            }
            &["subject", "retain", "mask"]
        }
    };
    match parameters.iter().find(|p| object.value(p).is_some()) {
        Some(unfit) => Err(invalid(
            &object.place(unfit),
            &format!("does not go with the action `{}`", action.name()),
        )),
        None => Ok(action),
    }
}

fn plain_action(name: &str, at: &str, group: &str, retain: &str) -> Result<Action, Error> {
    let seal = || Seal { group: group.into(), subject: None, retain: retain.into() };
    Ok(match name {
        "keep" => Action::Keep,
        "drop" => Action::Drop,
        "mask" => Action::Mask(Mask::Fixed),
        "seal" => Action::Seal(seal()),
        "pseudonym" => Action::Pseudonym(seal()),
        other => {
            let wanted = "must be one of `keep`, `drop`, `mask`, `pseudonym`, `seal`, got";
            let text = format!("{wanted} `{other}`");
            return Err(invalid(at, &text));
        }
    })
}

fn read_mask(value: &Value<'_>, at: &str) -> Result<Mask, Error> {
    if let Some(name) = value.as_str() {
        return Ok(match name {
            "fixed" => Mask::Fixed,
            "email" => Mask::Shape(Shape::Email),
            "phone" => Mask::Shape(Shape::Phone),
            "card" => Mask::Shape(Shape::Card),
            other => {
                let wanted = "must be one of `fixed`, `email`, `phone`, `card`, or an object, got";
                return Err(invalid(at, &format!("{wanted} `{other}`")));
            }
        });
    }
    let object = Object::of(value, at)?;
    object.only(&["first", "last"])?;
    Ok(Mask::Ends { first: object.count("first")?, last: object.count("last")? })
}

fn read_subject(text: &str, at: &str) -> Result<Subject, Error> {
    let wanted = || {
        invalid(
            at,
            "must be a pointer (`/email`) or a text with pointers in braces (`customer/{/customer_id}`)",
        )
    };
    if text.starts_with('/') {
        pointer::tokens(text).ok_or_else(wanted)?;
        return Ok(Subject(vec![SubjectPart::Pointer(text.into())]));
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (inner, after) = after.split_once('}').ok_or_else(wanted)?;
        if !inner.starts_with('/') || pointer::tokens(inner).is_none() || before.contains('}') {
            return Err(wanted());
        }
        parts.push(SubjectPart::Text(before.into()));
        parts.push(SubjectPart::Pointer(inner.into()));
        rest = after;
    }
    // A subject without any pointer would be one key for everybody, a slip and not a wish.
    if parts.is_empty() || rest.contains('}') {
        return Err(wanted());
    }
    parts.push(SubjectPart::Text(rest.into()));
    Ok(Subject(parts))
}

fn read_pad(root: &Object<'_, '_>) -> Result<usize, Error> {
    match root.value("pad") {
        None => Ok(16),
        Some(Value::Number(text)) if matches!(*text, "0" | "16" | "32" | "64") => {
            Ok(text.parse().unwrap_or(16))
        }
        Some(_) => Err(invalid("/pad", "must be 0, 16, 32 or 64 (bytes)")),
    }
}

/// Groups and retention classes are parts of key ids and file names.
fn name(text: &str, at: &str, max: usize) -> Result<String, Error> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    if text.is_empty() || text.len() > max || !text.bytes().all(plain) {
        let wanted = format!("must be 1 to {max} of `a-z`, `0-9`, `-`, `_`, got `{text}`");
        return Err(invalid(at, &wanted));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_place() {
        for (document, code, text) in [
            ("{", "malformed_json", "line 1, column 2"),
            ("[]", "policy_invalid", "must be an object, got an array"),
            (r#"{"id":"a","version":"1"}"#, "policy_invalid", "`/default` is missing"),
            (r#"{"version":"1","default":"keep"}"#, "policy_invalid", "`/id` is missing"),
            (
                r#"{"id":"","version":"1","default":"keep"}"#,
                "policy_invalid",
                "`/id` must not be empty",
            ),
            (
                r#"{"id":"a","version":1,"default":"keep"}"#,
                "policy_invalid",
                "`/version` must be a string, got a number",
            ),
            (
                r#"{"id":"a","version":"1","default":"hide"}"#,
                "policy_invalid",
                "`/default` must be one of",
            ),
            (
                r#"{"id":"a","version":"1","default":"keep","rule":[]}"#,
                "policy_invalid",
                "`/rule` is not known here",
            ),
            (
                r#"{"id":"a","version":"1","default":"keep","$schema":1}"#,
                "policy_invalid",
                "`/$schema` must be a string, got a number",
            ),
            (
                r#"{"id":"a","version":"1","default":{"action":"keep","group":"No"}}"#,
                "policy_invalid",
                "`/default/group` must be 1 to 64",
            ),
            (
                r#"{"id":"a","version":"1","default":"keep","pad":7}"#,
                "policy_invalid",
                "`/pad` must be 0, 16, 32 or 64",
            ),
            (
                r#"{"id":"a","version":"1","default":"keep","rules":[{"action":"keep"}]}"#,
                "policy_invalid",
                "`/rules/0/select` is missing",
            ),
            (
                r#"{"id":"a","version":"1","default":"keep","rules":[{"select":"$.a[?(@.b)]","action":"keep"}]}"#,
                "selector_invalid",
                "`/rules/0/select`: `$.a[?(@.b)]` is no selector: expected no filter",
            ),
            (
                r#"{"id":"a","version":"1","default":"keep","rules":[{"select":"$.a","action":"seal","group":"No"}]}"#,
                "policy_invalid",
                "`/rules/0/group` must be 1 to 64",
            ),
            (
                r#"{"id":"a","version":"1","default":"keep","rules":[{"select":"$.a","action":"seal","subject":"all"}]}"#,
                "policy_invalid",
                "`/rules/0/subject` must be a pointer",
            ),
            (
                r#"{"id":"a","version":"1","default":"keep","rules":[{"select":"$.a","action":"drop","mask":"fixed"}]}"#,
                "policy_invalid",
                "`/rules/0/mask` does not go with the action `drop`",
            ),
            (
                r#"{"id":"a","version":"1","default":"keep","rules":[{"select":"$.a","action":"mask","mask":{"first":-1}}]}"#,
                "policy_invalid",
                "`/rules/0/mask/first` must be a whole number",
            ),
            (
                r#"{"id":"a","version":"1","default":"keep","ignore":["a"]}"#,
                "selector_invalid",
                "`/ignore/0`: `a` is no selector: expected `$`",
            ),
        ] {
            let error =
                Policy::parse(document.as_bytes()).err().unwrap_or_else(|| panic!("{document}"));
            assert_eq!(error.code(), code, "{document}");
            assert!(error.to_string().contains(text), "{document}: {error}");
        }
    }

    #[test]
    fn subjects() {
        let parts = |text: &str| read_subject(text, "").map(|s| s.0.len()).ok();
        assert_eq!(parts("/email"), Some(1));
        assert_eq!(parts("customer/{/id}"), Some(3));
        assert_eq!(parts("{/tenant}/{/id}"), Some(5));
        for bad in ["customer", "customer/{id}", "customer/{/id", "a}b{/id}", "{/a}}", "/a~3"] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }
}
