//! The core natively: a sealed record and a difference from bytes, against other differs, against
//! parsers, and against what moving the bytes alone takes.

use std::hint::black_box;
use std::time::Duration;

use anyhow::Result;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::goals::{ALL, Figures, Wanted};
use crate::sealer::Sealer;
use crate::turns::{Contender, Times, measure};
use crate::workloads::{self, Workload};
use crate::{Report, Row, allocations};

const EACH: Duration = Duration::from_millis(100);

pub fn run() -> Result<Report> {
    let mut report = Report::default();
    let [mut sonic, mut memcmp, mut made] = [(); 3].map(|()| Figures::default());
    for workload in workloads::all() {
        let sealer = Sealer::new(&workload)?;
        let line = sealer.seal()?;
        let times = times(&workload, &sealer)?;
        let (allocations, bytes) = allocations::count(|| drop(black_box(sealer.seal())));
        let of_diff = allocations::count(|| drop(black_box(sealer.diff())));
        let name = |what: &str| format!("{}: {what}", workload.name);
        let (seal, diff, scan) = (times.of("seal"), times.of("diff"), times.of("scan"));

        report.rows.push(Row {
            name: name("sealed record"),
            figures: vec![
                ("µs p50", seal.p50),
                ("µs p99", seal.p99),
                ("B in", workload.image_bytes() as f64),
                ("B out", line as f64),
                ("allocations", allocations as f64),
                ("B allocated", bytes as f64),
            ],
            ratio: None,
        });
        let mut alone = row(name("difference alone"), diff, None);
        alone.figures.push(("allocations", of_diff.0 as f64));
        alone.figures.push(("B allocated", of_diff.1 as f64));
        report.rows.push(alone);
        report.rows.push(row(name("difference of an image and its copy"), scan, None));
        for (label, peer) in &times.0 {
            let against = match *label {
                "seal" | "diff" | "scan" => continue,
                MEMCMP => (scan, "of our difference of them"),
                PATCH | PATCH_ALONE | TREEDIFF | TREEDIFF_ALONE => (diff, "of our difference"),
                _ => (seal, "of our sealed record"),
            };
            report.rows.push(row(name(label), *peer, Some((peer.p50 / against.0.p50, against.1))));
        }
        sonic.push(times.of(SONIC).p50 / seal.p50, &workload);
        memcmp.push(scan.p50 / times.of(MEMCMP).p50, &workload);
        made.push(allocations as f64, &workload);
    }
    let [ratio, bound, none] = [Wanted::AtLeast(1.0), Wanted::AtMost(6.0), Wanted::AtMost(0.0)];
    report.goals.extend(sonic.goals("3", "native: sonic-rs parses both / our record", ALL, ratio));
    report.goals.extend(memcmp.goals("3", "native: our scan / memcmp", ALL, bound));
    report.goals.extend(made.goals("8", "allocations of a record in steady state", ALL, none));
    Ok(report)
}

const SONIC: &str = "sonic-rs parses both";
const MEMCMP: &str = "memcmp of an image and its copy";
const PATCH: &str = "serde_json parses both, json-patch";
const PATCH_ALONE: &str = "json-patch alone";
const TREEDIFF: &str = "serde_json parses both, treediff";
const TREEDIFF_ALONE: &str = "treediff alone";

struct Measured(Vec<(&'static str, Times)>);

impl Measured {
    fn of(&self, name: &str) -> Times {
        let found = self.0.iter().find(|(label, _)| *label == name);
        found.map_or(Times { p50: f64::NAN, p99: f64::NAN }, |(_, times)| *times)
    }
}

fn times(workload: &Workload, sealer: &Sealer<'_>) -> Result<Measured> {
    let (before, after) = (&workload.before[..], &workload.after[..]);
    let copy = before.to_vec();
    let parsed = [parse(before)?, parse(after)?];
    let mut room = vec![0; workload.image_bytes()];
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let mut contenders = [
        Contender::new("seal", || drop(black_box(sealer.seal()))),
        Contender::new("diff", || drop(black_box(sealer.diff()))),
        Contender::new("scan", || drop(black_box(sealer.scan(&copy)))),
        Contender::new(PATCH, || {
            let (Ok(before), Ok(after)) = (parse(before), parse(after)) else { return };
            drop(black_box(json_patch::diff(&before, &after)));
        }),
        Contender::new(PATCH_ALONE, || drop(black_box(json_patch::diff(&parsed[0], &parsed[1])))),
        Contender::new(TREEDIFF, || {
            let (Ok(before), Ok(after)) = (parse(before), parse(after)) else { return };
            treediff(&before, &after);
        }),
        Contender::new(TREEDIFF_ALONE, || treediff(&parsed[0], &parsed[1])),
        Contender::new(SONIC, || {
            drop(black_box(sonic_rs::from_slice::<sonic_rs::Value>(before)));
            drop(black_box(sonic_rs::from_slice::<sonic_rs::Value>(after)));
        }),
        // It writes into the text, so the text is copied for it: that is in its time.
        Contender::new("simd-json parses both", || {
            for (text, room) in [(before, &mut first), (after, &mut second)] {
                room.clear();
                room.extend_from_slice(text);
                drop(black_box(simd_json::to_borrowed_value(room)));
            }
        }),
        Contender::new("serde_json validates both", || {
            let _ = black_box(serde_json::from_slice::<IgnoredAny>(before));
            let _ = black_box(serde_json::from_slice::<IgnoredAny>(after));
        }),
        Contender::new(MEMCMP, || {
            black_box(black_box(before) == black_box(&copy[..]));
        }),
        Contender::new("memcpy of both", || {
            let (one, other) = black_box(&mut room[..]).split_at_mut(before.len());
            one.copy_from_slice(before);
            other.copy_from_slice(after);
        }),
    ];
    let times = measure(&mut contenders, EACH);
    Ok(Measured(contenders.iter().map(|c| c.name).zip(times).collect()))
}

fn parse(text: &[u8]) -> Result<Value> {
    Ok(serde_json::from_slice(text)?)
}

fn treediff(before: &Value, after: &Value) {
    let mut found = treediff::tools::Recorder::default();
    treediff::diff(before, after, &mut found);
    black_box(found.calls.len());
}

fn row(name: String, times: Times, ratio: Option<(f64, &str)>) -> Row {
    Row {
        name,
        figures: vec![("µs p50", times.p50), ("µs p99", times.p99)],
        ratio: ratio.map(|(ratio, against)| (ratio, format!("the time {against}"))),
    }
}
