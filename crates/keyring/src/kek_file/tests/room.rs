//! A disk that fills at any step while the key-encryption key is to be changed.

use super::*;
use crate::durable::faults::Full;

const WAYS: [Full; 3] = [Full::Files, Full::Names, Full::Bytes];

/// As the sidecar does it: what was refused whole leaves nothing behind.
fn shred_hard_or_leave_nothing(file: &KekFile, keyring: &Keyring) -> Result<Erased> {
    let is_made = file.prepare()?;
    let erased = keyring.shred_subject_before_rotation("customer/1", &WHY);
    if erased.is_err() && is_made && keyring.stopped().is_none() {
        file.withdraw()?;
    }
    let erased = erased?;
    file.rotate(keyring)?;
    Ok(erased)
}

#[test]
fn a_hard_shred_that_finds_no_room_leaves_no_other_key_encryption_key() {
    let template = Place::new();
    for full in WAYS {
        let (mut refused, mut decided) = (0, 0);
        for step in 0.. {
            let place = template.copy();
            let faults = Arc::new(Faults::default());
            let file = place.file(&faults);
            let keyring = file.open_keyring(&place.keyring()).unwrap();
            faults.fill_at(step, full);
            let Err(error) = shred_hard_or_leave_nothing(&file, &keyring) else {
                if faults.make_room() <= step {
                    break;
                }
                drop(keyring);
                assert_eq!(look(&place, &template, &faults), After::Shredded, "{full:?} {step}");
                continue;
            };
            assert!(error.is_disk_full(), "{full:?} {step}: {error}");
            if keyring.unrecorded().unwrap().is_empty() {
                refused += 1;
                assert_eq!(place.files(), ["kek", "keyring"], "{full:?} {step}");
                assert!(matches!(keyring.key(&place.gone), Ok(Found::Key(_))));
                // Nor has a process anything to complete that begins while there is no room.
                drop(keyring);
                let keyring = file.open_keyring(&place.keyring()).unwrap();
                assert_eq!(keyring.generation(), 0, "{full:?} {step}");
                faults.make_room();
                shred_hard_or_leave_nothing(&file, &keyring).unwrap();
                drop(keyring);
            } else {
                decided += 1;
                faults.make_room();
                drop(keyring);
            }
            assert_eq!(look(&place, &template, &faults), After::Shredded, "{full:?} {step}");
        }
        assert!(refused > 5 && decided > 3, "{full:?}: {refused} refused, {decided} decided");
    }
}

#[test]
fn a_change_that_finds_no_room_waits_and_stops_no_start() {
    let template = Place::new();
    for full in WAYS {
        for step in 0.. {
            let place = template.copy();
            let faults = Arc::new(Faults::default());
            let file = place.file(&faults);
            assert!(file.prepare().unwrap());
            // And then the power went.
            faults.fill_at(step, full);
            let keyring = file.open_keyring(&place.keyring());
            let keyring = keyring.unwrap_or_else(|error| panic!("{full:?} {step}: {error}"));
            for kid in [&place.gone, &place.stays] {
                assert!(matches!(keyring.key(kid), Ok(Found::Key(_))), "{full:?} {step}");
            }
            drop(keyring);
            let steps = faults.make_room();
            assert_eq!(look(&place, &template, &faults), After::Changed, "{full:?} {step}");
            if steps <= step {
                break;
            }
        }
    }
}

#[test]
fn one_that_is_withdrawn_is_overwritten_before_it_goes() {
    let place = Place::new();
    let faults = Arc::new(Faults::default());
    let file = place.file(&faults);
    assert!(file.prepare().unwrap());
    assert!(!file.prepare().unwrap(), "there is one");
    let next = fs::read(place.dir.path().join("kek.next")).unwrap();
    // The last step: from then on nobody knows what it held.
    faults.break_at(4, Break::Refused);
    file.withdraw().unwrap_err();
    let [gone] = &faults.unlinked()[..] else { panic!("{:?}", place.files()) };
    assert!(gone.len() == next.len() && *gone != next);
    assert_eq!(place.files(), ["kek", "keyring"]);
}
