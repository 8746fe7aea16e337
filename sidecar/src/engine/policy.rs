//! A policy that the core has accepted.

use super::calls::{Guest, PolicySummary};
use super::sandbox::Sandbox;
use crate::error::Result;

/// A policy, and guests that hold it.
pub struct Policy {
    text: Vec<u8>,
    summary: PolicySummary,
    sandbox: Sandbox,
}

impl Policy {
    /// Refuses a policy that the core refuses.
    pub fn new(sandbox: &Sandbox, text: Vec<u8>) -> Result<Self> {
        let summary = sandbox.guest()?.policy(&text)?;
        Ok(Self { text, summary, sandbox: sandbox.clone() })
    }

    pub fn summary(&self) -> &PolicySummary {
        &self.summary
    }

    /// A guest for one record: it holds this policy, and nothing of another record.
    pub fn guest(&self) -> Result<Guest> {
        let mut guest = self.sandbox.guest()?;
        guest.policy(&self.text)?;
        Ok(guest)
    }
}
