//! What is shredded is gone, and told of until the log has the record.

use super::*;
use crate::journal::Entry;

#[test]
fn a_shred_beside_readers_never_shows_a_damaged_key() {
    let place = Place::new();
    let keyring = place.open();
    for round in 0..10 {
        let subject = format!("customer/{round}");
        let (kid, key) = keyring.subject_key(&subject).unwrap();
        let key = *key.expose();
        let start = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    start.wait();
                    loop {
                        match keyring.key(&kid).unwrap() {
                            Found::Key(found) => assert_eq!(*found.expose(), key),
                            Found::Shredded(_) => break,
                            Found::Unknown => panic!("a key that was there became unknown"),
                        }
                    }
                });
            }
            start.wait();
            keyring.shred_subject(&subject, &WHY).unwrap();
        });
        assert_ne!(
            keyring.subject_key(&subject).unwrap().0,
            kid,
            "the old key was handed out again"
        );
    }
}

#[test]
fn after_a_shred_nothing_on_disk_or_in_the_cache_is_left_of_key_or_subject() {
    let place = Place::new();
    let keyring = place.open();
    let (kid, key) = keyring.subject_key("customer/3").unwrap();
    let wrapped = fs::read_to_string(place.file(&format!("{kid}.key"))).unwrap();
    let wrapped = wrapped.lines().nth(2).unwrap().to_owned();
    let name = SubjectName::new(&keyring.index_key, "customer/3").unwrap().to_hex();
    let watch = key.watch();
    drop(key);
    assert!(watch.upgrade().is_some(), "the cache holds the key");

    let erased = keyring.shred_subject("customer/3", &WHY).unwrap();
    assert!(watch.upgrade().is_none(), "the cached key was dropped, and dropping wipes it");
    assert_eq!(erased.kids, std::slice::from_ref(&kid));
    // Until then the journal knows the subject's name by its keyed hash, to make good what a crash takes.
    keyring.recorded(&erased).unwrap();
    for path in place.files() {
        let content = String::from_utf8(fs::read(&path).unwrap()).unwrap();
        for trace in [wrapped.as_str(), "customer/3", &name, &name[2..]] {
            assert!(!content.contains(trace), "{} holds {trace}", path.display());
            assert!(
                !path.to_str().unwrap().contains(trace),
                "{} is called {trace}",
                path.display()
            );
        }
    }
    let marker = fs::read_to_string(place.file(&format!("{kid}.shredded"))).unwrap();
    assert_eq!(
        marker,
        format!(
            "{{\"kid\":\"{kid}\",\"when\":\"2026-11-21T19:45:00Z\",\"who\":\"dpo@example.com\",\
             \"reason\":\"Art. 17, ticket 81\"}}\n"
        )
    );
}

#[test]
fn a_shredded_file_is_overwritten_before_it_is_unlinked() {
    let place = Place::new();
    let keyring = place.open();
    let (kid, _) = keyring.subject_key("customer/3").unwrap();
    let path = place.file(&format!("{kid}.key"));
    let before = fs::read(&path).unwrap();
    // A second name for the same blocks, as whoever reads the bare disk would have.
    let blocks = place.dir.path().join("blocks");
    fs::hard_link(&path, &blocks).unwrap();
    keyring.shred_subject("customer/3", &WHY).unwrap();
    let after = fs::read(&blocks).unwrap();
    assert_eq!(after.len(), before.len());
    let same = before.iter().zip(&after).filter(|(before, after)| before == after).count();
    assert!(same < before.len() / 4, "{same} of {} bytes are still the old ones", before.len());
}

#[test]
fn a_second_shred_is_an_error_and_a_returning_subject_gets_a_new_key() {
    let place = Place::new();
    let keyring = place.open();
    let (first, _) = keyring.subject_key("customer/3").unwrap();
    keyring.shred_subject("customer/3", &WHY).unwrap();
    let error = keyring.shred_subject("customer/3", &WHY).unwrap_err();
    assert!(error.is_unknown_subject(), "{error}");
    assert!(
        !error.to_string().contains("customer/3"),
        "errors are logged, and the subject is forgotten"
    );
    let (second, _) = keyring.subject_key("customer/3").unwrap();
    assert_ne!(first, second);
    let erased = keyring.shred_subject("customer/3", &WHY).unwrap();
    assert_eq!(erased.kids, std::slice::from_ref(&second));
    for kid in [first, second] {
        assert!(matches!(keyring.key(&kid).unwrap(), Found::Shredded(_)));
    }
}

#[test]
fn an_erasure_is_listed_until_it_is_recorded() {
    let place = Place::new();
    let keyring = place.open();
    keyring.subject_key("customer/3").unwrap();
    let erased = keyring.shred_subject("customer/3", &WHY).unwrap();
    assert_eq!(keyring.unrecorded().unwrap(), std::slice::from_ref(&erased));
    drop(keyring);
    let keyring = place.open();
    assert_eq!(keyring.unrecorded().unwrap(), std::slice::from_ref(&erased));
    keyring.recorded(&erased).unwrap();
    keyring.recorded(&erased).unwrap();
    assert_eq!(keyring.unrecorded().unwrap(), []);
    assert!(
        matches!(keyring.key(&erased.kids[0]).unwrap(), Found::Shredded(marker) if marker == erased.marker)
    );
}

#[test]
fn a_shred_without_a_reason_touches_nothing() {
    let place = Place::new();
    let keyring = place.open();
    let (kid, _) = keyring.subject_key("customer/3").unwrap();
    let endless = "x".repeat(5000);
    for why in [
        Why { reason: "", ..WHY },
        Why { reason: " \n", ..WHY },
        Why { who: "", ..WHY },
        Why { when: "", ..WHY },
        Why { reason: &endless, ..WHY },
    ] {
        assert!(keyring.shred_subject("customer/3", &why).unwrap_err().is_bad_argument());
    }
    assert!(matches!(keyring.key(&kid).unwrap(), Found::Key(_)));
}

#[test]
fn the_longest_reason_is_read_back() {
    let place = Place::new();
    let keyring = place.open();
    // A control character takes six bytes of JSON: the worst case for the bound on reading.
    let (who, reason) = ("\u{1}".repeat(1024), "\u{1}".repeat(4096));
    let (kid, _) = keyring.subject_key("customer/3").unwrap();
    keyring.shred_subject("customer/3", &Why { who: &who, reason: &reason, ..WHY }).unwrap();
    assert!(
        matches!(keyring.key(&kid).unwrap(), Found::Shredded(marker) if marker.reason == reason)
    );
    assert_eq!(keyring.unrecorded().unwrap()[0].marker.who, who);
}

#[test]
fn a_destroyed_period_does_not_begin_again() {
    let place = Place::new();
    let keyring = place.open();
    let (kid, _) = keyring.period_key("standard-7y", "2026-11").unwrap();
    let intent = Entry {
        kids: vec![kid.clone()],
        subjects: Vec::new(),
        marker: WHY.to_marker().unwrap(),
        generation: None,
    };
    keyring.journal().write(Phase::Intent, &intent).unwrap();
    drop(keyring);
    let keyring = place.open();
    assert!(matches!(keyring.key(&kid).unwrap(), Found::Shredded(_)));
    let error = keyring.period_key("standard-7y", "2026-11").err().unwrap();
    assert!(
        error.is_shredded() && error.to_string().contains("`t_standard-7y.2026-11`"),
        "{error}"
    );
}
