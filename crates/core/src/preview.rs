//! What would be stored, and why, without a key that anybody has.

use std::sync::Arc;

use hkdf::Hkdf;
use sealtrail_record::json::{self, Limits, Value, write_string};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::Error;
use crate::capture::{Draft, Reading, native_engine_sha256};
use crate::policy::Policy;
use crate::room::Room;
use crate::seal::{Key, NONCE_BYTES};
use crate::stamp::{KeyPair, Stamp};

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
    let draft = Draft::read_with(policy, change, limits, Reading::Preview, &mut Room::default())?;
    let context = if context.is_empty() {
        let envelope = parse(draft.envelope(), "the change")?;
        with_correlation_id(envelope.get("context"))
    } else {
        let context = parse(context, "the context")?;
        if !matches!(context, Value::Object(_)) {
            return Err(Error::field("/context", "an object", context.kind()));
        }
        with_correlation_id(Some(&context))
    };
    let mut plan = draft.plan(&context)?;
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
            (",\"group\":", need.map(|n| &*n.group)),
            (",\"subject\":", need.map(|n| n.subject.as_str())),
            (",\"retain\":", need.map(|n| &*n.retain)),
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

fn parse<'a>(text: &'a [u8], what: &str) -> Result<Value<'a>, Error> {
    json::parse(text, &Limits::default()).map_err(|e| Error::json(what, e))
}

/// A context that names its request; a preview has none.
fn with_correlation_id(context: Option<&Value<'_>>) -> Vec<u8> {
    let mut out = b"{".to_vec();
    if context.is_none_or(|c| c.get("correlation_id").is_none_or(Value::is_null)) {
        out.extend_from_slice(b"\"correlation_id\":\"preview\"");
    }
    for member in context.map(Value::members).unwrap_or_default() {
        if member.key == "correlation_id" && member.value.is_null() {
            continue;
        }
        if out.len() > 1 {
            out.push(b',');
        }
        write_string(&member.key, &mut out);
        out.push(b':');
        member.value.write(&mut out);
    }
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_does_not_open_a_text_that_the_default_protects() {
        let change = br#"{"entity":{"type":"t","id":"1"},"action":"update","before":{"note":"a"},
            "after":{"note":"4111 1111 1111 1111 of Ada"}}"#;
        let stored = |default: &str| {
            let policy = format!(r#"{{"id":"p","version":"1","default":"{default}"}}"#);
            let policy = Arc::new(Policy::parse(policy.as_bytes()).unwrap());
            let stored = preview(&policy, change, b"", &[7; 32], &Limits::default()).unwrap();
            String::from_utf8(stored).unwrap()
        };
        for default in ["seal", "mask", "pseudonym", "drop"] {
            assert!(!stored(default).contains("Ada"), "{default}: {}", stored(default));
        }
        assert!(stored("keep").contains(r#""new":"*** of Ada""#), "{}", stored("keep"));
    }
}
