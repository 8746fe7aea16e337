//! `[collector]`: what becomes of changes when the log has no room for them, and when they come again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::quantity::{Bytes, Span};
use crate::collector::{Remember, WhenFull};

#[derive(Debug, Clone)]
pub struct Collector {
    pub when_full: WhenFull,
    pub block_at_most: Duration,
    pub spool_dir: PathBuf,
    pub spool_size: u64,
    /// Zero where nothing is joined.
    pub join_window: Duration,
    pub remember_ids: Remember,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct CollectorTable {
    #[serde(default)]
    when_full: WhenFull,
    block_at_most: Option<Span>,
    spool_dir: Option<PathBuf>,
    spool_size: Option<Bytes>,
    join_window: Option<Span>,
    remember_ids: Option<Span>,
    remember_ids_at_most: Option<usize>,
}

impl CollectorTable {
    pub(super) fn finish(self, folder: &Path) -> Collector {
        let at_least = self.remember_ids.map_or(Duration::from_hours(24), |span| span.0);
        let at_most = self.remember_ids_at_most.unwrap_or(250_000).max(1);
        Collector {
            when_full: self.when_full,
            block_at_most: self.block_at_most.map_or(Duration::from_secs(5), |span| span.0),
            spool_dir: folder.join(self.spool_dir.unwrap_or_else(|| PathBuf::from("spool"))),
            spool_size: self.spool_size.map_or(64 << 20, |bytes| bytes.0 as u64),
            join_window: self.join_window.map_or(Duration::ZERO, |span| span.0),
            remember_ids: Remember { at_least, at_most },
        }
    }
}
