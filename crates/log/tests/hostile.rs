//! Directories that were made to keep the auditor busy, or to make it cry wolf.

mod fixture;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fixture::{ORIGIN, audit, files, key, line, lines, log_of, open, segments, vkey};
use sealtrail_log::verify::{Audit, Class};
use sealtrail_log::{Log, Reader};

/// Puts a frame of `bytes` times `x` in the place of the first segment.
fn put_bomb(dir: &Path, bytes: u64) -> PathBuf {
    let segment = segments(dir)[0].clone();
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.window_log(20).unwrap();
    encoder.set_pledged_src_size(Some(bytes)).unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..bytes >> 20 {
        encoder.write_all(&piece).unwrap();
    }
    fs::remove_file(&segment).unwrap();
    let cold = segment.with_extension("jsonl.zst");
    fs::write(&cold, encoder.finish().unwrap()).unwrap();
    cold
}

/// Nobody waits for the end of a line that is longer than any line may be: what follows it is not read.
#[test]
fn a_line_without_end_in_a_few_bytes_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 600);
    let cold = put_bomb(&dir, 256 << 20);
    // Cut, so that whoever reads on says that the file ends within a frame.
    let bytes = fs::read(&cold).unwrap();
    fs::write(&cold, &bytes[..bytes.len() - 8]).unwrap();
    let failure = audit(&dir).unwrap_err();
    assert_eq!((failure.class, failure.record), (Class::Changed, Some(0)), "{failure}");
    assert!(failure.message.contains("longer than the 67108864 bytes"), "{failure}");
    let error = Reader::open(&dir).unwrap().lines(0).unwrap().next().unwrap().unwrap_err();
    assert!(error.is_damaged(), "{error}");
}

/// Whoever compresses is always ahead of the auditor, who lists the segments first.
#[test]
fn segments_may_be_compressed_while_they_are_verified() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 6000);
    let log = open(&dir);
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for first in log.compressible(u64::MAX).unwrap() {
                log.compress(first).unwrap();
            }
            is_done.store(true, Ordering::Release);
        });
        while !is_done.load(Ordering::Acquire) {
            let report = Audit::new(&dir, &vkey()).run().unwrap();
            assert_eq!((report.class(), report.covered), (Class::Intact, 6000));
        }
    });
}

/// A power cut may lose any sector of a note, not only its last ones.
#[test]
fn a_hole_in_the_last_note_that_is_kept_is_no_forgery() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    Log::create(&dir, ORIGIN, &key()).unwrap();
    let log = open(&dir);
    for first in [0, 10, 20] {
        log.append(lines(first..first + 10)).unwrap();
        log.checkpoint_now().unwrap();
    }
    log.close().unwrap();
    let file = dir.join("checkpoints/00000000000000000000.notes");
    let (text, note) = (fs::read(&file).unwrap(), fs::read(dir.join("checkpoint")).unwrap());
    let begin = text.len() - note.len();
    let put = |range: std::ops::Range<usize>| {
        let mut holed = text.clone();
        holed[range].fill(0);
        fs::write(&file, holed).unwrap();
    };
    for range in
        [begin..begin + 20, begin + 5..begin + 60, begin + 5..text.len(), begin..text.len()]
    {
        put(range);
        assert_eq!(audit(&dir).unwrap().class(), Class::Intact);
    }
    // In an earlier note it is no power cut.
    for range in [begin - 40..begin - 30, begin - 10..begin + 10, 0..5] {
        put(range);
        assert_eq!(audit(&dir).unwrap_err().class, Class::Checkpoint);
    }
    put(begin..begin + 20);
    open(&dir).close().unwrap();
    assert_eq!(fs::read(&file).unwrap(), text);
}

#[test]
fn what_was_put_behind_the_number_of_durable_lines_goes() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    log_of(&dir, 20);
    fs::write(dir.join("durable"), "00000000000000000020\nmore\n").unwrap();
    let log = open(&dir);
    log.append(lines(20..30)).unwrap();
    let reader = Reader::open(&dir).unwrap();
    assert_eq!((reader.size().unwrap(), reader.read(29).unwrap()), (30, line(29)));
    assert!(
        files(&dir).iter().any(|(path, text)| path == Path::new("durable") && text.len() == 21)
    );
}
