use jiff::Span;
use sealtrail_keyring::Found;
use tempfile::TempDir;

use super::*;
use crate::acts;
use crate::collector::{Receipt, collect_blocking};
use crate::engine::Actor;

const CHANGE: &[u8] = br#"{"entity":{"type":"customer","id":"3"},"action":"create","before":null,"after":{"email":"ada@example.com"}}"#;

/// A log with a record that is sealed in the month in which the test runs.
struct Sealed {
    _dir: TempDir,
    trail: Trail,
    record: String,
    month: String,
}

impl Sealed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let trail = Trail::create_for_test(dir.path(), "retention.classes.year = \"1y\"");
        let outcome = collect_blocking(&trail, &[CHANGE]).remove(0).unwrap();
        let Receipt::Recorded { id: record, .. } = outcome else { panic!("{outcome:?}") };
        let kid = Keyring::period_keys(&trail.keyring_dir).unwrap().remove(0);
        let month = kid.period().unwrap().1.to_owned();
        Self { _dir: dir, trail, record, month }
    }

    /// When the year after the month is over, and so many milliseconds.
    fn over(&self, milliseconds: i64) -> Moment {
        let end = Moment::end_of_month(&self.month).unwrap();
        end.minus(Span::new().years(-1)).minus(Span::new().milliseconds(-milliseconds))
    }

    fn append_at(&self, time: Moment) {
        let line = format!(r#"{{"id":"x","recordedtime":"{time}"}}"#);
        self.trail.append(vec![line.into_bytes()]).unwrap();
    }

    fn expire(&self, now: Moment) -> Result<Expired> {
        self.expire_by(ClockIs::Judged, now)
    }

    fn expire_by(&self, clock: ClockIs, now: Moment) -> Result<Expired> {
        expire_at(&self.trail, clock, &because(), now).map(Awaiting::ended_blocking)
    }

    /// Somebody wrote all the year, until now.
    fn write_until(&self, now: Moment) {
        for months in (0..12).rev() {
            self.append_at(now.minus(Span::new().months(months)));
        }
    }

    fn reveal(&self) -> Result<acts::Revealed> {
        acts::reveal(&self.trail, &self.record, "g", &because())
    }
}

fn because() -> Justification {
    let actor = Actor { kind: "operator".into(), id: "ops".into() };
    Justification::parse(actor, "a year is over").unwrap()
}

#[test]
fn what_was_sealed_in_a_month_that_is_over_can_never_be_read_again() {
    let sealed = Sealed::new();
    let (trail, kid) = (&sealed.trail, format!("t_year.{}", sealed.month));
    assert_eq!(
        sealed.reveal().unwrap().values[0].value.as_ref().unwrap().get(),
        "\"ada@example.com\""
    );
    assert!(sealed.expire(sealed.over(-1)).unwrap().over.is_empty());
    sealed.write_until(sealed.over(0));

    let expired = sealed.expire(sealed.over(0)).unwrap();
    let over = &expired.over[0];
    assert_eq!((expired.over.len(), &over.kid, &over.period), (1, &kid, &sealed.month));
    let index = over.expire_index.unwrap();
    assert_eq!(trail.log().checkpoint().size(), index + 1, "a checkpoint covers it");
    assert!(trail.keyring.unrecorded().unwrap().is_empty());
    let line = trail.log().read(index).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(record["type"], "sealtrail.expire.v1");
    assert_eq!((&record["data"]["kids"][0], &record["authid"]), (&kid.into(), &"ops".into()));

    assert_eq!(sealed.reveal().unwrap_err().code(), Code::Shredded);
    // By the clock by which the key was destroyed, that month still runs.
    let size = trail.size();
    let refused = collect_blocking(trail, &[CHANGE]).remove(0).unwrap_err();
    assert_eq!(refused.code(), Code::PeriodExpired);
    let said = refused.to_string();
    assert!(said.contains(&sealed.month) && said.contains("before the month was over"), "{said}");
    assert_eq!(trail.size(), size);
    assert!(sealed.expire(sealed.over(0)).unwrap().over.is_empty(), "it is over once");
    assert!(trail.keyring.existing_subject_key("customer/3").unwrap().is_some());
}

#[test]
fn a_hold_keeps_what_may_have_been_sealed_after_its_beginning() {
    let sealed = Sealed::new();
    let log = sealed.trail.log();
    let end = Moment::end_of_month(&sealed.month).unwrap();
    let at = |time: Moment| format!(r#"{{"recordedtime":"{time}"}}"#);
    let after = |milliseconds: i64| at(end.minus(Span::new().milliseconds(-milliseconds)));
    let over = at(sealed.over(0));
    for (lines, is_held) in [
        (vec![after(-1), over.clone()], true),
        (vec![after(0), over.clone()], true),
        (vec![after(1), over.clone()], false),
        // The clock stepped back, and a record that says no time.
        (vec![after(1), after(-1), over.clone()], true),
        (vec!["no record".to_owned(), over.clone()], true),
        (vec![over.clone()], false),
    ] {
        let lines_as_bytes = lines.iter().map(|line| line.clone().into_bytes()).collect();
        let from = sealed.trail.append(lines_as_bytes).unwrap().start;
        log.hold("case", from).unwrap();
        log.hold("later", from + 1).unwrap();
        let (dir, retention) = (&sealed.trail.keyring_dir, &sealed.trail.retention);
        let (planned, _) =
            plan_at(log.reader(), dir, retention, ClockIs::Right, sealed.over(0)).unwrap();
        assert_eq!(
            (planned.held.len(), planned.over.len()),
            (is_held.into(), (!is_held).into()),
            "{lines:?}"
        );
        assert!(planned.held.iter().all(|kept| kept.held_by == "case"));
        log.release("case").unwrap();
        log.release("later").unwrap();
    }
    log.hold("case", 0).unwrap();
    let error = sealed.expire_by(ClockIs::Right, sealed.over(0)).unwrap_err();
    assert_eq!(error.code(), Code::Held);
    assert!(error.to_string().contains("the hold `case` keeps "), "{error}");
    assert!(matches!(sealed.trail.keyring.key(&kid(&sealed)).unwrap(), Found::Key(_)));
    log.release("case").unwrap();
    assert_eq!(sealed.expire_by(ClockIs::Right, sealed.over(0)).unwrap().over.len(), 1);
}

fn kid(sealed: &Sealed) -> KeyId {
    KeyId::parse(&format!("t_year.{}", sealed.month)).unwrap()
}

#[test]
fn a_clock_that_is_years_ahead_ends_nothing() {
    let sealed = Sealed::new();
    let error = sealed.expire(sealed.over(0)).unwrap_err();
    assert_eq!(error.code(), Code::WrongUse);
    assert!(error.to_string().contains("if the clock is right, say so"), "{error}");
    // Whatever is recorded now, also that somebody was refused something, is recorded by the same clock.
    for _ in 0..2 {
        sealed.append_at(sealed.over(0).minus(Span::new().hours(20)));
        assert_eq!(sealed.expire(sealed.over(0)).unwrap_err().code(), Code::WrongUse);
    }
    assert!(sealed.reveal().is_ok());
}

#[test]
fn a_person_can_say_that_the_clock_is_right_and_the_log_remembers_it() {
    let sealed = Sealed::new();
    let expired = sealed.expire_by(ClockIs::Right, sealed.over(0)).unwrap();
    assert!(expired.clock_doubt.unwrap().starts_with("the newest record is of "));
    let line = sealed.trail.log().read(expired.over[0].expire_index.unwrap()).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&line).unwrap();
    let reason = "a year is over; the clock was doubted, and is said to be right";
    assert_eq!(record["data"]["reason"], reason);
    // What does not fit into a record is refused before a key is touched.
    let sealed = Sealed::new();
    let actor = Actor { kind: "operator".into(), id: "ops".into() };
    let long = Justification::parse(actor, &"x".repeat(500)).unwrap();
    let refused = expire_at(&sealed.trail, ClockIs::Right, &long, sealed.over(0)).err().unwrap();
    assert_eq!(refused.code(), Code::InvalidField);
    assert!(sealed.reveal().is_ok());
    // Where nothing speaks against it there is nothing to remember.
    sealed.write_until(sealed.over(0));
    let expired = sealed.expire_by(ClockIs::Right, sealed.over(0)).unwrap();
    assert!(expired.over.len() == 1 && expired.clock_doubt.is_none(), "{expired:?}");
}

#[test]
fn one_that_was_interrupted_is_recorded_as_what_it_was() {
    let sealed = Sealed::new();
    let why = Why { when: "2026-11-21T20:00:00Z", who: "ops", reason: "a year is over" };
    sealed.trail.keyring.expire_period(&kid(&sealed), &why).unwrap();
    for _ in 0..2 {
        acts::record_interrupted_shreds(&sealed.trail).unwrap();
    }
    assert_eq!(sealed.trail.size(), 2, "it is recorded once");
    let line = sealed.trail.log().read(1).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(record["type"], "sealtrail.expire.v1");
    assert_eq!(
        (&record["data"]["period"], &record["authid"]),
        (&sealed.month.clone().into(), &"ops".into())
    );
}

/// The record of who read a value never comes after that of the end of its key.
#[test]
fn what_is_being_erased_is_neither_opened_nor_lent() {
    let sealed = Sealed::new();
    let (trail, owner) = (&sealed.trail, Actor { kind: "user".into(), id: "u".into() });
    let lend =
        || crate::leases::lease_for_reading(trail, &owner, &sealed.record, "g", &because()).err();
    let size = trail.size();
    let closed = trail.in_use.close(vec![kid(&sealed)]);
    assert_eq!(sealed.reveal().unwrap_err().code(), Code::QueueFull);
    assert_eq!(lend().unwrap().code(), Code::QueueFull);
    assert_eq!((trail.size(), trail.leases.len()), (size, 0));
    drop(closed);
    assert!(lend().is_none() && sealed.reveal().is_ok());
}
