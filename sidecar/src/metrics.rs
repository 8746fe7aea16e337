//! The counters behind `GET /metrics`, in the text format of Prometheus.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted. Relaxed is enough: nobody draws a conclusion from one counter about another.
#[derive(Default)]
pub struct Metrics {
    pub proxied: Counter,
    pub proxy_refused: Counter,
    pub upstream_failed: Counter,
    pub recorded: Counter,
    pub spooled: Counter,
    pub unchanged: Counter,
    pub changes_refused: Counter,
    pub queue_full: Counter,
    pub guest_failed: Counter,
    pub reveals: Counter,
    pub shreds: Counter,
}

#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Metrics {
    /// Every counter, and the further counters and gauges that the caller knows.
    pub fn write(&self, more: &[(&str, &str, &Counter)], gauges: &[(&str, &str, u64)]) -> String {
        let counters = [
            ("proxied_requests", "Requests forwarded to the service.", &self.proxied),
            ("proxy_refused_requests", "Requests refused before forwarding.", &self.proxy_refused),
            ("upstream_failures", "Requests answered with 502 or 504.", &self.upstream_failed),
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
            ("reveals", "Sealed values revealed, by record and group.", &self.reveals),
            ("shreds", "Data subjects shredded.", &self.shreds),
        ];
        let mut text = String::new();
        for (name, help, counter) in counters.iter().chain(more) {
            line(&mut text, &format!("{name}_total"), help, "counter", counter.get());
        }
        for (name, help, value) in gauges {
            line(&mut text, name, help, "gauge", *value);
        }
        text
    }
}

fn line(text: &mut String, name: &str, help: &str, kind: &str, value: u64) {
    let name = format!("sealtrail_{name}");
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_text() {
        let metrics = Metrics::default();
        metrics.recorded.add(3);
        let text = metrics.write(&[], &[("log_records", "Records in the log.", 7)]);
        assert!(
            text.contains("# TYPE sealtrail_records_total counter\nsealtrail_records_total 3\n")
        );
        assert!(text.ends_with("# TYPE sealtrail_log_records gauge\nsealtrail_log_records 7\n"));
    }
}
