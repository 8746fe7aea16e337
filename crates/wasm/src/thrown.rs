use js_sys::JSON;
use sealtrail_core::Error;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

/// What JavaScript sees of an error.
#[derive(Serialize)]
struct Thrown<'a> {
    code: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<At>,
}

#[derive(Serialize)]
struct At {
    line: usize,
    column: usize,
}

pub(crate) fn thrown(error: Error) -> JsValue {
    let at = error.line_and_column().map(|(line, column)| At { line, column });
    to_js(&Thrown { code: error.code(), message: error.to_string(), at })
}

pub(crate) fn refused(code: &'static str, message: String) -> JsValue {
    to_js(&Thrown { code, message, at: None })
}

/// Plain objects and not `Map`s, as people write JavaScript.
pub(crate) fn to_js(value: &impl Serialize) -> JsValue {
    value.serialize(&Serializer::json_compatible()).unwrap_or(JsValue::NULL)
}

/// Options and keys as JavaScript objects; what does not fit is named by serde.
pub(crate) fn from_js<T: serde::de::DeserializeOwned>(
    what: &str,
    value: JsValue,
) -> Result<T, JsValue> {
    serde_wasm_bindgen::from_value(value)
        .map_err(|error| refused("invalid_field", format!("{what}: {error}")))
}

/// JSON that the core wrote, as a JavaScript object: the host has a reader of JSON, so the module needs
/// none of its own.
pub(crate) fn json_to_js(json: &[u8]) -> Result<JsValue, JsValue> {
    let wrote_none = || refused("internal", "the core wrote no JSON".to_owned());
    let text = std::str::from_utf8(json).map_err(|_| wrote_none())?;
    JSON::parse(text).map_err(|_| wrote_none())
}

/// A JavaScript object as JSON.
pub(crate) fn js_to_json(what: &str, value: &JsValue) -> Result<String, JsValue> {
    // Of what is no value at all (undefined, a function) it gives no text.
    let text = JSON::stringify(value).ok().and_then(|text| text.as_string());
    text.ok_or_else(|| refused("invalid_field", format!("{what}: expected an object")))
}
