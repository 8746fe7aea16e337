//! Damage and edits are named, and nothing is made of them.

use super::*;
use crate::journal::Entry;

#[test]
fn an_edited_file_is_named() {
    type Edit = fn(&str) -> String;
    let edits: [(&str, Edit); 4] = [
        ("another digit", |text| {
            let at = text.len() - 10;
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &text[..at], &text[at + 1..])
        }),
        ("cut", |text| text[..text.len() / 2].to_owned()),
        ("empty", |_| String::new()),
        ("endless", |text| text.repeat(1000)),
    ];
    for (what, edit) in edits {
        let place = Place::new();
        let keyring = place.open();
        let (subject, _) = keyring.subject_key("customer/3").unwrap();
        let (period, _) = keyring.period_key("standard-7y", "2026-11").unwrap();
        let files = [
            place.file(&format!("{subject}.key")),
            place.subject_file(),
            place.file(&format!("{period}.key")),
        ];
        drop(keyring);
        for path in files {
            let good = fs::read_to_string(&path).unwrap();
            fs::write(&path, edit(&good)).unwrap();
            let keyring = place.open();
            let errors = [
                keyring.subject_key("customer/3").err(),
                keyring.existing_subject_key("customer/3").err(),
                keyring.period_key("standard-7y", "2026-11").err(),
                keyring.key(&subject).err(),
                keyring.key(&period).err(),
            ];
            let errors: Vec<_> = errors.into_iter().flatten().collect();
            assert!(!errors.is_empty(), "{what}: nobody noticed the edit of {}", path.display());
            for error in errors {
                assert!(error.is_edited(), "{what}: {error}");
                assert!(error.to_string().contains(&path.display().to_string()), "{what}: {error}");
            }
            fs::write(&path, good).unwrap();
        }
    }
}

#[test]
fn keys_that_changed_places_are_noticed() {
    let place = Place::new();
    let keyring = place.open();
    let (a, _) = keyring.subject_key("customer/3").unwrap();
    let entry_a = place.subject_file();
    let (b, _) = keyring.subject_key("customer/4").unwrap();
    let key_b = fs::read_to_string(place.file(&format!("{b}.key"))).unwrap();
    drop(keyring);
    let (path_a, good) =
        (place.file(&format!("{a}.key")), fs::read(place.file(&format!("{a}.key"))).unwrap());

    // The whole file: the error tells whose it is. Then only the bytes, under the right id.
    fs::write(&path_a, &key_b).unwrap();
    let error = place.open().key(&a).err().unwrap().to_string();
    assert!(error.contains(&format!("expected key `{a}`, got `{b}`")), "{error}");
    for swapped in [key_b.clone(), key_b.replace(b.as_str(), a.as_str())] {
        fs::write(&path_a, swapped).unwrap();
        assert!(place.open().subject_key("customer/3").err().unwrap().is_edited());
        assert!(place.open().key(&a).err().unwrap().is_edited());
    }
    fs::write(&path_a, good).unwrap();

    let entry_b = SubjectName::new(&place.open().index_key, "customer/4").unwrap();
    let entry_b = Layout::new(&place.path()).subject(&entry_b);
    fs::copy(&entry_b, &entry_a).unwrap();
    let keyring = place.open();
    assert!(keyring.subject_key("customer/3").err().unwrap().is_edited());
    assert!(keyring.shred_subject("customer/3", &WHY).unwrap_err().is_edited());
    assert!(matches!(keyring.key(&b).unwrap(), Found::Key(_)), "the wrong key was destroyed");
}

#[test]
fn a_key_that_is_gone_without_a_shred_is_not_replaced() {
    let place = Place::new();
    let (kid, _) = place.open().subject_key("customer/3").unwrap();
    let path = place.file(&format!("{kid}.key"));
    fs::remove_file(&path).unwrap();
    let error = place.open().subject_key("customer/3").err().unwrap();
    assert!(
        error.is_missing() && error.to_string().contains(&path.display().to_string()),
        "{error}"
    );
}

#[test]
fn an_edited_journal_destroys_nothing() {
    let place = Place::new();
    let keyring = place.open();
    let (a, _) = keyring.subject_key("customer/3").unwrap();
    let (b, _) = keyring.subject_key("customer/4").unwrap();
    let name = SubjectName::new(&keyring.index_key, "customer/3").unwrap();
    let intent = Entry {
        kids: vec![a.clone()],
        subjects: vec![name],
        marker: WHY.to_marker().unwrap(),
        generation: None,
    };
    keyring.journal().write(Phase::Intent, &intent).unwrap();
    drop(keyring);
    let path = place.file(".intent");
    let good = fs::read_to_string(&path).unwrap();

    // Under b's id; a's intent as b's file; an erasure that never happened, passed off as an intent; garbage.
    let other = path.with_file_name(format!("{b}.intent"));
    let phase = path.with_extension("erased");
    for (place_of_edit, content) in [
        (&path, good.replace(a.as_str(), b.as_str())),
        (&other, good.clone()),
        (&other, good.replace(a.as_str(), b.as_str())),
        (&path, good.replace("ticket 81", "ticket 82")),
        (&path, String::new()),
        (&path.with_extension("tmp"), String::new()),
    ] {
        fs::rename(&path, place_of_edit).unwrap();
        fs::write(place_of_edit, content).unwrap();
        let error = Keyring::open(&place.path(), Place::kek()).unwrap_err();
        assert!(error.is_edited(), "{error}");
        assert!(error.to_string().contains(&place_of_edit.display().to_string()), "{error}");
        assert!(place.files().iter().all(|path| path.extension().is_none_or(|e| e != "shredded")));
        fs::rename(place_of_edit, &path).unwrap();
        fs::write(&path, &good).unwrap();
    }
    fs::rename(&path, &phase).unwrap();
    assert!(place.open().unrecorded().unwrap_err().is_edited());
    fs::rename(&phase, &path).unwrap();
    let keyring = place.open();
    assert!(matches!(keyring.key(&a).unwrap(), Found::Shredded(_)));
    assert!(matches!(keyring.key(&b).unwrap(), Found::Key(_)));
}

#[test]
fn a_wrong_key_encryption_key_is_told_from_an_edited_header() {
    let place = Place::new();
    let header = place.path().join("keyring.json");
    let good = fs::read_to_string(&header).unwrap();
    assert!(Keyring::open(&place.path(), Kek::from_bytes(&[1; 32])).unwrap_err().is_wrong_kek());

    let edited = |at: usize| {
        let mut text = good.clone();
        let digit = if &text[at..=at] == "A" { "B" } else { "A" };
        text.replace_range(at..=at, digit);
        text
    };
    for text in [
        edited(good.find("check").unwrap() + 20),
        edited(good.find("index").unwrap() + 20),
        good.replace("v1", "v2"),
        good.replace("\"check\"", "\"czech\""),
        good[..40].to_owned(),
    ] {
        fs::write(&header, text).unwrap();
        let error = Keyring::open(&place.path(), Place::kek()).unwrap_err();
        assert!(
            error.is_edited() && error.to_string().contains(&header.display().to_string()),
            "{error}"
        );
    }
    fs::write(&header, &good).unwrap();
    place.open();
}
