//! Every step of a shredding with another key-encryption key, broken in every way.

mod room;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::durable::faults::{Break, Faults};
use crate::keyring::tests::rotation::{copy_all, in_memory};
use crate::{Erased, Found, KeyId, Why};

const WHY: Why<'_> =
    Why { when: "2026-11-21T19:45:00Z", who: "dpo@example.com", reason: "Art. 17, ticket 81" };

/// A keyring and the file of its key-encryption key, with a copy of both of yesterday.
struct Place {
    dir: TempDir,
    gone: KeyId,
    stays: KeyId,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let kek = Kek::generate().unwrap();
        kek.write_new(&dir.path().join("kek")).unwrap();
        Keyring::create(&dir.path().join("keyring"), &kek).unwrap();
        let keyring = Keyring::open(&dir.path().join("keyring"), kek).unwrap();
        let gone = keyring.subject_key("customer/1").unwrap().0;
        let stays = keyring.subject_key("customer/2").unwrap().0;
        drop(keyring);
        Self { dir, gone, stays }
    }

    fn copy(&self) -> Self {
        let dir = in_memory();
        copy_all(self.dir.path(), dir.path());
        Self { dir, gone: self.gone.clone(), stays: self.stays.clone() }
    }

    fn keyring(&self) -> PathBuf {
        self.dir.path().join("keyring")
    }

    fn file(&self, faults: &Arc<Faults>) -> KekFile {
        let mut file = KekFile::new(&self.dir.path().join("kek"));
        file.disk.faults = Some(Arc::clone(faults));
        file
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// As the sidecar does it: what comes first is that the change cannot be forgotten.
fn shred_hard(file: &KekFile, keyring: &Keyring) -> Result<Erased> {
    file.prepare()?;
    let erased = keyring.shred_subject_before_rotation("customer/1", &WHY)?;
    file.rotate(keyring)?;
    Ok(erased)
}

/// What was found after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Untouched,
    /// The subject has its key, and all keys are under another key-encryption key.
    Changed,
    Shredded,
}

#[test]
fn a_hard_shred_happens_whole_or_not_at_all_and_yesterdays_copy_opens_with_nothing() {
    let template = Place::new();
    let mut table = BTreeMap::<usize, Vec<After>>::new();
    'steps: for step in 0.. {
        for how in [Break::Lost, Break::ReportedLost, Break::Torn] {
            let mut lost = 0;
            loop {
                let place = template.copy();
                let faults = Arc::new(Faults::default());
                let file = place.file(&faults);
                let keyring = file.open_keyring(&place.keyring()).unwrap();
                faults.break_at(step, how);
                let outcome = shred_hard(&file, &keyring);
                let crashed = faults.crashed();
                assert_eq!(outcome.is_err(), crashed, "step {step} {how:?}");
                drop((keyring, file));
                let unsynced = faults.unsynced();
                faults.power_cut(lost);

                let after = look(&place, &template, &faults);
                if !crashed {
                    assert_eq!((after, unsynced), (After::Shredded, 0), "what was told is durable");
                    break 'steps;
                }
                table.entry(step).or_default().push(after);
                if lost + 1 >= 1 << unsynced {
                    break;
                }
                lost += 1;
            }
        }
    }
    assert!(table.len() > 36, "{} steps: the disk is no longer under test", table.len());
    for after in [After::Untouched, After::Changed, After::Shredded] {
        assert!(table.values().flatten().any(|seen| *seen == after), "{after:?} was never left");
    }
    // Shown by `cargo test -- --nocapture`: the table of steps.
    for (step, mut seen) in table {
        let ways = seen.len();
        seen.dedup();
        println!("step {step:2}: {ways} ways, {seen:?}");
    }
}

/// Opens what a crash left, and expects all of it to say the same.
fn look(place: &Place, yesterday: &Place, faults: &Arc<Faults>) -> After {
    // Whoever only asks completes nothing, and finds that it opens.
    let left = place.files();
    KekFile::new(&place.dir.path().join("kek")).check(&place.keyring()).unwrap();
    assert_eq!(place.files(), left);
    let keyring = place.file(faults).open_keyring(&place.keyring()).unwrap();
    assert_eq!(place.files(), ["kek", "keyring"]);
    assert!(matches!(keyring.key(&place.stays), Ok(Found::Key(_))));
    let unrecorded = keyring.unrecorded().unwrap();
    let after = match keyring.key(&place.gone).unwrap() {
        Found::Key(_) if keyring.generation() == 0 => After::Untouched,
        Found::Key(_) => After::Changed,
        Found::Shredded(_) => {
            assert_eq!(unrecorded.len(), 1);
            let generation = unrecorded[0].generation.expect("it says that it is a hard one");
            assert!(keyring.generation() > generation, "and it is whole");
            After::Shredded
        }
        Found::Unknown => panic!("the key is gone without a marker"),
    };
    drop(keyring);
    if after != After::Untouched {
        // Yesterday's keyring with today's key-encryption key.
        let kek = Kek::read(&place.dir.path().join("kek")).unwrap();
        assert!(Keyring::open(&yesterday.keyring(), kek).unwrap_err().is_wrong_kek());
    }
    after
}

#[test]
fn a_change_that_an_edited_key_stops_does_not_stop_the_keyring() {
    let place = Place::new();
    let file = KekFile::new(&place.dir.path().join("kek"));
    let keyring = file.open_keyring(&place.keyring()).unwrap();
    let shard = crate::layout::Layout::new(&place.keyring()).key(&place.gone);
    let good = fs::read(&shard).unwrap();
    fs::write(&shard, &good[..good.len() - 3]).unwrap();
    assert!(file.rotate(&keyring).unwrap_err().is_edited());
    drop(keyring);
    let keyring = file.open_keyring(&place.keyring()).unwrap();
    assert_eq!(keyring.stands(), Stands::Between);
    assert!(matches!(keyring.key(&place.stays), Ok(Found::Key(_))));
    assert_eq!(place.files(), ["kek", "kek.next", "keyring"]);
    drop(keyring);
    fs::write(&shard, good).unwrap();
    let keyring = file.open_keyring(&place.keyring()).unwrap();
    assert_eq!(
        (keyring.stands(), place.files()),
        (Stands::After, vec!["kek".into(), "keyring".into()])
    );
}

#[cfg(unix)]
#[test]
fn the_new_one_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let file = KekFile::new(&place.dir.path().join("kek"));
    let before = fs::read(place.dir.path().join("kek")).unwrap();
    file.rotate(&file.open_keyring(&place.keyring()).unwrap()).unwrap();
    let path = place.dir.path().join("kek");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_ne!(fs::read(path).unwrap(), before);
}

/// Somebody who wraps by turning bits around, as long as he is asked nicely.
#[derive(Default)]
struct Turner {
    refuses: std::sync::atomic::AtomicBool,
    forgets: bool,
}

impl Turner {
    fn asked(&self) -> Result<(), Refusal> {
        let refuses = self.refuses.load(std::sync::atomic::Ordering::Relaxed);
        if refuses { Err("he is away".into()) } else { Ok(()) }
    }
}

impl Custody for Turner {
    fn generate(&self) -> Result<(Kek, Zeroizing<Vec<u8>>), Refusal> {
        self.asked()?;
        let kek = Kek::generate()?;
        let mut held = vec![b'!'];
        held.extend(kek.bytes().iter().map(|byte| if self.forgets { 0 } else { !byte }));
        Ok((kek, Zeroizing::new(held)))
    }

    fn unwrap(&self, held: &[u8]) -> Result<Kek, Refusal> {
        let Some(turned) = held.strip_prefix(b"!") else {
            return Ok(Kek::parse(std::str::from_utf8(held)?)?);
        };
        self.asked()?;
        let turned: Vec<_> = turned.iter().map(|byte| !byte).collect();
        Ok(Kek::from_bytes(turned.as_slice().try_into()?))
    }
}

#[test]
fn one_that_nobody_wraps_is_followed_by_one_that_somebody_does_and_the_other_way_round() {
    let place = Place::new();
    let path = place.dir.path().join("kek");
    let kept = || KekFile::new(&path).kept_by(Arc::new(Turner::default()));
    assert_eq!(kept().rotate(&kept().open_keyring(&place.keyring()).unwrap()).unwrap(), 2);
    assert_eq!(fs::read(&path).unwrap()[0], b'!');
    let keyring = kept().open_keyring(&place.keyring()).unwrap();
    assert!(matches!(keyring.key(&place.stays), Ok(Found::Key(_))));
    drop(keyring);
    assert!(KekFile::new(&path).open_keyring(&place.keyring()).is_err());
}

#[test]
fn who_refuses_is_named_and_what_was_not_begun_is_served_without_him() {
    let place = Place::new();
    let path = place.dir.path().join("kek");
    let turner = Arc::new(Turner::default());
    let file = KekFile::new(&path).kept_by(turner.clone());
    let refuse = |refuses| turner.refuses.store(refuses, std::sync::atomic::Ordering::Relaxed);

    refuse(true);
    let error = file.prepare().unwrap_err();
    assert!(
        error.refusal().is_some() && error.to_string().ends_with("kek`: he is away"),
        "{error}"
    );
    assert_eq!(place.files(), ["kek", "keyring"]);

    // The next one is there, and he does not unwrap it.
    refuse(false);
    file.prepare().unwrap();
    refuse(true);
    let keyring = file.open_keyring(&place.keyring()).unwrap();
    assert_eq!((keyring.stands(), keyring.generation()), (Stands::Before, 0));
    assert!(file.rotate(&keyring).unwrap_err().refusal().is_some());
    assert!(matches!(keyring.key(&place.stays), Ok(Found::Key(_))));
    drop(keyring);
    refuse(false);
    assert_eq!(file.open_keyring(&place.keyring()).unwrap().generation(), 1);
    assert_eq!(place.files(), ["kek", "keyring"]);

    // Halfway he is needed, and nothing opens without him.
    let keyring = file.open_keyring(&place.keyring()).unwrap();
    let key = crate::layout::Layout::new(&place.keyring()).key(&place.gone);
    let good = fs::read(&key).unwrap();
    fs::write(&key, &good[..9]).unwrap();
    assert!(file.rotate(&keyring).unwrap_err().is_edited());
    drop(keyring);
    refuse(true);
    assert!(file.open_keyring(&place.keyring()).unwrap_err().refusal().is_some());
    refuse(false);
    fs::write(&key, good).unwrap();
    assert_eq!(file.open_keyring(&place.keyring()).unwrap().generation(), 2);
}

#[test]
fn what_does_not_come_back_as_it_was_wrapped_is_never_depended_on() {
    let place = Place::new();
    let turner = Turner { forgets: true, ..Turner::default() };
    let file = KekFile::new(&place.dir.path().join("kek")).kept_by(Arc::new(turner));
    let error = file.prepare().unwrap_err().to_string();
    assert!(error.ends_with("what was unwrapped is not what was wrapped"), "{error}");
    assert_eq!(place.files(), ["kek", "keyring"]);
    let first = KekFile::new(&place.dir.path().join("first")).kept_by(Arc::new(Turner::default()));
    let kek = first.create().unwrap();
    assert!(first.create().is_err(), "it is never overwritten");
    Keyring::create(&place.dir.path().join("other"), &kek).unwrap();
    assert!(first.open_keyring(&place.dir.path().join("other")).is_ok());
}
