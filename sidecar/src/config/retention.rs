//! `[retention]`: how long records are kept, and how long what they seal.

use serde::Deserialize;

use super::classes::Classes;
use super::quantity::{Bytes, Period};

#[derive(Debug, Clone)]
pub struct Retention {
    /// What is older may be removed by `prune`; without it nothing ever is.
    pub keep: Option<Period>,
    /// A segment is left at this size. What is removed or compressed is whole segments.
    pub segment: u64,
    /// How long what is sealed stays readable; `expire` ends it.
    pub classes: Classes,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionTable {
    keep: Option<Period>,
    segment: Option<Bytes>,
    #[serde(default)]
    classes: Classes,
}

impl RetentionTable {
    pub(super) fn finish(self) -> Retention {
        let segment = self.segment.map_or(64 << 20, |bytes| bytes.0 as u64);
        Retention { keep: self.keep, segment, classes: self.classes }
    }
}
