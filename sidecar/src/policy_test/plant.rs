//! Which leaves get a canary, and images that have them.

use std::collections::BTreeMap;

use sealtrail_record::json::{Limits, Value, parse, write_string};
use sealtrail_record::pointer;

use super::canary::{Canary, Mask};
use super::decision::{ByPath, Decision, Decisions};
use super::pipeline::{Output, RECORD};
use super::sample::{Sample, strange};
use super::scenario::Scenario;
use super::search::Hit;
use crate::code::Code;
use crate::error::{Error, Result};

/// The canaries of one sample, and the trees that hold them as JSON.
pub struct Plan {
    pub leaves: Vec<Leaf>,
    pub old: Option<String>,
    pub new: Option<String>,
    pub context: String,
}

/// Of every canary some 200 parts are looked for at once.
const AT_MOST: usize = 4000;

/// A leaf of which nothing may be seen.
pub struct Leaf {
    /// Pointer into the image, or `/context/…`.
    pub path: String,
    pub is_context: bool,
    pub decision: Decision,
    pub canary: Canary,
    /// From 1: it stands in the place of the canary of this leaf where more is tried than its mask knows.
    pub more: usize,
    is_masked: bool,
}

impl Plan {
    /// Says also which of the expected selectors name something.
    pub fn new(
        sample: &Sample<'_>,
        decisions: &Decisions<'_>,
        expected: &[String],
    ) -> Result<(Self, Vec<bool>)> {
        let mut plan =
            Self { leaves: Vec::new(), old: None, new: None, context: sample.context.clone() };
        let mut named = vec![false; expected.len()];
        let mut planted = [None, None];
        for (place, image) in planted.iter_mut().zip([sample.older(), sample.newer()]) {
            let Some(image) = image else { continue };
            let text = image.to_json();
            let by_path = decisions.of(&text, "{}")?;
            let mut wanted = Vec::new();
            for (select, named) in expected.iter().zip(&mut named) {
                let paths = decisions.named(select, &text)?;
                *named |= !paths.is_empty();
                wanted.extend(paths);
            }
            *place = Some(plan.plant(image, &by_path, &wanted, false, decisions)?);
        }
        let [old, new] = planted;
        (plan.old, plan.new) = (old, new);
        let context = sample.context.clone();
        let by_path = decisions.of("{}", &context)?;
        let tree =
            parse(context.as_bytes(), &Limits::default()).map_err(|_| strange("a context"))?;
        plan.context = plan.plant(&tree, &by_path, &[], true, decisions)?;
        Ok((plan, named))
    }

    /// Where a mask shows more of its canary than it may, by a record that has the image whole.
    pub fn shown_too_much(&self, scenario: &Scenario, output: &Output) -> Vec<Hit> {
        if output.name != RECORD || scenario.before.is_some() {
            return Vec::new();
        }
        let Ok(record) = parse(&output.bytes, &Limits::default()) else { return Vec::new() };
        let masked = self.leaves.iter().enumerate().filter(|(_, leaf)| leaf.is_masked);
        let overshown = masked.filter_map(|(canary, leaf)| {
            let at = match leaf.path.strip_prefix("/context") {
                Some(path) if leaf.is_context => format!("/data{path}"),
                _ => format!("/data/after{}", leaf.path),
            };
            // What is sealed with its neighbours is a token, or not there.
            let shown = record.pointer(&at)?.as_str().filter(|text| !text.starts_with("st1."))?;
            let planted =
                if leaf.is_context { Some(&scenario.context) } else { scenario.after.as_ref() };
            let is_due = planted.is_some_and(|planted| planted.contains(&leaf.canary.json));
            (is_due && leaf.canary.is_overshown_by(shown)).then_some(Hit {
                canary,
                form: "more than its mask may show",
                at: Some(at),
            })
        });
        overshown.collect()
    }

    fn plant(
        &mut self,
        tree: &Value<'_>,
        by_path: &ByPath,
        wanted: &[String],
        is_context: bool,
        decisions: &Decisions<'_>,
    ) -> Result<String> {
        let mut values = BTreeMap::new();
        for (path, decision) in by_path {
            let is_wanted = wanted.contains(path);
            if decision.keeps() && !is_wanted {
                continue;
            }
            let inner =
                if is_context { path.strip_prefix("/context") } else { Some(path.as_str()) };
            let Some((inner, value)) = inner.and_then(|inner| Some((inner, tree.pointer(inner)?)))
            else {
                continue;
            };
            if self.leaves.len() >= AT_MOST {
                let message = format!("more than {AT_MOST} protected values; try a part of it");
                return Err(Error::new(Code::TooLarge, message));
            }
            let mask = decisions.mask(decision, is_context);
            let canary = Canary::for_value(value, mask)?;
            let masked = mask.is_some_and(|mask| mask != Mask::Fixed);
            values.insert(inner.to_owned(), canary.json.clone());
            let is_masked = masked && matches!(value, Value::String(_));
            let others = match mask.filter(|_| is_masked) {
                Some(mask) => Canary::with_more(mask)?,
                None => Vec::new(),
            };
            let leaves = std::iter::once(canary).chain(others).enumerate();
            self.leaves.extend(leaves.map(|(more, canary)| Leaf {
                path: path.clone(),
                is_context,
                decision: decision.clone(),
                canary,
                more,
                is_masked,
            }));
        }
        let mut out = Vec::new();
        write(tree, &mut String::new(), &mut |path, _| values.get(path).cloned(), &mut out);
        Ok(String::from_utf8(out).unwrap_or_default())
    }
}

/// Writes a tree; what `other` gives for a pointer takes the place of the value there.
pub fn write(
    value: &Value<'_>,
    path: &mut String,
    other: &mut dyn FnMut(&str, &Value<'_>) -> Option<String>,
    out: &mut Vec<u8>,
) {
    if let Some(json) = other(path, value) {
        return out.extend_from_slice(json.as_bytes());
    }
    let length = path.len();
    match value {
        Value::Object(members) => {
            out.push(b'{');
            for (i, member) in members.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_string(&member.key, out);
                out.push(b':');
                pointer::push_key(path, &member.key);
                write(&member.value, path, other, out);
                path.truncate(length);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                pointer::push_index(path, i);
                write(item, path, other, out);
                path.truncate(length);
            }
            out.push(b']');
        }
        scalar => scalar.write(out),
    }
}
