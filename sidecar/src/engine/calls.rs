//! The functions of the guest, with types.

use sealtrail_keyring::{Key, KeyId};
use sealtrail_record::frame::Frame;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::lent::Lent;
use crate::code::Code;
use crate::error::{Error, Result};

/// Every function that is called, checked when the module is loaded.
pub const EXPORTS: &[&str] = &[
    "alloc", "policy", "read", "plan", "seal", "open", "diff", "rows", "preview", "lint", "act",
    "lease", "admit",
];

/// The nonce of AES-256-GCM.
const NONCE: usize = 12;

/// One instance of the core, for one record: nothing of another was ever in it.
pub struct Guest(Lent);

/// Which policy is loaded.
#[derive(Debug, Clone, Deserialize)]
pub struct PolicySummary {
    pub id: String,
    pub version: String,
    pub sha256: String,
}

/// What sealing a change will take.
#[derive(Debug, Deserialize)]
pub struct Plan {
    pub outcome: Outcome,
    #[serde(default)]
    pub needs: Vec<Need>,
    #[serde(default)]
    pub nonces: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Record,
    Unchanged,
}

/// One data group of a record: whose key and which period's key seal it.
#[derive(Debug, Deserialize)]
pub struct Need {
    pub subject: String,
    pub retain: String,
    #[serde(default, rename = "use")]
    pub purpose: Purpose,
}

/// What keys are needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    #[default]
    Seal,
    /// It has no part in the period.
    Pseudonym,
}

/// The two keys of one seal, each with its id: subject key first.
pub type Kids = [(KeyId, Key); 2];

/// What only the host knows of a record.
#[derive(Debug, Serialize)]
pub struct Stamp<'a> {
    pub origin: &'a str,
    pub id: &'a str,
    pub recorded_time: &'a str,
    pub engine: EngineName<'a>,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct EngineName<'a> {
    pub version: &'a str,
    pub sha256: &'a str,
}

/// What somebody did with sealed values or with records, for a record of its own.
#[derive(Debug, Serialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Act<'a> {
    Reveal {
        actor: &'a Actor,
        reason: &'a str,
        record: &'a str,
        group: &'a str,
    },
    Shred {
        actor: &'a Actor,
        reason: &'a str,
        kids: &'a [String],
        hard: bool,
    },
    Expire {
        actor: &'a Actor,
        reason: &'a str,
        class: &'a str,
        period: &'a str,
        kids: [&'a str; 1],
    },
    Prune {
        actor: &'a Actor,
        reason: &'a str,
        first_removed: u64,
        first_kept: u64,
        older_than: &'a str,
    },
    Hold {
        actor: &'a Actor,
        reason: &'a str,
        hold: &'a str,
        from: u64,
    },
    HoldReleased {
        actor: &'a Actor,
        reason: &'a str,
        hold: &'a str,
        from: u64,
    },
    Rotate {
        actor: &'a Actor,
        reason: &'a str,
        keys: u64,
        generation: u64,
    },
    Refused {
        actor: &'a Actor,
        /// What was missing.
        reason: &'a str,
        attempt: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        record: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        group: Option<&'a str>,
        unrecorded: u64,
    },
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
}

/// What the core says against a policy.
#[derive(Debug, Serialize, Deserialize)]
pub struct Finding {
    pub code: String,
    /// Pointer into the policy.
    pub at: String,
    /// Pointer to an attribute of the samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    pub message: String,
    pub severity: Severity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
    Note,
}

/// The keys for one seal of a record, by its index in `data.seals`.
pub struct OpeningKeys {
    pub seal: usize,
    pub subject_key: Key,
    pub period_key: Key,
}

/// One opened value, as the guest gives it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Opened {
    pub at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<String>,
    pub group: String,
    pub value: Box<serde_json::value::RawValue>,
}

impl Guest {
    pub(super) fn new(instance: Lent) -> Self {
        Self(instance)
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> &[u8] {
        self.0.memory()
    }

    /// Whether it failed and must not be used again.
    #[cfg(test)]
    pub(super) fn is_dead(&self) -> bool {
        self.0.is_dead()
    }

    /// Any function by its name, as the shared vectors name it.
    #[cfg(test)]
    pub(super) fn call(&mut self, function: &'static str, frame: &[u8]) -> Result<Vec<u8>> {
        self.0.call(function, frame)
    }

    /// For the calls that stand in files of their own.
    pub(super) fn call_with(&mut self, function: &'static str, frame: &[u8]) -> Result<Vec<u8>> {
        self.0.call(function, frame)
    }

    /// Loads a policy; it stays for the life of the instance.
    pub fn policy(&mut self, policy: &[u8]) -> Result<PolicySummary> {
        let frame = Frame::new().part(policy).into_bytes();
        read(&self.0.call("policy", &frame)?)
    }

    /// Reads a change; returns what it says of itself, in canonical spelling.
    pub fn read(&mut self, change: &[u8]) -> Result<Vec<u8>> {
        let frame = Frame::new().part(change).into_bytes();
        self.0.call("read", &frame)
    }

    /// Compares the images of the change that was read and applies the policy.
    pub fn plan(&mut self, context: &[u8]) -> Result<Plan> {
        let frame = Frame::new().part(context).into_bytes();
        read(&self.0.call("plan", &frame)?)
    }

    /// Seals the change that was planned: the line of the record.
    pub fn seal(&mut self, stamp: &Stamp<'_>, nonces: usize, keys: &[Kids]) -> Result<Vec<u8>> {
        let length = nonces.checked_mul(NONCE).filter(|length| *length <= 64 << 20);
        let length = length.ok_or_else(|| internal("the core asks for too much entropy"))?;
        let mut frame = Frame::new().part(&json(stamp)?).part(&entropy(length)?);
        for (kid, key) in keys.iter().flatten() {
            frame = frame.part(kid.as_str().as_bytes()).part(key.expose());
        }
        self.0.call("seal", &Zeroizing::new(frame.into_bytes()))
    }

    /// Opens the seals of a record for which keys are given.
    pub fn open(&mut self, origin: &str, line: &[u8], keys: &[OpeningKeys]) -> Result<Vec<Opened>> {
        let mut frame = Frame::new().part(origin.as_bytes()).part(line);
        for key in keys {
            frame = frame.part(key.seal.to_string().as_bytes());
            frame = frame.part(key.subject_key.expose()).part(key.period_key.expose());
        }
        let answer = Zeroizing::new(self.0.call("open", &Zeroizing::new(frame.into_bytes()))?);
        read(&answer)
    }

    /// The line of a record about a reveal or a shred.
    pub fn act(
        &mut self,
        stamp: &Stamp<'_>,
        act: &Act<'_>,
        correlation_id: Option<&str>,
    ) -> Result<Vec<u8>> {
        #[derive(Serialize)]
        struct InRequest<'a> {
            #[serde(flatten)]
            act: &'a Act<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            correlation_id: Option<&'a str>,
        }
        let act = json(&InRequest { act, correlation_id })?;
        let frame = Frame::new().part(&json(stamp)?).part(&act).into_bytes();
        self.0.call("act", &frame)
    }

    /// The differences of two images, in the format that the options name.
    pub fn diff(
        &mut self,
        options: &serde_json::Value,
        policy: &[u8],
        before: &[u8],
        after: &[u8],
    ) -> Result<Vec<u8>> {
        let frame = Frame::new().part(&json(options)?).part(policy).part(before).part(after);
        self.0.call("diff", &frame.into_bytes())
    }

    /// A record as a table with one row per attribute, in the format that the options name.
    pub fn rows(&mut self, options: &serde_json::Value, line: &[u8]) -> Result<Vec<u8>> {
        let nothing_opened = b"";
        let frame = Frame::new().part(&json(options)?).part(line).part(nothing_opened);
        self.0.call("rows", &frame.into_bytes())
    }

    /// What would be stored of a change, and which rule decided each field.
    pub fn preview(&mut self, policy: &[u8], change: &[u8], context: &[u8]) -> Result<Vec<u8>> {
        // From the seed come throw-away keys, so that even a preview is sealed with keys nobody has.
        let seed = entropy(32)?;
        let frame = Frame::new().part(policy).part(change).part(context).part(&seed);
        self.0.call("preview", &frame.into_bytes())
    }

    /// What a policy says in vain and what it keeps that looks personal, by samples.
    pub fn lint(&mut self, policy: &[u8], samples: &[&[u8]]) -> Result<Vec<Finding>> {
        let frame = samples.iter().fold(Frame::new().part(policy), |frame, part| frame.part(part));
        read(&self.0.call("lint", &frame.into_bytes())?)
    }
}

fn entropy(length: usize) -> Result<Vec<u8>> {
    let mut entropy = vec![0; length];
    getrandom::fill(&mut entropy).map_err(|_| internal("the system gives no random bytes"))?;
    Ok(entropy)
}

pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|_| internal("a request to the core cannot be written"))
}

pub(super) fn read<T: for<'de> Deserialize<'de>>(answer: &[u8]) -> Result<T> {
    serde_json::from_slice(answer).map_err(|_| internal("the core gave an answer of another form"))
}

fn internal(message: &str) -> Error {
    Error::new(Code::GuestFailed, message)
}
