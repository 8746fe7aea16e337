//! One bit of any file, and long lines in segments of many pieces.

mod fixture;

use std::fs;
use std::path::Path;

use fixture::{
    Noise, ORIGIN, after, audit, copy, files, key, log_with_history, open, options, signer,
};
use sealtrail_log::verify::Class;
use sealtrail_log::{Log, Options};

/// Bits flipped in each file, besides the first and the last.
const EACH: usize = 12;

/// What no checkpoint covers, and why it need not.
fn is_covered(path: &Path) -> bool {
    // `lock` is empty. `durable` is a hint for readers, `holds/` are wishes of today, `torn/` was never
    // acknowledged, and `*.tmp` means nothing.
    let first = path.components().next().unwrap().as_os_str();
    !["lock", "durable", "holds", "torn"].iter().any(|name| first == *name)
        && path.extension().is_none_or(|extension| extension != "tmp")
}

#[test]
fn one_bit_of_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_with_history(&log);
    // Oldest segments removed, the next compressed, the last as they were.
    let writer = open(&log);
    let removable = writer.removable(150).unwrap().records;
    writer.prune(removable.end, 599).unwrap();
    for first in writer.compressible(400).unwrap() {
        writer.compress(first).unwrap();
    }
    writer.close().unwrap();
    let intact = audit(&log).unwrap();
    assert_eq!((intact.class(), intact.old_checkpoints >= 13), (Class::Intact, true));
    assert!(intact.removed.is_some());

    let mut noise = Noise(1);
    let (mut flipped, mut same) = (0, 0);
    for (path, bytes) in files(&log).into_iter().filter(|(path, _)| is_covered(path)) {
        let random: Vec<_> = (0..EACH).map(|_| noise.below(bytes.len() as u64) as usize).collect();
        for offset in [vec![0, bytes.len() - 1], random].concat() {
            let folder = tempfile::tempdir().unwrap();
            copy(&log, folder.path());
            let mut bytes = bytes.clone();
            bytes[offset] ^= 1 << noise.below(8);
            fs::write(folder.path().join(&path), &bytes).unwrap();
            flipped += 1;
            match audit(folder.path()) {
                Err(failure) => {
                    assert_eq!(failure.file.as_ref(), Some(&path), "byte {offset}: {failure}");
                }
                // A few bits of a compressed frame say nothing about what is in it.
                Ok(report) => {
                    assert!(path.extension().unwrap() == "zst", "{} byte {offset}", path.display());
                    let before =
                        zstd::decode_all(fs::File::open(log.join(&path)).unwrap()).unwrap();
                    assert_eq!(zstd::decode_all(bytes.as_slice()).unwrap(), before);
                    assert_eq!(report, intact);
                    same += 1;
                }
            }
        }
    }
    assert!(flipped > 200 && same < flipped / 50, "{same} of {flipped}");
}

/// Lines longer than a piece, lines that end at its border, and thousands of short ones in one segment.
#[test]
fn lines_of_any_length_in_one_large_segment() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    Log::create(&log, ORIGIN, &key()).unwrap();
    let whole = Options { segment_bytes: 1 << 30, ..options() };
    let (writer, _) = Log::open(&log, signer(), whole).unwrap();
    let mut noise = Noise(7);
    let mut sizes = Vec::new();
    for round in 0..40 {
        sizes.extend((0..noise.below(400)).map(|_| 1 + noise.below(90)));
        sizes.push([700_000, 300_000, (256 << 10) - 1, 256 << 10, 16 << 10][round % 5]);
        sizes.extend((0..30).map(|_| 1 + noise.below(40_000)));
    }
    let lines: Vec<Vec<u8>> = sizes
        .iter()
        .enumerate()
        .map(|(i, size)| (0..*size).map(|at| b' ' + ((at + i as u64) % 90) as u8).collect())
        .collect();
    let mut begins = vec![0];
    for line in &lines {
        begins.push(begins.last().unwrap() + line.len() as u64 + 1);
    }
    let count = lines.len() as u64;
    writer.append(lines).unwrap();
    writer.close().unwrap();
    let report = audit(&log).unwrap();
    assert_eq!((report.covered, report.bytes), (count, begins[count as usize]));

    let segment = Path::new("entries/00000000000000000000.jsonl");
    let bytes = fs::read(log.join(segment)).unwrap();
    for _ in 0..12 {
        let record = noise.below(count);
        let begin = begins[record as usize];
        let offset = begin + noise.below(begins[record as usize + 1] - 1 - begin);
        let failure = after(&log, |dir| {
            let mut bytes = bytes.clone();
            bytes[offset as usize] = b'\t';
            fs::write(dir.join(segment), bytes).unwrap();
        });
        assert_eq!((failure.class, failure.record), (Class::Changed, Some(record)), "{failure}");
        assert_eq!(failure.offset, Some(begin), "{failure}");
    }
}

/// Progress goes from nothing to everything.
#[test]
fn progress_adds_up() {
    use std::sync::Mutex;

    use fixture::{log_of, vkey};
    use sealtrail_log::verify::Audit;

    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    log_of(&log, 2000);
    let vkey = vkey();
    let told = Mutex::new(Vec::new());
    let report = Audit::new(&log, &vkey)
        .threads(2)
        .progress(|now| told.lock().unwrap().push(now))
        .run()
        .unwrap();
    let told = told.into_inner().unwrap();
    assert!(told.iter().all(|now| now.done <= now.all));
    assert!(told.iter().any(|now| now.done == report.bytes && now.all == report.bytes), "{told:?}");
}
