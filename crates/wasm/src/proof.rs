use sealtrail_proof::{Error, Receipt, VerifierKey};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::thrown::{refused, to_js};

#[derive(Serialize)]
struct Verified {
    origin: String,
    /// Index of the record, as text: a log may outgrow 2^53.
    index: String,
    size: String,
    root: String,
}

/// Checks a `.tlog-proof` receipt of a record's line against a verifier key; gives `{origin,
/// index, size, root}` of what was proven.
#[wasm_bindgen(js_name = verifyProof)]
pub fn verify_proof(proof: &[u8], line: &[u8], vkey: &str) -> Result<JsValue, JsValue> {
    let key: VerifierKey = vkey.trim().parse().map_err(thrown)?;
    let receipt = Receipt::parse(proof).map_err(thrown)?;
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let checkpoint = receipt.verify(line, &key).map_err(thrown)?;
    Ok(to_js(&Verified {
        origin: checkpoint.origin().to_owned(),
        index: receipt.index().to_string(),
        size: checkpoint.size().to_string(),
        root: checkpoint.root_text(),
    }))
}

fn thrown(error: Error) -> JsValue {
    let code = if error.is_malformed() {
        "proof_malformed"
    } else if error.is_unknown_key() || error.is_other_origin() {
        "proof_foreign"
    } else if error.is_bad_signature() {
        "proof_bad_signature"
    } else {
        "proof_mismatch"
    };
    refused(code, error.to_string())
}
