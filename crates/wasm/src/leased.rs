use sealtrail_core::{Error, LeasedKey, LeasedOpening};
use serde::Deserialize;
use serde_bytes::ByteBuf;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroize;

use crate::thrown::{from_js, thrown};

/// A key of one record, as a lease gives it but in bytes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leased {
    kids: [String; 2],
    key: ByteBuf,
    #[serde(default)]
    commit: ByteBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    seal: usize,
    kids: [String; 2],
    key: ByteBuf,
    commit: ByteBuf,
}

/// A copy in the module's memory, which nobody else can wipe.
impl Drop for Leased {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl Leased {
    pub fn key(&self) -> Result<LeasedKey<'_>, Error> {
        LeasedKey::new(self.kids.each_ref().map(String::as_str), &self.key, &self.commit)
    }
}

/// Opens fields of a record with keys that were leased for it: `keys` is `[{seal, kids, key, commit}]`, as
/// `POST /v1/records/{id}/lease` gives them but in bytes. Gives what `open` gives.
#[wasm_bindgen(js_name = openLeased)]
pub fn open_leased(line: &[u8], keys: JsValue) -> Result<Vec<u8>, JsValue> {
    let keys: Vec<Opening> = from_js("keys", keys)?;
    let mut openings = Vec::with_capacity(keys.len());
    for Opening { seal, kids, key, commit } in &keys {
        let kids = kids.each_ref().map(String::as_str);
        let leased = LeasedKey::new(kids, key, commit).map_err(thrown)?;
        openings.push(LeasedOpening { seal: *seal, leased });
    }
    sealtrail_core::open_leased(line, &openings).map_err(thrown)
}
