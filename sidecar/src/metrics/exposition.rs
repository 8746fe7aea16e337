//! The text of one answer. The `prometheus` package writes it: escaping, `HELP` and `TYPE` are its work.

use std::collections::BTreeMap;

use prometheus::core::Collector;
use prometheus::proto::{Bucket, Histogram, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, IntCounter, IntGauge, Opts, Registry, TextEncoder};
use sealtrail_log::CommitSizes;

/// Metric families by their name, so that each is written once, whoever adds to it.
#[derive(Default)]
pub struct Exposition(BTreeMap<String, MetricFamily>);

pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Exposition {
    /// `name` without the prefix `sealtrail_`, ending in `_total`.
    pub fn counter(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: u64) {
        let counter = IntCounter::with_opts(opts(name, help, labels)).expect("a valid name");
        counter.inc_by(value);
        self.add(counter.collect());
    }

    pub fn gauge(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: u64) {
        let gauge = IntGauge::with_opts(opts(name, help, labels)).expect("a valid name");
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        self.add(gauge.collect());
    }

    /// How often the log was synced, by how many lines it was synced for.
    pub fn commit_sizes(&mut self, name: &str, help: &str, sizes: &CommitSizes) {
        let mut count = 0;
        let bucket = |(n, commits): (usize, &u64)| {
            count += commits;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(f64::from(1u32 << n));
            bucket.set_cumulative_count(count);
            bucket
        };
        let mut histogram = Histogram::default();
        histogram.set_bucket(sizes.steps.iter().enumerate().map(bucket).collect());
        histogram.set_sample_count(sizes.commits);
        #[expect(clippy::cast_precision_loss, reason = "a sum of Prometheus is a float")]
        histogram.set_sample_sum(sizes.lines as f64);
        let mut metric = Metric::default();
        metric.set_histogram(histogram);
        let mut family = MetricFamily::default();
        family.set_name(format!("sealtrail_{name}"));
        family.set_help(help.into());
        family.set_field_type(MetricType::HISTOGRAM);
        family.set_metric(vec![metric]);
        self.add(vec![family]);
    }

    pub fn collect(&mut self, registry: &Registry) {
        self.add(registry.gather());
    }

    /// Memory, descriptors, processor time and start of this process, under the names that all clients of
    /// Prometheus use.
    pub fn process(&mut self) {
        #[cfg(target_os = "linux")]
        self.add(prometheus::process_collector::ProcessCollector::for_self().collect());
    }

    pub fn into_text(self) -> String {
        let families: Vec<MetricFamily> = self.0.into_values().collect();
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text).expect("a vector takes it");
        String::from_utf8(text).expect("names and labels are text")
    }

    fn add(&mut self, families: Vec<MetricFamily>) {
        for mut family in families {
            match self.0.get_mut(family.name()) {
                Some(there) => {
                    for metric in family.take_metric() {
                        there.mut_metric().push(metric);
                    }
                }
                None => drop(self.0.insert(family.name().to_owned(), family)),
            }
        }
    }
}

fn opts(name: &str, help: &str, labels: &[(&str, &str)]) -> Opts {
    labels.iter().fold(Opts::new(format!("sealtrail_{name}"), help), |opts, (label, value)| {
        opts.const_label(*label, *value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn commits_by_their_size() {
        let mut steps = [0; 13];
        (steps[0], steps[2]) = (3, 1);
        let mut text = Exposition::default();
        text.commit_sizes("x", "X.", &CommitSizes { steps, commits: 5, lines: 5007 });
        let text = text.into_text();
        for line in [
            "# TYPE sealtrail_x histogram",
            "sealtrail_x_bucket{le=\"1\"} 3",
            "sealtrail_x_bucket{le=\"2\"} 3",
            "sealtrail_x_bucket{le=\"4096\"} 4",
            "sealtrail_x_bucket{le=\"+Inf\"} 5",
            "sealtrail_x_sum 5007",
            "sealtrail_x_count 5",
        ] {
            assert!(text.lines().any(|other| other == line), "no `{line}` in {text}");
        }
    }

    #[test]
    fn a_family_is_written_once_and_labels_are_escaped() {
        let mut text = Exposition::default();
        text.counter("x_total", "Help \\ of\nx.", &[("is", "a")], 1);
        text.gauge("log_records", "Records in the log.", &[], 7);
        text.counter("x_total", "Help \\ of\nx.", &[("is", "\"b\"\\\n")], 2);
        assert_eq!(
            text.into_text(),
            "# HELP sealtrail_log_records Records in the log.\n\
             # TYPE sealtrail_log_records gauge\n\
             sealtrail_log_records 7\n\
             # HELP sealtrail_x_total Help \\\\ of\\nx.\n\
             # TYPE sealtrail_x_total counter\n\
             sealtrail_x_total{is=\"a\"} 1\n\
             sealtrail_x_total{is=\"\\\"b\\\"\\\\\\n\"} 2\n"
        );
    }

    #[test]
    fn what_was_counted_is_shown() {
        let metrics = Metrics::default();
        metrics.recorded.add(3);
        metrics.timings.append(std::time::Duration::from_millis(3), 64);
        let mut text = Exposition::default();
        metrics.expose(&mut text);
        let text = text.into_text();
        for line in [
            "# TYPE sealtrail_records_total counter\nsealtrail_records_total 3\n",
            "sealtrail_append_duration_seconds_bucket{le=\"0.0025\"} 0\n",
            "sealtrail_append_duration_seconds_bucket{le=\"0.005\"} 1\n",
            "sealtrail_append_duration_seconds_bucket{le=\"+Inf\"} 1\n",
            "sealtrail_append_duration_seconds_sum 0.003\n",
            "sealtrail_append_records_bucket{le=\"32\"} 0\n",
            "sealtrail_append_records_bucket{le=\"64\"} 1\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }
}
