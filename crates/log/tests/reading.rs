//! What readers of other processes see: nothing that a crash could still take, and everything else.

mod fixture;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use fixture::{ORIGIN, key, line, lines, log_of, open, options, segments, signer};
use sealtrail_log::{Log, Options, Reader};

fn append_bytes(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn publish(dir: &Path, lines: u64) {
    fs::write(dir.join("durable"), format!("{lines:020}\n")).unwrap();
}

#[test]
fn a_line_is_seen_when_it_is_published_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 300);
    let reader = Reader::open(&dir).unwrap();
    let last = segments(&dir).pop().unwrap();
    // Whole lines that no sync has confirmed, and the zeros that the writer fills a segment with.
    for index in 300..303 {
        append_bytes(&last, &[line(index), b"\n".to_vec()].concat());
    }
    append_bytes(&last, &[0; 9000]);

    assert_eq!(reader.size().unwrap(), 300);
    assert!(reader.read(300).unwrap_err().is_no_record());
    assert_eq!(reader.lines(290).unwrap().count(), 10);
    publish(&dir, 302);
    assert_eq!(reader.size().unwrap(), 302);
    assert_eq!(reader.read(301).unwrap(), line(301));
    assert!(reader.read(302).unwrap_err().is_no_record());
    assert!(
        reader.lines(300).unwrap().map(Result::unwrap).eq([(300, line(300)), (301, line(301))])
    );
    // A number that is behind, as a crash may leave it: the checkpoint says more.
    publish(&dir, 5);
    assert_eq!(reader.size().unwrap(), 300);
    for malformed in ["", "302\n", "00000000000000000302", "99999999999999999999\n"] {
        fs::write(dir.join("durable"), malformed).unwrap();
        assert_eq!(reader.size().unwrap(), 300, "{malformed:?}");
    }
    fs::remove_file(dir.join("durable")).unwrap();
    assert_eq!(reader.size().unwrap(), 300);
}

#[test]
fn what_a_crash_took_is_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 300);
    let last = segments(&dir).pop().unwrap();
    let durable = fs::read(&last).unwrap();
    append_bytes(&last, &[line(300), b"\n".to_vec(), line(301), b"\n".to_vec()].concat());
    publish(&dir, 301);
    let reader = Reader::open(&dir).unwrap();
    assert_eq!(reader.read(300).unwrap(), line(300));
    // The power goes: the second line was never synced, and others come in its place.
    fs::write(&last, [&durable, &line(300)[..], b"\n"].concat()).unwrap();
    let other = |index: u64| format!("{{\"longer\":{index:0100}}}").into_bytes();
    for index in 301..345 {
        append_bytes(&last, &[&other(index)[..], b"\n"].concat());
    }
    publish(&dir, 345);
    for index in 301..345 {
        assert_eq!(reader.read(index).unwrap(), other(index), "{index}");
    }
}

#[test]
fn a_promised_line_that_is_in_no_file_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 300);
    let reader = Reader::open(&dir).unwrap();
    publish(&dir, 301);
    let error = reader.read(300).unwrap_err();
    assert!(error.is_damaged() && error.to_string().contains("record 300"), "{error}");
    fs::remove_file(&segments(&dir)[0]).unwrap();
    let error = Reader::open(&dir).unwrap().read(0).unwrap_err();
    assert!(error.is_damaged() && error.to_string().contains("record 0"), "{error}");
    // One in the middle: the one before it does not have the record either.
    let middle = &segments(&dir)[1];
    let first: u64 = middle.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    fs::remove_file(middle).unwrap();
    assert!(Reader::open(&dir).unwrap().read(first).unwrap_err().is_damaged());
}

#[test]
fn by_time_whatever_the_length() {
    let folder = tempfile::tempdir().unwrap();
    for size in [0_u64, 1, 2, 90, 600] {
        let dir = folder.path().join(size.to_string());
        log_of(&dir, size);
        let reader = Reader::open(&dir).unwrap();
        for wanted in [0, 1, 45, 89, 90, 91, 599, 600, 601] {
            let mut asked = 0;
            let found = reader.partition_point(|index, read| {
                assert_eq!(read, line(index));
                asked += 1;
                index < wanted
            });
            assert_eq!(found.unwrap(), wanted.min(size));
            assert!(asked <= 12, "{asked} of {size}");
        }
    }
}

#[test]
fn a_reader_beside_a_writer_that_leaves_compresses_and_removes_segments() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    Log::create(&dir, ORIGIN, &key()).unwrap();
    let options = Options { segment_bytes: 1000, ..options() };
    let log = Log::open(&dir, signer(), options).unwrap().0;
    log.append(lines(0..1)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|which| {
                let (dir, done) = (&dir, &done);
                scope.spawn(move || {
                    let reader = Reader::open(dir).unwrap();
                    let mut read = 0_u64;
                    while !done.load(Ordering::Relaxed) {
                        let from = if which == 0 { reader.first().unwrap() } else { read / 3 };
                        for found in reader.lines(from).unwrap() {
                            match found {
                                Ok((index, found)) => assert_eq!(found, line(index)),
                                Err(error) => assert!(error.is_pruned(), "{error}"),
                            }
                            read += 1;
                        }
                    }
                    read
                })
            })
            .collect();
        for round in 0..60 {
            let next = log.size();
            log.append(lines(next..next + 17)).unwrap();
            log.checkpoint_now().unwrap();
            if round % 2 == 0
                && let Some(first) = log.compressible(u64::MAX).unwrap().first()
            {
                log.compress(*first).unwrap();
            }
            if round % 7 == 0 {
                let old = log.removable(next.saturating_sub(200)).unwrap().records;
                if !old.is_empty() {
                    log.prune(old.end, next).unwrap();
                }
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(readers.into_iter().all(|reader| reader.join().unwrap() > 0));
    });
    assert!(log.reader().first().unwrap() > 100);
    drop(log);
    open(&dir);
}
