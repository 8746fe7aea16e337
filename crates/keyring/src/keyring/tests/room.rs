//! A disk that fills at any step: what cannot be done is refused whole, and asked again when there is room it is done.

use std::sync::Arc;

use super::*;
use crate::durable::faults::{Break, Faults, Full};
use crate::journal::Entry;
use crate::shred::Erased;

const WAYS: [Full; 3] = [Full::Files, Full::Names, Full::Bytes];

/// One of the two ways to destroy a key. One keyring serves all cases, each with a key of its own.
struct Way {
    make: fn(&Keyring, usize) -> Result<(KeyId, Key)>,
    destroy: fn(&Keyring, usize) -> Result<Erased>,
}

const OF_A_SUBJECT: Way = Way {
    make: |keyring, case| keyring.subject_key(&format!("customer/{case}")),
    destroy: |keyring, case| keyring.shred_subject(&format!("customer/{case}"), &WHY),
};

const OF_A_PERIOD: Way = Way {
    make: |keyring, case| keyring.period_key("year", &case.to_string()),
    destroy: |keyring, case| {
        keyring.expire_period(&KeyId::of_period("year", &case.to_string())?, &WHY)
    },
};

/// What was told must be on disk.
fn after_power_cut(place: &Place, keyring: Keyring, faults: &Arc<Faults>) -> Keyring {
    drop(keyring);
    faults.power_cut(usize::MAX);
    place.open_with(faults).unwrap()
}

fn expect_destroyed(keyring: &Keyring, place: &Place, kid: &KeyId) {
    assert!(matches!(keyring.key(kid).unwrap(), Found::Shredded(_)));
    let layout = Layout::new(&place.path());
    assert!(!layout.key(kid).exists());
    let unrecorded = keyring.unrecorded().unwrap();
    assert_eq!(unrecorded.len(), 1);
    assert_eq!(unrecorded[0].kids, std::slice::from_ref(kid));
    keyring.recorded(&unrecorded[0]).unwrap();
    for folder in [layout.journal(), layout.temporaries()] {
        assert_eq!(entries(&folder).unwrap(), [] as [PathBuf; 0]);
    }
}

/// Nothing has happened, and everything else goes on.
fn expect_untouched(keyring: &Keyring, place: &Place, key: &(KeyId, [u8; 32])) {
    assert!(keyring.stopped().is_none());
    assert!(matches!(keyring.key(&key.0).unwrap(), Found::Key(found) if *found.expose() == key.1));
    assert_eq!(keyring.unrecorded().unwrap(), []);
    let layout = Layout::new(&place.path());
    assert!(!layout.marker(&key.0).exists());
    for folder in [layout.journal(), layout.temporaries()] {
        assert_eq!(entries(&folder).unwrap(), [] as [PathBuf; 0]);
    }
}

#[test]
fn a_full_disk_refuses_a_shred_whole_and_stops_nothing() {
    let place = Place::new();
    for way in [OF_A_SUBJECT, OF_A_PERIOD] {
        for full in WAYS {
            let mut refused = 0;
            for step in 0.. {
                let faults = Arc::new(Faults::default());
                let keyring = place.open_with(&faults).unwrap();
                let case = step + 100 * full as usize;
                let key = bytes(&(way.make)(&keyring, case).unwrap());
                let other = bytes(&keyring.subject_key("somebody else").unwrap());
                faults.fill_at(step, full);
                let outcome = (way.destroy)(&keyring, case);
                let Err(error) = outcome else {
                    let steps = faults.make_room();
                    assert_eq!(bytes(&keyring.subject_key("somebody else").unwrap()), other);
                    expect_destroyed(&after_power_cut(&place, keyring, &faults), &place, &key.0);
                    if steps <= step {
                        break;
                    }
                    continue;
                };
                refused += 1;
                assert!(error.is_disk_full(), "{full:?} {step}: {error}");
                assert!(error.to_string().ends_with("; make room and try again"), "{error}");
                expect_untouched(&keyring, &place, &key);
                assert_eq!(bytes(&(way.make)(&keyring, case).unwrap()), key, "{full:?} {step}");
                // Nor is there anything to complete for a process that begins while there is no room.
                drop(keyring);
                let keyring = place.open_with(&faults).unwrap();
                expect_untouched(&keyring, &place, &key);
                faults.make_room();
                (way.destroy)(&keyring, case).unwrap();
                expect_destroyed(&after_power_cut(&place, keyring, &faults), &place, &key.0);
            }
            // Up to the file of the intent; where names need room too, up to the one that the marker gets.
            let expected = if full == Full::Files { 3 } else { 7 };
            assert_eq!(refused, expected, "{full:?}");
        }
    }
}

#[test]
fn what_a_crash_left_of_a_shred_waits_for_room_and_is_completed() {
    let place = Place::new();
    let mut case = 0;
    for full in WAYS {
        for broken in 6..12 {
            for step in 0..14 {
                case += 1;
                let faults = Arc::new(Faults::default());
                let keyring = place.open_with(&faults).unwrap();
                let key = bytes(&(OF_A_SUBJECT.make)(&keyring, case).unwrap());
                faults.break_at(broken, Break::ReportedLost);
                (OF_A_SUBJECT.destroy)(&keyring, case).unwrap_err();
                drop(keyring);
                faults.power_cut(0);
                faults.fill_at(step, full);
                let keyring = place.open_with(&faults).or_else(|error| {
                    assert!(error.is_disk_full(), "{full:?} {broken} {step}: {error}");
                    faults.make_room();
                    place.open_with(&faults)
                });
                faults.make_room();
                let keyring = keyring.unwrap();
                expect_destroyed(&keyring, &place, &key.0);
                let subject = format!("customer/{case}");
                assert!(keyring.existing_subject_key(&subject).unwrap().is_none());
            }
        }
    }
}

#[test]
fn a_shred_that_may_still_be_undone_is_told_of_to_nobody() {
    let place = Place::new();
    let keyring = place.open();
    let (kid, _) = keyring.subject_key("customer/3").unwrap();
    let name = SubjectName::new(&keyring.index_key, "customer/3").unwrap();
    let marker = WHY.to_marker().unwrap();
    let intent = Entry { kids: vec![kid], subjects: vec![name], marker, generation: None };
    // As another thread finds it between the intent and the marker.
    keyring.journal().write(Phase::Intent, &intent).unwrap();
    assert_eq!(keyring.unrecorded().unwrap(), []);
    keyring.journal().shred(&intent, || ()).unwrap();
    assert_eq!(keyring.unrecorded().unwrap(), [intent.into_erased()]);
}

#[test]
fn a_full_disk_after_which_nobody_knows_what_is_there_stops_as_any_other_failure() {
    let place = Place::new();
    let faults = Arc::new(Faults::default());
    let keyring = place.open_with(&faults).unwrap();
    keyring.subject_key("customer/3").unwrap();
    faults.fill_at(0, Full::Folders);
    let error = keyring.shred_subject("customer/3", &WHY).unwrap_err();
    assert!(!error.is_disk_full() && keyring.stopped().is_some(), "{error}");
    assert!(!error.to_string().contains("try again"), "{error}");
}

#[test]
fn a_new_key_waits_for_room_in_its_folder_too() {
    for full in WAYS {
        let place = Place::new();
        let faults = Arc::new(Faults::default());
        let keyring = place.open_with(&faults).unwrap();
        for step in 0..8 {
            faults.fill_at(step, full);
            let subject = format!("customer/{step}");
            if let Err(error) = keyring.subject_key(&subject) {
                assert!(
                    error.is_disk_full() && keyring.stopped().is_none(),
                    "{full:?} {step}: {error}"
                );
            }
            faults.make_room();
            keyring.subject_key(&subject).unwrap();
        }
    }
}
