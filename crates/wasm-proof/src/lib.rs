//! The JavaScript edge of the proofs: wasm-bindgen over [`sealtrail_proof`], in a module of its own,
//! because a page that checks a record needs nothing of the core. No logic lives here.

use js_sys::{Object, Reflect};
use sealtrail_proof::{Error, Receipt, VerifierKey};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Checks a `.tlog-proof` receipt of a record's line against a verifier key; gives `{origin, index,
/// size, root}` of what was proven, all as text: a log may outgrow 2^53. Throws `{code, message}`.
#[wasm_bindgen(js_name = verifyProof)]
pub fn verify_proof(proof: &[u8], line: &[u8], vkey: &str) -> Result<JsValue, JsValue> {
    let key: VerifierKey = vkey.trim().parse().map_err(thrown)?;
    let receipt = Receipt::parse(proof).map_err(thrown)?;
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let checkpoint = receipt.verify(line, &key).map_err(thrown)?;
    Ok(object(&[
        ("origin", checkpoint.origin()),
        ("index", &receipt.index().to_string()),
        ("size", &checkpoint.size().to_string()),
        ("root", &checkpoint.root_text()),
    ]))
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
    object(&[("code", code), ("message", &error.to_string())])
}

fn object(members: &[(&str, &str)]) -> JsValue {
    let object = Object::new();
    for (name, value) in members {
        // A plain object takes every member.
        let _ = Reflect::set(&object, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    object.into()
}
