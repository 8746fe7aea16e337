//! A sample: a change, or an image alone.

use std::sync::Arc;

use sealtrail_record::json::{self, Limits, Member, Value};
use sealtrail_record::pointer;

use crate::Error;
use crate::capture::Draft;
use crate::context::Context;
use crate::fold::fold_key;
use crate::policy::Policy;

pub(super) struct Sample<'a> {
    pub(super) images: Vec<Value<'a>>,
    /// An object of `tenant`, `actor` and `request`, as the selectors of `context` see it.
    pub(super) context: Value<'a>,
}

impl<'a> Sample<'a> {
    pub(super) fn read(
        policy: &Arc<Policy>,
        text: &'a [u8],
        limits: &Limits,
    ) -> Result<Self, Error> {
        let value = json::parse(text, limits).map_err(|e| Error::json("the change", e))?;
        let Value::Object(members) = value else {
            let message = format!("a change or an image is an object, got {}", value.kind());
            return Err(Error::new("not_a_change", message));
        };
        if !is_change(&members) {
            let images = vec![Value::Object(members)];
            return Ok(Self { images, context: Value::Object(Vec::new()) });
        }
        // A wrong change would be refused in production, and says nothing about a policy.
        Draft::read(policy, text, limits)?;
        let (mut images, mut context) = (Vec::new(), Context::default());
        for Member { key, value } in members {
            match fold_key(&key).as_ref() {
                "before" | "after" | "old_data" | "new_data" if !value.is_null() => {
                    images.push(value);
                }
                "context" => context = Context::of_valid(value),
                "event" => context.event = Some(value),
                "request_info" => {
                    let mut at = String::new();
                    pointer::push_key(&mut at, &key);
                    context.read_older(value, &at)?;
                }
                _ => {}
            }
        }
        if let Some(event) = context.event {
            images.push(event_image(event));
        }
        let parts =
            [("tenant", context.tenant), ("actor", context.actor), ("request", context.request)];
        let parts = parts
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| Member { key: key.into(), value }));
        Ok(Self { images, context: Value::Object(parts.collect()) })
    }
}

/// The data of an event as the rules see it, `$.event.data`.
fn event_image(event: Value<'_>) -> Value<'_> {
    let Value::Object(mut members) = event else { return event };
    members.retain(|member| member.key == "data");
    let event = Member { key: "event".into(), value: Value::Object(members) };
    Value::Object(vec![event])
}

/// Whether somebody meant a change. What only happens to have a column `entity_id` is an image.
fn is_change(members: &[Member<'_>]) -> bool {
    let has = |name: &str| members.iter().any(|m| m.key == name);
    let has_folded = |name: &str| members.iter().any(|m| fold_key(&m.key) == name);
    has("entity") && (has("action") || has("before") || has("after") || has("event"))
        || has_folded("old_data")
        || has_folded("new_data")
        || has_folded("table_id") && has_folded("entity_id")
}
