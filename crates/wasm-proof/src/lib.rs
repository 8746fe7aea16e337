//! The JavaScript edge of the proofs: wasm-bindgen over [`sealtrail_proof`], in a module of its own,
//! because a page that checks a record needs nothing of the core. No logic lives here.

use js_sys::{Array, Object, Reflect};
use sealtrail_proof::{Error, Inspection, Receipt, VerifierKey};
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

/// Makes each check of a receipt by itself, and never throws: `{holds, entry, leaf, checks, origin?, index?,
/// size?, root?}`. `entry` is the SHA-256 of the line and `leaf` its leaf, in hexadecimal; a check is `{name,
/// outcome, message?}`, its name `receipt`, `key`, `origin`, `signature` or `inclusion`, its outcome `passed`,
/// `failed` or `not made`. The other members are what the receipt says, whoever signed it.
#[wasm_bindgen(js_name = inspectProof)]
pub fn inspect_proof(proof: &[u8], line: &[u8], vkey: &str) -> JsValue {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let found = Inspection::of(proof, line, vkey.trim());
    let checks = Array::new();
    let check = |name: &str, outcome: Option<Result<(), &Error>>| {
        let message = outcome.and_then(Result::err).map(Error::to_string);
        let word = match outcome {
            Some(Ok(())) => "passed",
            Some(Err(_)) => "failed",
            None => "not made",
        };
        let mut members = vec![("name", name), ("outcome", word)];
        members.extend(message.as_deref().map(|message| ("message", message)));
        checks.push(&object(&members));
    };
    check("receipt", Some(found.receipt.as_ref().map(drop)));
    check("key", Some(found.key.as_ref().map(drop)));
    check("origin", found.origin.as_ref().map(|made| made.as_ref().copied()));
    check("signature", found.signature.as_ref().map(|made| made.as_ref().copied()));
    check("inclusion", found.inclusion.as_ref().map(|made| made.as_ref().copied()));
    let (entry, leaf) = (hex(&found.entry), hex(&found.leaf));
    let mut members = vec![("entry", entry), ("leaf", leaf)];
    if let Ok((receipt, checkpoint)) = &found.receipt {
        members.push(("origin", checkpoint.origin().to_owned()));
        members.push(("index", receipt.index().to_string()));
        members.push(("size", checkpoint.size().to_string()));
        members.push(("root", checkpoint.root_text()));
    }
    let members: Vec<(&str, &str)> =
        members.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let object = object(&members);
    let _ = Reflect::set(&object, &"checks".into(), &checks);
    let _ = Reflect::set(&object, &"holds".into(), &found.holds().into());
    object
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
