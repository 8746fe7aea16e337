//! Another key-encryption key, and every step on the way to it broken in every way.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::crash::BREAKS;
use super::*;
use crate::Stands;
use crate::durable::faults::{Break, Faults};

fn new_kek() -> Kek {
    Kek::from_bytes(&[0xa1; 32])
}

fn open_both(place: &Place) -> Result<Keyring> {
    Keyring::open_between(&place.path(), &Place::kek(), &new_kek())
}

fn open_both_with(place: &Place, faults: &Arc<Faults>) -> Result<Keyring> {
    let mut disk = Disk::new(&place.path());
    disk.faults = Some(Arc::clone(faults));
    Keyring::open_on(disk, &place.path(), &Place::kek(), Some(&new_kek()))
}

/// A place of its own for each case, without the syncs of making a keyring.
fn place_like(template: &Place) -> Place {
    let dir = in_memory();
    copy_all(&template.path(), &dir.path().join("keyring"));
    Place { dir }
}

/// Every key of a keyring with two subjects and a period.
fn keys(keyring: &Keyring) -> Vec<(KeyId, [u8; 32])> {
    let mut keys = vec![bytes(&keyring.period_key("year", "2026-11").unwrap())];
    keys.extend(["customer/1", "customer/2"].map(|s| bytes(&keyring.subject_key(s).unwrap())));
    keys
}

#[test]
fn every_key_stays_and_only_the_new_one_opens_them() {
    let place = Place::new();
    let keyring = place.open();
    let before = keys(&keyring);
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file =
        std::fs::File::options().write(true).open(place.file(&format!("{}.key", before[1].0)));
    file.unwrap().set_modified(old).unwrap();
    let copy = tempfile::tempdir().unwrap();
    copy_all(&place.path(), &copy.path().join("keyring"));

    assert_eq!(keyring.rotate(&new_kek()).unwrap(), 3);
    assert_eq!((keyring.generation(), keyring.stands()), (1, Stands::After));
    assert_eq!(keys(&keyring), before);
    let later = bytes(&keyring.subject_key("customer/3").unwrap());
    drop(keyring);

    assert!(Keyring::open(&place.path(), Place::kek()).unwrap_err().is_wrong_kek());
    let keyring = Keyring::open(&place.path(), new_kek()).unwrap();
    assert_eq!(keys(&keyring), before);
    assert_eq!(bytes(&keyring.subject_key("customer/3").unwrap()), later);
    assert_eq!(keyring.generation(), 1);
    let mut created = None;
    Keyring::list(&place.path(), |key| {
        if key.kid == before[1].0 {
            created = key.created;
        }
    })
    .unwrap();
    assert_eq!(created, Some(old), "it is as old as before");
    // What was copied before is of the old one.
    assert!(Keyring::open(&copy.path().join("keyring"), new_kek()).unwrap_err().is_wrong_kek());
    // Again, to a third.
    keyring.rotate(&Kek::from_bytes(&[3; 32])).unwrap();
    assert_eq!(keyring.generation(), 2);
}

#[test]
fn a_key_of_a_copy_from_before_opens_nowhere() {
    let place = Place::new();
    let keyring = place.open();
    let (kid, _) = keyring.subject_key("customer/1").unwrap();
    let copied = std::fs::read(place.file(&format!("{kid}.key"))).unwrap();
    let copied_header = std::fs::read(place.file("keyring.json")).unwrap();
    let erased = keyring.shred_subject_before_rotation("customer/1", &WHY).unwrap();
    assert_eq!(erased.generation, Some(0));
    keyring.rotate(&new_kek()).unwrap();
    assert!(keyring.generation() > 0);
    assert_eq!(keyring.unrecorded().unwrap(), std::slice::from_ref(&erased));
    keyring.recorded(&erased).unwrap();
    let at = keyring.layout.key(&kid);
    drop(keyring);
    // Somebody puts the file back, and takes the marker away.
    std::fs::write(&at, copied).unwrap();
    std::fs::remove_file(place.file(&format!("{kid}.shredded"))).unwrap();
    let keyring = Keyring::open(&place.path(), new_kek()).unwrap();
    assert!(keyring.key(&kid).err().unwrap().is_edited());
    drop(keyring);
    // With the header of then it takes the key of then, which is gone.
    std::fs::write(place.file("keyring.json"), copied_header).unwrap();
    assert!(Keyring::open(&place.path(), new_kek()).unwrap_err().is_wrong_kek());
}

#[test]
fn keys_are_made_read_and_shredded_while_all_are_wrapped_anew() {
    let place = Place::new();
    let keyring = place.open();
    for n in 0..40 {
        keyring.subject_key(&format!("customer/{n}")).unwrap();
    }
    let kids: Vec<_> =
        (0..40).map(|n| keyring.subject_key(&format!("customer/{n}")).unwrap().0).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=3 {
                keyring.rotate(&Kek::from_bytes(&[round; 32])).unwrap();
            }
        });
        scope.spawn(|| {
            for n in 40..80 {
                keyring.subject_key(&format!("customer/{n}")).unwrap();
            }
        });
        scope.spawn(|| {
            for n in (0..40).step_by(2) {
                let erased = keyring.shred_subject(&format!("customer/{n}"), &WHY).unwrap();
                keyring.recorded(&erased).unwrap();
            }
        });
        for kid in kids.iter().skip(1).step_by(2).cycle().take(500) {
            assert!(matches!(keyring.key(kid).unwrap(), Found::Key(_)));
        }
    });
    drop(keyring);
    let keyring = Keyring::open(&place.path(), Kek::from_bytes(&[3; 32])).unwrap();
    for (n, kid) in kids.iter().enumerate() {
        let is_shredded = matches!(keyring.key(kid).unwrap(), Found::Shredded(_));
        assert_eq!(is_shredded, n % 2 == 0, "customer/{n}");
        assert_eq!(
            place.path().join("keys").exists() && keyring.layout.key(kid).exists(),
            n % 2 == 1
        );
    }
    for n in 40..80 {
        assert!(keyring.existing_subject_key(&format!("customer/{n}")).unwrap().is_some());
    }
}

#[test]
fn an_edited_key_stops_the_change_and_the_old_one_is_still_needed() {
    let place = Place::new();
    let keyring = place.open();
    let kids: Vec<_> = keys(&keyring).into_iter().map(|(kid, _)| kid).collect();
    let path = keyring.layout.key(&kids[1]);
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, good.replace(|c: char| c.is_ascii_lowercase(), "x")).unwrap();
    let error = keyring.rotate(&new_kek()).unwrap_err();
    assert!(error.is_edited(), "{error}");
    assert!(error.to_string().contains(kids[1].as_str()), "{error}");
    assert_eq!(keyring.stands(), Stands::Between);
    assert!(keyring.period_key("year", "2026-11").is_ok(), "the others are there");
    drop(keyring);
    for kek in [Place::kek(), new_kek()] {
        let error = Keyring::open(&place.path(), kek).unwrap_err();
        assert!(error.is_between() && error.to_string().contains("both needed"), "{error}");
    }
    std::fs::write(&path, good).unwrap();
    let keyring = open_both(&place).unwrap();
    keyring.finish_rotation().unwrap();
    assert_eq!(keyring.stands(), Stands::After);
}

#[test]
fn every_step_may_crash_and_no_key_is_lost_or_left_to_the_old_one() {
    let (mut broken, template) = (0, Place::new());
    let mut table = std::collections::BTreeMap::<usize, Vec<Stands>>::new();
    'steps: for step in 0.. {
        for how in BREAKS {
            let mut lost = 0;
            loop {
                let place = place_like(&template);
                let faults = Arc::new(Faults::default());
                let keyring = place.open_with(&faults).unwrap();
                let before = keys(&keyring);
                // The folders whose entries a power cut could still take are synced by now.
                faults.break_at(step, how);
                let outcome = keyring.rotate(&new_kek());
                let crashed = faults.crashed();
                assert_eq!(outcome.is_err(), crashed, "step {step} {how:?}");
                drop(keyring);
                let unsynced = faults.unsynced();
                faults.power_cut(lost);

                let stands = resume(&place, &before);
                if !crashed {
                    assert_eq!((stands, unsynced), (Stands::After, 0), "what was told is durable");
                    break 'steps;
                }
                broken += 1;
                table.entry(step).or_default().push(stands);
                if lost + 1 >= 1 << unsynced {
                    break;
                }
                lost += 1;
            }
        }
    }
    assert!(broken > 60, "{broken} ways: the disk is no longer under test");
    for state in [Stands::Before, Stands::Between, Stands::After] {
        assert!(table.values().flatten().any(|seen| *seen == state), "{state:?} was never left");
    }
    // Shown by `cargo test -- --nocapture`: the table of steps.
    for (step, mut stands) in table {
        stands.dedup();
        println!("step {step:2}: {stands:?}");
    }
}

#[test]
fn a_change_that_is_resumed_may_crash_too() {
    let template = Place::new();
    for step in 0.. {
        let mut completed = false;
        for how in BREAKS {
            let place = place_like(&template);
            let faults = Arc::new(Faults::default());
            let keyring = place.open_with(&faults).unwrap();
            let before = keys(&keyring);
            // The header says so, and nothing else has happened.
            faults.break_at(4, Break::Lost);
            keyring.rotate(&new_kek()).unwrap_err();
            drop(keyring);
            faults.power_cut(0);
            let keyring = open_both_with(&place, &faults).unwrap();
            assert_eq!(keyring.stands(), Stands::Between);
            faults.break_at(step, how);
            let outcome = keyring.finish_rotation();
            completed = !faults.crashed();
            assert_eq!(outcome.is_ok(), completed, "step {step} {how:?}");
            drop(keyring);
            faults.power_cut(usize::MAX);
            resume(&place, &before);
        }
        if completed {
            assert!(step > 10, "{step} steps: the disk is no longer under test");
            return;
        }
    }
}

/// Opens what a crash left, completes it, and expects every key; gives what was found.
fn resume(place: &Place, before: &[(KeyId, [u8; 32])]) -> Stands {
    // With syncs that are simulated: real ones take most of the time of a thousand cases.
    let faults = Arc::new(Faults::default());
    let keyring = open_both_with(place, &faults).unwrap();
    let found = keyring.stands();
    assert_eq!(keys(&keyring), before, "{found:?}");
    match found {
        Stands::Before => drop(keyring.rotate(&new_kek()).unwrap()),
        Stands::Between => drop(keyring.finish_rotation().unwrap()),
        Stands::After => {}
    }
    assert_eq!(keyring.stands(), Stands::After);
    drop(keyring);
    let mut disk = Disk::new(&place.path());
    disk.faults = Some(faults);
    let keyring = Keyring::open_on(disk, &place.path(), &new_kek(), None).unwrap();
    assert_eq!(keys(&keyring), before, "{found:?}");
    assert_eq!(keyring.generation(), 1);
    let layout = Layout::new(&place.path());
    assert_eq!(entries(&layout.temporaries()).unwrap(), [] as [PathBuf; 0]);
    found
}

/// A folder in memory where the system has such: what is on disk after a power cut is simulated anyway.
pub(crate) fn in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

pub(crate) fn copy_all(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for path in entries(from).unwrap() {
        let place = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &place)
        } else {
            assert!(std::fs::copy(path, place).is_ok())
        }
    }
}
