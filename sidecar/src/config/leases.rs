//! `[leases]`: for how long somebody may hold the keys of a record.

use std::time::Duration;

use serde::Deserialize;

use super::invalid::invalid;
use super::quantity::{Span, or};
use crate::error::Result;

#[derive(Debug, Clone, Copy)]
pub struct Leases {
    pub lifetime: Duration,
    /// So many at a time.
    pub at_most: usize,
}

impl Leases {
    /// No lease is longer, so nobody waits longer for one.
    pub const LONGEST: Duration = Duration::from_mins(5);
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct LeasesTable {
    lifetime: Option<Span>,
    at_most: Option<usize>,
}

impl LeasesTable {
    pub(super) fn finish(self) -> Result<Leases> {
        let lifetime = or(self.lifetime, Duration::from_secs(30));
        if !(Duration::from_secs(1)..=Leases::LONGEST).contains(&lifetime) {
            return Err(invalid(format!("leases.lifetime must be 1s to 5m, got {lifetime:?}")));
        }
        Ok(Leases { lifetime, at_most: self.at_most.unwrap_or(100_000).max(1) })
    }
}
