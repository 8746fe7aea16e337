//! Following a log, through all that happens to it.

mod fixture;

use std::fs;
use std::path::Path;
use std::time::Duration;

use fixture::{ORIGIN, copy, key, line, lines, log_of, open};
use sealtrail_log::proof::SigningKey;
use sealtrail_log::{Cursor, Follow, Followed, Log, Reader, Signer};

/// All that is there now: the indices, having seen that the lines are the right ones.
fn all(follow: &mut Follow) -> Vec<u64> {
    let mut indices = Vec::new();
    while let Some(followed) = follow.poll().unwrap() {
        match followed {
            Followed::Line { index, line: found } => {
                assert_eq!(found, line(index));
                indices.push(index);
            }
            Followed::Removed(range) => panic!("{range:?} was removed"),
        }
    }
    indices
}

fn new_log(dir: &Path) -> Log {
    Log::create(dir, ORIGIN, &key()).unwrap();
    open(dir)
}

#[test]
fn through_new_segments_compression_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    let mut log = new_log(&dir);
    let mut follow = Reader::open(&dir).unwrap().follow(0);
    assert!(all(&mut follow).is_empty());
    for round in 0..20 {
        let first = round * 30;
        log.append(lines(first..first + 30)).unwrap();
        assert!(all(&mut follow).into_iter().eq(first..first + 30));
        if round % 5 == 4 {
            log.checkpoint_now().unwrap();
            for first in log.compressible(u64::MAX).unwrap() {
                log.compress(first).unwrap();
            }
        }
        if round % 4 == 3 {
            log.close().unwrap();
            log = open(&dir);
            assert!(all(&mut follow).is_empty());
        }
    }
    // And from any place in what is compressed now.
    for from in [0, 1, 299, 599, 600] {
        assert!(all(&mut Reader::open(&dir).unwrap().follow(from)).into_iter().eq(from..600));
    }
    // From a record that is not there yet, it waits.
    let mut later = log.reader().follow(602);
    log.append(lines(600..602)).unwrap();
    assert_eq!(later.poll().unwrap(), None);
    log.append(lines(602..603)).unwrap();
    assert_eq!(all(&mut later), [602]);
}

#[test]
fn it_waits_for_what_comes() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    let log = new_log(&dir);
    std::thread::scope(|scope| {
        let follower = scope.spawn(|| {
            let follow = Reader::open(&dir).unwrap().follow(0);
            let taken: Vec<_> = follow.take(50).map(Result::unwrap).collect();
            taken
        });
        for index in 0..50 {
            log.append(lines(index..index + 1)).unwrap();
        }
        let followed = follower.join().unwrap();
        let expected = (0..50).map(|index| Followed::Line { index, line: line(index) });
        assert!(followed.into_iter().eq(expected));
    });
    let mut follow = log.reader().follow(50);
    assert_eq!(follow.within(Duration::from_millis(3)).unwrap(), None);
}

#[test]
fn what_was_removed_is_said_and_jumped_over() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    let log = new_log(&dir);
    log.append(lines(0..100)).unwrap();
    let mut slow = Reader::open(&dir).unwrap().follow(0);
    let mut quick = Reader::open(&dir).unwrap().follow(0);
    let mut stopped = Reader::open(&dir).unwrap().follow(0);
    slow.poll().unwrap();
    for first in (100..400).step_by(100) {
        log.append(lines(first..first + 100)).unwrap();
    }
    assert_eq!(all(&mut quick).len(), 400);
    for _ in 0..10 {
        stopped.poll().unwrap();
    }
    let cursor = stopped.cursor();
    log.checkpoint_now().unwrap();
    let old = log.removable(350).unwrap().records;
    assert!(old.end > 100);
    log.prune(old.end, 399).unwrap();

    let mut resumed = Reader::open(&dir).unwrap().resume(&cursor).unwrap();
    assert_eq!(resumed.poll().unwrap(), Some(Followed::Removed(10..old.end)));
    assert!(all(&mut resumed).into_iter().eq(old.end..400));
    // One that has the first segment open reads it to its end, and is told then.
    let mut seen = 0;
    let removed = loop {
        match slow.poll().unwrap().unwrap() {
            Followed::Line { index, .. } => seen = index,
            Followed::Removed(range) => break range,
        }
    };
    assert_eq!(removed, seen + 1..old.end);
    assert!(all(&mut slow).into_iter().eq(old.end..400));
    log.append(lines(400..401)).unwrap();
    assert_eq!(all(&mut quick), [400]);
}

#[test]
fn a_cursor_goes_on_and_knows_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, file) = (folder.path().join("log"), folder.path().join("cursor"));
    log_of(&dir, 200);
    let backup = folder.path().join("backup");
    copy(&dir, &backup);
    assert_eq!(Cursor::load(&file).unwrap(), None);
    let mut follow = Reader::open(&dir).unwrap().follow(150);
    all(&mut follow);
    follow.cursor().save(&file).unwrap();
    let log = open(&dir);
    log.append(lines(200..230)).unwrap();
    let resume =
        |dir: &Path| Reader::open(dir).unwrap().resume(&Cursor::load(&file).unwrap().unwrap());
    let mut follow = resume(&dir).unwrap();
    assert!(all(&mut follow).into_iter().eq(200..230));
    follow.cursor().save(&file).unwrap();
    assert_eq!(Cursor::load(&file).unwrap().unwrap().next(), 230);

    // Put back to an older copy: fewer records, then as many again, but others.
    let error = resume(&backup).unwrap_err();
    assert!(error.is_replaced() && error.to_string().contains("record 229"), "{error}");
    let other = open(&backup);
    for index in 200..260 {
        other.append(vec![format!("other {index}").into_bytes()]).unwrap();
    }
    let error = resume(&backup).unwrap_err();
    assert!(error.is_replaced() && error.to_string().contains("another one"), "{error}");
    // A log of another origin.
    let foreign = folder.path().join("foreign");
    let key = SigningKey::from_seed("log.example/two", &[1; 32]).unwrap();
    Log::create(&foreign, "log.example/two", &key).unwrap();
    Log::open(&foreign, Signer::new("log.example/two", key).unwrap(), fixture::options()).unwrap();
    let error = resume(&foreign).unwrap_err();
    assert!(error.is_replaced() && error.to_string().contains("log.example/two"), "{error}");
    // Something else in the place of a cursor is not begun anew over.
    fs::write(&file, "200\n").unwrap();
    assert!(Cursor::load(&file).unwrap_err().is_refused());
}

#[test]
fn a_directory_that_is_swapped_under_a_follower_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 100);
    let backup = folder.path().join("backup");
    copy(&dir, &backup);
    open(&dir).append(lines(100..150)).unwrap();
    let mut follow = Reader::open(&dir).unwrap().follow(0);
    assert_eq!(all(&mut follow).len(), 150);
    fs::remove_dir_all(&dir).unwrap();
    fs::rename(&backup, &dir).unwrap();
    assert!(follow.poll().unwrap_err().is_replaced());
    let log = open(&dir);
    for index in 100..200 {
        log.append(vec![format!("other {index}").into_bytes()]).unwrap();
    }
    assert!(follow.poll().unwrap_err().is_replaced());
    assert!(follow.next().unwrap().is_err());
    assert!(follow.next().is_none());
}

#[test]
fn a_crash_that_takes_the_published_number_is_no_other_log() {
    let folder = tempfile::tempdir().unwrap();
    let (live, dir) = (folder.path().join("live"), folder.path().join("log"));
    log_of(&live, 100);
    let log = open(&live);
    log.append(lines(100..120)).unwrap();
    copy(&live, &dir);
    let mut follow = Reader::open(&dir).unwrap().follow(0);
    assert_eq!(all(&mut follow).len(), 120);
    fs::remove_file(dir.join("durable")).unwrap();
    assert!(all(&mut follow).is_empty());
    let cursor = follow.cursor();
    assert!(all(&mut Reader::open(&dir).unwrap().resume(&cursor).unwrap()).is_empty());
    open(&dir).append(lines(120..121)).unwrap();
    assert_eq!(all(&mut follow), [120]);
}
