//! One change through the guest as production sends it, and everything that comes out.

use sealtrail_keyring::{Key, KeyId};
use sealtrail_record::json::{Limits, Value, parse};

use super::canary::Canary;
use super::sample::{Sample, strange};
use super::scenario::Scenario;
use crate::code::Code;
use crate::engine::{Kids, Outcome, Sandbox, Stamp};
use crate::error::{Error, Result};

/// Bytes that leave the guest.
pub struct Output {
    pub name: &'static str,
    pub bytes: Vec<u8>,
}

pub const RECORD: &str = "record";
pub const PREVIEW: &str = "preview";
pub const ENVELOPE: &str = "envelope";
pub const ERROR: &str = "error";

pub struct Pipeline<'s> {
    sandbox: &'s Sandbox,
    policy: &'s [u8],
    /// A value that every record has in clear: if it is not found, the search is worth nothing.
    control: Canary,
}

impl<'s> Pipeline<'s> {
    pub fn new(sandbox: &'s Sandbox, policy: &'s [u8]) -> Result<Self> {
        Ok(Self { sandbox, policy, control: Canary::plain()? })
    }

    pub fn run(
        &self,
        scenario: &Scenario,
        sample: &Sample<'_>,
        canaries: &[&str],
    ) -> Result<Vec<Output>> {
        let change = scenario.change(&sample.entity, &self.control.text, canaries);
        let mut outputs = Vec::new();
        let preview = self.sandbox.guest()?.preview(self.policy, change.as_bytes(), b"");
        self.take(scenario, &mut outputs, preview, |preview| {
            Ok(Output { name: PREVIEW, bytes: without_subjects(&preview)? })
        })?;
        let record = self.seal(change.as_bytes(), &mut outputs);
        self.take(scenario, &mut outputs, record, |line| Ok(Output { name: RECORD, bytes: line }))?;
        Ok(outputs)
    }

    /// An error is an output too; only where the change is a good one is it ours to report.
    fn take(
        &self,
        scenario: &Scenario,
        outputs: &mut Vec<Output>,
        answer: Result<Vec<u8>>,
        output: impl FnOnce(Vec<u8>) -> Result<Output>,
    ) -> Result<()> {
        match answer {
            Ok(answer) => outputs.push(output(answer)?),
            Err(error) if scenario.fault.is_some() && error.code() != Code::GuestFailed => {
                outputs.push(Output { name: ERROR, bytes: format!("{error:?}").into_bytes() });
            }
            Err(error) => return Err(error.context(scenario.name)),
        }
        Ok(())
    }

    fn seal(&self, change: &[u8], outputs: &mut Vec<Output>) -> Result<Vec<u8>> {
        let mut guest = self.sandbox.guest()?;
        guest.policy(self.policy)?;
        let envelope = guest.read(change)?;
        let context = parse(&envelope, &Limits::default())
            .ok()
            .and_then(|envelope| Some(envelope.get("context")?.to_json()))
            .ok_or_else(|| strange("an envelope"))?;
        outputs.push(Output { name: ENVELOPE, bytes: envelope });
        let plan = guest.plan(context.as_bytes())?;
        if plan.outcome == Outcome::Unchanged {
            return Ok(Vec::new());
        }
        let keys = plan.needs.iter().map(|_| throw_away()).collect::<Result<Vec<_>>>()?;
        let stamp = Stamp {
            origin: "policy-test",
            id: "00000000-0000-7000-8000-000000000000",
            recorded_time: "1970-01-01T00:00:00.000Z",
            engine: self.sandbox.name(),
        };
        let line = guest.seal(&stamp, plan.nonces, &keys)?;
        if memchr::memmem::find(&line, self.control.text.as_bytes()).is_none() {
            let message = "the record does not hold what it must, so that what it must not hold cannot \
                           be looked for";
            return Err(Error::new(Code::GuestFailed, message));
        }
        Ok(line)
    }
}

/// A subject key and a period key that nobody has afterwards.
fn throw_away() -> Result<Kids> {
    let kid = |text: &str| KeyId::parse(text).map_err(Error::from);
    Ok([
        (kid("k_AAAAAAAAAAAAAAAAAAAAAA")?, Key::random()?),
        (kid("t_standard.1970-01")?, Key::random()?),
    ])
}

/// The ids of data subjects are for whoever holds the keys.
fn without_subjects(preview: &[u8]) -> Result<Vec<u8>> {
    let mut preview = parse(preview, &Limits::default()).map_err(|_| strange("a preview"))?;
    if let Value::Object(members) = &mut preview
        && let Some(fields) = members.iter_mut().find(|m| m.key == "fields")
        && let Value::Array(fields) = &mut fields.value
    {
        for field in fields {
            if let Value::Object(members) = field {
                members.retain(|member| member.key != "subject");
            }
        }
    }
    Ok(preview.to_json().into_bytes())
}
