use sealtrail_log::proof::SigningKey;
use sealtrail_log::{Log, Options, Signer};
use tempfile::TempDir;

use super::*;
use crate::config::Period;

/// A log in which records were made at these times.
struct Written {
    _dir: TempDir,
    log: Log,
}

fn written<'t>(times: impl IntoIterator<Item = &'t str>) -> Written {
    let dir = tempfile::tempdir().unwrap();
    let key = SigningKey::from_seed("a.example", &[1; 32]).unwrap();
    Log::create(dir.path(), "a.example", &key).unwrap();
    let signer = Signer::new("a.example", key).unwrap();
    let (log, _) = Log::open(dir.path(), signer, Options::default()).unwrap();
    let written = Written { _dir: dir, log };
    written.add(times);
    written
}

impl Written {
    fn add<'t>(&self, times: impl IntoIterator<Item = &'t str>) {
        let line = |time: &str| format!(r#"{{"recordedtime":"{time}"}}"#).into_bytes();
        for time in times {
            self.log.append(vec![line(time)]).unwrap();
        }
    }

    /// Whether the clock is doubted by which it is now, where so much is kept.
    fn doubts(&self, keep: &str, now: &str) -> bool {
        let now = Moment::parse(now).unwrap();
        let keep: Period = serde_json::from_str(&format!("\"{keep}\"")).unwrap();
        doubt_the_clock(self.log.reader(), keep.before(now), now).unwrap().is_some()
    }
}

/// One record on each first of a month, from the first year to before the last.
fn monthly(years: std::ops::Range<u32>) -> Vec<String> {
    let months = years.flat_map(|year| (1..=12).map(move |month| (year, month)));
    months.map(|(year, month)| format!("{year}-{month:02}-01T09:00:00Z")).collect()
}

fn of_ten_years() -> Written {
    written(monthly(2016..2026).iter().map(String::as_str))
}

#[test]
fn a_log_that_is_written_is_believed() {
    let log = of_ten_years();
    for keep in ["7y", "1y", "6mo"] {
        assert!(!log.doubts(keep, "2025-12-01T12:00:00Z"), "{keep}");
        // Nobody came for a month.
        assert!(!log.doubts(keep, "2026-01-01T12:00:00Z"), "{keep}");
    }
    assert!(!log.doubts("20y", "2026-01-01T12:00:00Z"), "nothing is too old");
}

#[test]
fn a_fresh_log_is_believed() {
    assert!(!written([]).doubts("7y", "2026-01-01T00:00:00Z"));
    let today = ["2026-01-01T08:00:00Z", "2026-01-01T09:00:00Z"];
    for keep in ["7y", "90d", "1ms"] {
        assert!(!written(today).doubts(keep, "2026-01-01T10:00:00Z"), "{keep}");
    }
    // A day is less than anybody writes all the time.
    let night = ["2026-01-01T08:00:00Z", "2026-01-02T07:00:00Z"];
    assert!(!written(night).doubts("12h", "2026-01-02T07:30:00Z"));
}

#[test]
fn a_clock_that_leapt_is_doubted_however_many_records_it_has_made_since() {
    let leapt = "2041-05-03T10:00:00Z";
    let log = of_ten_years();
    assert!(log.doubts("7y", leapt), "without one");
    log.add(["2041-05-03T09:00:00Z"]);
    for keep in ["7y", "1y", "6mo", "90d"] {
        assert!(log.doubts(keep, leapt), "{keep}: with one");
    }
    let day: Vec<_> = (0..60).map(|n| format!("2041-05-03T09:{n:02}:30Z")).collect();
    log.add(day.iter().map(String::as_str));
    assert!(log.doubts("7y", leapt), "with those of an hour");
    log.add(["2041-05-06T09:00:00Z", "2041-05-20T09:00:00Z"]);
    assert!(log.doubts("7y", "2041-06-01T10:00:00Z"), "nobody has noticed for a month");
}

#[test]
fn two_leaps_are_not_taken_for_a_time_in_which_somebody_wrote() {
    let log = of_ten_years();
    log.add(["2038-03-01T00:00:00Z", "2041-05-03T09:00:00Z"]);
    assert!(log.doubts("7y", "2041-05-03T10:00:00Z"));
    // The clock was set right between them.
    let log = of_ten_years();
    log.add(["2038-03-01T00:00:00Z", "2026-01-01T09:00:00Z", "2041-05-03T09:00:00Z"]);
    assert!(log.doubts("7y", "2041-05-03T10:00:00Z"));
}

#[test]
fn a_clock_that_was_set_right_again_is_believed() {
    let log = of_ten_years();
    log.add(["2041-05-03T09:00:00Z", "2026-01-01T09:00:00Z", "2026-02-01T09:00:00Z"]);
    assert!(!log.doubts("7y", "2026-02-01T10:00:00Z"));
}

#[test]
fn where_little_is_written_and_little_is_kept_a_person_has_to_say() {
    let log = of_ten_years();
    assert!(log.doubts("20d", "2025-12-01T12:00:00Z"));
    let doubt = doubt_the_clock(
        log.log.reader(),
        Moment::parse("2025-11-11T12:00:00Z").unwrap(),
        Moment::parse("2025-12-01T12:00:00Z").unwrap(),
    );
    let error = doubt.unwrap().unwrap().error();
    assert_eq!(error.code(), Code::WrongUse);
    let said = error.to_string();
    assert!(said.starts_with("now is 2025-12-01T12:00:00.000Z by the clock, and "), "{said}");
    assert!(
        said.contains("`--clock-is-right`") && said.contains("clock_is_right\":true"),
        "{said}"
    );
}

#[test]
fn a_quiet_time_is_believed_while_the_rest_of_what_is_kept_has_records() {
    // Half a year without one.
    let log = written(monthly(2020..2025).iter().map(String::as_str));
    log.add(["2025-07-01T09:00:00Z"]);
    assert!(!log.doubts("1y", "2025-07-01T10:00:00Z"));
    // A year without one, of which a year is kept.
    let log = written(monthly(2020..2025).iter().map(String::as_str));
    log.add(["2025-12-20T09:00:00Z"]);
    assert!(log.doubts("1y", "2025-12-20T10:00:00Z"));
}

/// The border between what is believed and what is not: two parts of eight.
#[test]
fn two_parts_with_records_are_enough_and_one_is_not() {
    let of_parts = |times: &[&str]| {
        let log = written(["2010-01-01T00:00:00Z"]);
        log.add(times.iter().copied());
        log.add(["2026-01-01T11:00:00Z"]);
        log.doubts("8y", "2026-01-01T12:00:00Z")
    };
    assert!(of_parts(&["2019-06-01T00:00:00Z"]));
    assert!(of_parts(&["2019-06-01T00:00:00Z", "2019-07-01T00:00:00Z"]), "of one part");
    assert!(!of_parts(&["2019-06-01T00:00:00Z", "2024-06-01T00:00:00Z"]));
}
