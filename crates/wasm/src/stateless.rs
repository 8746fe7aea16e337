use std::sync::Arc;

use js_sys::Object;
use sealtrail_core::{Format, Key, Limits, Opening, Policy, Table};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::thrown::{from_js, json_to_js, refused, thrown};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct DiffOptions {
    format: Option<String>,
    #[serde(default)]
    fold_keys: bool,
    #[serde(default)]
    tests: bool,
    #[serde(default)]
    words: bool,
    entity: Option<String>,
    policy: Option<serde_bytes::ByteBuf>,
}

/// The difference of two JSON texts: `options` is `{format?: 'changes'|'patch'|'text'|'words',
/// foldKeys?, tests?, words?, entity?, policy?: Uint8Array}`.
#[wasm_bindgen]
pub fn diff(before: &[u8], after: &[u8], options: JsValue) -> Result<Vec<u8>, JsValue> {
    let known = ["format", "foldKeys", "tests", "words", "entity", "policy"];
    let options: DiffOptions = options_or_default(options, &known)?;
    let policy = options.policy.map(|p| Policy::parse(&p)).transpose().map_err(thrown)?;
    let name = options.format.as_deref().unwrap_or("changes");
    let entity = options.entity.as_deref();
    let format = Format::select(name, options.tests, options.words, entity).map_err(thrown)?;
    let (fold, limits) = (options.fold_keys, Limits::default());
    sealtrail_core::diff(before, after, policy.as_ref(), fold, format, &limits).map_err(thrown)
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RowsOptions {
    format: Option<String>,
    header: Option<bool>,
}

/// A record as a table, one row per attribute: `opened` is empty or what `open` gave, `options` is
/// `{format?: 'json'|'ndjson'|'csv', header?}`.
#[wasm_bindgen]
pub fn rows(line: &[u8], opened: &[u8], options: JsValue) -> Result<Vec<u8>, JsValue> {
    let options: RowsOptions = options_or_default(options, &["format", "header"])?;
    let name = options.format.as_deref().unwrap_or("json");
    let table = Table::select(name, options.header).map_err(thrown)?;
    sealtrail_core::rows(line, opened, table).map_err(thrown)
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct TextOptions {
    unit: Option<String>,
}

/// What differs between two texts, as JSON with the length of each run: `options` is
/// `{unit?: 'word'|'line'}`.
#[wasm_bindgen(js_name = textDifference)]
pub fn text_difference(before: &[u8], after: &[u8], options: JsValue) -> Result<Vec<u8>, JsValue> {
    let options: TextOptions = options_or_default(options, &["unit"])?;
    let unit = options.unit.as_deref().unwrap_or("word");
    sealtrail_core::text_runs(before, after, unit).map_err(thrown)
}

/// Options as an object. serde-wasm-bindgen asks an object for the fields that it wants and does not see
/// others, so one that nobody knows is looked for here.
fn options_or_default<T: DeserializeOwned + Default>(
    options: JsValue,
    known: &[&str],
) -> Result<T, JsValue> {
    if options.is_undefined() || options.is_null() {
        return Ok(T::default());
    }
    let is_known = |key: JsValue| key.as_string().is_some_and(|key| known.contains(&&*key));
    let given = Object::try_from(&options).map(Object::keys).unwrap_or_default();
    match given.iter().all(is_known) {
        true => from_js("options", options),
        false => {
            let message = format!("options: expected {}, got another key", known.join(", "));
            Err(refused("invalid_field", message))
        }
    }
}

/// What would be stored, and why, as JSON. `context` may be empty; `seed` is 32 random bytes.
#[wasm_bindgen]
pub fn preview(
    policy: &[u8],
    change: &[u8],
    context: &[u8],
    seed: &[u8],
) -> Result<Vec<u8>, JsValue> {
    let policy = Arc::new(Policy::parse(policy).map_err(thrown)?);
    let limits = Limits::default();
    sealtrail_core::preview(&policy, change, context, seed, &limits).map_err(thrown)
}

/// What a policy says in vain and keeps that looks personal, as JSON; `samples` is an array of
/// `Uint8Array`.
#[wasm_bindgen]
pub fn lint(policy: &[u8], samples: JsValue) -> Result<Vec<u8>, JsValue> {
    let samples: Vec<serde_bytes::ByteBuf> = from_js("samples", samples)?;
    let samples: Vec<&[u8]> = samples.iter().map(|sample| sample.as_slice()).collect();
    sealtrail_core::lint(policy, &samples, &Limits::default()).map_err(thrown)
}

/// `{id, version, sha256}` of a policy, which is read whole and refused if it is wrong.
#[wasm_bindgen(js_name = policySummary)]
pub fn policy_summary(policy: &[u8]) -> Result<JsValue, JsValue> {
    json_to_js(Policy::parse(policy).map_err(thrown)?.summary())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OpeningKeys {
    seal: usize,
    subject_key: serde_bytes::ByteBuf,
    period_key: serde_bytes::ByteBuf,
}

/// Opens sealed fields of a record; `keys` is `[{seal, subjectKey, periodKey}]`. Gives JSON.
#[wasm_bindgen]
pub fn open(origin: &str, line: &[u8], keys: JsValue) -> Result<Vec<u8>, JsValue> {
    let keys: Vec<OpeningKeys> = from_js("keys", keys)?;
    let opening = |keys: OpeningKeys| {
        Ok(Opening {
            seal: keys.seal,
            subject: Key::from_slice(&keys.subject_key, "subjectKey")?,
            period: Key::from_slice(&keys.period_key, "periodKey")?,
        })
    };
    let openings = keys.into_iter().map(opening).collect::<Result<Vec<_>, _>>().map_err(thrown)?;
    sealtrail_core::open(origin, line, &openings).map_err(thrown)
}
