//! The policy as an import writes it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// A policy document, in the order in which a person reads one.
#[derive(Serialize)]
pub struct Policy {
    pub id: String,
    pub version: String,
    pub default: Default,
    pub rules: Vec<Rule>,
}

#[derive(Serialize)]
pub struct Default {
    action: &'static str,
}

/// What the schema does not name may be anything.
pub const SEALED: Default = Default { action: "seal" };

#[derive(Debug, Clone, Serialize)]
pub struct Rule {
    pub select: String,
    pub action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<serde_json::Value>,
}

impl Rule {
    pub fn new(select: impl Into<String>, action: &str) -> Self {
        let (select, action) = (select.into(), action.to_owned());
        Self { select, action, group: None, subject: None, retain: None, mask: None }
    }

    fn strength(&self) -> u8 {
        match self.action.as_str() {
            "drop" => 4,
            "mask" => 3,
            "pseudonym" => 2,
            "seal" => 1,
            _ => 0,
        }
    }
}

impl Policy {
    /// One rule for each selector: where a schema says two things of one field, the stricter holds.
    pub fn new(id: &str, version: &str, found: Vec<Rule>) -> Self {
        let mut rules: Vec<Rule> = Vec::with_capacity(found.len());
        for rule in found {
            match rules.iter_mut().find(|other| other.select == rule.select) {
                Some(other) if rule.strength() > other.strength() => *other = rule,
                Some(_) => {}
                None => rules.push(rule),
            }
        }
        let rules = protecting_first(rules);
        Self { id: id.into(), version: version.into(), default: SEALED, rules }
    }

    /// The document, a rule on each line.
    pub fn to_json(&self) -> String {
        let text = |value: &str| serde_json::Value::from(value).to_string();
        let line = |rule: &Rule| serde_json::to_string(rule).unwrap_or_default();
        let rules: Vec<String> =
            self.rules.iter().map(|rule| format!("    {}", line(rule))).collect();
        format!(
            "{{\n  \"id\": {},\n  \"version\": {},\n  \"default\": {{\"action\":\"{}\"}},\n  \"rules\": [\n{}\n  ]\n}}\n",
            text(&self.id),
            text(&self.version),
            self.default.action,
            rules.join(",\n"),
        )
    }
}

/// The first rule decides, so what keeps an attribute must stand behind what protects a part of it. A schema
/// says both where a value has one of several forms.
fn protecting_first(rules: Vec<Rule>) -> Vec<Rule> {
    let mut late: BTreeSet<usize> = BTreeSet::new();
    {
        let kept = rules.iter().enumerate().filter(|(_, rule)| rule.strength() == 0);
        let kept: BTreeMap<&str, usize> = kept.map(|(i, r)| (r.select.as_str(), i)).collect();
        for (i, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.strength() > 0) {
            let ends = rule.select.match_indices(['.', '[']).map(|(end, _)| end);
            let above = ends.filter_map(|end| kept.get(&rule.select[..end]));
            late.extend(above.filter(|above| **above < i));
        }
    }
    let (mut first, mut last) = (Vec::with_capacity(rules.len()), Vec::new());
    for (i, rule) in rules.into_iter().enumerate() {
        if late.contains(&i) { last.push(rule) } else { first.push(rule) }
    }
    first.extend(last);
    first
}

/// One more name behind a selector (RFC 9535 §2.5.1.1: a plain word, else in brackets).
pub fn below(select: &str, name: &str) -> String {
    let mut chars = name.chars();
    let starts = |c: char| c == '_' || c.is_ascii_alphabetic() || !c.is_ascii();
    let plain = chars.next().is_some_and(starts) && chars.all(|c| starts(c) || c.is_ascii_digit());
    if plain {
        return format!("{select}.{name}");
    }
    let escaped: String = name
        .chars()
        .flat_map(|c| match c {
            '\'' | '\\' => vec!['\\', c],
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)).chars().collect(),
            c => vec![c],
        })
        .collect();
    format!("{select}['{escaped}']")
}

/// A data group from a free name: lower case, and `-` for what a group cannot have.
pub fn group_of(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let lower = name.to_ascii_lowercase();
    lower.chars().take(64).map(|c| if plain(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(below("$", "e_mail1"), "$.e_mail1");
        assert_eq!(below("$.a[*]", "it's\\"), "$.a[*]['it\\'s\\\\']");
        assert_eq!(below("$", "1st"), "$['1st']");
        assert_eq!(below("$", ""), "$['']");
        assert_eq!(group_of("PII.Contact Data"), "pii-contact-data");
    }

    #[test]
    fn what_keeps_stands_behind_what_protects() {
        let keep = |select: &str| Rule::new(select, "keep");
        let rules = vec![keep("$.a"), keep("$.ab"), Rule::new("$.a.b", "seal"), keep("$.c[*]")];
        let rules = [rules, vec![Rule::new("$.c[*]['x.y']", "mask"), keep("$.a.b.c")]].concat();
        let policy = Policy::new("p", "1", rules);
        let order: Vec<_> = policy.rules.iter().map(|rule| rule.select.as_str()).collect();
        assert_eq!(order, ["$.ab", "$.a.b", "$.c[*]['x.y']", "$.a.b.c", "$.a", "$.c[*]"]);
    }

    #[test]
    fn the_stricter_rule_holds() {
        let rules =
            vec![Rule::new("$.a", "keep"), Rule::new("$.a", "seal"), Rule::new("$.a", "keep")];
        let policy = Policy::new("p", "1", rules);
        assert_eq!((policy.rules.len(), policy.rules[0].action.as_str()), (1, "seal"));
    }
}
