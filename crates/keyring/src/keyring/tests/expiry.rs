//! The end of a retention period, and every step of it broken in every way.

use std::sync::Arc;

use super::crash::{Case, Run, every_way};
use super::*;
use crate::durable::faults::{Break, Faults};
use crate::shred::Erased;

const OVER: Why<'_> =
    Why { when: "2026-12-01T00:00:00Z", who: "ops", reason: "seven years are over" };

#[test]
fn a_period_that_is_over_never_begins_again() {
    let place = Place::new();
    let keyring = place.open();
    let (kid, _) = keyring.period_key("year", "2019-11").unwrap();
    let other = bytes(&keyring.period_key("year", "2019-12").unwrap());
    let held = keyring.period_key("year", "2019-11").unwrap().1.watch();
    let erased = keyring.expire_period(&kid, &OVER).unwrap();
    assert_eq!(erased.kids, std::slice::from_ref(&kid));
    assert!(held.upgrade().is_none(), "no cache has it");
    let refused = |keyring: &Keyring| {
        let late = keyring.period_key("year", "2019-11").err().unwrap();
        assert!(late.is_shredded() && late.to_string().contains("`t_year.2019-11`"), "{late}");
        assert!(keyring.expire_period(&kid, &OVER).unwrap_err().is_shredded());
        assert!(
            matches!(keyring.key(&kid).unwrap(), Found::Shredded(marker) if marker.who == "ops")
        );
        assert_eq!(bytes(&keyring.period_key("year", "2019-12").unwrap()), other);
    };
    refused(&keyring);
    assert_eq!(keyring.unrecorded().unwrap(), std::slice::from_ref(&erased));
    drop(keyring);
    let keyring = place.open();
    refused(&keyring);
    assert_eq!(keyring.unrecorded().unwrap(), std::slice::from_ref(&erased));
    keyring.recorded(&erased).unwrap();
    assert_eq!(keyring.unrecorded().unwrap(), []);
}

#[test]
fn only_the_key_of_a_period_that_exists_expires() {
    let place = Place::new();
    let keyring = place.open();
    let (subject, _) = keyring.subject_key("customer/3").unwrap();
    let before = place.files();
    let error = keyring.expire_period(&subject, &OVER).unwrap_err();
    assert!(error.is_bad_argument(), "{error}");
    let never = KeyId::parse("t_year.2001-01").unwrap();
    assert!(keyring.expire_period(&never, &OVER).unwrap_err().is_unknown_period());
    let (kid, _) = keyring.period_key("year", "2019-11").unwrap();
    let blank = Why { reason: " ", ..OVER };
    assert!(keyring.expire_period(&kid, &blank).unwrap_err().is_bad_argument());
    fs::write(place.file("t_year.2019-11.key"), "edited").unwrap();
    assert!(keyring.expire_period(&kid, &OVER).unwrap_err().is_edited());
    let after = place.files();
    assert!(before.iter().all(|path| after.contains(path)) && after.len() == before.len() + 1);
}

#[test]
fn the_list_of_periods_needs_no_lock_and_leaves_out_what_is_gone() {
    let place = Place::new();
    let keyring = place.open();
    keyring.subject_key("customer/3").unwrap();
    let mut kids = Vec::new();
    for (class, period) in [("year", "2020-01"), ("b", "x"), ("year", "2019-12")] {
        kids.push(keyring.period_key(class, period).unwrap().0);
    }
    kids.sort();
    assert_eq!(Keyring::period_keys(&place.path()).unwrap(), kids);
    keyring.expire_period(&kids[2], &OVER).unwrap();
    // As a crash between marker and removal leaves it.
    let marker = place.file("t_year.2020-01.shredded");
    fs::write(marker.with_extension("key"), "left").unwrap();
    assert_eq!(Keyring::period_keys(&place.path()).unwrap(), kids[..2]);
    assert!(Keyring::period_keys(place.dir.path()).unwrap_err().is_missing());
}

/// What a keyring shows of a period that had a key; everything there is to see must say the same.
fn is_over(case: &Case<'_>, keyring: &Keyring, (kid, key): &(KeyId, [u8; 32])) -> bool {
    let unrecorded = keyring.unrecorded().unwrap();
    unrecorded.iter().for_each(|erased| keyring.recorded(erased).unwrap());
    let layout = Layout::new(&case.place.path());
    assert_eq!(entries(&layout.journal()).unwrap(), [] as [PathBuf; 0], "{case:?}");
    assert_eq!(entries(&layout.temporaries()).unwrap(), [] as [PathBuf; 0], "{case:?}");
    let listed = Keyring::period_keys(&case.place.path()).unwrap().contains(kid);
    let again = keyring.period_key("year", case.subject);
    match keyring.key(kid).unwrap() {
        Found::Key(found) => {
            assert_eq!((found.expose(), unrecorded.len()), (key, 0), "{case:?}");
            assert!(listed && bytes(&again.unwrap()) == (kid.clone(), *key), "{case:?}");
            assert!(!layout.marker(kid).exists());
            false
        }
        Found::Shredded(marker) => {
            assert_eq!(marker, OVER.to_marker().unwrap());
            assert_eq!(
                unrecorded,
                [Erased { kids: vec![kid.clone()], marker, generation: None }],
                "{case:?}"
            );
            assert!(again.err().unwrap().is_shredded() && !listed, "{case:?}");
            assert!(!layout.key(kid).exists());
            true
        }
        Found::Unknown => panic!("{case:?}: the key is gone without a marker"),
    }
}

#[test]
fn an_expiry_happens_whole_or_not_at_all() {
    let mut seen = Vec::new();
    let steps = every_way(|case| {
        let case = &Case { subject: &case.subject.replace('/', "-"), ..*case };
        let faults = Arc::new(Faults::default());
        let keyring = case.place.open_with(&faults).unwrap();
        let period = bytes(&keyring.period_key("year", case.subject).unwrap());
        let other = bytes(&keyring.period_key("year", "another").unwrap());

        faults.break_at(case.step, case.how);
        let outcome = keyring.expire_period(&period.0, &OVER);
        let crashed = faults.crashed();
        assert_eq!(outcome.is_err(), crashed, "{case:?}");
        if crashed {
            // The process lives on for a moment: it must not seal with a key whose fate is open.
            faults.new_process();
            match keyring.period_key("year", case.subject) {
                Err(error) => {
                    assert!(error.is_stopped() && keyring.stopped().is_some(), "{case:?}: {error}");
                }
                Ok(found) => assert!(bytes(&found) == period && case.step < 4, "{case:?}"),
            }
        }
        drop(keyring);
        let unsynced = faults.unsynced();
        faults.power_cut(case.lost);

        let keyring = case.place.open();
        let over = is_over(case, &keyring, &period);
        if !crashed {
            assert_eq!((unsynced, over), (0, true), "an expiry that was reported is durable");
        }
        assert_eq!(bytes(&keyring.period_key("year", "another").unwrap()), other, "{case:?}");
        seen.push((case.step, over));
        if crashed { Run::Broke { unsynced } } else { Run::Completed }
    });
    assert!(steps > 9, "{steps} steps: the disk is no longer under test");
    // As of a shred: the intent is written, synced, renamed and its folder synced by the steps 2 to 5.
    assert!(seen.iter().all(|(step, over)| *step > 3 || !over));
    assert!(seen.iter().any(|(step, over)| *step <= 5 && *over));
    assert!(seen.iter().all(|(step, over)| *step <= 5 || *over));
}

#[test]
fn a_resumed_expiry_may_crash_too() {
    let steps = every_way(|case| {
        let case = &Case { subject: &case.subject.replace('/', "-"), ..*case };
        let faults = Arc::new(Faults::default());
        let keyring = case.place.open_with(&faults).unwrap();
        let period = bytes(&keyring.period_key("year", case.subject).unwrap());
        // The first step after the intent is durable: nothing else has happened yet.
        faults.break_at(6, Break::Lost);
        keyring.expire_period(&period.0, &OVER).unwrap_err();
        drop(keyring);
        faults.power_cut(0);

        faults.break_at(case.step, case.how);
        let opened = case.place.open_with(&faults);
        let crashed = faults.crashed();
        assert_eq!(opened.is_err(), crashed);
        drop(opened);
        let unsynced = faults.unsynced();
        faults.power_cut(case.lost);
        assert!(is_over(case, &case.place.open(), &period), "{case:?}");
        if crashed { Run::Broke { unsynced } } else { Run::Completed }
    });
    assert!(steps > 10, "{steps} steps: the disk is no longer under test");
}
