//! `[collector]`: what becomes of changes that come again.

use std::time::Duration;

use serde::Deserialize;

use super::quantity::Span;
use crate::collector::Remember;

#[derive(Debug, Clone)]
pub struct Collector {
    pub remember_ids: Remember,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct CollectorTable {
    remember_ids: Option<Span>,
    remember_ids_at_most: Option<usize>,
}

impl CollectorTable {
    pub(super) fn finish(self) -> Collector {
        let at_least = self.remember_ids.map_or(Duration::from_hours(24), |span| span.0);
        let at_most = self.remember_ids_at_most.unwrap_or(250_000).max(1);
        Collector { remember_ids: Remember { at_least, at_most } }
    }
}
