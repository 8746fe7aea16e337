//! Every step of creating and shredding a key, broken in every way.
//!
//! For each step: it is lost, done but reported as lost, or (a write) done by half; the process is gone; then
//! every combination of what a power cut may take from what was not synced; then the keyring is opened again.

use std::sync::Arc;

use super::*;
use crate::durable::faults::{Break, Faults};
use crate::journal::Entry;
use crate::shred::Erased;

pub(super) const BREAKS: [Break; 3] = [Break::Lost, Break::ReportedLost, Break::Torn];

impl Place {
    pub(super) fn open_with(&self, faults: &Arc<Faults>) -> Result<Keyring> {
        let mut disk = Disk::new(&self.path());
        disk.faults = Some(Arc::clone(faults));
        Keyring::open_on(disk, &self.path(), &Self::kek(), None)
    }
}

/// One way to break: the number of the step, how it breaks, and which unsynced changes a power cut takes.
#[derive(Debug)]
pub(super) struct Case<'a> {
    /// One keyring serves all cases, each with a subject of its own.
    pub(super) place: &'a Place,
    pub(super) subject: &'a str,
    pub(super) step: usize,
    pub(super) how: Break,
    pub(super) lost: usize,
}

/// Runs `scenario` for every step, break and power cut, until it says that its step was never reached.
pub(super) fn every_way(mut scenario: impl FnMut(&Case<'_>) -> Run) -> usize {
    let place = Place::new();
    let mut number = 0;
    for step in 0.. {
        for how in BREAKS {
            let mut lost = 0;
            loop {
                number += 1;
                let subject = format!("customer/{number}");
                match scenario(&Case { place: &place, subject: &subject, step, how, lost }) {
                    Run::Broke { unsynced } if lost + 1 < 1 << unsynced => lost += 1,
                    Run::Broke { .. } => break,
                    Run::Completed => return step,
                }
            }
        }
    }
    unreachable!()
}

pub(super) enum Run {
    /// The step broke, and so many changes were not synced.
    Broke { unsynced: usize },
    /// There is no such step any more.
    Completed,
}

/// What a keyring shows of a subject that had a key.
#[derive(Debug, PartialEq)]
enum State {
    Untouched,
    Shredded,
}

/// Looks at everything there is to see of a subject, and expects all of it to say the same.
fn state(case: &Case<'_>, keyring: &Keyring, (kid, key): &(KeyId, [u8; 32])) -> State {
    let mapped = keyring.existing_subject_key(case.subject).unwrap();
    let unrecorded = keyring.unrecorded().unwrap();
    unrecorded.iter().for_each(|erased| keyring.recorded(erased).unwrap());
    let layout = Layout::new(&case.place.path());
    assert_eq!(entries(&layout.journal()).unwrap(), [] as [PathBuf; 0], "{case:?}");
    assert_eq!(entries(&layout.temporaries()).unwrap(), [] as [PathBuf; 0], "{case:?}");
    match keyring.key(kid).unwrap() {
        Found::Key(found) => {
            assert_eq!(found.expose(), key);
            let mapped = mapped.as_ref().map(bytes);
            assert_eq!(mapped, Some((kid.clone(), *key)), "{case:?}: the subject has its key");
            assert_eq!(unrecorded, []);
            assert!(!layout.marker(kid).exists());
            State::Untouched
        }
        Found::Shredded(marker) => {
            assert_eq!(marker, WHY.to_marker().unwrap());
            assert!(mapped.is_none(), "{case:?}: the map still knows the subject");
            assert_eq!(
                unrecorded,
                [Erased { kids: vec![kid.clone()], marker, generation: None }],
                "{case:?}"
            );
            assert!(!layout.key(kid).exists());
            State::Shredded
        }
        Found::Unknown => panic!("{case:?}: the key is gone without a marker"),
    }
}

#[test]
fn a_shred_happens_whole_or_not_at_all() {
    let mut seen = Vec::new();
    let steps = every_way(|case| {
        let faults = Arc::new(Faults::default());
        let keyring = case.place.open_with(&faults).unwrap();
        let subject = bytes(&keyring.subject_key(case.subject).unwrap());
        let other = bytes(&keyring.subject_key("somebody else").unwrap());

        faults.break_at(case.step, case.how);
        let outcome = keyring.shred_subject(case.subject, &WHY);
        let crashed = faults.crashed();
        assert_eq!(outcome.is_err(), crashed, "{case:?}");
        if crashed {
            // The process lives on for a moment: it must not use a key whose fate is open.
            faults.new_process();
            match keyring.subject_key(case.subject) {
                Err(error) => assert!(error.is_stopped(), "{case:?}: {error}"),
                Ok(found) => assert!(bytes(&found) == subject && case.step < 4, "{case:?}"),
            }
        }
        drop(keyring);
        let unsynced = faults.unsynced();
        faults.power_cut(case.lost);

        let keyring = case.place.open();
        let state = state(case, &keyring, &subject);
        if !crashed {
            let durable = (0, &State::Shredded);
            assert_eq!((unsynced, &state), durable, "a shred that was reported is durable");
        }
        assert_eq!(bytes(&keyring.subject_key("somebody else").unwrap()), other, "{case:?}");
        let same = keyring.subject_key(case.subject).unwrap().0 == subject.0;
        assert_eq!(same, state == State::Untouched, "{case:?}");
        seen.push((case.step, state));
        if crashed { Run::Broke { unsynced } } else { Run::Completed }
    });
    assert!(steps > 11, "{steps} steps: the disk is no longer under test");
    // Steps 0 and 1 write and sync the marker aside, 2 to 5 write, sync, rename and sync the folder of the intent. Until
    // that rename nothing has happened; once its folder is synced the shred must.
    assert!(seen.iter().all(|(step, state)| *step > 3 || *state == State::Untouched));
    assert!(seen.iter().any(|(step, state)| *step <= 5 && *state == State::Shredded));
    assert!(seen.iter().all(|(step, state)| *step <= 5 || *state == State::Shredded));
}

/// Breaks a shred for good at one step, and the open that resumes it in every way: `check` gets what the one after that has
/// found, and what was there before.
pub(super) fn resumed_in_every_way<Keys>(
    broken: usize,
    made: impl Fn(&Keyring, &str) -> Keys,
    check: impl Fn(&Case<'_>, &Keyring, &Keys),
) -> usize {
    every_way(|case| {
        let faults = Arc::new(Faults::default());
        let keyring = case.place.open_with(&faults).unwrap();
        let keys = made(&keyring, case.subject);
        faults.break_at(broken, Break::Lost);
        keyring.shred_subject(case.subject, &WHY).unwrap_err();
        drop(keyring);
        faults.power_cut(0);

        faults.break_at(case.step, case.how);
        let opened = case.place.open_with(&faults);
        let crashed = faults.crashed();
        assert_eq!(opened.is_err(), crashed, "{case:?}");
        drop(opened);
        let unsynced = faults.unsynced();
        faults.power_cut(case.lost);

        check(case, &case.place.open(), &keys);
        if crashed { Run::Broke { unsynced } } else { Run::Completed }
    })
}

#[test]
fn a_resumed_shred_may_crash_too() {
    // The first step after the intent is durable: nothing else has happened yet.
    let steps = resumed_in_every_way(
        6,
        |keyring, subject| bytes(&keyring.subject_key(subject).unwrap()),
        |case, keyring, subject| {
            assert_eq!(state(case, keyring, subject), State::Shredded, "{case:?}");
        },
    );
    assert!(steps > 10, "{steps} steps: the disk is no longer under test");
}

#[test]
fn a_stale_intent_does_not_take_the_key_of_a_subject_that_came_again() {
    let place = Place::new();
    let keyring = place.open();
    keyring.subject_key("customer/3").unwrap();
    let name = SubjectName::new(&keyring.index_key, "customer/3").unwrap();
    let erased = keyring.shred_subject("customer/3", &WHY).unwrap();
    let again = bytes(&keyring.subject_key("customer/3").unwrap());
    // The last step of the shred undone, as a file system that lied about a sync would.
    let subjects = vec![name];
    let intent = Entry { kids: erased.kids, subjects, marker: erased.marker, generation: None };
    keyring.journal().write(Phase::Intent, &intent).unwrap();
    drop(keyring);
    assert_eq!(bytes(&place.open().subject_key("customer/3").unwrap()), again);
}

/// The two ways to ask for a key that is made on first use, and the steps that each takes at least.
type Ask = fn(&Keyring, &Case<'_>) -> Result<(KeyId, Key)>;
const ASKS: [(Ask, usize); 2] = [
    (|keyring, case| keyring.subject_key(case.subject), 8),
    (|keyring, case| keyring.period_key("year", &case.subject.replace('/', "-")), 4),
];

#[test]
fn a_key_that_was_handed_out_is_never_lost() {
    for (ask, at_least) in ASKS {
        let steps = every_way(|case| {
            let faults = Arc::new(Faults::default());
            let keyring = case.place.open_with(&faults).unwrap();
            faults.break_at(case.step, case.how);
            let first = ask(&keyring, case);
            let crashed = faults.crashed();
            assert_eq!(first.is_err(), crashed, "{case:?}");
            drop(keyring);
            let unsynced = faults.unsynced();
            faults.power_cut(case.lost);
            let second = ask(&case.place.open(), case).unwrap();
            if let Ok(first) = first {
                assert_eq!((unsynced, bytes(&first)), (0, bytes(&second)));
            }
            if crashed { Run::Broke { unsynced } } else { Run::Completed }
        });
        assert!(steps >= at_least, "{steps} steps: the disk is no longer under test");
    }
}

#[test]
fn a_key_that_a_killed_process_left_unsynced_is_synced_before_it_is_used() {
    for (ask, _) in ASKS {
        every_way(|case| {
            let faults = Arc::new(Faults::default());
            let keyring = case.place.open_with(&faults).unwrap();
            faults.break_at(case.step, case.how);
            let _ = ask(&keyring, case);
            let crashed = faults.crashed();
            drop(keyring);
            // Killed, without a power cut: the next process sees everything, synced or not, and uses it.
            faults.new_process();
            let seen = ask(&case.place.open_with(&faults).unwrap(), case).unwrap();
            faults.power_cut(usize::MAX);
            let later = ask(&case.place.open(), case).unwrap();
            assert_eq!(bytes(&later), bytes(&seen), "{case:?}");
            if crashed { Run::Broke { unsynced: 0 } } else { Run::Completed }
        });
    }
}

#[test]
fn a_write_that_fails_before_its_file_is_in_place_leaves_the_keyring_usable() {
    let place = Place::new();
    let faults = Arc::new(Faults::default());
    let keyring = place.open_with(&faults).unwrap();
    // Step 0 syncs the shard, 1 writes the temporary file: a full disk.
    faults.break_at(1, Break::Torn);
    let error = keyring.subject_key("customer/3").err().unwrap();
    assert!(error.to_string().contains("cannot write"), "{error}");
    faults.new_process();
    keyring.subject_key("customer/3").unwrap();
}

#[test]
fn what_a_crash_left_is_overwritten_before_it_is_gone() {
    const LEFT: &[u8] = b"sealtrail key v1\nthe wrapped form of a key that is to be shredded\n";
    let place = Place::new();
    let layout = Layout::new(&place.path());
    // Another name of the same file shows what became of its bytes.
    let witnesses: Vec<PathBuf> = ["0", "7"].map(|number| place.dir.path().join(number)).to_vec();
    let leave = || {
        for witness in &witnesses {
            let _ = fs::remove_file(witness);
            fs::write(witness, LEFT).unwrap();
            fs::hard_link(witness, layout.temporaries().join(witness.file_name().unwrap()))
                .unwrap();
        }
    };
    let expect_erased = || {
        assert_eq!(entries(&layout.temporaries()).unwrap(), [] as [PathBuf; 0]);
        for witness in &witnesses {
            let bytes = fs::read(witness).unwrap();
            assert_eq!(bytes.len(), LEFT.len());
            assert!(!bytes.windows(8).any(|part| LEFT.windows(8).any(|left| left == part)));
        }
    };
    leave();
    drop(place.open());
    expect_erased();
    // The same of a keyring that was being made.
    leave();
    fs::remove_file(layout.header()).unwrap();
    Keyring::create(&place.path(), &Place::kek()).unwrap();
    expect_erased();
}

#[test]
fn what_could_not_be_put_in_its_place_is_overwritten_before_it_is_gone() {
    let mut seen = 0;
    for step in 0.. {
        let place = Place::new();
        let faults = Arc::new(Faults::default());
        let keyring = place.open_with(&faults).unwrap();
        faults.break_at(step, Break::Refused);
        // A file alone, and those of a folder together.
        let made = keyring.subject_key("customer/3").map(drop);
        let done = made.and_then(|()| keyring.rotate(&Kek::from_bytes(&[0x6f; 32])).map(drop));
        for content in faults.unlinked() {
            let name = content.windows(9).find(|part| *part == b"sealtrail");
            assert_eq!(name, None, "step {step}");
            seen += usize::from(!content.is_empty());
        }
        if done.is_ok() {
            break;
        }
    }
    // Synced and renamed: the file of the key, that of its subject, the header twice. Synced: the key once more.
    assert_eq!(seen, 4 * 2 + 1);
}
