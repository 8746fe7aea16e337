//! Many callers at once, and readers beside them.

mod fixture;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use fixture::{ORIGIN, key, line, lines, open, options, segments, signer, vkey};
use sealtrail_log::verify::{Class, verify};
use sealtrail_log::{Log, Options, Reader};

#[test]
fn everybody_gets_their_own_range_and_reads_their_own_line() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    Log::create(&dir, ORIGIN, &key()).unwrap();
    let options = Options { checkpoint_interval: Duration::from_millis(1), ..options() };
    let (log, _) = Log::open(&dir, signer(), options).unwrap();
    let done = AtomicBool::new(false);
    let indices: Vec<u64> = thread::scope(|scope| {
        // A reader of another process, so to speak: it sees whole lines, and never fewer than before.
        let beside = scope.spawn(|| {
            let reader = Reader::open(&dir).unwrap();
            let mut seen = 0;
            while !done.load(Ordering::Relaxed) {
                let size = reader.size().unwrap();
                assert!(size >= seen);
                seen = size;
                for read in reader.lines(size.saturating_sub(20)).unwrap() {
                    let (_, line) = read.unwrap();
                    assert!(line.starts_with(b"writer ") && line.ends_with(b" end"), "{line:?}");
                }
            }
        });
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let log = &log;
                scope.spawn(move || {
                    let mut indices = Vec::new();
                    for i in 0..40 {
                        let lines: Vec<_> = (0..1 + i % 3)
                            .map(|part| format!("writer {writer} {i} {part} end").into_bytes())
                            .collect();
                        let range = log.append(lines.clone()).unwrap();
                        assert_eq!(range.end - range.start, lines.len() as u64);
                        for (index, line) in range.clone().zip(&lines) {
                            assert_eq!(log.read(index).unwrap(), *line);
                        }
                        indices.extend(range);
                    }
                    indices
                })
            })
            .collect();
        let indices = writers.into_iter().flat_map(|w| w.join().unwrap()).collect();
        done.store(true, Ordering::Relaxed);
        beside.join().unwrap();
        indices
    });
    let size = log.size();
    assert_eq!(indices.len() as u64, size);
    assert_eq!(indices.iter().copied().collect::<HashSet<_>>().len() as u64, size);
    assert_eq!(log.lines(0).unwrap().count() as u64, size);
    log.close().unwrap();
    let report = verify(&dir, &vkey()).unwrap();
    assert_eq!((report.class(), report.covered), (Class::Intact, size));
    assert!(segments(&dir).len() > 2);
}

#[test]
fn callbacks_come_in_order_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    Log::create(&dir, ORIGIN, &key()).unwrap();
    let log = open(&dir);
    let (sender, receiver) = mpsc::channel();
    for i in 0..500 {
        let sender = sender.clone();
        log.append_then(vec![line(i)], move |result| sender.send(result.unwrap().start).unwrap());
    }
    drop(sender);
    // Closing waits for everything that was taken.
    log.close().unwrap();
    assert_eq!(receiver.iter().collect::<Vec<_>>(), (0..500).collect::<Vec<_>>());
    assert_eq!(verify(&dir, &vkey()).unwrap().covered, 500);
}

#[test]
fn a_callback_that_panics_harms_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    Log::create(&dir, ORIGIN, &key()).unwrap();
    let log = open(&dir);
    for i in 0..10 {
        log.append_then(lines(i..i + 1), |_| panic!("a caller's mistake"));
    }
    assert_eq!(log.append(lines(10..11)).unwrap(), 10..11);
    assert!(log.poisoned().is_none());
    log.close().unwrap();
    assert_eq!(verify(&dir, &vkey()).unwrap().covered, 11);
}

#[test]
fn a_write_that_fails_poisons_and_what_was_acknowledged_stays() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    Log::create(&dir, ORIGIN, &key()).unwrap();
    let options = Options { segment_bytes: 1, ..options() };
    let (log, _) = Log::open(&dir, signer(), options.clone()).unwrap();
    log.append(lines(0..2)).unwrap();
    // The next segment cannot be made.
    let obstacle = dir.join("entries/00000000000000000002.jsonl");
    std::fs::create_dir(&obstacle).unwrap();
    let error = log.append(lines(2..3)).unwrap_err();
    assert!(error.is_poisoned(), "{error}");
    assert!(error.to_string().contains("00000000000000000002"), "{error}");
    std::fs::remove_dir(&obstacle).unwrap();
    // Not even when the obstacle is gone: nobody knows what else went wrong.
    assert!(log.append(lines(2..3)).unwrap_err().is_poisoned());
    assert_eq!((log.size(), log.read(1).unwrap()), (2, line(1)));
    assert!(log.close().unwrap_err().is_poisoned());

    let (log, recovery) = Log::open(&dir, signer(), options).unwrap();
    assert_eq!(recovery.lines, 2);
    assert_eq!(log.append(lines(2..3)).unwrap(), 2..3);
    log.close().unwrap();
    assert_eq!(verify(&dir, &vkey()).unwrap().covered, 3);
}

#[test]
fn the_interval_covers_without_being_asked() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    Log::create(&dir, ORIGIN, &key()).unwrap();
    let options = Options { checkpoint_interval: Duration::from_millis(1), ..options() };
    let (log, _) = Log::open(&dir, signer(), options).unwrap();
    log.append(lines(0..300)).unwrap();
    while log.checkpoint().size() < 300 {
        thread::yield_now();
    }
    // Outgrown partial tiles go, those of the checkpoint stay.
    log.append(lines(300..600)).unwrap();
    log.checkpoint_now().unwrap();
    assert!(!dir.join("tile/0/001.p").exists());
    assert!(dir.join("tile/0/002.p/88").exists());
}
