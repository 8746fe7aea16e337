//! What a policy must protect, by an RFC 9535 library and not by the core.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::images::is_canary;
use crate::policies::Made;

/// The canaries that must be in no byte of what comes out, as they would be written there: those
/// that are protected wherever they stand in either image.
pub fn secrets(made: &Made, images: &[&Value]) -> Vec<String> {
    let (mut protected, mut in_clear) = (BTreeSet::new(), BTreeSet::new());
    for image in images {
        let named: Vec<(bool, BTreeSet<String>)> = made
            .rules
            .iter()
            .map(|rule| {
                let path = JsonPath::parse(&rule.select).expect("a selector of ours");
                let located = path.query_located(image);
                (rule.protects, located.locations().map(|at| at.to_json_pointer()).collect())
            })
            .collect();
        let mut found = Vec::new();
        leaves(image, &mut String::new(), &mut found);
        for (pointer, value) in found.into_iter().filter(|(_, value)| is_canary(value)) {
            let decides = |nodes: &BTreeSet<String>| prefixes(&pointer).any(|p| nodes.contains(p));
            let rule = named.iter().find(|(_, nodes)| decides(nodes));
            let protects = rule.map_or(made.default_protects, |(protects, _)| *protects);
            let text = value.to_string();
            let text = text.trim_matches('"').to_owned();
            if protects {
                protected.insert(text)
            } else {
                in_clear.insert(text)
            };
        }
    }
    protected.difference(&in_clear).cloned().collect()
}

/// Scalars and empty containers, each with its pointer.
pub fn leaves<'v>(value: &'v Value, at: &mut String, found: &mut Vec<(String, &'v Value)>) {
    let length = at.len();
    let mut below = |name: &str, value: &'v Value| {
        at.push('/');
        at.push_str(&name.replace('~', "~0").replace('/', "~1"));
        leaves(value, at, found);
        at.truncate(length);
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(key, value)| below(key, value));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(i, item)| below(&i.to_string(), item));
        }
        _ => found.push((at.clone(), value)),
    }
}

/// A pointer and those of everything above it.
pub fn prefixes(pointer: &str) -> impl Iterator<Item = &str> {
    let ends = pointer.match_indices('/').map(|(i, _)| i).chain([pointer.len()]);
    ends.map(|end| &pointer[..end])
}

/// The same value, whatever the order of keys and the spelling of numbers.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, a)| b.get(k).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}
