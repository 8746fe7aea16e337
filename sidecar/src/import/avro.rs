//! From an Avro schema (1.12, the JSON of `.avsc` files): every field becomes a rule, through unions,
//! arrays, maps and named types.
//!
//! Payloads are taken to be plain JSON, as services send them: a value of a union is the value itself, and
//! not an object that names its branch.

use std::collections::BTreeMap;

use sealtrail_record::json::{Limits, Value, parse};
use sealtrail_record::pointer;

use super::json_schema::rule_of;
use super::rules::{Policy, Rule, below};
use super::{unfit, unreadable};
use crate::error::{Error, Result};

/// Deeper than any schema that people write.
const DEPTH: usize = 24;
/// Named types that multiply would otherwise never end.
const RULES: usize = 20_000;

const PRIMITIVES: [&str; 8] =
    ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/// The policy that the tags of a schema ask for.
pub fn import(source: &str, id: &str, version: &str) -> Result<Policy> {
    let schema = parse(source.as_bytes(), &Limits::default())
        .map_err(|error| unreadable(source, error.offset(), &error.reason()))?;
    let mut walk = Walk { types: BTreeMap::new(), open: Vec::new(), rules: Vec::new() };
    walk.define(&schema, "", &mut String::new())?;
    walk.schema(&schema, "$", "", &mut String::new(), 0)?;
    if walk.rules.is_empty() {
        return Err(unfit("the schema has no record, so there is nothing to make rules of"));
    }
    Ok(Policy::new(id, version, walk.rules))
}

struct Walk<'s> {
    /// By full name: the definition, its place in the schema, and the namespace within it.
    types: BTreeMap<String, (&'s Value<'s>, String, String)>,
    /// The named types that are being walked, so that a circle is seen.
    open: Vec<String>,
    rules: Vec<Rule>,
}

impl<'s> Walk<'s> {
    /// Finds every named type, so that a reference may stand before its definition.
    fn define(&mut self, schema: &'s Value<'s>, namespace: &str, at: &mut String) -> Result<()> {
        let mut space = namespace.to_owned();
        if is_named(schema) {
            let (name, own) = full_name(schema, namespace, at)?;
            space = own;
            let definition = (schema, at.clone(), space.clone());
            if self.types.insert(name.clone(), definition).is_some() {
                return Err(wrong(at, &format!("defines `{name}` a second time")));
            }
        }
        let length = at.len();
        for (i, branch) in schema.items().iter().enumerate() {
            pointer::push_index(at, i);
            self.define(branch, &space, at)?;
            at.truncate(length);
        }
        for key in ["type", "items", "values"] {
            if let Some(inner) = schema.get(key).filter(|inner| inner.as_str().is_none()) {
                pointer::push_key(at, key);
                self.define(inner, &space, at)?;
                at.truncate(length);
            }
        }
        for (i, field) in
            schema.get("fields").map(Value::items).unwrap_or_default().iter().enumerate()
        {
            if let Some(inner) = field.get("type") {
                *at += &format!("/fields/{i}/type");
                self.define(inner, &space, at)?;
                at.truncate(length);
            }
        }
        Ok(())
    }

    /// `select` names the place of this schema in a payload, `at` that in the file.
    fn schema(
        &mut self,
        schema: &'s Value<'s>,
        select: &str,
        namespace: &str,
        at: &mut String,
        depth: usize,
    ) -> Result<()> {
        if depth > DEPTH || self.rules.len() > RULES {
            // What is not looked at is not kept in clear.
            self.rules.push(Rule::new(select, "seal"));
            return Ok(());
        }
        match schema {
            Value::String(name) => self.reference(name, select, namespace, at, depth),
            Value::Array(branches) => {
                let length = at.len();
                for (i, branch) in branches.iter().enumerate() {
                    pointer::push_index(at, i);
                    self.schema(branch, select, namespace, at, depth + 1)?;
                    at.truncate(length);
                }
                Ok(())
            }
            Value::Object(_) => self.complex(schema, select, namespace, at, depth),
            other => Err(wrong(
                at,
                &format!("must be a name, an object or a union, got {}", other.kind()),
            )),
        }
    }

    fn complex(
        &mut self,
        schema: &'s Value<'s>,
        select: &str,
        namespace: &str,
        at: &mut String,
        depth: usize,
    ) -> Result<()> {
        if let Some(rule) = rule_of(schema, select, None)? {
            // It covers everything below.
            self.rules.push(rule);
            return Ok(());
        }
        let kind = schema.get("type").ok_or_else(|| wrong(at, "needs a `type`"))?;
        let length = at.len();
        match kind.as_str() {
            Some("record" | "error") => {
                let (name, space) = full_name(schema, namespace, at)?;
                self.record(schema, &name, select, &space, at, depth)?;
            }
            Some("enum" | "fixed") => self.leaf(select),
            Some(kind @ ("array" | "map")) => {
                let (key, step) = if kind == "array" { ("items", "[*]") } else { ("values", ".*") };
                let inner = schema.get(key).ok_or_else(|| wrong(at, &format!("needs `{key}`")))?;
                pointer::push_key(at, key);
                self.schema(inner, &format!("{select}{step}"), namespace, at, depth + 1)?;
            }
            // A type with attributes, such as a logical type.
            _ => {
                pointer::push_key(at, "type");
                self.schema(kind, select, namespace, at, depth + 1)?;
            }
        }
        at.truncate(length);
        Ok(())
    }

    fn record(
        &mut self,
        record: &'s Value<'s>,
        name: &str,
        select: &str,
        namespace: &str,
        at: &mut String,
        depth: usize,
    ) -> Result<()> {
        if self.open.iter().any(|open| open == name) {
            // It holds itself: there is no end to walk to, and what is in it may be personal.
            self.rules.push(Rule::new(select, "seal"));
            return Ok(());
        }
        let Some(Value::Array(fields)) = record.get("fields") else {
            return Err(wrong(at, "needs `fields`, a list"));
        };
        self.open.push(name.to_owned());
        let length = at.len();
        for (i, field) in fields.iter().enumerate() {
            *at += &format!("/fields/{i}");
            let name = field.get("name").and_then(Value::as_str);
            let name = name.ok_or_else(|| wrong(at, "needs a `name`, a text"))?;
            let inner = field.get("type").ok_or_else(|| wrong(at, "needs a `type`"))?;
            let select = below(select, name);
            match rule_of(field, &select, None)? {
                Some(rule) => self.rules.push(rule),
                None => {
                    *at += "/type";
                    self.schema(inner, &select, namespace, at, depth + 1)?;
                }
            }
            at.truncate(length);
        }
        self.open.pop();
        Ok(())
    }

    fn reference(
        &mut self,
        name: &str,
        select: &str,
        namespace: &str,
        at: &str,
        depth: usize,
    ) -> Result<()> {
        if PRIMITIVES.contains(&name) {
            if name != "null" {
                self.leaf(select);
            }
            return Ok(());
        }
        let full = qualified(name, namespace);
        // A name of no namespace is found from within one, as most implementations do.
        let found = [full.as_str(), name].into_iter().find(|name| self.types.contains_key(*name));
        let Some((target, place, space)) = found.and_then(|name| self.types.get(name)) else {
            return Err(wrong(
                at,
                &format!("refers to `{name}`, which the schema does not define"),
            ));
        };
        let (target, mut place, space) = (*target, place.clone(), space.clone());
        self.complex(target, select, &space, &mut place, depth + 1)
    }

    /// What nothing marks. The items of a list and the values of a map are kept with it.
    fn leaf(&mut self, select: &str) {
        let mut select = select;
        while let Some(outer) = select.strip_suffix("[*]").or_else(|| select.strip_suffix(".*")) {
            select = outer;
        }
        if select != "$" {
            self.rules.push(Rule::new(select, "keep"));
        }
    }
}

fn is_named(schema: &Value<'_>) -> bool {
    let kind = schema.get("type").and_then(Value::as_str);
    matches!(kind, Some("record" | "error" | "enum" | "fixed"))
}

/// The full name of a named type, and the namespace of what is in it.
fn full_name(schema: &Value<'_>, namespace: &str, at: &str) -> Result<(String, String)> {
    let name = schema.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| wrong(at, "needs a `name`, a text"))?;
    let own = match schema.get("namespace") {
        None => namespace,
        Some(own) => own.as_str().ok_or_else(|| wrong(at, "has a `namespace` that is no text"))?,
    };
    let full = qualified(name, own);
    let space = full.rsplit_once('.').map(|(space, _)| space.to_owned()).unwrap_or_default();
    Ok((full, space))
}

/// A name with dots is full already.
fn qualified(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        return name.to_owned();
    }
    format!("{namespace}.{name}")
}

fn wrong(at: &str, what: &str) -> Error {
    let place = if at.is_empty() { "the schema".to_owned() } else { format!("`{at}`") };
    unfit(format!("{place} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(source: &str) -> Vec<String> {
        let policy = import(source, "p", "1").unwrap_or_else(|error| panic!("{source}: {error}"));
        policy.rules.iter().map(|rule| serde_json::to_string(rule).unwrap()).collect()
    }

    #[test]
    fn tags_unions_lists_maps_and_names() {
        let source = r#"{
          "type": "record", "name": "Customer", "namespace": "com.example.crm", "fields": [
            {"name": "id", "type": "long"},
            {"name": "email", "type": "string", "confluent:tags": ["PII", "CONTACT"]},
            {"name": "phone", "type": ["null", {"type": "string", "confluent:tags": ["PRIVATE"]}], "default": null},
            {"name": "since", "type": {"type": "int", "logicalType": "date"}},
            {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW"]}},
            {"name": "home", "type": {"type": "record", "name": "Address", "fields": [
                {"name": "street", "type": "string", "confluent:tags": ["PII"]},
                {"name": "country", "type": "State"}]}},
            {"name": "others", "type": {"type": "array", "items": "com.example.crm.Address"}},
            {"name": "by_name", "type": {"type": "map", "values": "Address"}},
            {"name": "labels", "type": {"type": "map", "values": {"type": "array", "items": "string"}}},
            {"name": "scores", "type": {"type": "array", "items": ["null", "double"]}},
            {"name": "hash", "type": {"type": "fixed", "name": "other.Hash", "size": 16}},
            {"name": "again", "type": ["null", "other.Hash"]},
            {"name": "contact", "type": ["string", "Address"]},
            {"name": "secret", "type": "Address", "x-sealtrail": {"action": "drop"}},
            {"name": "parent", "type": ["null", "Customer"]}
          ]}"#;
        assert_eq!(
            rules(source),
            [
                r#"{"select":"$.id","action":"keep"}"#,
                r#"{"select":"$.email","action":"seal","group":"pii"}"#,
                r#"{"select":"$.phone","action":"seal","group":"private"}"#,
                r#"{"select":"$.since","action":"keep"}"#,
                r#"{"select":"$.state","action":"keep"}"#,
                r#"{"select":"$.home.street","action":"seal","group":"pii"}"#,
                r#"{"select":"$.home.country","action":"keep"}"#,
                r#"{"select":"$.others[*].street","action":"seal","group":"pii"}"#,
                r#"{"select":"$.others[*].country","action":"keep"}"#,
                r#"{"select":"$.by_name.*.street","action":"seal","group":"pii"}"#,
                r#"{"select":"$.by_name.*.country","action":"keep"}"#,
                r#"{"select":"$.labels","action":"keep"}"#,
                r#"{"select":"$.scores","action":"keep"}"#,
                r#"{"select":"$.hash","action":"keep"}"#,
                r#"{"select":"$.again","action":"keep"}"#,
                r#"{"select":"$.contact.street","action":"seal","group":"pii"}"#,
                r#"{"select":"$.contact.country","action":"keep"}"#,
                r#"{"select":"$.secret","action":"drop"}"#,
                r#"{"select":"$.parent","action":"seal"}"#,
                // Behind what it would cover.
                r#"{"select":"$.contact","action":"keep"}"#,
            ]
        );
    }

    #[test]
    fn a_union_of_records_at_the_root() {
        let source = r#"[{"type":"record","name":"A","fields":[{"name":"x","type":"B"}]},
            {"type":"record","name":"B","namespace":"n","fields":[{"name":"y","type":"bytes","confluent:tags":["T"]},{"name":"a","type":"A"}]}]"#;
        // `B` of no namespace is not `n.B`.
        assert!(import(source, "p", "1").err().unwrap().to_string().contains("`B`"));
        assert_eq!(
            rules(&source.replace("\"namespace\":\"n\",", "")),
            [
                r#"{"select":"$.x.y","action":"seal","group":"t"}"#,
                r#"{"select":"$.x.a","action":"seal"}"#,
                r#"{"select":"$.y","action":"seal","group":"t"}"#,
                r#"{"select":"$.a.x","action":"seal"}"#,
            ]
        );
    }

    #[test]
    fn refusals_name_the_place() {
        let field = |field: &str| {
            format!(
                r#"{{"type":"record","name":"R","fields":[{{"name":"ok","type":"int"}},{field}]}}"#
            )
        };
        for (source, said) in [
            ("{\"type\": record}".to_owned(), "at line 1, column 10"),
            ("{}".into(), "the schema needs a `type`"),
            ("1".into(), "the schema must be a name, an object or a union, got a number"),
            ("\"string\"".into(), "has no record"),
            ("{\"type\":\"array\",\"items\":\"int\"}".into(), "has no record"),
            (r#"{"type":"record","fields":[]}"#.into(), "the schema needs a `name`"),
            (r#"{"type":"record","name":"R"}"#.into(), "the schema needs `fields`, a list"),
            (field(r#"{"type":"int"}"#), "`/fields/1` needs a `name`"),
            (field(r#"{"name":"a"}"#), "`/fields/1` needs a `type`"),
            (field(r#"{"name":"a","type":"Strin"}"#), "`/fields/1/type` refers to `Strin`"),
            (field(r#"{"name":"a","type":["null","X"]}"#), "`/fields/1/type/1` refers to `X`"),
            (field(r#"{"name":"a","type":{"type":"array"}}"#), "`/fields/1/type` needs `items`"),
            (
                field(r#"{"name":"a","type":{"type":"map","values":7}}"#),
                "`/fields/1/type/values` must be",
            ),
            (
                field(r#"{"name":"a","type":{"type":"enum","name":"R","symbols":[]}}"#),
                "`/fields/1/type` defines `R` a second time",
            ),
            (
                field(r#"{"name":"a","type":{"type":"fixed","name":"F","namespace":1}}"#),
                "`/fields/1/type` has a `namespace` that is no text",
            ),
            (field(r#"{"name":"a","type":"int","x-pii":1}"#), "`x-pii` of `$.a` must be"),
        ] {
            let error = import(&source, "p", "1").err().unwrap_or_else(|| panic!("{source}"));
            assert!(error.to_string().contains(said), "{source}: {error}");
        }
    }

    #[test]
    fn types_that_multiply_come_to_an_end() {
        let types: Vec<String> = (0..30)
            .map(|i| {
                let next = i + 1;
                format!(r#"{{"type":"record","name":"T{i}","fields":[{{"name":"a","type":"T{next}"}},{{"name":"b","type":"T{next}"}}]}}"#)
            })
            .collect();
        let source = format!(r#"[{},{{"type":"fixed","name":"T30","size":1}}]"#, types.join(","));
        assert!(import(&source, "p", "1").is_ok_and(|policy| policy.rules.len() <= 2 * RULES));
    }
}
