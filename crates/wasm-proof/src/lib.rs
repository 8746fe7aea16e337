//! The JavaScript edge of the proofs: wasm-bindgen over [`sealtrail_proof`], in a module of its own,
//! because a page that checks a record needs nothing of the core. No logic lives here.

use js_sys::{Array, Object, Reflect};
use sealtrail_proof::policy::Cosigned;
use sealtrail_proof::{Error, Inspection, Policy, Receipt, VerifierKey};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Checks a `.tlog-proof` receipt of a record's line against a verifier key; gives `{origin, index,
/// size, root}` of what was proven, all as text: a log may outgrow 2^53. With the text of a witness policy its quorum
/// must have cosigned the checkpoint, and `witnesses` are those that did, each `{name, time}`, in POSIX seconds. Throws
/// `{code, message}`.
#[wasm_bindgen(js_name = verifyProof)]
pub fn verify_proof(
    proof: &[u8],
    line: &[u8],
    vkey: &str,
    witness_policy: Option<Vec<u8>>,
) -> Result<JsValue, JsValue> {
    let key: VerifierKey = vkey.trim().parse().map_err(thrown)?;
    let policy = witness_policy.map(|text| Policy::parse(&text)).transpose().map_err(thrown)?;
    let receipt = Receipt::parse(proof).map_err(thrown)?;
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let (checkpoint, witnesses) = match policy {
        None => (receipt.verify(line, &key).map_err(thrown)?, None),
        Some(policy) => {
            let verified = receipt.verify_policy_log(line, &policy, &key).map_err(thrown)?;
            (verified.checkpoint().clone(), Some(verified.witnesses().to_vec()))
        }
    };
    let proven = object(&[
        ("origin", checkpoint.origin()),
        ("index", &receipt.index().to_string()),
        ("size", &checkpoint.size().to_string()),
        ("root", &checkpoint.root_text()),
    ]);
    if let Some(witnesses) = witnesses {
        set(&proven, "witnesses", &array(&witnesses));
    }
    Ok(proven)
}

/// Makes each check of a receipt by itself, and never throws: `{holds, entry, leaf, checks, origin?, index?,
/// size?, root?, witnesses?}`. `entry` is the SHA-256 of the line and `leaf` its leaf, in hexadecimal; a check is `{name,
/// outcome, message?}`, its name `receipt`, `key`, `origin`, `signature`, `inclusion` or, with the text of a witness
/// policy, `witnesses`, its outcome `passed`, `failed` or `not made`. `witnesses` are as [`verify_proof`] has them, of a
/// check that passed. The other members are what the receipt says, whoever signed it.
#[wasm_bindgen(js_name = inspectProof)]
pub fn inspect_proof(
    proof: &[u8],
    line: &[u8],
    vkey: &str,
    witness_policy: Option<Vec<u8>>,
) -> JsValue {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let found = Inspection::of(proof, line, vkey.trim(), witness_policy.as_deref());
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
    if let Some(made) = &found.witnesses {
        check("witnesses", made.as_ref().map(|made| made.as_ref().map(drop)));
    }
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
    set(&object, "checks", &checks);
    set(&object, "holds", &found.holds().into());
    if let Some(Some(Ok(witnesses))) = &found.witnesses {
        set(&object, "witnesses", &array(witnesses));
    }
    object
}

fn array(witnesses: &[Cosigned]) -> Array {
    let time = |witness: &Cosigned| witness.time().to_string();
    witnesses.iter().map(|it| object(&[("name", it.name()), ("time", &time(it))])).collect()
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
    } else if error.is_not_witnessed() {
        "proof_not_witnessed"
    } else {
        "proof_mismatch"
    };
    object(&[("code", code), ("message", &error.to_string())])
}

fn object(members: &[(&str, &str)]) -> JsValue {
    let object = Object::new();
    for (name, value) in members {
        set(&object, name, &JsValue::from_str(value));
    }
    object.into()
}

fn set(object: &JsValue, name: &str, value: &JsValue) {
    // A plain object takes every member.
    let _ = Reflect::set(object, &JsValue::from_str(name), value);
}
