use sealtrail_core::{Key, KeyPair, Session};
use serde::Deserialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::thrown::{from_js, json_to_js, refused, thrown};

/// One change on its way through a policy: `read`, `plan`, `seal`.
#[wasm_bindgen]
pub struct Capture(Session);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pair {
    subject_kid: String,
    subject_key: serde_bytes::ByteBuf,
    period_kid: String,
    period_key: serde_bytes::ByteBuf,
}

#[wasm_bindgen]
impl Capture {
    #[wasm_bindgen(constructor)]
    pub fn new(policy: &[u8]) -> Result<Capture, JsValue> {
        let mut session = Session::default();
        session.policy(policy).map_err(thrown)?;
        Ok(Self(session))
    }

    /// Reads a change; gives its envelope `{"entity","action","context"}` as JSON.
    pub fn read(&mut self, change: &[u8]) -> Result<Vec<u8>, JsValue> {
        self.0.read(change).map_err(thrown)
    }

    /// Takes the joined context; gives `{outcome, needs: [{group, subject, retain}], nonces, changes}`.
    pub fn plan(&mut self, context: &[u8]) -> Result<JsValue, JsValue> {
        json_to_js(&self.0.plan(context).map_err(thrown)?)
    }

    /// Seals; gives the record's line. `stamp` is `{origin, id, recorded_time, engine: {version,
    /// sha256}}`, `keys` is `[{subjectKid, subjectKey, periodKid, periodKey}]` in the order of the
    /// needs, `entropy` 12 random bytes for each nonce.
    pub fn seal(
        &mut self,
        stamp: JsValue,
        entropy: &[u8],
        keys: JsValue,
    ) -> Result<Vec<u8>, JsValue> {
        let stamp: serde_json::Value = from_js("stamp", stamp)?;
        let stamp = serde_json::to_vec(&stamp)
            .map_err(|error| refused("invalid_field", format!("stamp: {error}")))?;
        let keys: Vec<Pair> = from_js("keys", keys)?;
        let pair = |pair: &'_ Pair| -> Result<(Key, Key), sealtrail_core::Error> {
            let subject = Key::from_slice(&pair.subject_key, "subjectKey")?;
            Ok((subject, Key::from_slice(&pair.period_key, "periodKey")?))
        };
        let mut pairs = Vec::with_capacity(keys.len());
        for key in &keys {
            let (subject, period) = pair(key).map_err(thrown)?;
            let (subject_kid, period_kid) = (&key.subject_kid, &key.period_kid);
            pairs.push(KeyPair { subject_kid, subject, period_kid, period });
        }
        self.0.seal(&stamp, entropy, &pairs).map_err(thrown)
    }
}
