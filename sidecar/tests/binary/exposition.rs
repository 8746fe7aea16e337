//! A strict reader of the text format 0.0.4 of Prometheus. It refuses what `promtool check metrics` refuses or
//! complains about, and what the conventions ask for.

use std::collections::{BTreeMap, HashSet};

pub struct Exposition(BTreeMap<String, f64>);

struct Family<'a> {
    name: &'a str,
    kind: &'a str,
}

impl Exposition {
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut samples = BTreeMap::new();
        let mut families = HashSet::new();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let help = line.strip_prefix("# HELP ").unwrap_or_else(|| panic!("not HELP: {line}"));
            let (name, help) = help.split_once(' ').unwrap();
            assert!(help.ends_with('.'), "{line}");
            let kind = lines.next().and_then(|l| l.strip_prefix("# TYPE ")).unwrap();
            let (typed, kind) = kind.split_once(' ').unwrap();
            assert_eq!(typed, name);
            assert!(families.insert(name.to_owned()), "{name} comes twice");
            let family = Family { name, kind };
            family.check_name();
            while let Some(sample) = lines.next_if(|line| !line.starts_with('#')) {
                let (key, value) = sample.rsplit_once(' ').unwrap();
                let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {sample}"));
                family.check_sample(key, value);
                assert!(samples.insert(key.to_owned(), value).is_none(), "{key} comes twice");
            }
            family.check_buckets(&samples);
        }
        Self(samples)
    }

    #[track_caller]
    pub fn value(&self, sample: &str) -> f64 {
        *self.0.get(sample).unwrap_or_else(|| panic!("no `{sample}` in {:?}", self.0.keys()))
    }
}

impl Family<'_> {
    fn check_name(&self) {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(self.name.chars().all(is_name), "{}", self.name);
        assert!(
            self.name.starts_with("sealtrail_") || self.name.starts_with("process_"),
            "{}",
            self.name
        );
        assert!(["counter", "gauge", "histogram"].contains(&self.kind), "{}", self.kind);
        assert_eq!(self.name.ends_with("_total"), self.kind == "counter", "{}", self.name);
        for unit in ["_ms", "_micros", "_milliseconds", "_kb", "_mb", "_kib", "_mib", "_minutes"] {
            assert!(!self.name.contains(unit), "{} is not in a base unit", self.name);
        }
    }

    fn check_sample(&self, key: &str, value: f64) {
        let (name, labels) = match key.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
            None => (key, ""),
        };
        let suffix = name.strip_prefix(self.name).unwrap_or_else(|| panic!("{key} stands alone"));
        match self.kind {
            "histogram" => assert!(["_bucket", "_sum", "_count"].contains(&suffix), "{key}"),
            _ => assert_eq!(suffix, ""),
        }
        assert_eq!(self.kind == "histogram" && suffix == "_bucket", labels.contains("le="));
        assert!(self.kind == "gauge" || value >= 0.0, "{key}");
        check_labels(labels);
    }

    /// Every bucket holds those below it, and the last one all.
    fn check_buckets(&self, samples: &BTreeMap<String, f64>) {
        let mut series: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (key, count) in samples {
            let Some(labels) = key.strip_prefix(&format!("{}_bucket{{", self.name)) else {
                continue;
            };
            let (others, bound) = labels.split_once("le=\"").unwrap();
            let bound = bound.split('"').next().unwrap();
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
            let others = others.trim_end_matches(',').to_owned();
            series.entry(others).or_default().push((bound, *count));
        }
        for (labels, mut buckets) in series {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{}", self.name);
            let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            let count = samples[&format!("{}_count{braces}", self.name)];
            assert_eq!(*buckets.last().unwrap(), (f64::INFINITY, count), "{}", self.name);
        }
    }
}

fn check_labels(mut labels: &str) {
    while !labels.is_empty() {
        let (name, rest) = labels.split_once("=\"").unwrap();
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
        let mut escaped = false;
        let end = rest.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        labels = &rest[end.unwrap() + 1..];
        labels = labels.strip_prefix(',').unwrap_or(labels);
    }
}
