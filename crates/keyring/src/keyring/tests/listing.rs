//! What is in a keyring, for people.

use super::*;

fn listed(place: &Place) -> (Vec<crate::Listed>, crate::Count) {
    let mut keys = Vec::new();
    let count = Keyring::list(&place.path(), |key| keys.push(key)).unwrap();
    (keys, count)
}

#[test]
fn every_key_is_listed_beside_the_process_that_has_the_keyring_open() {
    let place = Place::new();
    let keyring = place.open();
    assert_eq!(listed(&place), (vec![], crate::Count::default()));
    let before = std::time::SystemTime::now() - std::time::Duration::from_secs(5);
    let (gone, _) = keyring.subject_key("customer/1").unwrap();
    let (stays, _) = keyring.subject_key("customer/2").unwrap();
    let (period, _) = keyring.period_key("year", "2026-11").unwrap();
    keyring.shred_subject("customer/1", &WHY).unwrap();

    let (keys, count) = listed(&place);
    assert_eq!(
        (count.subjects, count.subject_keys, count.period_keys, count.shredded),
        (1, 1, 1, 1)
    );
    assert_eq!(keys.len(), 3);
    for key in &keys {
        if key.kid == gone {
            assert_eq!(key.shredded.as_ref().unwrap().reason, WHY.reason);
            assert_eq!(key.created, None);
        } else {
            assert!([&stays, &period].contains(&&key.kid) && key.shredded.is_none());
            assert!(key.created.unwrap() > before);
        }
    }
}

#[test]
fn what_is_no_keyring_is_not_listed() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Keyring::list(dir.path(), |_| ()).unwrap_err().is_missing());
}
