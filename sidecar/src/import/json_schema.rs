//! From a JSON Schema: every property becomes a rule, through local `$ref`s, `allOf` and its kin.

use sealtrail_record::json::{Limits, Value, parse};
use sealtrail_record::pointer;

use super::rules::{Policy, Rule, below, group_of};
use super::{unfit, unreadable};
use crate::error::Result;

/// Deeper than any schema that people write; a `$ref` in a circle ends here at the latest.
const DEPTH: usize = 24;
/// A schema whose `$ref`s multiply would otherwise never end.
const RULES: usize = 20_000;

/// The policy that the annotations of a schema ask for.
pub fn import(source: &str, id: &str, version: &str) -> Result<Policy> {
    let schema = parse(source.as_bytes(), &Limits::default())
        .map_err(|error| unreadable(source, error.offset(), &error.reason()))?;
    if !matches!(schema, Value::Object(_)) {
        return Err(unfit(format!("a JSON Schema is an object, got {}", schema.kind())));
    }
    let mut walk = Walk { root: &schema, open: Vec::new(), rules: Vec::new() };
    walk.schema(&schema, "$", None, 0)?;
    if walk.rules.is_empty() {
        return Err(unfit("the schema has no `properties`, so there is nothing to make rules of"));
    }
    Ok(Policy::new(id, version, walk.rules))
}

struct Walk<'s> {
    root: &'s Value<'s>,
    /// The references that are being followed, so that a circle is seen.
    open: Vec<String>,
    rules: Vec<Rule>,
}

impl<'s> Walk<'s> {
    /// `select` names the place of this schema; `subject` points to who the data is about, where a
    /// sibling says so.
    fn schema(
        &mut self,
        schema: &'s Value<'s>,
        select: &str,
        subject: Option<&str>,
        depth: usize,
    ) -> Result<()> {
        if depth > DEPTH || self.rules.len() > RULES {
            // What is not looked at is not kept in clear.
            self.rules.push(Rule::new(select, "seal"));
            return Ok(());
        }
        let marked = rule_of(schema, select, subject)?;
        if let Some(rule) = marked {
            // It covers everything below.
            self.rules.push(rule);
            return Ok(());
        }
        let before = self.rules.len();
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            self.reference(reference, select, subject, depth)?;
        }
        for name in ["allOf", "anyOf", "oneOf"] {
            for part in schema.get(name).map(Value::items).unwrap_or_default() {
                self.schema(part, select, subject, depth + 1)?;
            }
        }
        self.properties(schema, select, depth)?;
        if let Some(items) = schema.get("items").filter(|items| matches!(items, Value::Object(_))) {
            self.schema(items, &format!("{select}[*]"), None, depth + 1)?;
        }
        // A leaf that nothing marks. An object without properties may hold anything: the default is
        // for that.
        let is_free =
            matches!(schema.get("type").and_then(Value::as_str), Some("object" | "array"));
        let is_leaf = self.rules.len() == before && select != "$" && !select.ends_with("[*]");
        if is_leaf && (!is_free || schema.get("items").is_some()) {
            self.rules.push(Rule::new(select, "keep"));
        }
        Ok(())
    }

    fn properties(&mut self, schema: &'s Value<'s>, select: &str, depth: usize) -> Result<()> {
        let properties = schema.get("properties").map(Value::members).unwrap_or_default();
        // A pointer can name the sibling only where no array lies between.
        let reachable = !select.contains("[*]") && !select.contains("['");
        let piiref = properties.iter().any(|p| p.key == "piiref") && reachable;
        let subject = piiref.then(|| format!("{}/piiref", select[1..].replace('.', "/")));
        for property in properties {
            self.schema(
                &property.value,
                &below(select, &property.key),
                subject.as_deref(),
                depth + 1,
            )?;
        }
        Ok(())
    }

    fn reference(
        &mut self,
        reference: &str,
        select: &str,
        subject: Option<&str>,
        depth: usize,
    ) -> Result<()> {
        let Some(place) = reference.strip_prefix('#') else {
            let message = format!(
                "`$ref` to `{reference}`: only references within the file (`#/…`) are followed"
            );
            return Err(unfit(message));
        };
        if self.open.iter().any(|open| open == place) {
            // A circle has no end to walk to; what is in it may be personal.
            self.rules.push(Rule::new(select, "seal"));
            return Ok(());
        }
        let target = match pointer::tokens(place).and_then(|_| self.root.pointer(place)) {
            Some(target) => target,
            None => return Err(unfit(format!("`$ref` to `{reference}` leads nowhere"))),
        };
        self.open.push(place.to_owned());
        let done = self.schema(target, select, subject, depth + 1);
        self.open.pop();
        done
    }
}

/// What the annotations of one schema say, if they say something.
pub(super) fn rule_of(
    schema: &Value<'_>,
    select: &str,
    subject: Option<&str>,
) -> Result<Option<Rule>> {
    if let Some(own) = schema.get("x-sealtrail") {
        return own_rule(own, select).map(Some);
    }
    let media_type = schema.get("contentMediaType").and_then(Value::as_str);
    if media_type.is_some_and(|t| t.eq_ignore_ascii_case("aes256gcm")) {
        let mut rule = Rule::new(select, "seal");
        rule.subject = subject.map(str::to_owned);
        return Ok(Some(rule));
    }
    let tags = schema.get("confluent:tags").map(Value::items).unwrap_or_default();
    if let Some(tag) = tags.iter().find_map(Value::as_str) {
        let mut rule = Rule::new(select, "seal");
        rule.group = Some(group_of(tag));
        return Ok(Some(rule));
    }
    // One that is misspelt would leave the value in clear, and nobody would see it.
    let resembles = |key: &str| {
        ["x-pii", "x-sealtrail"]
            .iter()
            .find(|known| strsim::osa_distance(&key.to_ascii_lowercase(), known) <= 1)
    };
    for member in schema.members() {
        if let Some(known) = resembles(&member.key).filter(|known| **known != member.key) {
            return Err(unfit(format!(
                "`{}` of `{select}` is not known; did you mean `{known}`?",
                member.key
            )));
        }
    }
    match schema.get("x-pii") {
        Some(Value::Bool(true)) => Ok(Some(Rule::new(select, "seal"))),
        Some(Value::Bool(false)) | None => Ok(None),
        Some(other) => {
            Err(unfit(format!("`x-pii` of `{select}` must be true or false, got {}", other.kind())))
        }
    }
}

fn own_rule(own: &Value<'_>, select: &str) -> Result<Rule> {
    let wrong = |what: &str| unfit(format!("`x-sealtrail` of `{select}` {what}"));
    if let Some(action) = own.as_str() {
        return Ok(Rule::new(select, action));
    }
    let action = own.get("action").and_then(Value::as_str);
    let mut rule = Rule::new(select, action.ok_or_else(|| wrong("needs an `action`"))?);
    for member in own.members() {
        let text = member.value.as_str().map(str::to_owned);
        let wanted = || wrong(&format!("has `{}`, which must be a text", member.key));
        match member.key.as_ref() {
            "action" => {}
            "group" => rule.group = Some(text.ok_or_else(wanted)?),
            "subject" => rule.subject = Some(text.ok_or_else(wanted)?),
            "retain" => rule.retain = Some(text.ok_or_else(wanted)?),
            "mask" => rule.mask = serde_json::from_str(&member.value.to_json()).ok(),
            other => return Err(wrong(&format!("has `{other}`, which no rule knows"))),
        }
    }
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(source: &str) -> Vec<String> {
        let policy = import(source, "p", "1").unwrap_or_else(|error| panic!("{source}: {error}"));
        policy.rules.iter().map(|rule| serde_json::to_string(rule).unwrap()).collect()
    }

    #[test]
    fn the_treatment_of_the_first_users() {
        let source = include_str!("../../../tests/first-users/treatment.schema.json");
        assert_eq!(
            rules(source),
            [
                r#"{"select":"$.piiref","action":"keep"}"#,
                r#"{"select":"$.name","action":"seal","subject":"/piiref"}"#,
                r#"{"select":"$.drug","action":"keep"}"#,
            ]
        );
        let raw = include_str!("../../../tests/first-users/treatment.raw.schema.json");
        let error = import(raw, "p", "1").err().unwrap().to_string();
        assert!(error.contains("expected a key in double quotes at line 2, column 3"), "{error}");
        assert!(
            error.contains("2 |   $schema: \"http://json-schema.org/draft-07/schema#\","),
            "{error}"
        );
    }

    #[test]
    fn refusals() {
        for (source, said) in [
            ("[]", "a JSON Schema is an object, got an array"),
            ("{}", "has no `properties`"),
            (r##"{"properties":{"a":{"$ref":"#/$defs/x"}}}"##, "`#/$defs/x` leads nowhere"),
            (r#"{"properties":{"a":{"$ref":"other.json"}}}"#, "only references within the file"),
            (r#"{"properties":{"a":{"x-pii":"yes"}}}"#, "`x-pii` of `$.a` must be true or false"),
            (
                r#"{"properties":{"a":{"x-pi":true}}}"#,
                "`x-pi` of `$.a` is not known; did you mean `x-pii`?",
            ),
            (r#"{"properties":{"a":{"X-PII":true}}}"#, "did you mean `x-pii`?"),
            (r#"{"properties":{"a":{"x-sealtrial":"seal"}}}"#, "did you mean `x-sealtrail`?"),
            (r#"{"properties":{"a":{"x-sealtrail":{"group":"g"}}}}"#, "needs an `action`"),
            (r#"{"properties":{"a":{"x-sealtrail":{"action":"seal","grup":"g"}}}}"#, "has `grup`"),
        ] {
            let error = import(source, "p", "1").err().unwrap_or_else(|| panic!("{source}"));
            assert!(error.to_string().contains(said), "{source}: {error}");
        }
        // Every definition refers to two others: 2^n ways, and an end all the same.
        let defs: Vec<String> = (0..30)
            .map(|i| format!(r##""d{i}":{{"properties":{{"a":{{"$ref":"#/$defs/d{}"}},"b":{{"$ref":"#/$defs/d{}"}}}}}}"##, i + 1, i + 1))
            .collect();
        let source =
            format!(r##"{{"$defs":{{{},"d30":{{}}}},"$ref":"#/$defs/d0"}}"##, defs.join(","));
        assert!(import(&source, "p", "1").is_ok_and(|policy| policy.rules.len() <= 2 * RULES));
    }

    #[test]
    fn one_of_several_forms() {
        let source = r#"{"properties":{"contact":{"anyOf":[{"type":"string"},
            {"properties":{"email":{"x-pii":true},"at":{}}}]}}}"#;
        assert_eq!(
            rules(source),
            [
                r#"{"select":"$.contact.email","action":"seal"}"#,
                r#"{"select":"$.contact.at","action":"keep"}"#,
                r#"{"select":"$.contact","action":"keep"}"#,
            ]
        );
    }

    #[test]
    fn references_arrays_and_marks() {
        let source = r##"{
          "$defs": {"person": {"type": "object", "properties": {
              "email": {"type": "string", "x-pii": true}, "friend": {"$ref": "#/$defs/person"}, "age": {}}}},
          "allOf": [{"$ref": "#/$defs/person"}, {"properties": {"email": {"type": "string"}, "note": {"x-sealtrail": "mask"}}}],
          "properties": {
            "orders": {"type": "array", "items": {"properties": {"ship to": {"$ref": "#/$defs/person"}}}},
            "card": {"x-sealtrail": {"action": "mask", "mask": {"last": 4}}},
            "phone": {"confluent:tags": ["PII"]}, "free": {"type": "object"}, "tags": {"type": "array", "items": {"type": "string"}},
            "address": {"x-pii": true, "properties": {"city": {}}},
            "meta": {"properties": {"piiref": {}, "name": {"contentMediaType": "aes256gcm"}}}
          }}"##;
        assert_eq!(
            rules(source),
            [
                r#"{"select":"$.email","action":"seal"}"#,
                r#"{"select":"$.friend","action":"seal"}"#,
                r#"{"select":"$.age","action":"keep"}"#,
                r#"{"select":"$.note","action":"mask"}"#,
                r#"{"select":"$.orders[*]['ship to'].email","action":"seal"}"#,
                r#"{"select":"$.orders[*]['ship to'].friend","action":"seal"}"#,
                r#"{"select":"$.orders[*]['ship to'].age","action":"keep"}"#,
                r#"{"select":"$.card","action":"mask","mask":{"last":4}}"#,
                r#"{"select":"$.phone","action":"seal","group":"pii"}"#,
                r#"{"select":"$.tags","action":"keep"}"#,
                r#"{"select":"$.address","action":"seal"}"#,
                r#"{"select":"$.meta.piiref","action":"keep"}"#,
                r#"{"select":"$.meta.name","action":"seal","subject":"/meta/piiref"}"#,
            ]
        );
    }
}
