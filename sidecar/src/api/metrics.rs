//! `GET /metrics`

use super::Api;
use super::answer::{self, Answer};
use crate::clock::Moment;
use crate::collector::Spooled;

impl Api {
    pub(super) fn metrics(&self) -> Answer {
        let log = self.trail.log();
        let spool = self.trail.spool.as_ref().map(|spool| spool.waiting());
        let spooled = |of: fn(&Spooled) -> u64| spool.as_ref().map_or(0, of);
        let now = Moment::now().posix_seconds();
        let oldest = spool.as_ref().and_then(|spool| spool.oldest).map(Moment::posix_seconds);
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
                "spool_lines",
                "Records in the spool, which the log has not taken yet.",
                spooled(|spool| spool.lines),
            ),
            ("spool_bytes", "Bytes of them.", spooled(|spool| spool.bytes)),
            (
                "spool_oldest_seconds",
                "Age of the oldest of them.",
                oldest.map_or(0, |oldest| now.saturating_sub(oldest)),
            ),
            (
                "remembered_ids",
                "Ids of changes of which a repeat is told.",
                self.trail.seen_ids.len() as u64,
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
        ];
        let text = self.trail.metrics.write(&counters, &gauges);
        answer::with_type("text/plain; version=0.0.4; charset=utf-8", text)
    }
}
