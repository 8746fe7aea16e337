use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Barrier;

use tempfile::TempDir;

use super::*;
use crate::layout::entries;
use crate::shred::Why;
use crate::subject::{Owner, SubjectName};

mod crash;
mod damage;
mod expiry;
mod listing;
mod periods;
mod room;
pub(crate) mod rotation;
mod shredding;

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
fn many_threads_may_use_one_keyring() {
    fn shared<T: Send + Sync>() {}
    shared::<Keyring>();
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    wiped::<aes_kw::KwAes256>();
    wiped::<zeroize::Zeroizing<[u8; 32]>>();
}
