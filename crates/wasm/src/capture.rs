use sealtrail_core::{Key, KeyPair, Policy, Recorded, Session};
use serde::Deserialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::leased::Leased;
use crate::thrown::{from_js, js_to_json, json_to_js, thrown};

/// One change on its way through a policy: `read`, `plan`, `seal`.
#[wasm_bindgen]
pub struct Capture {
    session: Session,
    /// What the last call of `record` found missing, or how many nonces it took.
    missing: Vec<u8>,
    nonces: usize,
    pruning: Vec<u8>,
    /// The parts of a call of `recordInput`, and what came of it.
    input: Vec<u8>,
    line: *const u8,
    refusal: JsValue,
}

/// What `recordInput` gives where there is no line.
const MISSING: isize = -1;
const REFUSED: isize = -2;

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
        let pruning = Policy::parse(policy).map_err(thrown)?.pruning();
        let (input, line, refusal) = (Vec::new(), std::ptr::null(), JsValue::NULL);
        Ok(Self { session, missing: Vec::new(), nonces: 0, pruning, input, line, refusal })
    }

    /// What of two images the record depends on, beside what differs in them: `{fold_keys, arrays,
    /// sets, keys, subjects}` of [`Policy::pruning`].
    #[wasm_bindgen(getter)]
    pub fn pruning(&self) -> Result<JsValue, JsValue> {
        json_to_js(&self.pruning)
    }

    /// Reads a change; gives its envelope `{"entity","action","context"}` as JSON.
    pub fn read(&mut self, change: &[u8]) -> Result<Vec<u8>, JsValue> {
        self.session.read(change).map_err(thrown)
    }

    /// Takes the joined context; gives `{outcome, needs: [{group, subject, retain, use?}], nonces, changes}`.
    pub fn plan(&mut self, context: &[u8]) -> Result<JsValue, JsValue> {
        json_to_js(&self.session.plan(context).map_err(thrown)?)
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
        let stamp = js_to_json("stamp", &stamp)?;
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
        self.session.seal(stamp.as_bytes(), entropy, &pairs).map_err(thrown)
    }

    /// Seals with keys that were leased for this record alone: `keys` is `[{kids, key, commit?}]` in the order of
    /// the needs, as `POST /v1/leases` gives them but in bytes.
    #[wasm_bindgen(js_name = sealLeased)]
    pub fn seal_leased(
        &mut self,
        stamp: JsValue,
        entropy: &[u8],
        keys: JsValue,
    ) -> Result<Vec<u8>, JsValue> {
        let stamp = js_to_json("stamp", &stamp)?;
        let keys: Vec<Leased> = from_js("keys", keys)?;
        let keys = keys.iter().map(Leased::key).collect::<Result<Vec<_>, _>>().map_err(thrown)?;
        self.session.seal_leased(stamp.as_bytes(), entropy, &keys).map_err(thrown)
    }

    /// Lends the key of a data subject to `record`, until `forget`.
    #[wasm_bindgen(js_name = lendSubject)]
    pub fn lend_subject(&mut self, subject: &str, kid: &str, key: &[u8]) -> Result<(), JsValue> {
        let key = Key::from_slice(key, "the subject key").map_err(thrown)?;
        self.session.lend_subject(subject, kid, key);
        Ok(())
    }

    /// Lends the key of a retention class's current period.
    #[wasm_bindgen(js_name = lendPeriod)]
    pub fn lend_period(&mut self, retain: &str, kid: &str, key: &[u8]) -> Result<(), JsValue> {
        let key = Key::from_slice(key, "the period key").map_err(thrown)?;
        self.session.lend_period(retain, kid, key);
        Ok(())
    }

    /// Wipes every key that was lent.
    pub fn forget(&mut self) {
        self.session.forget();
    }

    /// `read`, `plan` and `seal` in one call, with keys that were lent: the record's line, empty where
    /// nothing changed, undefined where keys or entropy are missing. Then `missing` says which, and
    /// `seal` may follow. `stamp` is JSON.
    pub fn record(
        &mut self,
        change: &[u8],
        context: &[u8],
        stamp: &[u8],
        entropy: &[u8],
    ) -> Result<Option<Vec<u8>>, JsValue> {
        let recorded = self.session.record(change, context, stamp, entropy).map_err(thrown)?;
        Ok(match recorded {
            Recorded::Line { line, nonces } => {
                self.nonces = nonces;
                Some(line.to_vec())
            }
            Recorded::Unchanged => {
                self.nonces = 0;
                Some(Vec::new())
            }
            Recorded::Needs(missing) => {
                (self.missing, self.nonces) = (missing, 0);
                None
            }
        })
    }

    /// Where the parts of a call of `recordInput` go, one behind another: at least so many bytes of this
    /// module's memory, until they are asked for again.
    pub fn input(&mut self, length: usize) -> *const u8 {
        if self.input.len() < length {
            self.input.resize(length, 0);
        }
        self.input.as_ptr()
    }

    /// `record` without copies but those that the host makes itself: of parts of these lengths that stand
    /// in the input, into a line whose length this gives (0 where nothing changed), at `line`, until the
    /// next call. -1 says that something is `missing`, -2 that there is a `refusal` to throw.
    #[wasm_bindgen(js_name = recordInput)]
    pub fn record_input(
        &mut self,
        change: usize,
        context: usize,
        stamp: usize,
        entropy: usize,
    ) -> isize {
        let Self { session, missing, nonces, input, line: place, refusal, .. } = self;
        let mut rest = &input[..];
        let parts = [change, context, stamp, entropy].map(|length| {
            let (part, behind) = rest.split_at(length.min(rest.len()));
            rest = behind;
            part
        });
        *nonces = 0;
        match session.record(parts[0], parts[1], parts[2], parts[3]) {
            Ok(Recorded::Line { line, nonces: took }) => {
                (*nonces, *place) = (took, line.as_ptr());
                line.len() as isize
            }
            Ok(Recorded::Unchanged) => 0,
            Ok(Recorded::Needs(needs)) => {
                *missing = needs;
                MISSING
            }
            Err(error) => {
                *refusal = thrown(error);
                REFUSED
            }
        }
    }

    /// Where the line of the last `recordInput` begins.
    #[wasm_bindgen(getter)]
    pub fn line(&self) -> *const u8 {
        self.line
    }

    /// Why the last `recordInput` gave no line.
    #[wasm_bindgen(getter)]
    pub fn refusal(&self) -> JsValue {
        self.refusal.clone()
    }

    /// What `plan` gives, of the change that `record` could not seal.
    #[wasm_bindgen(getter)]
    pub fn missing(&self) -> Result<JsValue, JsValue> {
        json_to_js(&self.missing)
    }

    /// How many nonces of 12 bytes the last record took from the beginning of its entropy; they must
    /// never be used again.
    #[wasm_bindgen(getter)]
    pub fn nonces(&self) -> usize {
        self.nonces
    }
}
