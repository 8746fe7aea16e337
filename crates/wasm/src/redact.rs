use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::thrown::{refused, thrown};

/// A policy for the lines of a log.
#[wasm_bindgen]
pub struct Redactor(sealtrail_core::Redactor);

#[wasm_bindgen]
impl Redactor {
    /// Both are policies; see [`sealtrail_core::Redactor`].
    #[wasm_bindgen(constructor)]
    pub fn new(policy: &[u8], kept: &[u8]) -> Result<Redactor, JsValue> {
        sealtrail_core::Redactor::new(policy, kept).map(Self).map_err(thrown)
    }

    /// The line without what it must not show, and without its line end.
    pub fn redact(&mut self, line: &str) -> Result<String, JsValue> {
        let line = self.0.redact(line.as_bytes()).map_err(thrown)?;
        let wrote_none = |_| refused("internal", "the core wrote no text".to_owned());
        String::from_utf8(line).map_err(wrote_none)
    }
}
