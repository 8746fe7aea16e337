//! Keys of a data subject for single periods: each goes alone, and all go with the subject.

use std::sync::Arc;

use super::crash::{Case, Run, every_way, resumed_in_every_way};
use super::*;
use crate::durable::faults::{Break, Faults, Full};
use crate::shred::Erased;

type Bytes = (KeyId, [u8; 32]);

fn period(name: &str) -> KeyId {
    KeyId::of_period("year", name).unwrap()
}

fn made_in(keyring: &Keyring, subject: &str, name: &str) -> Bytes {
    bytes(&keyring.subject_key_in(subject, &period(name)).unwrap())
}

/// The key that is for no single period, and one for a month: in the order in which they are destroyed.
fn both(keyring: &Keyring, subject: &str) -> [Bytes; 2] {
    [bytes(&keyring.subject_key(subject).unwrap()), made_in(keyring, subject, "2026-10")]
}

/// What the names of a subject lead to.
fn named(keyring: &Keyring, subject: &str) -> Vec<KeyId> {
    let whole = keyring.existing_subject_key(subject).unwrap().map(|(kid, _)| kid);
    let in_periods = keyring.subject_keys_in_periods(subject).unwrap();
    whole.into_iter().chain(in_periods.into_iter().map(|(_, kid)| kid)).collect()
}

fn shred(keyring: &Keyring, subject: &str, part: Part<'_>) -> Vec<KeyId> {
    let erased = keyring.shred_part(subject, part, &WHY).unwrap();
    keyring.recorded(&erased).unwrap();
    erased.kids
}

#[test]
fn a_period_of_a_subject_goes_alone_and_the_subject_with_all_that_it_has() {
    let place = Place::new();
    let keyring = place.open();
    let (october, november) = (period("2026-10"), period("2026-11"));
    let keys = |keyring: &Keyring, subject| {
        let [whole, of_october] = both(keyring, subject);
        [whole, of_october, made_in(keyring, subject, "2026-11")]
    };
    let (three, four) = (keys(&keyring, "customer/3"), keys(&keyring, "customer/4"));
    let kids: HashSet<_> = three.iter().chain(&four).map(|(kid, _)| kid.clone()).collect();
    assert_eq!(kids.len(), 6);
    drop(keyring);

    // They are the same for ever, and found by a process that has made none of them.
    let keyring = place.open();
    assert_eq!(named(&keyring, "customer/3"), three.each_ref().map(|(kid, _)| kid.clone()));
    assert_eq!(
        (keys(&keyring, "customer/3"), keys(&keyring, "customer/4")),
        (three.clone(), four.clone())
    );
    let existing = keyring.existing_subject_key_in("customer/3", &october).unwrap().unwrap();
    assert_eq!(bytes(&existing), three[1]);
    let warm = keyring.warm_subject_key_in("customer/3", "year", "2026-10").unwrap();
    assert_eq!(bytes(&warm), three[1]);

    let in_october = Part::Period(&october);
    assert_eq!(shred(&keyring, "customer/3", in_october), [three[1].0.clone()]);
    assert!(keyring.warm_subject_key_in("customer/3", "year", "2026-10").is_none());
    assert!(keyring.existing_subject_key_in("customer/3", &october).unwrap().is_none());
    for unknown in [in_october, Part::Period(&period("2027-01"))] {
        let error = keyring.shred_part("customer/3", unknown, &WHY).unwrap_err();
        assert!(error.is_unknown_subject(), "{error}");
    }
    assert_eq!(named(&keyring, "customer/3"), [three[0].0.clone(), three[2].0.clone()]);
    assert_eq!(keys(&keyring, "customer/4"), four);

    // Who comes again has a new key, and that goes too.
    let again = made_in(&keyring, "customer/3", "2026-10");
    assert_ne!(again, three[1]);
    let whole = shred(&keyring, "customer/3", Part::Whole);
    assert_eq!(whole, [three[0].0.clone(), again.0, three[2].0.clone()]);
    assert_eq!(named(&keyring, "customer/3"), []);
    assert!(keyring.shred_subject("customer/3", &WHY).unwrap_err().is_unknown_subject());
    assert_eq!(shred(&keyring, "customer/4", Part::OfNoPeriod), [four[0].0.clone()]);
    // The end of the period itself ends only that.
    keyring.period_key("year", "2026-11").unwrap();
    keyring.expire_period(&november, &WHY).unwrap();
    assert_eq!(shred(&keyring, "customer/4", Part::Whole), [four[1].0.clone(), four[2].0.clone()]);
}

#[test]
fn nothing_on_disk_or_in_the_cache_is_left_of_any_key_or_name() {
    let place = Place::new();
    let keyring = place.open();
    let subject = "customer/3";
    let (whole, in_period) = (
        keyring.subject_key(subject).unwrap(),
        keyring.subject_key_in(subject, &period("2026-10")).unwrap(),
    );
    let mut traces = vec![subject.to_owned()];
    for (kid, _) in [&whole, &in_period] {
        let text = fs::read_to_string(place.file(&format!("{kid}.key"))).unwrap();
        traces.push(text.lines().nth(2).unwrap().to_owned());
    }
    let october = period("2026-10");
    for owner in [Owner::whole(subject), Owner::within(subject, &october).unwrap()] {
        let name = SubjectName::of(&keyring.index_key, owner).unwrap().to_hex();
        traces.extend([name[2..].to_owned(), name]);
    }
    let watches = [whole.1.watch(), in_period.1.watch()];
    drop((whole, in_period));
    let erased = keyring.shred_subject(subject, &WHY).unwrap();
    assert!(watches.iter().all(|watch| watch.upgrade().is_none()), "dropping wipes them");
    keyring.recorded(&erased).unwrap();
    for path in place.files() {
        let content = fs::read_to_string(&path).unwrap();
        for trace in &traces {
            assert!(!content.contains(trace), "{} holds {trace}", path.display());
            assert!(!path.to_str().unwrap().contains(trace), "{}", path.display());
        }
    }
}

/// An older program reads what has one name, and leaves alone what has several.
#[test]
fn only_an_intent_with_several_names_is_new_to_an_older_program() {
    let place = Place::new();
    let keyring = place.open();
    both(&keyring, "customer/3");
    made_in(&keyring, "customer/4", "2026-10");
    let name = |owner| SubjectName::of(&keyring.index_key, owner).unwrap().to_hex();
    let october = period("2026-10");
    let in_october = |subject| name(Owner::within(subject, &october).unwrap());
    let head = |subject: &str| {
        let erased = keyring.shred_subject(subject, &WHY).unwrap();
        let text = fs::read_to_string(place.file(".intent")).unwrap();
        keyring.recorded(&erased).unwrap();
        let kids: Vec<_> = erased.kids.iter().map(|kid| format!("\"{kid}\"")).collect();
        let kids = format!("{{\"kids\":[{}],", kids.join(","));
        text.strip_prefix(&kids).unwrap().split_once(",\"when\"").unwrap().0.to_owned()
    };
    let one = in_october("customer/4");
    assert_eq!(head("customer/4"), format!("\"subject\":\"{one}\""));
    let (whole, part) = (name(Owner::whole("customer/3")), in_october("customer/3"));
    assert_eq!(head("customer/3"), format!("\"subjects\":[\"{whole}\",\"{part}\"]"));
}

/// Looks at all that there is to see of a subject that had these keys, and expects all of it to say the same.
fn is_shredded(case: &Case<'_>, keyring: &Keyring, keys: &[Bytes]) -> bool {
    let unrecorded = keyring.unrecorded().unwrap();
    unrecorded.iter().for_each(|erased| keyring.recorded(erased).unwrap());
    let layout = Layout::new(&case.place.path());
    for folder in [layout.journal(), layout.temporaries()] {
        assert_eq!(entries(&folder).unwrap(), [] as [PathBuf; 0], "{case:?}");
    }
    let kids: Vec<_> = keys.iter().map(|(kid, _)| kid.clone()).collect();
    let is_alive = |(kid, key): &&Bytes| match keyring.key(kid).unwrap() {
        Found::Key(found) => {
            assert_eq!(found.expose(), key);
            assert!(!layout.marker(kid).exists(), "{case:?}");
            true
        }
        Found::Shredded(marker) => {
            assert_eq!(marker, WHY.to_marker().unwrap());
            assert!(!layout.key(kid).exists(), "{case:?}");
            false
        }
        Found::Unknown => panic!("{case:?}: a key is gone without a marker"),
    };
    let alive = keys.iter().filter(is_alive).count();
    if alive > 0 {
        assert_eq!((alive, named(keyring, case.subject)), (keys.len(), kids), "{case:?}: half");
        assert_eq!(unrecorded, []);
        return false;
    }
    assert_eq!(named(keyring, case.subject), [], "{case:?}: the map still knows the subject");
    let marker = WHY.to_marker().unwrap();
    assert_eq!(unrecorded, [Erased { kids, marker, generation: None }], "{case:?}");
    true
}

/// Of two keys: each marker is written and synced aside (0 to 3), then the intent is written, synced, renamed, and its folder
/// synced (4 to 7).
const DECIDED: usize = 8;

#[test]
fn a_shred_of_several_keys_is_whole_or_not_at_all() {
    let mut seen = Vec::new();
    let steps = every_way(|case| {
        let faults = Arc::new(Faults::default());
        let keyring = case.place.open_with(&faults).unwrap();
        let (keys, others) = (both(&keyring, case.subject), both(&keyring, "somebody else"));
        faults.break_at(case.step, case.how);
        let outcome = keyring.shred_subject(case.subject, &WHY);
        let crashed = faults.crashed();
        assert_eq!(outcome.is_err(), crashed, "{case:?}");
        drop(keyring);
        let unsynced = faults.unsynced();
        faults.power_cut(case.lost);
        let keyring = case.place.open();
        let shredded = is_shredded(case, &keyring, &keys);
        if !crashed {
            assert_eq!((unsynced, shredded), (0, true), "a shred that was reported is durable");
        }
        assert_eq!(both(&keyring, "somebody else"), others, "{case:?}");
        seen.push((case.step, shredded));
        if crashed { Run::Broke { unsynced } } else { Run::Completed }
    });
    assert!(steps > 20, "{steps} steps: the disk is no longer under test");
    assert!(seen.iter().all(|(step, shredded)| *step >= DECIDED - 2 || !shredded));
    assert!(seen.iter().all(|(step, shredded)| *step < DECIDED || *shredded));
    assert!(seen.iter().any(|(step, shredded)| *step < DECIDED && *shredded));
}

#[test]
fn a_resumed_shred_of_several_keys_may_crash_too() {
    // Before the first marker, between the two, and between the two keys.
    for broken in [DECIDED, DECIDED + 1, DECIDED + 6] {
        let steps = resumed_in_every_way(broken, both, |case, keyring, keys| {
            assert!(is_shredded(case, keyring, keys), "{case:?}");
        });
        assert!(steps > 16, "{steps} steps: the disk is no longer under test");
    }
}

#[test]
fn a_full_disk_refuses_all_of_it_and_stops_nothing() {
    let place = Place::new();
    for full in [Full::Files, Full::Names, Full::Bytes] {
        let mut refused = 0;
        for step in 0.. {
            let faults = Arc::new(Faults::default());
            let keyring = place.open_with(&faults).unwrap();
            let subject = format!("customer/{step}-{full:?}");
            let (how, lost) = (Break::Refused, 0);
            let case = &Case { place: &place, subject: &subject, step, how, lost };
            let keys = both(&keyring, &subject);
            faults.fill_at(step, full);
            match keyring.shred_subject(&subject, &WHY) {
                Err(error) => {
                    refused += 1;
                    assert!(error.is_disk_full(), "{full:?} {step}: {error}");
                    assert!(keyring.stopped().is_none(), "{full:?} {step}");
                    assert!(!is_shredded(case, &keyring, &keys));
                    drop(keyring);
                    let keyring = place.open_with(&faults).unwrap();
                    assert!(!is_shredded(case, &keyring, &keys));
                    faults.make_room();
                    keyring.shred_subject(&subject, &WHY).unwrap();
                    assert!(is_shredded(case, &keyring, &keys));
                }
                Ok(_) => {
                    let steps = faults.make_room();
                    drop(keyring);
                    faults.power_cut(usize::MAX);
                    assert!(is_shredded(case, &place.open(), &keys));
                    if steps <= step {
                        break;
                    }
                }
            }
        }
        // Up to the file of the intent; where names need room too, up to the one that the last marker gets.
        let expected = if full == Full::Files { 5 } else { DECIDED + 2 };
        assert_eq!(refused, expected, "{full:?}");
    }
}

/// Whoever forgets the subject must look for it.
#[test]
fn a_key_that_was_handed_out_is_found_with_its_period() {
    let steps = every_way(|case| {
        let faults = Arc::new(Faults::default());
        let keyring = case.place.open_with(&faults).unwrap();
        let october = period(&case.subject.replace('/', "-"));
        faults.break_at(case.step, case.how);
        let first = keyring.subject_key_in(case.subject, &october);
        let crashed = faults.crashed();
        assert_eq!(first.is_err(), crashed, "{case:?}");
        drop(keyring);
        let unsynced = faults.unsynced();
        faults.power_cut(case.lost);
        let keyring = case.place.open();
        let found = keyring.subject_keys_in_periods(case.subject).unwrap();
        if let Ok(first) = first {
            assert_eq!((unsynced, &found[..]), (0, &[(october, first.0)][..]));
        }
        let kids: Vec<_> = found.into_iter().map(|(_, kid)| kid).collect();
        match keyring.shred_subject(case.subject, &WHY) {
            Ok(erased) => assert_eq!(erased.kids, kids, "{case:?}"),
            Err(error) => assert!(error.is_unknown_subject() && kids.is_empty(), "{error}"),
        }
        if crashed { Run::Broke { unsynced } } else { Run::Completed }
    });
    assert!(steps > 12, "{steps} steps: the disk is no longer under test");
}

/// Nor does a key stay in memory whose period found no room.
#[test]
fn a_key_that_found_no_room_is_found_with_its_period_when_there_is_some() {
    let october = period("2026-10");
    for full in [Full::Files, Full::Names, Full::Bytes] {
        for step in 0..14 {
            let place = Place::new();
            let faults = Arc::new(Faults::default());
            let keyring = place.open_with(&faults).unwrap();
            faults.fill_at(step, full);
            let _ = keyring.subject_key_in("customer/3", &october);
            faults.make_room();
            let (kid, _) = keyring.subject_key_in("customer/3", &october).unwrap();
            drop(keyring);
            faults.power_cut(usize::MAX);
            let found = place.open().subject_keys_in_periods("customer/3").unwrap();
            assert_eq!(found, [(october.clone(), kid)], "{full:?} {step}");
        }
    }
}

#[test]
fn a_period_that_a_killed_process_left_unsynced_is_synced_before_it_is_relied_on() {
    every_way(|case| {
        let faults = Arc::new(Faults::default());
        let keyring = case.place.open_with(&faults).unwrap();
        let october = period(&case.subject.replace('/', "-"));
        faults.break_at(case.step, case.how);
        let _ = keyring.subject_key_in(case.subject, &october);
        let crashed = faults.crashed();
        drop(keyring);
        // Killed, without a power cut: the next process sees everything, synced or not, and uses it.
        faults.new_process();
        let keyring = case.place.open_with(&faults).unwrap();
        let (kid, _) = keyring.subject_key_in(case.subject, &october).unwrap();
        drop(keyring);
        faults.power_cut(usize::MAX);
        let found = case.place.open().subject_keys_in_periods(case.subject).unwrap();
        assert_eq!(found, [(october, kid)], "{case:?}");
        if crashed { Run::Broke { unsynced: 0 } } else { Run::Completed }
    });
}

#[test]
fn who_makes_keys_meanwhile_waits_for_nobody_for_ever_and_what_was_there_before_goes() {
    let place = Place::new();
    let keyring = place.open();
    let month = |n: usize| format!("20{:02}-{:02}", n / 12, n % 12 + 1);
    for round in 0..5 {
        let subject = format!("customer/{round}");
        let before: Vec<_> = (0..30).map(|n| made_in(&keyring, &subject, &month(n)).0).collect();
        let start = Barrier::new(4);
        std::thread::scope(|scope| {
            for thread in 1..3 {
                let (start, keyring, subject) = (&start, &keyring, &subject);
                scope.spawn(move || {
                    start.wait();
                    for n in 0..60 {
                        made_in(keyring, subject, &month(n * thread + round));
                    }
                });
            }
            scope.spawn(|| {
                start.wait();
                // One of the two comes first.
                let first = period(&month(0));
                let _ = keyring.shred_part(&subject, Part::Period(&first), &WHY);
            });
            start.wait();
            keyring.shred_subject(&subject, &WHY).unwrap();
        });
        for kid in before {
            assert!(matches!(keyring.key(&kid).unwrap(), Found::Shredded(_)), "round {round}");
        }
        for (_, kid) in keyring.subject_keys_in_periods(&subject).unwrap() {
            assert!(matches!(keyring.key(&kid).unwrap(), Found::Key(_)), "round {round}");
        }
    }
}

#[test]
fn a_file_that_is_no_period_is_named() {
    let place = Place::new();
    let keyring = place.open();
    made_in(&keyring, "customer/3", "2026-10");
    drop(keyring);
    fs::write(place.path().join("periods/k_AAAAAAAAAAAAAAAAAAAAAA"), "").unwrap();
    let error = Keyring::open(&place.path(), Place::kek()).unwrap_err();
    assert!(error.is_edited() && error.to_string().contains("periods/k_AAAA"), "{error}");
}
