//! `GET /metrics`

use super::Api;
use super::answer::{self, Answer};

impl Api {
    pub(super) fn metrics(&self) -> Answer {
        let log = self.trail.log();
        let gauges = [
            ("log_records", "Durable records in the log.", self.trail.size()),
            (
                "log_poisoned",
                "1 after a failed write: no more records until a restart.",
                log.poisoned().is_some().into(),
            ),
            (
                "log_disk_full",
                "1 while records are refused because the disk is full.",
                log.disk_full().is_some().into(),
            ),
            (
                "log_checkpoints_delayed",
                "1 while records wait for a checkpoint because the disk is full.",
                log.checkpoints_delayed().is_some().into(),
            ),
            (
                "queue_bytes",
                "Bytes of changes being worked on.",
                self.queue.bytes_under_way() as u64,
            ),
            (
                "remembered_requests",
                "Requests that can be joined with a change.",
                self.trail.memory.len() as u64,
            ),
        ];
        let memory = &self.trail.memory;
        let counters = [
            (
                "ambiguous_joins",
                "Changes not joined because their correlation id stands for several requests.",
                &memory.ambiguous,
            ),
            (
                "forgotten_requests",
                "Requests forgotten before `request.remember` was over, for want of room.",
                &memory.forgotten_early,
            ),
            (
                "unauthenticated_requests",
                "Requests to the API answered with 401.",
                &self.gate.unauthenticated,
            ),
            ("forbidden_requests", "Requests to the API answered with 403.", &self.gate.forbidden),
            (
                "unrecorded_refusals",
                "Refused acts without a record of their own, because there were too many.",
                &self.refusals.unrecorded,
            ),
        ];
        let text = self.trail.metrics.write(&counters, &gauges);
        answer::with_type("text/plain; version=0.0.4; charset=utf-8", text)
    }
}
