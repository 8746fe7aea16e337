//! A sample: a change in either shape, or an image alone.

use sealtrail_record::json::{Limits, Value, parse};

use crate::code::Code;
use crate::engine::Sandbox;
use crate::error::{Error, Result};

pub struct Sample<'a> {
    /// `{"type":…,"id":…}` as JSON.
    pub entity: String,
    pub before: Option<Value<'a>>,
    pub after: Option<Value<'a>>,
    /// The context in its one spelling, as JSON.
    pub context: String,
}

impl<'a> Sample<'a> {
    pub fn read(sandbox: &Sandbox, policy: &[u8], text: &'a [u8]) -> Result<Self> {
        let mut guest = sandbox.guest()?;
        guest.policy(policy)?;
        let envelope = guest.read(text);
        let Ok(value) = parse(text, &Limits::default()) else {
            return Err(envelope.err().unwrap_or_else(|| strange("an envelope")));
        };
        let envelope = match envelope {
            Ok(envelope) => envelope,
            // What was meant as a change is a wrong one; anything else is an image.
            Err(_) if matches!(value, Value::Object(_)) && !is_change(&value) => {
                let entity = r#"{"type":"sample","id":"1"}"#.to_owned();
                return Ok(Self { entity, before: None, after: Some(value), context: "{}".into() });
            }
            Err(error) => return Err(error),
        };
        let envelope = parse(&envelope, &Limits::default()).map_err(|_| strange("an envelope"))?;
        let part = |key: &str| envelope.get(key).map_or_else(|| "{}".into(), Value::to_json);
        let image = |names: [&str; 2]| {
            let found = value.members().iter().find(|m| names.contains(&plain(&m.key).as_str()));
            found.map(|m| m.value.clone()).filter(|image| !image.is_null())
        };
        let (before, after) = (image(["before", "olddata"]), image(["after", "newdata"]));
        Ok(Self { entity: part("entity"), before, after, context: part("context") })
    }

    /// The image to stand for the one before; the other one where there is none.
    pub fn older(&self) -> Option<&Value<'a>> {
        self.before.as_ref().or(self.after.as_ref())
    }

    /// The image to stand for the one after; the other one where there is none.
    pub fn newer(&self) -> Option<&Value<'a>> {
        self.after.as_ref().or(self.before.as_ref())
    }
}

/// Whether somebody meant a change; the guest has refused it.
fn is_change(value: &Value<'_>) -> bool {
    let has = |name: &str| value.members().iter().any(|m| plain(&m.key) == name);
    has("entity") && (has("action") || has("before") || has("after"))
        || has("olddata")
        || has("newdata")
        || has("tableid") && has("entityid")
}

/// A key whose spelling does not matter: ` Old_Data` and `old data` are one.
fn plain(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, ' ' | '_')).flat_map(char::to_lowercase).collect()
}

pub fn strange(what: &str) -> Error {
    Error::new(Code::GuestFailed, format!("the core gave {what} of another form"))
}
