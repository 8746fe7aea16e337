//! What a policy makes of the leaves of an image, as the guest explains it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::canary::Mask;
use super::sample::strange;
use crate::code::Code;
use crate::engine::Sandbox;
use crate::error::{Error, Result};

/// What happens to one leaf.
#[derive(Debug, Clone, Deserialize)]
pub struct Decision {
    pub action: String,
    pub because: String,
}

/// Asks the guest about one policy.
pub struct Decisions<'s> {
    sandbox: &'s Sandbox,
    policy: &'s [u8],
    document: Json,
}

/// Decisions by pointer into the image, or `/context/…`.
pub type ByPath = BTreeMap<String, Decision>;

/// A kept value in company of a sealed one is sealed with it; that is nothing the policy promises.
const IN_COMPANY: &str = "beside a protected value; by itself keep";

impl Decision {
    /// Whether the policy keeps this leaf when it changes alone.
    pub fn keeps(&self) -> bool {
        self.action == "keep" || self.because.starts_with(IN_COMPANY)
    }
}

impl<'s> Decisions<'s> {
    pub fn new(sandbox: &'s Sandbox, policy: &'s [u8]) -> Result<Self> {
        let document = serde_json::from_slice(policy).map_err(|_| strange("a policy"))?;
        Ok(Self { sandbox, policy, document })
    }

    /// For every leaf of an image and of a context, both as JSON.
    pub fn of(&self, image: &str, context: &str) -> Result<ByPath> {
        self.ask(self.policy, image, context)
    }

    /// Refuses what is no selector. The policy that it is put into for the guest is nobody's but ours, so
    /// the place in it is left out.
    pub fn check(&self, select: &str) -> Result<()> {
        let Err(error) = self.named(select, "{}") else { return Ok(()) };
        if error.code() != Code::SelectorInvalid {
            return Err(error);
        }
        let message = error.message();
        let reason = message.rsplit_once("is no selector: ").map_or(message, |(_, reason)| reason);
        Err(Error::new(Code::WrongUse, format!("--expect-protected `{select}`: {reason}")))
    }

    /// The leaves of an image that a selector names, found by the selectors of the guest.
    pub fn named(&self, select: &str, image: &str) -> Result<Vec<String>> {
        let fold = self.document.get("fold_keys").cloned().unwrap_or(Json::Bool(false));
        let policy = serde_json::json!({
            "id": "expected", "version": "1", "default": "keep", "secrets": false, "fold_keys": fold,
            "rules": [{"select": select, "action": "drop"}],
        });
        let found = self.ask(policy.to_string().as_bytes(), image, "{}")?;
        Ok(found.into_iter().filter(|(_, d)| d.action == "drop").map(|(path, _)| path).collect())
    }

    /// How much a mask may show; `None` where the value is not masked, or by a list of secrets only
    /// in part.
    pub fn mask(&self, decision: &Decision, is_context: bool) -> Option<Mask> {
        if decision.action != "mask" {
            return None;
        }
        let because = decision.because.as_str();
        if because == "secrets" {
            return Some(Mask::Secrets);
        }
        let default = if is_context { "context_default" } else { "default" };
        let treatment = if because == "default" {
            self.document.get(default)
        } else {
            let (list, rest) = because.split_once('[')?;
            let (number, _) = rest.split_once(']')?;
            self.document.get(list)?.get(number.parse::<usize>().ok()?)
        };
        let count = |mask: &Json, key: &str| {
            usize::try_from(mask.get(key).and_then(Json::as_u64).unwrap_or(0)).unwrap_or(0)
        };
        Some(match treatment.and_then(|t| t.get("mask")) {
            Some(mask @ Json::Object(_)) => {
                Mask::Ends { first: count(mask, "first"), last: count(mask, "last") }
            }
            Some(Json::String(name)) if name == "email" => Mask::Email,
            Some(Json::String(name)) if name == "phone" => Mask::Phone,
            Some(Json::String(name)) if name == "card" => Mask::Card,
            _ => Mask::Fixed,
        })
    }

    fn ask(&self, policy: &[u8], image: &str, context: &str) -> Result<ByPath> {
        #[derive(Deserialize)]
        struct Preview {
            fields: Vec<Field>,
        }
        #[derive(Deserialize)]
        struct Field {
            path: String,
            #[serde(flatten)]
            decision: Decision,
        }
        // With one image unknown the other is taken whole, what is ignored and what did not change too.
        let change = format!(
            r#"{{"entity":{{"type":"sample","id":"1"}},"action":"update","after":{image},"context":{context}}}"#
        );
        let answer = self.sandbox.guest()?.preview(policy, change.as_bytes(), b"")?;
        let preview: Preview = serde_json::from_slice(&answer).map_err(|_| strange("a preview"))?;
        let by_path = preview.fields.into_iter().filter_map(|field| {
            let path = match field.path.strip_prefix("/data/after") {
                Some(path) => path.to_owned(),
                None => format!("/context{}", field.path.strip_prefix("/data")?),
            };
            Some((path, field.decision))
        });
        Ok(by_path.collect())
    }
}
