use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Barrier;

use tempfile::TempDir;

use super::*;
use crate::layout::entries;

mod crash;
mod expiry;
mod listing;
pub(crate) mod rotation;

const WHY: Why<'_> =
    Why { when: "2026-11-21T19:45:00Z", who: "dpo@example.com", reason: "Art. 17, ticket 81" };

/// A keyring in a folder of its own.
#[derive(Debug)]
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Keyring::create(&dir.path().join("keyring"), &Self::kek()).unwrap();
        Self { dir }
    }

    fn kek() -> Kek {
        Kek::from_bytes(&[0x5e; 32])
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("keyring")
    }

    fn open(&self) -> Keyring {
        Keyring::open(&self.path(), Self::kek()).unwrap()
    }

    /// Every file below the keyring.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.path()];
        while let Some(folder) = folders.pop() {
            for path in entries(&folder).unwrap() {
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files
    }

    /// The one file whose name ends like this.
    fn file(&self, end: &str) -> PathBuf {
        let mut found =
            self.files().into_iter().filter(|path| path.to_str().unwrap().ends_with(end));
        let file = found.next().unwrap_or_else(|| panic!("no file `…{end}`"));
        assert_eq!(found.next(), None);
        file
    }

    /// The map entry of the only subject.
    fn subject_file(&self) -> PathBuf {
        let mut found =
            self.files().into_iter().filter(|path| path.starts_with(self.path().join("subjects")));
        let file = found.next().unwrap();
        assert_eq!(found.next(), None);
        file
    }
}

fn bytes(found: &(KeyId, Key)) -> (KeyId, [u8; 32]) {
    (found.0.clone(), *found.1.expose())
}

#[test]
fn a_key_is_the_same_for_ever() {
    let place = Place::new();
    let keyring = place.open();
    let subject = bytes(&keyring.subject_key("customer/3").unwrap());
    let period = bytes(&keyring.period_key("standard-7y", "2026-11").unwrap());
    assert_eq!(bytes(&keyring.subject_key("customer/3").unwrap()), subject);
    drop(keyring);
    let keyring = place.open();
    assert_eq!(bytes(&keyring.existing_subject_key("customer/3").unwrap().unwrap()), subject);
    assert_eq!(bytes(&keyring.period_key("standard-7y", "2026-11").unwrap()), period);
    for (kid, key) in [subject, period] {
        assert!(matches!(keyring.key(&kid).unwrap(), Found::Key(found) if *found.expose() == key));
    }
}

#[test]
fn every_subject_and_every_period_has_a_key_of_its_own() {
    let place = Place::new();
    let keyring = place.open();
    let mut kids = HashSet::new();
    let mut keys = HashSet::new();
    for number in 0..50 {
        let (kid, key) = keyring.subject_key(&format!("customer/{number}")).unwrap();
        assert!(kids.insert(kid) && keys.insert(*key.expose()));
    }
    for (class, period) in [("a", "2026-11"), ("a", "2026-12"), ("b", "2026-11")] {
        let (kid, key) = keyring.period_key(class, period).unwrap();
        assert!(kids.insert(kid) && keys.insert(*key.expose()));
    }
}

#[test]
fn asking_for_an_existing_key_makes_none() {
    let place = Place::new();
    let keyring = place.open();
    let before = place.files();
    assert!(keyring.existing_subject_key("customer/3").unwrap().is_none());
    assert!(matches!(keyring.key(&KeyId::of_subject(&[1; 16])).unwrap(), Found::Unknown));
    assert_eq!(place.files(), before);
}

#[test]
fn the_first_use_by_many_threads_makes_one_key() {
    let place = Place::new();
    let keyring = place.open();
    let start = Barrier::new(16);
    let found: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    (
                        bytes(&keyring.subject_key("customer/3").unwrap()),
                        bytes(&keyring.period_key("standard-7y", "2026-11").unwrap()),
                    )
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(found.iter().all(|pair| *pair == found[0]));
    let keys =
        place.files().into_iter().filter(|path| path.extension().is_some_and(|e| e == "key"));
    assert_eq!(keys.count(), 2, "the losers of the race left no file");
}

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
        subject: None,
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

#[test]
fn one_process_at_a_time() {
    let place = Place::new();
    let keyring = place.open();
    let error = Keyring::open(&place.path(), Place::kek()).unwrap_err();
    assert!(
        error.is_in_use() && error.to_string().contains(&place.path().display().to_string()),
        "{error}"
    );
    drop(keyring);
    place.open();
}

#[test]
fn a_folder_that_is_no_keyring_is_named_and_left_alone() {
    let place = tempfile::tempdir().unwrap();
    for dir in [place.path().to_owned(), place.path().join("nowhere")] {
        let error = Keyring::open(&dir, Place::kek()).unwrap_err();
        assert!(error.is_missing(), "{error}");
        assert!(
            error.to_string().contains(&dir.join("keyring.json").display().to_string()),
            "{error}"
        );
    }
    assert_eq!(entries(place.path()).unwrap(), [] as [PathBuf; 0]);

    fs::write(place.path().join("thesis.txt"), "years of work").unwrap();
    let error = Keyring::create(place.path(), &Place::kek()).unwrap_err().to_string();
    assert!(error.contains("thesis.txt"), "{error}");
    assert_eq!(entries(place.path()).unwrap(), [place.path().join("thesis.txt")]);
    let error =
        Keyring::create(&place.path().join("not/there"), &Place::kek()).unwrap_err().to_string();
    assert!(error.contains("not/there"), "{error}");
}

#[test]
fn an_interrupted_creation_can_be_repeated_but_not_over_keys() {
    let place = Place::new();
    let header = place.path().join("keyring.json");
    fs::remove_file(&header).unwrap();
    fs::write(place.path().join("tmp/0"), "half a head").unwrap();
    Keyring::create(&place.path(), &Place::kek()).unwrap();
    place.open().subject_key("customer/3").unwrap();

    let error = Keyring::create(&place.path(), &Place::kek()).unwrap_err().to_string();
    assert!(error.contains("keyring.json"), "{error}");
    fs::remove_file(&header).unwrap();
    let error = Keyring::create(&place.path(), &Place::kek()).unwrap_err().to_string();
    assert!(error.contains(".key"), "keys whose header was lost: {error}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_look_inside() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let keyring = place.open();
    keyring.subject_key("customer/3").unwrap();
    keyring.subject_key("customer/4").unwrap();
    keyring.period_key("standard-7y", "2026-11").unwrap();
    keyring.shred_subject("customer/4", &WHY).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for file in place.files() {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        assert_eq!(mode(file.parent().unwrap()), 0o700, "{}", file.parent().unwrap().display());
    }
    assert_eq!(mode(&place.path()), 0o700);

    let open = place.dir.path().join("made by hand");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    Keyring::create(&open, &Place::kek()).unwrap();
    assert_eq!(mode(&open), 0o700);
}

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
        subject: Some(name),
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

#[test]
fn many_threads_may_use_one_keyring() {
    fn shared<T: Send + Sync>() {}
    shared::<Keyring>();
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    wiped::<aes_kw::KwAes256>();
    wiped::<zeroize::Zeroizing<[u8; 32]>>();
}
