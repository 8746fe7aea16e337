//! How long things take, in histograms, and how many connections are open.
//!
//! | name | what is measured |
//! |---|---|
//! | `proxy_request_duration_seconds{code="2xx"}` | from the head of a request to the head of its answer |
//! | `upstream_response_duration_seconds` | the part of it that the service takes, connecting included |
//! | `append_duration_seconds` | from handing the records of a POST to the log until they are on disk |
//! | `append_records` | how many records a POST appends |
//! | `guest_duration_seconds` | what one record takes in the sandbox, all of its calls |
//! | `open_connections{listener="proxy"}` | accepted and not yet closed |

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntGauge, IntGaugeVec, Opts, Registry,
    exponential_buckets,
};

/// The classes of a status (RFC 9110 §15).
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// From half a millisecond, what a proxy adds at most, to what a person waits for.
const REQUEST: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub struct Timings {
    registry: Registry,
    proxied: [Histogram; CLASSES.len()],
    upstream: Histogram,
    append: Histogram,
    append_records: Histogram,
    guest: Histogram,
    proxy_connections: IntGauge,
    api_connections: IntGauge,
}

/// Counts as an open connection as long as it lives.
pub struct Open(IntGauge);

impl Timings {
    pub fn proxied(&self, status: http::StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.proxied[class].observe(took.as_secs_f64());
    }

    pub fn upstream(&self, took: Duration) {
        self.upstream.observe(took.as_secs_f64());
    }

    pub fn append(&self, took: Duration, records: usize) {
        self.append.observe(took.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a POST has few")]
        self.append_records.observe(records as f64);
    }

    pub fn guest(&self, took: Duration) {
        self.guest.observe(took.as_secs_f64());
    }

    pub fn proxy_connection(&self) -> Open {
        Open::new(&self.proxy_connections)
    }

    pub fn api_connection(&self) -> Open {
        Open::new(&self.api_connections)
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }
}

impl Open {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Default for Timings {
    fn default() -> Self {
        let registry = Registry::new();
        let keep = |collector: Box<dyn prometheus::core::Collector>| {
            registry.register(collector).expect("every name is there once");
        };
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            let histogram = Histogram::with_opts(options(name, help, buckets)).expect("a name");
            keep(Box::new(histogram.clone()));
            histogram
        };
        let proxied = HistogramVec::new(
            options(
                "proxy_request_duration_seconds",
                "From the head of a request to the head of its answer, by class of status.",
                &REQUEST,
            ),
            &["code"],
        )
        .expect("a name");
        keep(Box::new(proxied.clone()));
        let connections = IntGaugeVec::new(
            Opts::new("sealtrail_open_connections", "Connections that clients have open."),
            &["listener"],
        )
        .expect("a name");
        keep(Box::new(connections.clone()));
        let micro = |from: f64, count| exponential_buckets(from, 2.0, count).expect("above zero");
        Self {
            proxied: CLASSES.map(|class| proxied.with_label_values(&[class])),
            upstream: histogram(
                "upstream_response_duration_seconds",
                "From forwarding a request to the head of the service's answer.",
                &REQUEST,
            ),
            append: histogram(
                "append_duration_seconds",
                "From handing the records of a POST to the log until they are on disk.",
                &[&[0.0001, 0.00025], &REQUEST[..]].concat(),
            ),
            append_records: histogram(
                "append_records",
                "Records that one POST appends.",
                &micro(1.0, 14),
            ),
            guest: histogram(
                "guest_duration_seconds",
                "What one record takes in the sandbox.",
                &micro(0.000_008, 16),
            ),
            proxy_connections: connections.with_label_values(&["proxy"]),
            api_connections: connections.with_label_values(&["api"]),
            registry,
        }
    }
}

fn options(name: &str, help: &str, buckets: &[f64]) -> HistogramOpts {
    HistogramOpts::new(format!("sealtrail_{name}"), help).buckets(buckets.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    #[test]
    fn by_class_of_status() {
        let timings = Timings::default();
        for status in [101, 200, 204, 404, 502, 999] {
            timings.proxied(StatusCode::from_u16(status).unwrap(), Duration::from_millis(1));
        }
        let counts = timings.proxied.each_ref().map(Histogram::get_sample_count);
        assert_eq!(counts, [1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_connection_counts_as_long_as_it_lives() {
        let timings = Timings::default();
        let (first, second) = (timings.api_connection(), timings.api_connection());
        assert_eq!(timings.api_connections.get(), 2);
        drop(first);
        assert_eq!((timings.api_connections.get(), timings.proxy_connections.get()), (1, 0));
        drop(second);
    }
}
