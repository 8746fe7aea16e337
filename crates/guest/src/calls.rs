//! From the parts of a frame to the arguments of the core. No logic lives here.

use std::sync::Arc;

use sealtrail_core::{
    Error, Format, Key, KeyPair, Leasing, Limits, Opening, Policy, Session, Table,
};
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
        "rows" => rows,
        "text_difference" => text_difference,
        "preview" => preview,
        "lint" => lint,
        "act" => act,
        "lease" => lease,
        "admit" => admit,
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
    let options = Options::read(options, &["format", "fold_keys", "tests", "words", "entity"])?;
    let format = Format::select(
        options.text("format")?.unwrap_or("changes"),
        options.flag("tests")?.unwrap_or(false),
        options.flag("words")?.unwrap_or(false),
        options.text("entity")?,
    )?;
    let fold = options.flag("fold_keys")?.unwrap_or(false);
    let policy = if policy.is_empty() { None } else { Some(Policy::parse(policy)?) };
    sealtrail_core::diff(before, after, policy.as_ref(), fold, format, &Limits::default())
}

pub fn rows(_: &mut Session, input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut parts = Reader::new(input);
    let (options, line) = (parts.part("the options")?, parts.part("the record")?);
    let opened = parts.part("the opened fields")?;
    let options = Options::read(options, &["format", "header"])?;
    let table = Table::select(options.text("format")?.unwrap_or("json"), options.flag("header")?)?;
    sealtrail_core::rows(line, opened, table)
}

pub fn text_difference(_: &mut Session, input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut parts = Reader::new(input);
    let options = Options::read(parts.part("the options")?, &["unit"])?;
    let (before, after) = (parts.part("the text before")?, parts.part("the text after")?);
    sealtrail_core::text_runs(before, after, options.text("unit")?.unwrap_or("word"))
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

pub fn lease(_: &mut Session, input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut parts = Reader::new(input);
    let (origin, id) = (text(parts.part("the origin")?)?, text(parts.part("the record")?)?);
    let mut leasings = Vec::new();
    while !parts.is_empty() {
        let is_pseudonym = match parts.part("the use")? {
            b"seal" => false,
            b"pseudonym" => true,
            _ => return Err(Error::invalid_input("the use must be `seal` or `pseudonym`")),
        };
        let group = text(parts.part("the data group")?)?;
        let subject_kid = text(parts.part("the id of the subject key")?)?;
        let subject = Key::from_slice(parts.part("the subject key")?, "the subject key")?;
        let period_kid = text(parts.part("the id of the period key")?)?;
        let period = Key::from_slice(parts.part("the period key")?, "the period key")?;
        let kids = [subject_kid, period_kid];
        leasings.push(Leasing { group, is_pseudonym, kids, subject, period });
    }
    Ok(sealtrail_core::lease(origin, id, &leasings))
}

pub fn admit(_: &mut Session, input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut parts = Reader::new(input);
    sealtrail_core::admit(parts.part("the lease")?, parts.part("the record")?)
}

/// An object of options; one that is not known is refused, because it was meant to do something.
struct Options<'a>(Value<'a>);

impl<'a> Options<'a> {
    fn read(text: &'a [u8], known: &[&str]) -> Result<Self, Error> {
        let options = json::parse(text, &Limits::default())
            .map_err(|e| Error::invalid_input(&format!("the options: {e}")))?;
        if !matches!(options, Value::Object(_)) {
            return Err(Error::invalid_input("the options must be an object"));
        }
        if options.members().iter().any(|member| !known.contains(&member.key.as_ref())) {
            let message = format!("the options know {}, got another key", known.join(", "));
            return Err(Error::invalid_input(&message));
        }
        Ok(Self(options))
    }

    fn text(&self, key: &str) -> Result<Option<&str>, Error> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Error::invalid_input(&format!("the options: `{key}` must be a string"))),
        }
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, Error> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => {
                Err(Error::invalid_input(&format!("the options: `{key}` must be a boolean")))
            }
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::invalid_input("a name must be UTF-8"))
}
