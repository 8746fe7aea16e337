//! `GET /metrics`

use super::Api;
use super::answer::{self, Answer};
use crate::clock::Moment;
use crate::collector::Spooled;
use crate::logging;
use crate::metrics::{Exposition, MEDIA_TYPE};

impl Api {
    pub(super) fn metrics(&self) -> Answer {
        let mut text = Exposition::default();
        let (log, memory) = (self.trail.log(), &self.trail.memory);
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
                "keyring_disk_full",
                "1 while there is no room for a new key because the disk of the keyring is full.",
                tokio::task::block_in_place(|| self.trail.keyring.disk_full()).into(),
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
            ("open_leases", "Leases that are not used up.", self.trail.leases.len() as u64),
            (
                "remembered_ids",
                "Ids of changes of which a repeat is told.",
                self.trail.seen_ids.len() as u64,
            ),
            (
                "waiting_joins",
                "Requests and entities of which an event waits for its change, or a change for its event.",
                self.trail.pairing.len() as u64,
            ),
            (
                "remembered_requests",
                "Requests that can be joined with a change.",
                memory.len() as u64,
            ),
        ];
        for (name, help, value) in gauges {
            text.gauge(name, help, &[], value);
        }
        let counters = [
            (
                "log_commits_total",
                "Times the log was synced for records; many records share one.",
                log.commits(),
            ),
            (
                "ambiguous_joins_total",
                "Changes not joined because their correlation id stands for several requests.",
                memory.ambiguous.get(),
            ),
            (
                "forgotten_requests_total",
                "Requests forgotten before `request.remember` was over, for want of room.",
                memory.forgotten_early.get(),
            ),
            (
                "log_lines_dropped_total",
                "Lines for the operator that were not written, because too many came.",
                logging::dropped(),
            ),
            (
                "unauthenticated_requests_total",
                "Requests to the API answered with 401.",
                self.gate.unauthenticated.get(),
            ),
            (
                "forbidden_requests_total",
                "Requests to the API answered with 403.",
                self.gate.forbidden.get(),
            ),
            (
                "unrecorded_refusals_total",
                "Refused acts without a record of their own, because there were too many.",
                self.refusals.unrecorded.get(),
            ),
        ];
        for (name, help, value) in counters {
            text.counter(name, help, &[], value);
        }
        for (table, fetches) in self.gate.fetches() {
            let help = "Answers of an issuer to the question for its keys, by the table of the configuration.";
            for (outcome, count) in [("fetched", &fetches.good), ("failed", &fetches.failed)] {
                let labels = [("table", table), ("outcome", outcome)];
                text.counter("jwks_fetches_total", help, &labels, count.get());
            }
        }
        let help = "Records that became durable together, with one sync of the log.";
        text.commit_sizes("commit_records", help, &log.commit_sizes());
        let policy = self.trail.policy.get();
        let policy = policy.summary();
        let labels = [
            ("id", policy.id.as_str()),
            ("version", policy.version.as_str()),
            ("sha256", policy.sha256.as_str()),
        ];
        text.gauge("policy_info", "The policy that decides now.", &labels, 1);
        let sandbox = self.trail.sandbox();
        let engine = sandbox.name();
        let labels = [("version", engine.version), ("engine_sha256", engine.sha256)];
        text.gauge("build_info", "This binary, and the guest that it runs.", &labels, 1);
        self.trail.metrics.expose(&mut text);
        text.process();
        answer::with_type(MEDIA_TYPE, text.into_text())
    }
}
