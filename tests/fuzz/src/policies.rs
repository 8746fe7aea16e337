//! A policy from choices, with what a judge needs to know of its rules.

use serde_json::{Value, json};

use crate::choices::Choices;
use crate::images::KEYS;

pub struct Made {
    pub document: Value,
    pub rules: Vec<Rule>,
    /// Whether what no rule names is protected.
    pub default_protects: bool,
    /// How arrays are matched; a set has no order, so no patch leads to it.
    pub arrays: Value,
    pub has_sets: bool,
}

pub struct Rule {
    pub select: String,
    pub protects: bool,
}

pub fn make(choices: &mut Choices<'_>) -> Made {
    // Where all is protected anyway, names may be folded as well.
    let strict = choices.one_in(3);
    let mut rules = Vec::new();
    let mut written = Vec::new();
    for _ in 0..choices.below(8) {
        let (select, counts) = selector(choices);
        let (mut rule, mut protects) = action(choices);
        if !protects && (strict || counts) {
            (rule, protects) = (json!({"action": "seal"}), true);
        }
        rule["select"] = json!(select);
        written.push(rule);
        rules.push(Rule { select, protects });
    }
    let (mut default, mut default_protects) = action(choices);
    if strict && !default_protects {
        (default, default_protects) = (json!("drop"), true);
    }
    let mut has_sets = false;
    let arrays: Vec<Value> = (0..choices.below(4))
        .map(|_| {
            let matching = choices.of(&["sequence", "position", "key", "set"]);
            has_sets |= matching == "set";
            let mut rule = json!({"select": selector(choices).0, "match": matching});
            if matching == "key" {
                rule["key"] = choices.of(&["id", "/id", "a"]).into();
            }
            rule
        })
        .collect();
    let ignore: Vec<_> = (0..choices.below(3) / 2).map(|_| selector(choices).0).collect();
    let document = json!({
        "id": "p", "version": "1", "default": default, "rules": written,
        "ignore": ignore, "arrays": arrays,
        "fold_keys": strict && choices.one_in(2), "secrets": choices.one_in(2),
        "pad": choices.of(&[16, 0, 32, 64]),
    });
    Made { document, rules, default_protects, arrays: json!(arrays), has_sets }
}

/// An action with its parameters, and whether it protects.
fn action(choices: &mut Choices<'_>) -> (Value, bool) {
    let made = match choices.below(8) {
        0 | 1 => return (json!({"action": "keep"}), false),
        2 => json!({"action": "drop"}),
        3 => json!({"action": "mask"}),
        4 => json!({"action": "mask", "mask": choices.of(&["email", "phone", "card", "fixed"])}),
        5 => {
            json!({"action": "mask", "mask": {"first": choices.below(5), "last": choices.below(5)}})
        }
        _ => {
            let group = choices.of(&["one", "two", "three"]);
            let mut seal = json!({"action": "seal", "group": group});
            match choices.below(5) {
                0 | 1 => {}
                2 => seal["subject"] = json!("/id"),
                3 => seal["subject"] = json!("c/{/a/id}"),
                _ => seal["retain"] = json!("long"),
            }
            seal
        }
    };
    (made, true)
}

fn selector(choices: &mut Choices<'_>) -> (String, bool) {
    let (mut select, mut counts) = (String::from("$"), false);
    for _ in 0..choices.below(4) {
        let name = choices.of(&KEYS);
        match choices.below(9) {
            0 | 1 => select.push_str(&format!("['{name}']")),
            2 => select.push_str(".*"),
            3 => select.push_str("..*"),
            4 => select.push_str(&format!("..['{name}']")),
            5 => select.push_str(&format!("['{name}', \"{}\"]", choices.of(&KEYS))),
            6 => select.push_str(".items[*]"),
            7 => {
                counts = true;
                select.push_str(&format!("[{}]", choices.below(5) as i32 - 2));
            }
            _ => {
                counts = true;
                let [start, end] = [0; 2].map(|_| choices.below(6) as i32 - 3);
                let step = choices.of(&["", ":1", ":2", ":-1"]);
                select.push_str(&format!("..[{start}:{end}{step}]"));
            }
        }
    }
    (select, counts)
}
