//! The changes that are tried with the canaries of a sample.

use std::collections::BTreeSet;

use sealtrail_record::json::{Limits, Value, parse};

use super::decision::Decisions;
use super::plant::{Leaf, Plan, write};
use super::sample::Sample;
use crate::error::Result;

/// One change, or a text that is refused as one.
pub struct Scenario {
    pub name: &'static str,
    pub action: &'static str,
    /// The images as JSON; `None` is left out.
    pub before: Option<String>,
    pub after: Option<String>,
    pub context: String,
    /// What makes it no JSON, or no change.
    pub fault: Option<Fault>,
    /// Leaves may stand elsewhere than where the plan has them, and be kept there.
    is_rearranged: bool,
}

/// A fault behind a canary, where an error may be tempted to quote what it read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Cut,
    Escape,
    LoneSurrogate,
    KeyTwice,
}

/// A key that no policy names.
const BELOW: &str = "sealtrail canary";

impl Scenario {
    pub fn all(sample: &Sample<'_>, plan: &Plan) -> Vec<Self> {
        let (old, new) = (plan.old.clone(), plan.new.clone());
        let scenario = |name, action, before: &Option<String>, after: &Option<String>| Self {
            name,
            action,
            before: before.clone(),
            after: after.clone(),
            context: plan.context.clone(),
            fault: None,
            is_rearranged: false,
        };
        let nothing = Some("null".to_owned());
        let mut all = vec![
            scenario("update", "update", &old, &new),
            scenario("create", "create", &nothing, &new),
            scenario("delete", "delete", &old, &nothing),
            scenario("update, before unknown", "update", &None, &new),
            scenario("update, after unknown", "update", &old, &None),
        ];
        let image = sample.newer();
        let planted =
            new.as_deref().and_then(|text| parse(text.as_bytes(), &Limits::default()).ok());
        if let (Some(image), Some(planted)) = (image, &planted) {
            let moved = reversed(planted);
            let mut moving = scenario("items moved", "update", &new, &Some(moved));
            moving.is_rearranged = true;
            let mut below = scenario("an object in the place of a value", "update", &new, &None);
            below.after = Some(wrapped(planted, plan));
            below.is_rearranged = true;
            let mut above = scenario("a value in the place of an object", "update", &new, &None);
            above.after = Some(collapsed(planted, plan));
            let mut same = scenario("one image as it was", "update", &None, &new);
            same.before = Some(image.to_json());
            all.extend([moving, below, above, same]);
        }
        let most = plan.leaves.iter().map(|leaf| leaf.more).max().unwrap_or(0);
        for more in 1..=most {
            let action = if planted.is_some() { "update" } else { "delete" };
            let mut tried = scenario("more in a field than its mask knows", action, &None, &None);
            tried.after = planted.as_ref().map(|image| with_more(image, plan, more, ""));
            if let Ok(context) = parse(plan.context.as_bytes(), &Limits::default()) {
                tried.context = with_more(&context, plan, more, "/context");
            }
            all.push(tried);
        }
        for fault in [Fault::Cut, Fault::Escape, Fault::LoneSurrogate, Fault::KeyTwice] {
            let mut faulty = scenario("refused", "update", &old, &new);
            faulty.fault = Some(fault);
            all.push(faulty);
        }
        // Without an image there is the context alone.
        all.retain(|s| old.is_some() || s.action == "delete" || s.fault.is_some());
        all
    }

    /// The change as a service would send it.
    pub fn change(&self, entity: &str, correlation_id: &str, plan_canaries: &[&str]) -> String {
        let image = |key: &str, image: &Option<String>| {
            image.as_ref().map(|image| format!(",\"{key}\":{image}")).unwrap_or_default()
        };
        let (before, after) = (image("before", &self.before), image("after", &self.after));
        let context = with_correlation_id(&self.context, correlation_id);
        let mut text = format!(
            "{{\"entity\":{entity},\"action\":\"{}\"{before}{after},\"context\":{context}}}",
            self.action
        );
        let Some(fault) = self.fault else { return text };
        // Behind the last canary that is a text, within its quotes.
        let last = plan_canaries.iter().filter_map(|json| {
            let json = json.strip_suffix('"')?;
            text.rfind(json).map(|at| at + json.len())
        });
        let boundary =
            |at: usize| (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let at = boundary(last.max().unwrap_or(text.len() / 2));
        let cut = boundary(at.saturating_sub(1));
        match fault {
            Fault::Cut => text.truncate(cut),
            Fault::Escape => text.insert_str(at, "\\q"),
            Fault::LoneSurrogate => text.insert_str(at, "\\ud800"),
            Fault::KeyTwice => text.insert_str(1, &format!("\"context\":{},", self.context)),
        }
        text
    }

    /// Canaries that the policy keeps where this scenario has them.
    pub fn kept(&self, decisions: &Decisions<'_>, plan: &Plan) -> Result<BTreeSet<usize>> {
        let mut kept = BTreeSet::new();
        let Some(after) = self.after.as_ref().filter(|_| self.is_rearranged) else {
            return Ok(kept);
        };
        let tree = parse(after.as_bytes(), &Limits::default()).ok();
        for (path, decision) in decisions.of(after, "{}")? {
            let value = tree.as_ref().and_then(|tree| tree.pointer(&path));
            if let Some(value) = value.filter(|_| decision.keeps()) {
                let json = value.to_json();
                let own = plan.leaves.iter().position(|leaf| leaf.canary.json == json);
                kept.extend(own);
            }
        }
        Ok(kept)
    }
}

fn with_correlation_id(context: &str, id: &str) -> String {
    let own = parse(context.as_bytes(), &Limits::default()).ok();
    let members = own.as_ref().map(Value::members).unwrap_or_default();
    let mut text = format!("{{\"correlation_id\":\"{id}\"");
    for member in members.iter().filter(|member| member.key != "correlation_id") {
        let key = Value::String(member.key.clone()).to_json();
        text += &format!(",{key}:{}", member.value.to_json());
    }
    text + "}"
}

fn written(value: &Value<'_>, other: &mut dyn FnMut(&str, &Value<'_>) -> Option<String>) -> String {
    let mut out = Vec::new();
    write(value, &mut String::new(), other, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

fn reversed(value: &Value<'_>) -> String {
    fn turn(value: &mut Value<'_>) {
        match value {
            Value::Array(items) => {
                items.reverse();
                items.iter_mut().for_each(turn);
            }
            Value::Object(members) => members.iter_mut().for_each(|m| turn(&mut m.value)),
            _ => {}
        }
    }
    let mut value = value.clone();
    turn(&mut value);
    value.to_json()
}

/// A tree of the plan, which has its pointers below `root`, with the canaries that have more behind them.
fn with_more(tree: &Value<'_>, plan: &Plan, more: usize, root: &str) -> String {
    written(tree, &mut |path, _| {
        let is_it = |leaf: &&Leaf| {
            let is_here = leaf.is_context != root.is_empty();
            is_here && leaf.more == more && leaf.path.strip_prefix(root) == Some(path)
        };
        plan.leaves.iter().find(is_it).map(|leaf| leaf.canary.json.clone())
    })
}

fn is_planted(plan: &Plan, path: &str) -> bool {
    plan.leaves.iter().any(|leaf| !leaf.is_context && leaf.path == path)
}

/// Every planted leaf as an object that holds its canary.
fn wrapped(value: &Value<'_>, plan: &Plan) -> String {
    written(value, &mut |path, value| {
        let json = value.to_json();
        is_planted(plan, path).then(|| format!("{{\"{BELOW}\":{json},\"list\":[{json}]}}"))
    })
}

/// Every object or array of the root that holds a canary as that canary alone.
fn collapsed(value: &Value<'_>, plan: &Plan) -> String {
    written(value, &mut |path, value| {
        let is_container = matches!(value, Value::Object(_) | Value::Array(_));
        if path.is_empty() || !is_container {
            return None;
        }
        let below = format!("{path}/");
        let inner = plan.leaves.iter().filter(|leaf| !leaf.is_context);
        let inside = inner.filter(|leaf| leaf.path.starts_with(&below));
        inside.filter_map(|leaf| value.pointer(&leaf.path[path.len()..])).map(Value::to_json).next()
    })
}
