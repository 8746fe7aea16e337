//! What `GET /metrics` shows, in the text format 0.0.4 of Prometheus.
//!
//! Names follow the conventions of Prometheus: base units (`_seconds`, `_bytes`), `_total` for what only
//! grows, `_info` for labels without a value. Whatever is counted on the way of a request costs a few atomic
//! additions; everything else is read when somebody asks.

mod counter;
mod exposition;
mod timings;

pub use counter::Counter;
pub use exposition::{Exposition, MEDIA_TYPE};
pub use timings::{Open, Timings};

/// What is counted. Relaxed is enough: nobody draws a conclusion from one counter about another.
#[derive(Default)]
pub struct Metrics {
    pub proxied: Counter,
    pub proxy_refused: Counter,
    pub abandoned: Counter,
    pub upstream_failed: Counter,
    pub recorded: Counter,
    pub spooled: Counter,
    pub unchanged: Counter,
    pub changes_refused: Counter,
    pub queue_full: Counter,
    pub guest_failed: Counter,
    pub leases: Counter,
    pub reveals: Counter,
    pub shreds: Counter,
    pub expired_periods: Counter,
    pub reloads: Counter,
    pub reloads_refused: Counter,
    pub timings: Timings,
}

impl Metrics {
    /// Every counter and histogram.
    pub fn expose(&self, to: &mut Exposition) {
        let counters = [
            ("proxied_requests", "Requests forwarded to the service.", &self.proxied),
            ("proxy_refused_requests", "Requests refused before forwarding.", &self.proxy_refused),
            (
                "abandoned_requests",
                "Requests whose client left, or broke its request off, before all of the answer was sent.",
                &self.abandoned,
            ),
            (
                "upstream_failures",
                "Requests that the service gave no answer to, or not all of one: 502, 504, or cut.",
                &self.upstream_failed,
            ),
            ("records", "Records that are durable in the log.", &self.recorded),
            ("spooled", "Records that were taken into the spool.", &self.spooled),
            ("unchanged", "Changes in which nothing had changed.", &self.unchanged),
            (
                "refused_changes",
                "Changes refused: bad input, or no room or no log to record them.",
                &self.changes_refused,
            ),
            (
                "queue_full",
                "Posts answered with 503 because too much was under way.",
                &self.queue_full,
            ),
            ("guest_failures", "Traps and timeouts of the sandboxed core.", &self.guest_failed),
            ("leases", "Leases of the keys of a new record.", &self.leases),
            ("reveals", "Sealed values revealed, by record and group.", &self.reveals),
            ("shreds", "Data subjects shredded.", &self.shreds),
            (
                "expired_periods",
                "Keys of retention periods destroyed because their time was over.",
                &self.expired_periods,
            ),
        ];
        for (name, help, counter) in counters {
            to.counter(&format!("{name}_total"), help, &[], counter.get());
        }
        let help = "Reloads of policy and keys on SIGHUP; a refused one has changed nothing.";
        for (result, counter) in [("ok", &self.reloads), ("refused", &self.reloads_refused)] {
            to.counter("policy_reloads_total", help, &[("result", result)], counter.get());
        }
        to.collect(self.timings.registry());
    }
}
