//! What would be stored, and why, without a key that anybody has.

use std::sync::Arc;

use hkdf::Hkdf;
use sealtrail_record::json::{Limits, write_string};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::Error;
use crate::capture::{Draft, KeyPair, Stamp, native_engine_sha256};
use crate::policy::Policy;
use crate::seal::{Key, NONCE_BYTES};

/// `{"outcome":…,"record":…,"fields":[{"path","side","action","group","subject","retain","because"}]}`
///
/// `seed` is 32 random bytes; the throw-away keys and the nonces come from it, and the record says
/// so in its key ids and its log's name. `context` may be empty: then the change's own is taken.
pub fn preview(
    policy: &Arc<Policy>,
    change: &[u8],
    context: &[u8],
    seed: &[u8],
    limits: &Limits,
) -> Result<Vec<u8>, Error> {
    let seed = Hkdf::<Sha256>::from_prk(seed)
        .ok()
        .filter(|_| seed.len() == 32)
        .ok_or_else(|| Error::field("/seed", "32 bytes", &format!("{} bytes", seed.len())))?;
    let draft = Draft::read_explained(policy, change, limits, true)?;
    let own_context;
    let context = if context.is_empty() {
        own_context = own_context_of(draft.envelope())?;
        &own_context
    } else {
        context
    };
    let mut plan = draft.plan(context)?;
    let fields = plan.fields();
    let needs = plan.needs().to_vec();

    let mut out = b"{\"outcome\":".to_vec();
    write_string(if plan.is_unchanged() { "unchanged" } else { "record" }, &mut out);
    out.extend_from_slice(b",\"record\":");
    if plan.is_unchanged() {
        out.extend_from_slice(b"null");
    } else {
        let periods: Vec<String> =
            needs.iter().map(|n| format!("t_{}.preview", n.retain)).collect();
        let key = |label: &str| {
            let mut bytes = Zeroizing::new([0; 32]);
            let _ = seed.expand(label.as_bytes(), &mut *bytes);
            Key::from_slice(&*bytes, "a preview key")
        };
        let mut keys = Vec::new();
        for (need, period_kid) in needs.iter().zip(&periods) {
            keys.push(KeyPair {
                subject_kid: "k_preview",
                subject: key(&format!("sealtrail/preview/subject/{}", need.subject))?,
                period_kid,
                period: key(&format!("sealtrail/preview/period/{}", need.retain))?,
            });
        }
        let mut entropy = Vec::new();
        for i in 0..plan.nonces() {
            let mut nonce = [0; NONCE_BYTES];
            let _ = seed.expand(format!("sealtrail/preview/nonce/{i}").as_bytes(), &mut nonce);
            entropy.extend_from_slice(&nonce);
        }
        let engine_sha256 = native_engine_sha256();
        let stamp = Stamp {
            origin: "preview",
            id: "00000000-0000-7000-8000-000000000000",
            recorded_time: "1970-01-01T00:00:00.000Z",
            engine_version: env!("CARGO_PKG_VERSION"),
            engine_sha256: &engine_sha256,
        };
        out.extend_from_slice(&plan.seal(&stamp, &entropy, &keys)?);
    }
    out.extend_from_slice(b",\"fields\":[");
    for (i, field) in fields.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"{\"path\":" } else { b",{\"path\":" });
        write_string(&field.path, &mut out);
        let need = field.need.map(|need| &needs[need]);
        let texts = [
            (",\"side\":", Some(field.side)),
            (",\"action\":", Some(field.action)),
            (",\"group\":", need.map(|n| n.group.as_str())),
            (",\"subject\":", need.map(|n| n.subject.as_str())),
            (",\"retain\":", need.map(|n| n.retain.as_str())),
            (",\"because\":", Some(field.because.as_str())),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                out.extend_from_slice(name.as_bytes());
                write_string(text, &mut out);
            }
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    Ok(out)
}

/// The context that a change brings itself; a preview needs no correlation id.
fn own_context_of(envelope: &[u8]) -> Result<Vec<u8>, Error> {
    let envelope = sealtrail_record::json::parse(envelope, &Limits::default())
        .map_err(|e| Error::json("the change", e))?;
    let mut out = b"{".to_vec();
    let context = envelope.get("context");
    if context.is_none_or(|c| c.get("correlation_id").is_none()) {
        out.extend_from_slice(b"\"correlation_id\":\"preview\"");
    }
    for member in context.map(|c| c.members()).unwrap_or_default() {
        if out.len() > 1 {
            out.push(b',');
        }
        write_string(&member.key, &mut out);
        out.push(b':');
        member.value.write(&mut out);
    }
    out.push(b'}');
    Ok(out)
}
