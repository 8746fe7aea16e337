use sealtrail_core::Treatment;
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
        self.0.redact(line.as_bytes()).map_err(thrown).and_then(text)
    }

    /// Whether the place of an item in its array decides.
    pub fn counts(&self) -> bool {
        self.0.counts()
    }

    /// What becomes of the values at a path: `keep`, `look`, `drop`, `write`, `seal` or `mask`.
    pub fn treatment(&self, path: &str) -> Result<String, JsValue> {
        let name = match self.0.treatment(path.as_bytes()).map_err(thrown)? {
            Treatment::Keep => "keep",
            Treatment::Look => "look",
            Treatment::Drop => "drop",
            Treatment::Write => "write",
            Treatment::Seal => "seal",
            Treatment::Mask => "mask",
        };
        Ok(name.to_owned())
    }

    /// What a line has of a value at a path, as JSON text.
    pub fn shown(&self, path: &str, value: &str) -> Result<String, JsValue> {
        self.0.shown(path.as_bytes(), value.as_bytes()).map_err(thrown).and_then(text)
    }
}

fn text(bytes: Vec<u8>) -> Result<String, JsValue> {
    let wrote_none = |_| refused("internal", "the core wrote no text".to_owned());
    String::from_utf8(bytes).map_err(wrote_none)
}
