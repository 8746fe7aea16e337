//! Checkpoints that were signed before: those in the directory, and those that somebody else has kept.

mod fixture;

use std::fs;
use std::path::{Path, PathBuf};

use fixture::{ORIGIN, after, audit, copy, keep, key, lines, log_with_history, open, vkey};
use sealtrail_log::proof::{Checkpoint, SigningKey};
use sealtrail_log::verify::{Audit, Class, Failure};

fn checkpoint(note: &str) -> Checkpoint {
    Checkpoint::verify(note.as_bytes(), &vkey()).unwrap()
}

/// The file of the `n`-th note, four to a file and the first of size 0, and its offset there.
fn place(notes: &[String], n: usize) -> (PathBuf, u64) {
    let first = n / 4 * 4;
    let offset = notes[first..n].iter().map(|note| note.len() as u64).sum();
    (format!("checkpoints/{:020}.notes", first * 50).into(), offset)
}

#[test]
fn every_kept_checkpoint_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    let notes = log_with_history(&dir);
    assert_eq!(audit(&dir).unwrap().old_checkpoints, 13);
    keep(&dir, &notes, 100);
    assert_eq!(audit(&dir).unwrap().old_checkpoints, 13);
    fs::remove_dir_all(dir.join("checkpoints")).unwrap();
    let report = audit(&dir).unwrap();
    assert_eq!((report.class(), report.old_checkpoints), (Class::Intact, 0));
}

#[test]
fn what_is_wrong_with_a_kept_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    let notes = log_with_history(&dir);
    let stranger = SigningKey::from_seed(ORIGIN, &[2; 32]).unwrap();
    let elsewhere = SigningKey::from_seed("log.example/two", &[1; 32]).unwrap();
    for n in [0, 1, 3, 4, 6, 11, 12] {
        let size = n as u64 * 50;
        let with = |note: String| {
            let mut notes = notes.clone();
            notes[n] = note;
            after(&dir, |dir| keep(dir, &notes, 4))
        };
        let root = *checkpoint(&notes[n]).root();
        let signature_of_another = notes[n]
            .replace(notes[n].lines().last().unwrap(), notes[(n + 1) % 13].lines().last().unwrap());
        let cases = [
            (Class::Fork, Checkpoint::new(ORIGIN, size, [7; 32]).sign(&key()).unwrap()),
            (Class::Signature, signature_of_another),
            (Class::ForeignKey, Checkpoint::new(ORIGIN, size, root).sign(&stranger).unwrap()),
            (
                Class::ForeignKey,
                Checkpoint::new("log.example/two", size, root).sign(&elsewhere).unwrap(),
            ),
            (
                Class::Checkpoint,
                notes[n].replacen(&format!("\n{size}\n"), &format!("\n0{size}\n"), 1),
            ),
        ];
        for (class, note) in cases {
            let failure = with(note);
            assert_eq!(failure.class, class, "{n} {failure}");
            let (file, offset) = place(&notes, n);
            assert_eq!((failure.file, failure.offset), (Some(file), Some(offset)), "{n}");
        }
    }
}

#[test]
fn two_of_one_size_that_differ() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    let mut notes = log_with_history(&dir);
    notes.insert(7, notes[6].clone());
    keep(&dir, &notes, 100);
    assert_eq!(audit(&dir).unwrap().old_checkpoints, 14);
    notes[7] = Checkpoint::new(ORIGIN, 300, [7; 32]).sign(&key()).unwrap();
    let failure = after(&dir, |dir| keep(dir, &notes, 100));
    assert_eq!(failure.class, Class::Fork, "{failure}");
    assert!(failure.message.contains("300 records"), "{failure}");
}

#[test]
fn a_last_note_that_a_crash_cut() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    let notes = log_with_history(&dir);
    let current = fs::read(dir.join("checkpoint")).unwrap();
    let with = |file: usize, tail: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        copy(&dir, folder.path());
        keep(folder.path(), &notes[..12], 4);
        let path = folder.path().join(format!("checkpoints/{:020}.notes", file * 200));
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(tail);
        fs::write(path, bytes).unwrap();
        audit(folder.path()).map(|report| report.old_checkpoints)
    };
    for length in [0, 1, 20, current.len() - 1] {
        assert_eq!(with(2, &current[..length]).unwrap(), 12);
        assert_eq!(with(2, &[&current[..length], &[0; 100]].concat()).unwrap(), 12);
    }
    assert_eq!(with(2, &current).unwrap(), 13);
    let malformed = |failure: Failure| {
        assert_eq!(failure.class, Class::Checkpoint, "{failure}");
        assert!(failure.file.unwrap().starts_with("checkpoints"));
    };
    malformed(with(2, b"something else").unwrap_err());
    malformed(with(2, b"\0\0 and more").unwrap_err());
    malformed(with(1, &current[..20]).unwrap_err());
    malformed(with(2, &vec![b'x'; 300 << 10]).unwrap_err());
}

#[test]
fn a_checkpoint_that_was_put_back_is_older_than_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    let notes = log_with_history(&dir);
    let failure = after(&dir, |dir| fs::write(dir.join("checkpoint"), &notes[6]).unwrap());
    assert_eq!((failure.class, failure.record), (Class::RolledBack, Some(300)), "{failure}");
    assert_eq!(failure.file.as_deref(), Some(Path::new("checkpoint")));
    assert!(failure.message.contains("00000000000000000600.notes"), "{failure}");
}

#[test]
fn a_file_of_notes_under_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_with_history(&dir);
    let name = |size: u64| format!("checkpoints/{size:020}.notes");
    let failure = after(&dir, |dir| fs::rename(dir.join(name(200)), dir.join(name(201))).unwrap());
    assert_eq!(failure.class, Class::Checkpoint, "{failure}");
    assert_eq!(failure.file.as_deref(), Some(Path::new(&name(201))));
}

#[test]
fn a_directory_that_was_put_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, old) = (folder.path().join("log"), folder.path().join("old"));
    let notes = log_with_history(&dir);
    copy(&dir, &old);
    let log = open(&dir);
    log.append(lines(600..700)).unwrap();
    let later = log.checkpoint_now().unwrap();
    log.close().unwrap();

    let vkey = vkey();
    let run = |dir: &Path, known: &[Checkpoint]| {
        let run = |threads| {
            let audit = Audit::new(dir, &vkey).threads(threads);
            known.iter().cloned().fold(audit, Audit::known).run()
        };
        let verdict = run(1);
        assert_eq!(run(5), verdict);
        verdict
    };
    let known: Vec<_> = notes.iter().map(|note| checkpoint(note)).chain([later.clone()]).collect();
    assert_eq!(run(&dir, &known).unwrap().known_checkpoints, 14);
    assert_eq!(run(&old, &known[..13]).unwrap().known_checkpoints, 13);
    let failure = run(&old, &known).unwrap_err();
    assert_eq!((failure.class, failure.record), (Class::RolledBack, Some(600)), "{failure}");
    assert_eq!(failure.exit_code(), 24);

    let fork = Checkpoint::new(ORIGIN, 257, [7; 32]);
    let failure = run(&dir, &[known[2].clone(), fork]).unwrap_err();
    assert_eq!((failure.class, failure.exit_code()), (Class::Fork, 25), "{failure}");
    let other = Checkpoint::new("log.example/two", 257, [7; 32]);
    assert_eq!(run(&dir, &[other]).unwrap_err().class, Class::ForeignKey);
    // What is damaged is named before what is old.
    let segment = old.join("entries/00000000000000000000.jsonl");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[5] ^= 1;
    fs::write(&segment, bytes).unwrap();
    assert_eq!(run(&old, &known).unwrap_err().class, Class::Changed);
}
