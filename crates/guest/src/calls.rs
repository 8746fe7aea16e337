//! From the parts of a frame to the arguments of the core. No logic lives here.

use std::sync::Arc;

use sealtrail_core::{Error, Format, Key, KeyPair, Limits, Opening, Policy, Session};
use sealtrail_record::frame::Reader;
use sealtrail_record::json::{self, Value};
use sealtrail_record::pointer;

/// A function of the table.
pub type Call = fn(&mut Session, &[u8]) -> Result<Vec<u8>, Error>;

/// The function of this name, as a host would find it among the exports.
pub fn by_name(name: &str) -> Option<Call> {
    Some(match name {
        "policy" => policy,
        "read" => read,
        "plan" => plan,
        "seal" => seal,
        "open" => open,
        "diff" => diff,
        "preview" => preview,
        "lint" => lint,
        "act" => act,
        _ => return None,
    })
}

pub fn policy(session: &mut Session, input: &[u8]) -> Result<Vec<u8>, Error> {
    session.policy(Reader::new(input).part("the policy")?)
}

pub fn read(session: &mut Session, input: &[u8]) -> Result<Vec<u8>, Error> {
    session.read(Reader::new(input).part("the change")?)
}

pub fn plan(session: &mut Session, input: &[u8]) -> Result<Vec<u8>, Error> {
    session.plan(Reader::new(input).part("the context")?)
}

pub fn seal(session: &mut Session, input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut parts = Reader::new(input);
    let (stamp, entropy) = (parts.part("the stamp")?, parts.part("the entropy")?);
    let mut keys = Vec::new();
    while !parts.is_empty() {
        keys.push(KeyPair {
            subject_kid: text(parts.part("the id of the subject key")?)?,
            subject: Key::from_slice(parts.part("the subject key")?, "the subject key")?,
            period_kid: text(parts.part("the id of the period key")?)?,
            period: Key::from_slice(parts.part("the period key")?, "the period key")?,
        });
    }
    session.seal(stamp, entropy, &keys)
}

pub fn open(_: &mut Session, input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut parts = Reader::new(input);
    let (origin, line) = (text(parts.part("the origin")?)?, parts.part("the record")?);
    let mut openings = Vec::new();
    while !parts.is_empty() {
        let index = text(parts.part("the index of the seal")?)?;
        openings.push(Opening {
            seal: pointer::index(index)
                .ok_or_else(|| Error::invalid_input("the index of the seal must be a decimal"))?,
            subject: Key::from_slice(parts.part("the subject key")?, "the subject key")?,
            period: Key::from_slice(parts.part("the period key")?, "the period key")?,
        });
    }
    sealtrail_core::open(origin, line, &openings)
}

pub fn diff(_: &mut Session, input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut parts = Reader::new(input);
    let (options, policy) = (parts.part("the options")?, parts.part("the policy")?);
    let (before, after) = (parts.part("the before image")?, parts.part("the after image")?);
    let options = json::parse(options, &Limits::default())
        .map_err(|e| Error::invalid_input(&format!("the options: {e}")))?;
    let format = options.get("format").and_then(Value::as_str).unwrap_or("changes");
    let fold = matches!(options.get("fold_keys"), Some(Value::Bool(true)));
    let policy = if policy.is_empty() { None } else { Some(Policy::parse(policy)?) };
    let (format, limits) = (Format::parse(format)?, Limits::default());
    sealtrail_core::diff(before, after, policy.as_ref(), fold, format, &limits)
}

pub fn preview(_: &mut Session, input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut parts = Reader::new(input);
    let policy = Arc::new(Policy::parse(parts.part("the policy")?)?);
    let (change, context) = (parts.part("the change")?, parts.part("the context")?);
    let seed = parts.part("the seed")?;
    sealtrail_core::preview(&policy, change, context, seed, &Limits::default())
}

pub fn lint(_: &mut Session, input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut parts = Reader::new(input);
    let policy = parts.part("the policy")?;
    let mut samples = Vec::new();
    while !parts.is_empty() {
        samples.push(parts.part("a sample")?);
    }
    sealtrail_core::lint(policy, &samples, &Limits::default())
}

pub fn act(_: &mut Session, input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut parts = Reader::new(input);
    sealtrail_core::act_with_stamp(parts.part("the stamp")?, parts.part("the act")?)
}

fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::invalid_input("a name must be UTF-8"))
}
