//! `[limits]`: how much, and for how long.

use std::time::Duration;

use serde::Deserialize;

use super::invalid::invalid;
use super::quantity::{Bytes, Span, or};
use crate::error::Result;

#[derive(Debug, Clone)]
pub struct Limits {
    pub body: usize,
    pub line: usize,
    pub queue: usize,
    pub answers: usize,
    pub guest_memory: usize,
    pub guest_time: Duration,
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        LimitsTable::default().limits()
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsTable {
    body: Option<Bytes>,
    line: Option<Bytes>,
    queue: Option<Bytes>,
    answers: Option<Bytes>,
    guest_memory: Option<Bytes>,
    guest_time: Option<Span>,
    drain: Option<Span>,
}

impl LimitsTable {
    pub(super) fn finish(self) -> Result<Limits> {
        let limits = self.limits();
        if limits.line > limits.body {
            return Err(invalid("limits.line is larger than limits.body"));
        }
        if limits.queue < limits.body {
            return Err(invalid(
                "limits.queue is smaller than limits.body, no full body could enter",
            ));
        }
        Ok(limits)
    }

    fn limits(self) -> Limits {
        let bytes = |given: Option<Bytes>, default: usize| given.map_or(default, |b| b.0);
        Limits {
            body: bytes(self.body, 8 << 20),
            line: bytes(self.line, 1 << 20),
            queue: bytes(self.queue, 64 << 20),
            answers: bytes(self.answers, 64 << 20),
            guest_memory: bytes(self.guest_memory, 256 << 20),
            guest_time: or(self.guest_time, Duration::from_secs(5)),
            drain: or(self.drain, Duration::from_secs(10)),
        }
    }
}
